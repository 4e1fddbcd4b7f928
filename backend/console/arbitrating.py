"""The other side of the duty desk: whose a disputed case is, and the duty that comes of the decision."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from backend import db
from backend.auth import Who, require
from backend.cases import arbitration, dispatch, waiting
from backend.cases.arbitration import SendBack
from backend.cases.dispatch import Suggestion
from backend.cases.models import Case
from backend.cases.queries import NEVER
from backend.cases.service import Actor
from backend.cases.workflow import DESK
from backend.console import wording
from backend.console.wording import Due
from backend.errors import Conflict, Forbidden, Invalid, NotFound
from backend.places.models import Unit
from backend.places.roles import Role
from backend.places.scope import roles_of
from backend.times import now
from backend.web import forms, people
from backend.web.forms import WrongFields, sentences_of
from backend.web.forms import number as read_number
from backend.web.words import NOTE_LENGTH, clean

bp = Blueprint("dispatching", __name__, url_prefix="/console/desk")

SENDERS = frozenset(DESK)
SEATED = SENDERS | {Role.SUPERVISOR}  # who finds the desk in the menu: supervisors of a district decide there
NOT_YOURS = "值班台由信息员、社区书记、分拨员使用，裁定由区里的督查专员和分拨员办理，您的岗位没有这一项"
UNCHANGED = ("", 204)  # htmx then leaves the page as it is
REFUSED = (Invalid, Conflict, NotFound)


@dataclass(frozen=True)
class Dispute:
    """A case that waits for a decision: both sides, what the duty list says, and who could have it."""

    case: Case
    seen: int
    sides: Sequence[SendBack]
    suggested: Suggestion | None
    units: Sequence[tuple[int, str]]  # the likeliest first
    likely: int  # of these are named by the duty list or by a side
    due: Due | None  # of the clock that runs out first


@dataclass(frozen=True)
class Decided:
    """A decision that is being carried out, and whether it is in the duty list. Where the duty would hold, or
    why it cannot be one, takes a look at the whole list: it is found out on the tap."""

    case: Case
    is_written: bool


@bp.get("/disputes")
@require(Who.OFFICER)
def disputes() -> ResponseReturnValue:
    """The disputes and the latest decisions; to a page that shows just these, nothing."""
    with db.transaction() as session:
        page = _page(session)
        if request.args.get("seen") == page["seen"]:
            return UNCHANGED
        return render_template("desk/disputes.html", **page)


@bp.post("/disputes/<number>/decide")
@require(Who.OFFICER)
def decide(number: str) -> ResponseReturnValue:
    """Decide for a unit, with the reason."""
    try:
        with db.transaction() as session:
            unit_id, note = _unit(), _note()
            seen = read_number(request.form.get("seen", ""))
            actor = people.officer(session)
            arbitration.decide(session, clean(number), actor, unit_id, note, seen=seen)
            unit = session.get_one(Unit, unit_id).name
    except REFUSED as error:
        return _show(wrong=sentences_of(error), tried=number, typed=request.form), error.status
    flash(f"已裁定由{unit}办理", "success")
    return redirect(url_for("dispatching.disputes"), 303)


@bp.post("/disputes/<number>/duty")
@require(Who.OFFICER)
def make_duty(number: str) -> ResponseReturnValue:
    """Write the decision into the duty list, so that it holds at once."""
    try:
        with db.transaction() as session:
            actor, number = people.officer(session), clean(number)
            found = arbitration.make_duty(session, number, actor).name
    except REFUSED as error:
        return _show(wrong=sentences_of(error), tried=number), error.status
    flash(f"已写入职责清单“{found}”，马上生效", "success")
    return redirect(url_for("dispatching.disputes"), 303)


def tabs(actor: Actor) -> list[tuple[str, str]]:
    """The parts of the desk that are this officer's, as endpoint and label."""
    roles = {role for post in actor.posts for role in roles_of(post)}
    both = {"dispatching.index": ("待分拨", SENDERS), "dispatching.disputes": ("裁定", {Role.ARBITER})}
    return [(endpoint, label) for endpoint, (label, whose) in both.items() if roles & whose]


def cursor(last: Case) -> str:
    """Where the page after this case begins."""
    return forms.cursor(last.due_at or NEVER, last.id)


def _show(**shown: Any) -> str:
    with db.transaction() as session:
        return render_template("desk/disputes.html", **(_page(session) | shown))


def _page(session: Session) -> dict[str, Any]:
    actor, at, after = people.officer(session), now(), request.args.get("after", "")
    if not people.roles() & SEATED:
        raise Forbidden(NOT_YOURS)
    cases = arbitration.disputed(session, actor.posts, after=forms.read_cursor(after))
    rows, decided = _disputes(session, cases, at), _decided(session, actor)
    more = cursor(cases[-1]) if len(cases) == arbitration.PAGE else None
    facts = {"rows": rows, "decided": decided, "tabs": tabs(actor), "seen": _seen(rows, decided, at)}
    return facts | {"wrong": {}, "tried": "", "typed": {}, "at": at, "after": after, "more": more}


def _seen(rows: Sequence[Dispute], decided: Sequence[Decided], at: datetime) -> str:
    """What the page shows, in short: another text when it has to be drawn again."""
    open_ones = [f"{row.case.number} {row.seen} {row.due and (row.due.until, row.due.tone)}" for row in rows]
    done = [
        f"{one.case.number} {one.case.arbitrated_at} {one.case.unit_id} {one.is_written}" for one in decided
    ]
    return hashlib.sha256("~".join([*open_ones, *done]).encode()).hexdigest()[:16]


def _disputes(session: Session, rows: Sequence[Case], at: datetime) -> list[Dispute]:
    sides, facts = arbitration.sent_back(session, rows), waiting.facts_of(session, rows)
    dues = wording.dues(session, rows, at)
    return [_dispute(session, case, sides.get(case.id, []), facts, dues[case.id]) for case in rows]


def _dispute(
    session: Session,
    case: Case,
    sides: Sequence[SendBack],
    facts: Mapping[int, waiting.Facts],
    due: Due | None,
) -> Dispute:
    """Whom the duty list names comes first, then whom the sides propose, then all who serve the place."""
    choice = dispatch.choice(session, case)
    found, names = choice.suggested, dict(choice.options)
    listed = [unit.id for unit in (found.unit, *found.others)] if found else []
    proposed = [side.proposed_id for side in sides if side.proposed_id in names]
    likely = dict.fromkeys([*listed, *proposed])
    units = [(unit_id, names[unit_id]) for unit_id in likely | dict.fromkeys(names)]
    return Dispute(case, facts[case.id].seen, sides, found, units, len(likely), due)


def _decided(session: Session, actor: Actor) -> list[Decided]:
    cases = arbitration.decided(session, actor.posts)
    written = arbitration.written(session, cases)
    return [Decided(case, case.id in written) for case in cases]


def _unit() -> int:
    """The unit of the button, or the one chosen from all."""
    chosen = read_number(request.form.get("unit", "")) or read_number(request.form.get("other", ""))
    if chosen is None:
        raise WrongFields({"unit": "请选择由哪个单位办理"})
    return chosen


def _note() -> str:
    note = clean(request.form.get("note", ""))
    if not note:
        raise WrongFields({"note": "请写明裁定的理由，双方都会看到"})
    if len(note) > NOTE_LENGTH:
        raise WrongFields({"note": f"理由太长了，最多 {NOTE_LENGTH} 个字"})
    return note
