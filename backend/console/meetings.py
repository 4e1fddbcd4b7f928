"""Tea meetings and reception days (/console/meetings): the list with figures, and the record of one."""

from datetime import datetime
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from backend import db
from backend.auth import Who, require
from backend.cases import leaders, meeting_queries, meetings
from backend.cases.meeting_models import MeetingKind
from backend.cases.meetings import KIND_LABELS, RECORDERS, Plan
from backend.cases.staff import TAKERS
from backend.console import spotting
from backend.errors import AppError, Conflict, Forbidden, Invalid, NotFound
from backend.places import spots
from backend.places.models import Area
from backend.privacy import mask_phone
from backend.times import day, local, moment, now
from backend.web import news, people
from backend.web.forms import WrongFields, last_seen, must_be_sure, number, sentences_of
from backend.web.words import clean

bp = Blueprint("meetings", __name__, url_prefix="/console/meetings")

NOT_YOURS = "茶话会与接访由社区书记、信息员、分拨员、督查专员和领导登记"
EXPECTED = (Invalid, Conflict, Forbidden, NotFound)


@bp.get("/")
@require(Who.OFFICER)
def index() -> ResponseReturnValue:
    """The list, or (to a page that says what it shows) whether there is anything new in it."""
    facts = _listed()
    return news.answer(facts["seen"], facts["again"]) if news.is_asked() else _list(facts)


@bp.post("/")
@require(Who.OFFICER)
def begin() -> ResponseReturnValue:
    """Open the record of a meeting."""
    try:
        with db.transaction() as session:
            meeting = meetings.open_meeting(session, people.officer(session), _plan(session))
    except EXPECTED as error:
        return _list(_listed() | {"wrong": sentences_of(error), "typed": request.form}), error.status
    flash("会议建好了，来的人和提的事可以边开边记", "success")
    return redirect(url_for("meetings.meeting", meeting_id=meeting.id), 303)


@bp.get("/places")
@require(Who.OFFICER)
def places() -> ResponseReturnValue:
    """The caller's places that may be meant by what is typed."""
    return spotting.offers(RECORDERS)


@bp.get("/hosts")
@require(Who.OFFICER)
def hosts() -> ResponseReturnValue:
    """Who may have held a meeting at the place that was typed."""
    with db.transaction() as session:
        try:
            words = clean(request.args.get("place", ""))
            area = spots.named(session, people.editor(session), RECORDERS, words)
            found = list(leaders.words(leaders.over(session, area)).values())
        except (Invalid, NotFound):
            found = []
    return render_template("desk/offers.html", found=found)


@bp.get("/<int:meeting_id>")
@require(Who.OFFICER)
def meeting(meeting_id: int) -> ResponseReturnValue:
    """The record, or (to a page that says what it shows) whether there is anything new in it."""
    facts = _facts(meeting_id)
    if news.is_asked():
        return news.answer(facts["seen"], url_for("meetings.meeting", meeting_id=meeting_id))
    return _show(facts)


@bp.post("/<int:meeting_id>/people")
@require(Who.OFFICER)
def add_person(meeting_id: int) -> ResponseReturnValue:
    """Write down who came."""
    name, phone = clean(request.form.get("name", "")), request.form.get("phone", "")
    try:
        with db.transaction() as session:
            meetings.add_person(session, people.officer(session), meeting_id, name, phone)
    except EXPECTED as error:
        return _refused(meeting_id, "people", error)
    return _back(meeting_id, "people")


@bp.post("/<int:meeting_id>/matters")
@require(Who.OFFICER)
def raise_matter(meeting_id: int) -> ResponseReturnValue:
    """Write down what somebody raised, and the answer if there was one."""
    form = request.form
    text, words = clean(form.get("text", "")), clean(form.get("answer", ""))
    try:
        with db.transaction() as session:
            by, who = number(form.get("attendee", "")), people.officer(session)
            meetings.raise_matter(session, who, meeting_id, text, by, words)
    except EXPECTED as error:
        return _refused(meeting_id, "matters", error)
    return _back(meeting_id, "matters")


@bp.post("/<int:meeting_id>/matters/<int:matter_id>/answer")
@require(Who.OFFICER)
def answer(meeting_id: int, matter_id: int) -> ResponseReturnValue:
    """Write down the answer that settled a matter there."""
    try:
        with db.transaction() as session:
            words = clean(request.form.get("words", ""))
            meetings.answer(session, people.officer(session), matter_id, words)
    except EXPECTED as error:
        return _refused(meeting_id, f"matter-{matter_id}", error)
    return _back(meeting_id, f"matter-{matter_id}")


@bp.post("/<int:meeting_id>/matters/<int:matter_id>/case")
@require(Who.OFFICER)
def to_case(meeting_id: int, matter_id: int) -> ResponseReturnValue:
    """Make a matter a case; twice is once."""
    try:
        with db.transaction() as session:
            place = spotting.place(session, TAKERS) if request.form.get("place") else None
            who, urgent = people.officer(session), bool(request.form.get("urgent"))
            place_id = place.id if place else None
            case = meetings.to_case(session, who, matter_id, place_id=place_id, urgent=urgent)
    except EXPECTED as error:
        return _refused(meeting_id, f"matter-{matter_id}", error)
    flash(f"已转为诉求 {case.number}，会像别的诉求一样派单、办理、答复", "success")
    return _back(meeting_id, f"matter-{matter_id}")


