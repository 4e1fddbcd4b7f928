"""Telephone callbacks (/console/callbacks): whom to call, what to say, and what came of it."""

from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session
from werkzeug.datastructures import MultiDict

from backend import db
from backend.auth import Who, require
from backend.cases import callback_models, callback_queries, callback_tries, callbacks, surveys
from backend.cases.callback_models import PhoneCallback
from backend.cases.callback_queries import VIEWS
from backend.cases.models import Case
from backend.cases.service import Actor
from backend.cases.survey_models import Follow, Survey
from backend.console import callback_forms, phones
from backend.errors import Conflict, Forbidden, Invalid, NotFound
from backend.places.models import Area, Officer
from backend.places.queries import path_names
from backend.places.scope import covers
from backend.times import now
from backend.web import news, people
from backend.web.forms import cursor, last_seen_at, sentences_of

bp = Blueprint("callbacks", __name__, url_prefix="/console/callbacks")

# What is said on the telephone to whoever says that nothing was solved, by what that brings.
UNSOLVED = {
    Follow.REOPEN: "没有解决的，我们会再去办。",
    Follow.REVIEW: "没有解决的，督查人员会去核查，结果会告诉您。",
}
NOT_YOURS = "电话回访由信息员、分拨员和督查专员来打，您的岗位没有这一项"


@bp.get("/")
@require(Who.OFFICER)
def index() -> ResponseReturnValue:
    """The list, or (to a page that says what it shows) whether there is anything new in it."""
    facts = _list_facts()
    if news.is_asked():
        return news.answer(facts["seen"], url_for("callbacks.index", view=facts["view"]))
    whole = "desk/callbacks_rows.html" if "HX-Request" in request.headers else "desk/callbacks.html"
    return render_template(whole, **facts)


@bp.post("/<int:callback_id>/take")
@require(Who.OFFICER)
def take(callback_id: int) -> ResponseReturnValue:
    """The first has it; whoever is second reads who was quicker."""
    try:
        with db.transaction() as session:
            callbacks.take(session, callback_id, people.officer(session))
    except Conflict as error:
        facts = _list_facts() | {"wrong": error.message}
        return render_template("desk/callbacks.html", **facts), error.status
    return redirect(url_for("callbacks.callback", callback_id=callback_id), 303)


@bp.post("/<int:callback_id>/give_back")
@require(Who.OFFICER)
def give_back(callback_id: int) -> ResponseReturnValue:
    try:
        with db.transaction() as session:
            callbacks.give_back(session, callback_id, people.officer(session))
    except Conflict as error:
        return _show(callback_id, wrong=sentences_of(error)), error.status
    flash("放回去了，别的同事可以打", "success")
    return redirect(url_for("callbacks.index"), 303)


@bp.get("/<int:callback_id>")
@require(Who.OFFICER)
def callback(callback_id: int) -> ResponseReturnValue:
    return _show(callback_id)


@bp.post("/<int:callback_id>/dial")
@require(Who.OFFICER)
def dial(callback_id: int) -> ResponseReturnValue:
    """Write down that this officer looked, then show name and number in this answer and in no other."""
    try:
        with db.transaction() as session:
            whole = callbacks.dial(session, callback_id, people.officer(session))
    except Conflict as error:
        return _show(callback_id, wrong=sentences_of(error)), error.status
    return _show(callback_id, whole=whole)


@bp.post("/<int:callback_id>/record")
@require(Who.OFFICER)
def record(callback_id: int) -> ResponseReturnValue:
    """What came of the call; what cannot be taken is said on the page, with what was typed."""
    try:
        told = callback_forms.told(request.form)
        with db.transaction() as session:
            callbacks.record(session, callback_id, people.officer(session), told)
    except (Invalid, Conflict) as error:
        return _show(callback_id, wrong=sentences_of(error), typed=request.form), error.status
    flash(f"记好了：{callback_models.HEARD_LABELS[told.heard]}", "success")
    return redirect(url_for("callbacks.index"), 303)


