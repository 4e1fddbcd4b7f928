"""Addresses of the files that pages load: named by their content, so browsers may keep them for ever."""

import hashlib
import json
from functools import cache
from pathlib import Path

from flask import url_for

STATIC = Path(__file__).parent.parent / "static"
FOR_EVER = 365 * 24 * 3600


def asset(name: str) -> str | None:
    """The address of a file by its plain name; None for a vendor file that was not set up."""
    vendored = _manifest().get(name)
    if vendored is not None:
        return url_for("static", filename=f"vendor/{vendored}")
    version = _version(name)
    return url_for("static", filename=name, v=version) if version else None


@cache
def _manifest() -> dict[str, str]:
    path = STATIC / "vendor" / "manifest.json"
    return dict(json.loads(path.read_text())) if path.exists() else {}


@cache
def _version(name: str) -> str | None:
    path = STATIC / name
    return hashlib.sha256(path.read_bytes()).hexdigest()[:10] if path.is_file() else None
