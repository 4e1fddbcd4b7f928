"""The record of sessions (/console/sessions)."""

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue

from backend.auth import Who, require

bp = Blueprint("sessions", __name__, url_prefix="/console/sessions")


@bp.get("/")
@require(Who.OFFICER)
def index() -> ResponseReturnValue:
    return render_template("desk/layout.html")
