"""Serves the page with the phones and its files."""

from pathlib import Path

from flask import Blueprint, Response, send_from_directory

STATIC = Path(__file__).parent / "static"


def make_blueprint() -> Blueprint:
    """`/` is the page, `/static/phones/…` its style and scripts."""
    phones = Blueprint("phones", __name__)

    @phones.get("/")
    def show_page() -> Response:
        return send_from_directory(STATIC, "index.html", max_age=0)

    @phones.get("/static/phones/<path:name>")
    def show_file(name: str) -> Response:
        return send_from_directory(STATIC, name, max_age=0)

    return phones