@bp.post("/<int:meeting_id>/close")
@require(Who.OFFICER)
def close(meeting_id: int) -> ResponseReturnValue:
    """End the record."""
    try:
        must_be_sure()
        with db.transaction() as session:
            meetings.close(session, people.officer(session), meeting_id)
    except EXPECTED as error:
        return _refused(meeting_id, "close", error)
    flash("会议登记结束了，转成的诉求继续办理", "success")
    return _back(meeting_id, "")


def _plan(session: Session) -> Plan:
    """What the form says of a meeting; the host leads the place or what lies above it."""
    form, area = request.form, spotting.place(session, RECORDERS)
    if form.get("kind") not in set(MeetingKind):
        raise WrongFields({"kind": "请选择是茶话会还是接访"})
    title = clean(form.get("title", ""))
    if not title or len(title) > meetings.LONGEST_TITLE:
        raise WrongFields({"title": f"请给会议起个名称，最多 {meetings.LONGEST_TITLE} 个字"})
    return Plan(
        kind=MeetingKind(form["kind"]),
        place_id=area.id,
        title=title,
        host_id=_host(session, area),
        held_at=_held_at(),
        room=clean(form.get("room", ""))[: meetings.LONGEST_TITLE],
    )


def _host(session: Session, area: Area) -> int:
    host_id = leaders.called(leaders.over(session, area), clean(request.form.get("host", "")))
    if host_id is None:
        raise WrongFields({"host": meetings.NO_HOST})
    return host_id


def _held_at() -> datetime:
    try:
        return moment(request.form.get("held", ""))
    except ValueError:
        raise WrongFields({"held": "请填写哪天几点"}) from None


def _back(meeting_id: int, anchor: str) -> ResponseReturnValue:
    return redirect(url_for("meetings.meeting", meeting_id=meeting_id, _anchor=anchor or None), 303)


def _refused(meeting_id: int, where: str, error: AppError) -> ResponseReturnValue:
    """The page again, with what is wrong and what was typed at the form (`where`) that was refused."""
    shown = {"wrong": sentences_of(error), "typed": request.form, "where": where}
    return _show(_facts(meeting_id) | shown), error.status


def _list(facts: dict[str, Any]) -> str:
    page = "desk/meetings_rows.html" if "HX-Request" in request.headers else "desk/meetings.html"
    return render_template(page, **({"wrong": {}, "typed": {}} | facts))


def _listed() -> dict[str, Any]:
    """A page of the list with its figures, and `seen`, by which it is known to be the same."""
    if not people.roles() & RECORDERS:
        raise Forbidden(NOT_YOURS)
    before, kind = last_seen("before"), request.args.get("kind", "")
    wanted = MeetingKind(kind) if kind in set(MeetingKind) else None
    with db.transaction() as session:
        actor, editor = people.officer(session), people.editor(session)
        rows = meeting_queries.page(session, actor, kind=wanted, before=before)
        since, until = _period()
        facts: dict[str, Any] = {
            "rows": rows,
            "each": meeting_queries.of_each(session, [row.id for row in rows]),
            "more": rows[-1].id if len(rows) == meeting_queries.PAGE else None,
            "figures": meeting_queries.figures(session, actor, since, until, wanted),
            "since": since,
            "until": until,
            "own": spots.only(session, editor, RECORDERS),
            "held": local(now()).strftime("%Y-%m-%dT%H:%M"),
        }
        shown = [(row.id, row.closed_at) for row in rows]
        facts["seen"] = news.print_of(shown, facts["each"], facts["figures"])
    kept: dict[str, Any] = {name: request.args.get(name) or None for name in ("since", "until", "kind")}
    again = url_for("meetings.index", **kept)
    return facts | {"kinds": KIND_LABELS, "kind": kind, "kept": kept | {"before": before}, "again": again}


def _period() -> tuple[Any, Any]:
    """The days of the figures: as asked for, else this year so far."""
    today = local(now()).date()
    try:
        since = day(request.args.get("since") or f"{today.year}-01-01")
        return since, day(request.args.get("until") or today.isoformat())
    except ValueError:
        raise Invalid("日期请写成 2026-01-31 的样子") from None


def _show(facts: dict[str, Any]) -> str:
    return render_template("desk/meeting.html", **({"wrong": {}, "typed": {}, "where": ""} | facts))


def _facts(meeting_id: int) -> dict[str, Any]:
    with db.transaction() as session:
        actor = people.officer(session)
        found = meeting_queries.find(session, actor, meeting_id)
        came = meeting_queries.people(session, found)
        there = [_person(one.id, one.resident.name, one.resident.phone) for one in came]
        facts: dict[str, Any] = {
            "meeting": found,
            "people": there,
            "by": {attendee_id: name for attendee_id, name, _ in there},
            "matters": meeting_queries.matters(session, found),
            "figures": meeting_queries.of_each(session, [found.id])[found.id],
            "may_take": bool(people.roles() & TAKERS),
            "kinds": KIND_LABELS,
        }
        raised = [
            (one.id, one.answer, one.case and (one.case.status, one.case.unit_id)) for one in facts["matters"]
        ]
        return facts | {"seen": news.print_of(found.closed_at, there, raised, facts["figures"])}


def _person(attendee_id: int, name: str | None, phone: str | None) -> tuple[int, str, str]:
    """Id, what to call them, and the number as it is shown."""
    shown = mask_phone(phone) if phone else ""
    return attendee_id, name or shown, shown
