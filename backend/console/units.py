"""Units (/console/units)."""

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue

from backend.auth import Who, require

bp = Blueprint("units", __name__, url_prefix="/console/units")


@bp.get("/")
@require(Who.OFFICER)
def index() -> ResponseReturnValue:
    return render_template("desk/layout.html")
