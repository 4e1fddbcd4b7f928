"""Officers' pages (/console): my cases, and a case with the steps I may take."""

from datetime import datetime
from itertools import dropwhile, takewhile
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session
from werkzeug.datastructures import MultiDict

from backend import db
from backend.auth import Who, require
from backend.cases import attachments, hard_queries, queries, service, surveys
from backend.cases.attachments import Photo
from backend.cases.models import CHANNEL_LABELS, Attachment, AttachmentKind, Case, Stored
from backend.cases.queries import Step
from backend.cases.service import Actor
from backend.cases.workflow import RULES, STATUS_LABELS, Action, Status, allowed
from backend.console import (
    bulk,
    case_verbs,
    deadline_forms,
    outbox_lists,
    outbox_steps,
    phones,
    tasks,
    wording,
)
from backend.errors import Conflict, Invalid, NotFound, TooMany
from backend.places.models import Area, Officer, PlaceCode
from backend.places.queries import path_names
from backend.privacy import mask_phones
from backend.times import now
from backend.web import people
from backend.web.forms import cursor, last_seen, photos_in_form, read_cursor, sentences_of
from backend.web.words import clean

bp = Blueprint("console", __name__, url_prefix="/console")

WAITING = "waiting"  # the first tab: what waits for me
MINE = "mine"  # what I have taken on
TABS = [(WAITING, "等我办理"), (MINE, "我手上的"), ("all", "全部"), *STATUS_LABELS.items()]
PLAYED = frozenset({"audio/mpeg", "audio/x-wav"})  # by browsers, none of which knows WeChat's AMR and SILK
WORDLESS = ("", surveys.SATISFACTION[surveys.DISSATISFIED])  # a verdict of which nobody has said why


@bp.get("/")
@require(Who.OFFICER)
def cases() -> ResponseReturnValue:
    tab = request.args.get("tab", WAITING)
    if tab not in dict(TABS):
        raise NotFound("没有这个分类")
    at = now()
    with db.transaction() as session:
        actor = people.officer(session)
        rows = _rows(session, actor, tab, request.args.get("after", ""))
        dues, pickable = wording.dues(session, rows, at), bulk.pickable(rows, actor)
        failed = (
            0 if "HX-Request" in request.headers else outbox_lists.failed_lately(session, actor.posts, at)
        )
    more = _cursor(rows[-1], tab) if len(rows) == queries.PAGE else None
    whole = "console/cases.html" if "HX-Request" not in request.headers else "console/rows.html"
    facts = {"rows": rows, "tab": tab, "more": more, "dues": dues, "pickable": pickable, "failed": failed}
    return render_template(whole, tabs=TABS, **facts)


def _rows(session: Session, actor: Actor, tab: str, after: str) -> list[Case]:
    """A page of the tab. What waits comes by deadline, everything else newest first."""
    if tab == WAITING:
        return queries.waiting_cases(session, actor.posts, after=read_cursor(after))
    last_id = last_seen("after")
    if tab == MINE:
        assert actor.officer_id is not None
        return queries.own_cases(session, actor.officer_id, before=last_id)
    status = None if tab == "all" else Status(tab)
    return queries.officer_cases(session, actor.posts, before=last_id, status=status)


def _cursor(last: Case, tab: str) -> str:
    """Where the next page goes on: the id of the last row, and its deadline if the tab is in that order."""
    return cursor(last.due_at or queries.NEVER, last.id) if tab == WAITING else str(last.id)


@bp.get("/cases/<number>")
@require(Who.OFFICER)
def case(number: str) -> ResponseReturnValue:
    return _show(number)


@bp.get("/cases/<number>/news")
@require(Who.OFFICER)
def news(number: str) -> ResponseReturnValue:
    """What has happened since the page was opened: it says so by itself, and nothing typed is lost."""
    with db.transaction() as session:
        found = service.find(session, clean(number), people.officer(session))
        seen = last_seen("seen") or 0
        steps = queries.timeline(session, found, after=seen)
    if not steps:
        return "", 204
    return render_template("console/news.html", case=found, step=steps[-1], count=len(steps))


@bp.post("/cases/<number>/<action>")
@require(Who.OFFICER)
def perform(number: str, action: str) -> ResponseReturnValue:
    """Take a step, then show the case again; what cannot be done is said on the page, with what was typed."""
    if action not in set(Action):
        raise NotFound("没有这种操作")
    try:
        photos = _photos(number)
        with db.transaction() as session:
            actor = people.officer(session)
            done, repeat = tasks.take(session, clean(number), Action(action), actor, request.form, photos)
            is_still_ours = bool(actor.roles_over(done))
    except (Invalid, Conflict, TooMany) as error:
        return _show(number, wrong=sentences_of(error), tried=action, typed=request.form), error.status
    flash(repeat or f"办好了：{RULES[Action(action)].label}", "info" if repeat else "success")
    page = url_for("console.case", number=number) if is_still_ours else url_for("console.cases")
    return redirect(page, 303)


@bp.post("/cases/<number>/see_phone")
@require(Who.OFFICER)
def see_phone(number: str) -> ResponseReturnValue:
    """Write down that this officer looked, then show name and number in this answer and in no other."""
    try:
        with db.transaction() as session:
            whole = phones.see(session, clean(number), people.officer(session))
    except Conflict as error:
        return _show(number, wrong=sentences_of(error), tried=Action.SEE_PHONE), error.status
    return _show(number, whole=whole)


@bp.get("/categories")
@require(Who.OFFICER)
def categories() -> ResponseReturnValue:
    """What the dictionary has for what is being typed, to choose from in the form."""
    with db.transaction() as session:
        found = tasks.find_categories(session, clean(request.args.get("q", ""))[:100])
    return render_template("console/categories.html", options=found)


