"""Where cases go to their unit by themselves (/console/auto), per area and category, for administrators."""

from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from backend import db
from backend.auth import Who, require
from backend.cases import auto_dispatch, category_search
from backend.console import spotting
from backend.errors import Conflict, Forbidden, Invalid, NotFound
from backend.places.scope import EDITORS
from backend.web import people
from backend.web.forms import WrongFields, last_seen, sentences_of
from backend.web.words import clean

bp = Blueprint("auto_dispatch", __name__, url_prefix="/console/auto")

LOOKED_AT = 10  # entries of the dictionary among which the one that was typed must be
EXPECTED = (Invalid, Conflict, Forbidden, NotFound)


@bp.get("/")
@require(Who.ADMINISTRATOR)
def index() -> ResponseReturnValue:
    return _show()


@bp.post("/")
@require(Who.ADMINISTRATOR)
def allow() -> ResponseReturnValue:
    """From now on certain cases of this place and category go by themselves."""
    try:
        with db.transaction() as session:
            area = spotting.place(session, EDITORS)
            auto_dispatch.allow(session, people.editor(session), area.id, _category(session))
    except EXPECTED as error:
        return _show(wrong=sentences_of(error), typed=request.form), error.status
    flash(f"{area.name}的诉求，拿得准的从现在起自动派单", "success")
    return redirect(url_for("auto_dispatch.index"), 303)


@bp.post("/<int:policy_id>/end")
@require(Who.ADMINISTRATOR)
def disallow(policy_id: int) -> ResponseReturnValue:
    """From now on people send them again."""
    try:
        with db.transaction() as session:
            auto_dispatch.disallow(session, people.editor(session), policy_id)
    except NotFound as error:
        return _show(wrong=sentences_of(error)), error.status
    flash("已取消，从现在起由人派单；已经派出的不变", "success")
    return redirect(url_for("auto_dispatch.index"), 303)


@bp.get("/places")
@require(Who.ADMINISTRATOR)
def places() -> ResponseReturnValue:
    """The caller's places that may be meant by what is typed."""
    return spotting.offers(EDITORS)


def _show(**shown: Any) -> str:
    after = last_seen("after")
    with db.transaction() as session:
        rows = auto_dispatch.policies(session, people.editor(session), after=after)
    more = rows[-1][0].id if len(rows) == auto_dispatch.PAGE else None
    whole = "desk/auto_dispatch_rows.html" if "HX-Request" in request.headers else "desk/auto_dispatch.html"
    return render_template(whole, **({"rows": rows, "more": more, "wrong": {}, "typed": {}} | shown))


def _category(session: Session) -> int | None:
    """The living entry that was typed: its code, path, or a name that only one has; None stands for all."""
    said = clean(request.form.get("category", ""))
    if not said:
        return None
    offered = category_search.find(session, said.replace(" / ", " "), LOOKED_AT)
    found = [one.category for one in offered]
    meant = [row for row in found if row.path == said] or [
        row for row in found if said in (row.code, row.name)
    ]
    if len(meant) == 1:
        return meant[0].id
    problem = "有几项都叫这个名字，请从提示里选" if meant else "事件字典里没有这一项，请从提示里选，或留空"
    raise WrongFields({"category": problem})
