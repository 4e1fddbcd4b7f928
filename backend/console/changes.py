"""The record of changes (/console/changes)."""

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue

from backend.auth import Who, require

bp = Blueprint("changes", __name__, url_prefix="/console/changes")


@bp.get("/")
@require(Who.OFFICER)
def index() -> ResponseReturnValue:
    return render_template("desk/layout.html")
