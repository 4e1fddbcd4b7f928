"""Where one is logged in (/console/sessions), and how to end that; for an officer's administrator, too."""

from typing import Any

from flask import Blueprint, flash, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from backend import db
from backend.auth import Who, require
from backend.console import logins
from backend.errors import Invalid
from backend.places import second_factors
from backend.web import people
from backend.web.forms import last_seen, number

bp = Blueprint("sessions", __name__, url_prefix="/console/sessions")


@bp.get("/")
@require(Who.OFFICER)
def index() -> ResponseReturnValue:
    with db.transaction() as session:
        return _page(logins.of(session, g.officer_id, before=last_seen("before")), person=None)


@bp.post("/end")
@require(Who.OFFICER)
def end() -> ResponseReturnValue:
    """One of one's own logins, or without a name all but this one."""
    with db.transaction() as session:
        ended = logins.end(session, g.officer_id, _chosen(), but=0 if _chosen() else g.login_id)
    flash(_said(ended), "success")
    return redirect(url_for("sessions.index"), 303)


@bp.get("/<int:officer_id>")
@require(Who.ADMINISTRATOR)
def of_officer(officer_id: int) -> ResponseReturnValue:
    with db.transaction() as session:
        person = logins.find_officer(session, people.editor(session), officer_id)
        can_reset = officer_id != g.officer_id and second_factors.is_set_up(session, officer_id)
        return _page(logins.of(session, officer_id, before=last_seen("before")), person, can_reset=can_reset)


@bp.post("/<int:officer_id>/end")
@require(Who.ADMINISTRATOR)
def end_of_officer(officer_id: int) -> ResponseReturnValue:
    """One of an officer's logins, or without a name all of them."""
    with db.transaction() as session:
        ended = logins.end_for(session, people.editor(session), officer_id, _chosen())
    flash(_said(ended), "success")
    return redirect(url_for("sessions.of_officer", officer_id=officer_id), 303)


def _page(rows: list[logins.Login], person: Any, **more: Any) -> str:
    """The list, or the next rows of it for a script; `person` is None for one's own."""
    last = rows[-1].id if len(rows) == logins.PAGE else None
    whole = "desk/sessions_rows.html" if "HX-Request" in request.headers else "desk/sessions.html"
    return render_template(whole, rows=rows, person=person, more=last, here=g.login_id, **more)


def _chosen() -> list[int] | None:
    """The one login to end, or None for all others. Raises Invalid for a field that holds something else."""
    if "login" not in request.form:
        return None
    chosen = number(request.form["login"])
    if chosen is None:
        raise Invalid("没有这个登录，请刷新页面再试")
    return [chosen]


def _said(ended: int) -> str:
    return f"已退出 {ended} 个登录" if ended else "没有别的登录"
