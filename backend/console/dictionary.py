"""The event dictionary (/console/dictionary)."""

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue

from backend.auth import Who, require

bp = Blueprint("dictionary", __name__, url_prefix="/console/dictionary")


@bp.get("/")
@require(Who.OFFICER)
def index() -> ResponseReturnValue:
    return render_template("desk/layout.html")