def _photos(number: str) -> list[Photo]:
    """The photos of the form made ready, if the case is this officer's to see."""
    with db.transaction() as session:
        service.find(session, clean(number), people.officer(session))
    return tasks.prepare(photos_in_form())


def _show(number: str, **shown: Any) -> str:
    with db.transaction() as session:
        actor = people.officer(session)
        found = service.find(session, clean(number), actor)
        facts = _facts(session, found, actor) | shown
        facts["found"] = tasks.find_categories(session, clean(facts["typed"].get("q", ""))[:100])
        return render_template("console/case.html", **facts)


def _facts(session: Session, found: Case, actor: Actor) -> dict[str, Any]:
    files = queries.attachments(session, found)
    reported, answering = _apart(files, surveys.answered_rounds(session, found))
    steps = queries.timeline(session, found, files)
    apart = (Action.LOG,) if hard_queries.is_hard(found) else ()  # their section lists these
    doable = tasks.tasks(session, found, actor)
    at, is_next = now(), any(task.is_next for task in doable)
    due = wording.dues(session, [found], at)[found.id]
    may_see_phone = Action.SEE_PHONE in allowed(found.status, actor.roles_over(found))
    return {
        "case": found,
        "steps": [step for step in steps if step.action not in apart],
        "seen": steps[-1].id if steps else 0,
        "told": outbox_steps.of_case(session, found),
        "returned": _returned(steps),
        "place": path_names(session, session.get_one(Area, found.place_id)),
        "scanned": _scanned(session, found),
        "reporter": phones.masked(session, found),
        "may_see_phone": may_see_phone,
        "report": found.report if may_see_phone else mask_phones(found.report),
        "photos": _addresses(reported, AttachmentKind.PHOTO, by_resident=True),
        "survey_photos": _addresses(answering, AttachmentKind.PHOTO, by_resident=True),
        "proofs": _addresses(files, AttachmentKind.PHOTO, by_resident=False),
        "recordings": _recordings(files),
        "films": _addresses(files, AttachmentKind.VIDEO, by_resident=True),
        "coming": sum(file.state is Stored.WAITING for file in files),
        "lost": [file.reason or "" for file in files if file.state is Stored.LOST],
        "tasks": doable,
        "sections": tasks.sections(session, found, actor),
        "kin": queries.kin(session, found, actor),
        "handler": _handler(session, found),
        "missing": case_verbs.MISSING,
        "due": due,
        "turn": wording.turn(found, at, is_readers=is_next, is_paused=due is None),
        "requests": deadline_forms.requests(session, found),
        "category": found.category.path if found.category else "",
        "channel": CHANNEL_LABELS[found.channel],
        "typed": MultiDict(),
        "wrong": {},
    }


def _handler(session: Session, found: Case) -> str:
    officer = session.get(Officer, found.handler_id) if found.handler_id else None
    return officer.name if officer else ""


def _scanned(session: Session, found: Case) -> str:
    """Where the code hangs that was scanned, in the words of who hung it there; empty without such words."""
    code = session.get(PlaceCode, found.code_id) if found.code_id else None
    return (code.label or "") if code else ""


def _apart(
    files: list[Attachment], answered: dict[int, datetime]
) -> tuple[list[Attachment], list[Attachment]]:
    """The files that came with a report, and those that came with the answer to a survey of their round."""
    answering = [file for file in files if file.created_at >= answered.get(file.round, queries.NEVER)]
    return [file for file in files if file not in answering], answering


def _addresses(files: list[Attachment], kind: AttachmentKind, *, by_resident: bool) -> list[str]:
    return [attachments.photo_url(file) for file in _stored(files, kind, by_resident=by_resident)]


def _recordings(files: list[Attachment]) -> list[tuple[str, bool]]:
    """The address of each of the resident's recordings, and whether browsers play it."""
    found = _stored(files, AttachmentKind.VOICE, by_resident=True)
    return [(attachments.photo_url(file), file.mime in PLAYED) for file in found]


def _stored(files: list[Attachment], kind: AttachmentKind, *, by_resident: bool) -> list[Attachment]:
    return [
        file
        for file in files
        if file.kind is kind and file.by_resident is by_resident and file.state is Stored.STORED
    ]


ANSWERS = (Action.RESOLVE, Action.RESOLVE_ON_SPOT, Action.FOLLOW)


def _returned(steps: list[Step]) -> dict[str, str] | None:
    """What was answered before the case came back, and what the resident said to that."""
    turns = [i for i, step in enumerate(steps) if step.action in (Action.REOPEN, Action.CLOSE_AGAIN)]
    if not turns or steps[turns[-1]].action is Action.CLOSE_AGAIN:
        return None
    last = turns[-1]
    answers = [s.note for s in steps[:last] if s.action in ANSWERS]
    return {"answer": answers[-1] if answers else "", "words": _said(steps[last:])}


def _said(steps: list[Step]) -> str:
    """The resident's words at the first of these steps; where there are none, what they wrote when the chat
    asked what is not solved. It comes in a row, as do the reasons that they ticked, which belong to both."""
    words = steps[0].note
    row = list(takewhile(_is_residents_words, dropwhile(lambda step: not _is_residents_words(step), steps)))
    if words not in WORDLESS:
        return "\n".join([words, *(step.note for step in row if _is_ticked(step))])
    return "\n".join(step.note for step in row) or words


def _is_residents_words(step: Step) -> bool:
    is_added = step.action is Action.ADD and step.officer_id is None and bool(step.note)
    return is_added or _is_ticked(step)


def _is_ticked(step: Step) -> bool:
    return step.action is Action.COMMENT and step.note.startswith(surveys.TICKED)
