"""Duty lists (/console/duties)."""

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue

from backend.auth import Who, require

bp = Blueprint("duties", __name__, url_prefix="/console/duties")


@bp.get("/")
@require(Who.OFFICER)
def index() -> ResponseReturnValue:
    return render_template("desk/layout.html")
