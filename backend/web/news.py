"""Whether there is anything new on a page that somebody reads, and may be typing on."""

import hashlib

from flask import render_template, request
from flask.typing import ResponseReturnValue

UNCHANGED = ("", 204)  # htmx then leaves the page as it is


def print_of(*shown: object) -> str:
    """By which two states of a page are known to be the same."""
    return hashlib.sha256(repr(shown).encode()).hexdigest()[:16]


def is_asked() -> bool:
    """Whether the page asks only for what is new since it was `seen`."""
    return "seen" in request.args


def answer(seen: str, again: str) -> ResponseReturnValue:
    """Nothing while the page shows all there is, else a line that leads to the page (address `again`)."""
    return UNCHANGED if request.args["seen"] == seen else render_template("desk/news.html", again=again)
