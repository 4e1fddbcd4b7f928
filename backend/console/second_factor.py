"""The second factor of administrators (/console/second-factor)."""

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue

from backend.auth import Who, require

bp = Blueprint("second_factor", __name__, url_prefix="/console/second-factor")


@bp.get("")
@require(Who.OFFICER)
def ask() -> ResponseReturnValue:
    return render_template("desk/layout.html")
