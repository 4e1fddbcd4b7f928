"""How many of the silent are called (/console/sample), area by area, for administrators."""

from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from backend import db
from backend.auth import Who, require
from backend.cases import callback_samples
from backend.config import config
from backend.console import spotting
from backend.errors import Forbidden, Invalid, NotFound
from backend.places.scope import EDITORS
from backend.web import people
from backend.web.forms import WrongFields, last_seen, number, sentences_of
from backend.web.words import clean

bp = Blueprint("callback_shares", __name__, url_prefix="/console/sample")

EXPECTED = (Invalid, Forbidden, NotFound)


@bp.get("/")
@require(Who.ADMINISTRATOR)
def index() -> ResponseReturnValue:
    return _show()


@bp.post("/")
@require(Who.ADMINISTRATOR)
def put() -> ResponseReturnValue:
    """From now on so many are drawn in the place that the form names."""
    try:
        percent = _percent()
        with db.transaction() as session:
            area = spotting.place(session, EDITORS)
            callback_samples.set_percent(session, people.editor(session), area.id, percent)
    except EXPECTED as error:
        return _show(wrong=sentences_of(error), typed=request.form), error.status
    flash(f"{area.name}从现在起抽 {percent}% 电话回访", "success")
    return redirect(url_for("callback_shares.index"), 303)


@bp.post("/<int:area_id>/end")
@require(Who.ADMINISTRATOR)
def end(area_id: int) -> ResponseReturnValue:
    """From now on as many as in the area above."""
    try:
        with db.transaction() as session:
            callback_samples.set_percent(session, people.editor(session), area_id, None)
    except Invalid as error:
        return _show(wrong=sentences_of(error)), error.status
    flash("已取消，从现在起和上一级一样", "success")
    return redirect(url_for("callback_shares.index"), 303)


@bp.get("/places")
@require(Who.ADMINISTRATOR)
def places() -> ResponseReturnValue:
    """The caller's places that may be meant by what is typed."""
    return spotting.offers(EDITORS)


def _show(**shown: Any) -> str:
    after = last_seen("after")
    with db.transaction() as session:
        rows = callback_samples.shares(session, people.editor(session), after=after)
    more = rows[-1][1].id if len(rows) == callback_samples.PAGE else None
    part = "_rows" if "HX-Request" in request.headers else ""
    facts: dict[str, Any] = {"rows": rows, "more": more, "usual": config.callback_percent}
    return render_template(f"desk/callback_shares{part}.html", **({"wrong": {}, "typed": {}} | facts | shown))


def _percent() -> int:
    found = number(clean(request.form.get("percent", "")))
    if found is None or found > 100:
        raise WrongFields({"percent": callback_samples.NO_PERCENT})
    return found
