"""One request after another, each taken back, with what it showed and changed of a street's rows."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from flask import Flask

from backend import broker as queue
from tests.browser import add_form_token
from tests.walk.answers import MESSAGES, text_of
from tests.walk.asking import Ask
from tests.walk.people import Person
from tests.walk.town import Street
from tests.walk.watch import Watch

DESK = "desk"  # the cookie of a desktop that waits to be let in


@dataclass(frozen=True)
class Answer:
    """What came of a request: what it showed of the street beyond what was sent, and changed of it."""

    ask: Ask
    person: Person
    status: int
    shown: dict[str, str]  # marks with their kinds
    changed: set[str] = field(default_factory=set)

    @property
    def where(self) -> str:
        return f"{self.ask.endpoint} ({self.ask.method} {self.ask.address})"


class Walk:
    """Sends requests in the one transaction of the town, and takes each of them back."""

    def __init__(self, app: Flask, connection: Any, street: Street, watch: Watch) -> None:
        self.app, self.connection, self.street, self.watch = app, connection, street, watch
        self.headers = _form_headers(app)
        self.client = app.test_client(use_cookies=False)
        self.limits = queue.redis_client()

    def go(self, person: Person, asks: Iterable[Ask]) -> list[Answer]:
        return [self._ask(person, ask) for ask in asks]

    def _ask(self, person: Person, ask: Ask) -> Answer:
        self.limits.flushall()  # nobody is stopped for asking too often
        headers = self._headers_of(person)
        attempt = self.connection.begin_nested()
        try:
            response = ask.send(self.client, headers)
            text = text_of(self.app, response) + self._next_page(response, headers)
            changed = self.watch.differences()
        finally:
            attempt.rollback()
        found = self.street.marks.in_text(text)
        shown = {mark: kind for mark, kind in found.items() if mark not in ask.sent}
        return Answer(ask, person, response.status_code, shown, changed)

    def _headers_of(self, person: Person) -> dict[str, str]:
        own = {"Authorization": f"Bearer {person.token}"} if person.token else {}
        return self.headers | own

    def _next_page(self, response: Any, headers: dict[str, str]) -> str:
        """Where a step leads, as a browser follows it; what stands there may be its own rows."""
        if response.status_code != 303 or not response.location.startswith("/"):
            return ""
        return text_of(self.app, self.client.get(response.location, headers=headers))


def _form_headers(app: Flask) -> dict[str, str]:
    """What a browser sends with a form of ours."""
    browser = app.test_client()
    add_form_token(browser)
    cookie = browser.get_cookie(MESSAGES)
    assert cookie is not None
    return {"X-CSRFToken": browser.environ_base["HTTP_X_CSRFTOKEN"], "Cookie": f"{MESSAGES}={cookie.value}"}