@bp.post("/<int:callback_id>/correct")
@require(Who.OFFICER)
def correct(callback_id: int) -> ResponseReturnValue:
    """A wrong tap of a moment ago: the form of the call is there again."""
    try:
        with db.transaction() as session:
            callbacks.correct(session, callback_id, people.officer(session))
    except Conflict as error:
        return _show(callback_id, wrong=sentences_of(error)), error.status
    flash("请重新记这个电话的结果", "success")
    return redirect(url_for("callbacks.callback", callback_id=callback_id), 303)


def _list_facts() -> dict[str, Any]:
    """A page of the list, and `seen`, by which it is known to be the same."""
    view, after, at = _view(), last_seen_at("after"), now()
    with db.transaction() as session:
        actor = people.officer(session)
        if not callbacks.callers(actor.posts):
            raise Forbidden(NOT_YOURS)
        lines = callback_queries.page(
            session, actor.posts, view, at, officer_id=actor.officer_id, after=after
        )
        counts = callback_queries.counts(session, actor.posts, at)
    more = cursor(*lines[-1].key) if len(lines) == callback_queries.PAGE else None
    closed = [line.opens_at for line in lines if line.opens_at > at]
    is_closed = view in ("due", "mine") and 0 < len(closed) == len(lines)
    facts = {"lines": lines, "counts": counts, "view": view, "views": VIEWS, "more": more, "at": at}
    facts |= {"whys": callback_models.WHY_LABELS, "wrong": ""}
    facts["opens_at"] = min(closed) if is_closed else None
    shown = [(line.row.id, line.row.state, line.holder, line.opens_at > at) for line in lines]
    return facts | {"seen": news.print_of(shown, counts)}


def _view() -> str:
    """Which callbacks are listed. Raises NotFound for what is no such list."""
    view = request.args.get("view", next(iter(VIEWS)))
    if view not in VIEWS:
        raise NotFound("没有这个分类")
    return view


def _show(callback_id: int, **shown: Any) -> str:
    with db.transaction() as session:
        actor = people.officer(session)
        row = callbacks.find(session, callback_id, actor)
        return render_template("desk/callback.html", **(_facts(session, row, actor) | shown))


def _facts(session: Session, row: PhoneCallback, actor: Actor) -> dict[str, Any]:
    case, at = session.get_one(Case, row.case_id), now()
    terms = callbacks.terms(session, row)
    place = session.get_one(Area, row.place_id)
    is_held, has_begun = row.is_held(at), callback_tries.begun(session, row, actor.officer_id) is not None
    return {
        "row": row,
        "case": case,
        "place": path_names(session, place),
        "caller": session.get_one(Officer, actor.officer_id).name,
        "office": _office(actor, row),
        "reporter": phones.masked(session, case),
        "holder": session.get_one(Officer, row.officer_id).name if row.officer_id and is_held else "",
        "is_mine": row.officer_id == actor.officer_id,
        "may_open": bool(actor.roles_over(case)),
        "has_begun": has_begun,
        "opens_at": callbacks.opens(session, row, at if has_begun else max(at, row.next_at)),
        "tries": callback_queries.tries(session, [row.id])[row.id],
        "answers": callback_queries.answers(session, row),
        "may_correct": callback_tries.correctable(session, row, actor.officer_id, at) is not None,
        "whys": callback_models.WHY_LABELS,
        "state": row.state_label(session.get_one(Survey, row.survey_id).via),
        "heard": callback_models.HEARD_LABELS,
        "steps": surveys.SATISFACTION,
        "reasons": terms.reasons,
        "unsolved": UNSOLVED[terms.follow(False, row.round)],
        "at": at,
        "whole": None,
        "typed": MultiDict(),
        "wrong": {},
    }


def _office(actor: Actor, row: PhoneCallback) -> str:
    """For whom the officer calls: the area of the post that reaches the callback."""
    own = next(post for post in callbacks.callers(actor.posts) if covers(post, row))
    return own.area.name if own.area else ""
