"""The sandbox's control API, as far as the demonstration needs it: HTTP, and nothing of its inside."""

from typing import Any

import requests

from backend.config import config

Json = dict[str, Any]


class Refused(Exception):
    """The sandbox did not do as it was told; the text is its own sentence."""


def call(method: str, path: str, body: Json | None = None) -> Json:
    """One control call; the answer is a JSON object."""
    answer = requests.request(method, f"{config.wechat_api_base}/control{path}", json=body, timeout=30)
    if answer.status_code != 200:
        raise Refused(f"{method} /control{path}: {answer.status_code} {answer.text[:200]}")
    return dict(answer.json())


def user(key: str, name: str, role: str) -> Json:
    """The simulated person with this key, made if new: {user_id, openids, follows, …}."""
    return call("POST", "/users", {"key": key, "name": name, "role": role})


def follow(user_id: int, app_id: str) -> None:
    call("POST", f"/users/{user_id}/follow", {"app_id": app_id})


def scan(user_id: int, ticket: str) -> str:
    """Let this person's phone scan a code. Returns what the account answered in the chat."""
    answer = call("POST", f"/users/{user_id}/scan", {"ticket": ticket})
    reply = answer.get("reply") or {}
    return str(reply.get("content") or answer.get("fault") or "")


def codes() -> dict[str, str]:
    """Every code that the sandbox knows: ticket → label."""
    return {code["ticket"]: code["label"] for code in call("GET", "/codes")["codes"]}


def label(ticket: str, words: str) -> None:
    """What the list of codes calls a code."""
    call("PUT", "/codes", {"ticket": ticket, "label": words})
