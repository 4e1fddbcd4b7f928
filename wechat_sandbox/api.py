"""What an end point of the API is: its rules, and the call that it answers."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from flask import Request, Response

from wechat_sandbox.apps import App
from wechat_sandbox.errors import ApiError
from wechat_sandbox.platform import Platform

Answer = dict[str, Any] | Response


@dataclass
class Call:
    """One API request; `app` is the owner of its access_token."""

    request: Request
    owner: App | None = None
    refuse_escapes: bool = False

    @property
    def app(self) -> App:
        """The app whose token was given; only end points that need a token may ask."""
        if self.owner is None:
            raise ApiError(41001)
        return self.owner

    def query(self, name: str) -> str:
        """A query parameter, "" when absent."""
        return self.request.args.get(name, "")

    def body(self) -> dict[str, Any]:
        """The JSON object of the body, whatever its Content-Type says; 44002 empty, 47001 otherwise."""
        raw = self.request.get_data()
        if not raw.strip():
            raise ApiError(44002)
        if self.refuse_escapes and b"\\u" in raw:
            raise ApiError(40033)
        document = parse_json(raw)
        if not isinstance(document, dict):
            raise ApiError(47001)
        return document


@dataclass(frozen=True)
class Endpoint:
    """How one path is answered: `token` asks for an access_token, `plain_text` is the type of /sns."""

    answer: Callable[[Platform, Call], Answer]
    methods: tuple[str, ...] = ("GET", "POST")
    token: bool = True
    plain_text: bool = False


def parse_json(raw: bytes) -> Any:
    """The JSON value of a body, 47001 when it is none."""
    try:
        return json.loads(raw)
    except ValueError as error:  # Also what is not UTF-8.
        raise ApiError(47001) from error
