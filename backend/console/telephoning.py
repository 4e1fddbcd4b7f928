"""Calls to be made (/console/telephone): what no other way brought to officers, urgent, and to residents."""

from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from backend import db
from backend.auth import Who, require
from backend.console import phones
from backend.errors import Conflict, Invalid
from backend.notify import telephone
from backend.notify.telephone_models import CallOutcome
from backend.places.officers import masked_name
from backend.privacy import mask_phone
from backend.times import spoken
from backend.web import news, people
from backend.web.forms import last_seen, sentences_of
from backend.web.words import clean

bp = Blueprint("telephoning", __name__, url_prefix="/console/telephone")

OUTCOMES = {
    CallOutcome.TOLD: "打通了，已经告诉本人",
    CallOutcome.NO_ANSWER: "没有人接，等一会儿再打",
    CallOutcome.WRONG_NUMBER: "号码不对",
}
SAID = {
    CallOutcome.TOLD: "记下了：本人已经知道",
    CallOutcome.NO_ANSWER: "记下了，请过一会儿再打",
    CallOutcome.WRONG_NUMBER: "记下了。请管理员在“人员”里更正电话",
}
# Of a resident nobody here corrects the number: they say another one when they come.
WRONG_FOR_RESIDENT = "记下了：号码不对，等本人下次来时再告诉"


@bp.get("/")
@require(Who.OFFICER)
def index() -> ResponseReturnValue:
    with db.transaction() as session:
        shown = _list(session)
    if news.is_asked():
        return news.answer(shown["seen"], url_for("telephoning.index"))
    return _render(shown)


@bp.post("/<int:task_id>/number")
@require(Who.OFFICER)
def number(task_id: int) -> ResponseReturnValue:
    """Write down who looked, then show the whole number in this answer and in no other."""
    with db.transaction() as session:
        whole = _see(session, task_id)
        shown = _list(session) | {"whole": {task_id: whole}}
    return _render(shown)


def _see(session: Session, task_id: int) -> phones.Reporter:
    """A look at a resident's number stands in the record of the case, at an officer's in that of changes."""
    editor = people.editor(session)
    call = telephone.find(session, editor, task_id)
    if call.opens_at:  # a call that goes on may be written down a little longer, but none begins
        raise Conflict(telephone.NOT_NOW.format(spoken(call.opens_at)))
    if call.officer is None:
        return phones.see(session, call.number, people.officer(session))
    return phones.Reporter(call.officer.name, telephone.see(session, editor, task_id))


@bp.post("/<int:task_id>/done")
@require(Who.OFFICER)
def done(task_id: int) -> ResponseReturnValue:
    """How the call went. What cannot be written down is said on the page, with what was typed."""
    try:
        with db.transaction() as session:
            outcome = _outcome()
            note, editor = clean(request.form.get("note", "")), people.editor(session)
            said = _said(telephone.find(session, editor, task_id), outcome)
            telephone.record(session, editor, task_id, outcome, note)
    except Invalid as error:
        with db.transaction() as session:
            shown = _list(session)
        tried = {"tried": task_id, "wrong": sentences_of(error), "typed": request.form}
        return _render(shown | tried), error.status
    flash(said, "success")
    return redirect(url_for("telephoning.index"), 303)


def _said(call: telephone.Call, outcome: CallOutcome) -> str:
    is_wrong = outcome is CallOutcome.WRONG_NUMBER
    return WRONG_FOR_RESIDENT if is_wrong and call.resident else SAID[outcome]


def _outcome() -> CallOutcome:
    said = request.form.get("outcome", "")
    if said not in list(CallOutcome):
        raise Invalid("请选择打得怎么样")
    return CallOutcome(said)


def _list(session: Session) -> dict[str, Any]:
    calls = telephone.waiting(session, people.editor(session).posts, after=last_seen("after"))
    more = calls[-1].task.id if len(calls) == telephone.PAGE else None
    seen = news.print_of([(call.task.id, call.task.tries) for call in calls])
    return {"calls": calls, "more": more, "seen": seen}


def _name(call: telephone.Call) -> str:
    """Colleagues know each other's; a resident's is masked."""
    if call.officer is not None:
        return call.officer.name
    name = call.resident and call.resident.name
    return f"居民{masked_name(name)}" if name else "居民"


def _render(shown: dict[str, Any]) -> str:
    nothing: dict[str, Any] = {"tried": None, "wrong": {}, "typed": {}, "whole": {}}
    say = {"phone": mask_phone, "name": _name, "outcomes": list(OUTCOMES.items())}
    whole = "desk/telephoning_rows.html" if "HX-Request" in request.headers else "desk/telephoning.html"
    return render_template(whole, say=say, **(nothing | shown))
