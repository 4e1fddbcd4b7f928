"""Staff intake (/console/intake): cases taken down for those who telephoned, came or wrote."""

import secrets
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from backend import db
from backend.auth import Who, require
from backend.cases import category_search, meetings, service, staff
from backend.cases.models import CHANNEL_LABELS, Case, Channel
from backend.cases.service import Actor
from backend.cases.staff import ONLINE, TAKERS, Visit
from backend.cases.workflow import RULES, Action
from backend.console import spotting
from backend.errors import Conflict, Forbidden, Invalid, NotFound
from backend.places import spots
from backend.web import people
from backend.web.forms import WrongFields, number, sentences_of
from backend.web.words import ADDRESS_LENGTH, clean

bp = Blueprint("intake", __name__, url_prefix="/console/intake")

CHANNELS = {channel: words for channel, words in CHANNEL_LABELS.items() if channel not in ONLINE}
SUGGESTED = 5  # entries of the dictionary
NAME_LENGTH = 30
NOT_YOURS = "登记诉求是社区、街道和网格工作人员的事，您的岗位没有这一项"
EXPECTED = (Invalid, Conflict, Forbidden, NotFound)


@bp.get("/")
@require(Who.OFFICER)
def index() -> ResponseReturnValue:
    if not people.roles() & TAKERS:
        raise Forbidden(NOT_YOURS)
    return _form()


@bp.post("/")
@require(Who.OFFICER)
def take() -> ResponseReturnValue:
    """Open the case, then show it. The same form again shows the same case."""
    try:
        with db.transaction() as session:
            number = _take(session, people.officer(session)).number
    except EXPECTED as error:
        return _form(wrong=sentences_of(error), typed=request.form), error.status
    flash(f"登记好了，编号 {number}", "success")
    return redirect(url_for("console.case", number=number), 303)


@bp.get("/places")
@require(Who.OFFICER)
def places() -> ResponseReturnValue:
    """The caller's places that may be meant by what is typed."""
    return spotting.offers(TAKERS)


@bp.get("/categories")
@require(Who.OFFICER)
def categories() -> ResponseReturnValue:
    """What the dictionary has for the report while it is typed."""
    with db.transaction() as session:
        found = _suggested(session, clean(request.args.get("report", "")))
    return render_template("desk/intake_categories.html", options=found, chosen="")


def _take(session: Session, actor: Actor) -> Case:
    case = staff.take(session, actor, _visit(session, actor))
    category_id = number(request.form.get("category", ""))
    if category_id is not None and case.category_id is None and _may_classify():
        service.classify(session, case.number, actor, category_id)
    return case


def _visit(session: Session, actor: Actor) -> Visit:
    """What the form says. Its key is the caller's own: nobody finds another's case by guessing one."""
    form, wrong = request.form, dict[str, str]()
    if form.get("channel") not in set(CHANNELS):
        wrong["channel"] = "请选择来件渠道"
    if not clean(form.get("report", "")):
        wrong["report"] = "请填写反映的内容"
    if len(clean(form.get("report", ""))) > staff.LONGEST:
        wrong["report"] = f"反映的内容太长了，最多 {staff.LONGEST} 个字，请写短一些"
    if len(form.get("name", "")) > NAME_LENGTH:
        wrong["name"] = f"姓名太长了，最多 {NAME_LENGTH} 个字"
    try:
        phone = staff.clean_phone(form.get("phone", ""))
    except Invalid as error:
        wrong["phone"] = error.message
    if wrong:
        raise WrongFields(wrong)
    return Visit(
        text=clean(form["report"]),
        place_id=spotting.place(session, TAKERS).id,
        channel=Channel(form["channel"]),
        name=clean(form.get("name", "")),
        phone=phone,
        urgent=bool(form.get("urgent")),
        address=clean(form.get("address", ""))[:ADDRESS_LENGTH] or None,
        key=f"staff:{actor.officer_id}:{form['key']}" if form.get("key") else None,
    )


def _may_classify() -> bool:
    return bool(people.roles() & set(RULES[Action.CLASSIFY].roles))


def _suggested(session: Session, report: str) -> list[tuple[int, str]]:
    found = category_search.category_suggestions(session, report) if report else []
    return [(one.category.id, one.category.path) for one in found[:SUGGESTED]]


def _form(**shown: Any) -> str:
    typed = shown.get("typed", {})
    with db.transaction() as session:
        facts = {
            "channels": CHANNELS,
            "own": spots.only(session, people.editor(session), TAKERS),
            "options": _suggested(session, clean(typed.get("report", ""))),
            "may_classify": _may_classify(),
            "may_meet": bool(people.roles() & meetings.RECORDERS),
            "key": typed.get("key") or secrets.token_urlsafe(16),
            "most": staff.LONGEST,
            "typed": typed,
            "wrong": {},
        }
        return render_template("desk/intake.html", **(facts | shown))
