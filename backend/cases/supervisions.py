"""Supervision orders (督办单): a supervisor asks, the unit answers by a day, the supervisor says the effect.

A supervision of an order (发令单) is issued in orders/supervising.py; its row lies in the same table.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from backend.cases import audience, service, telling
from backend.cases.models import Case, CaseEvent
from backend.cases.service import Actor
from backend.cases.supervision_models import Effect, Supervised, Supervision
from backend.cases.workflow import RULES, Action, Audience, Given
from backend.db import one_of
from backend.errors import Conflict, Invalid, NotFound
from backend.notify import service as notify
from backend.notify.messages import Message
from backend.places.models import Unit
from backend.places.roles import Role
from backend.times import now, stamp

STATE_LABELS = {
    Supervised.OPEN: "待答复",
    Supervised.ANSWERED: "已答复，待办结",
    Supervised.CLOSED: "已办结",
}
EFFECT_LABELS = {
    Effect.SOLVED: "问题已解决",
    Effect.ADVANCED: "有推进，还没有全部解决",
    Effect.NONE: "没有效果",
}
LONGEST = timedelta(days=365)
GIVING = (Action.ASSIGN, Action.ARBITRATE)  # the steps that give a case to a unit
NOT_FOUND = "没有这张督办单"


@dataclass(frozen=True)
class Addressee(Actor):
    """Someone of the unit that was asked: it is theirs to answer, also when the case went on to another."""

    unit_id: int | None = None

    def roles_over(self, case: Case) -> set[Role]:
        return {post.role for post in self.posts if post.unit_id is not None and post.unit_id == self.unit_id}


def issue(
    session: Session,
    number: str,
    actor: Actor,
    unit_id: int,
    text: str,
    due_at: datetime,
    at: datetime | None = None,
) -> Supervision:
    """Ask a unit that has or had this case to answer in writing by `due_at`; it is told at once.

    Raises Invalid for words, a unit or a time that will not do, Conflict while the unit still owes an answer
    about this case, and whatever service.perform raises.
    """
    moment = at or now()
    case = service.lock(session, number, actor)
    check(text, due_at, moment)
    unit = _unit(session, case, unit_id)
    note = asked(text, due_at)
    note = note if unit.id == case.unit_id else f"致{unit.name}：{note}"
    service.perform(session, number, Action.SUPERVISE, actor, Given(note=note, unit_id=unit.id), at=moment)
    row = add(session, actor, unit, text, due_at, moment, case_id=case.id)
    _tell_past_unit(session, case, row, note, moment)
    return row


def check(text: str, due_at: datetime, at: datetime) -> None:
    """Raises Invalid without words, and for a time that has passed or is more than a year away."""
    if not text.strip():
        raise Invalid("请写明督办要求")
    if due_at <= at:
        raise Invalid("答复时限已经过了，请选一个以后的时间")
    if due_at > at + LONGEST:
        raise Invalid("答复时限太远了，请选一年以内的时间")


def add(
    session: Session, actor: Actor, unit: Unit, text: str, due_at: datetime, at: datetime, **about: int
) -> Supervision:
    """The row of a supervision `about` a case (case_id) or an order (order_id), which the caller has locked.

    Raises Conflict while the unit still owes an answer about the same.
    """
    same = sa.select(Supervision.id).filter_by(unit_id=unit.id, state=Supervised.OPEN, **about)
    if session.scalar(same.limit(1)) is not None:
        raise Conflict(f"“{unit.name}”还有一张督办单没有答复，请等答复或办结后再发")
    row = Supervision(
        unit_id=unit.id, officer_id=actor.officer_id, text=text.strip(), due_at=due_at, created_at=at, **about
    )
    row.unit = unit
    session.add(row)
    session.flush()
    return row


def answer(
    session: Session, supervision_id: int, actor: Actor, text: str, at: datetime | None = None
) -> Supervision:
    """Answer for the unit that was asked; the supervisors are told. A late answer is an answer, too.

    Raises NotFound for who is not of that unit, Conflict when it is answered already, Invalid without words.
    """
    moment = at or now()
    row, case = _lock(session, supervision_id)
    addressee = Addressee(officer_id=actor.officer_id, posts=actor.posts, unit_id=row.unit_id)
    if not addressee.roles_over(case):
        raise NotFound(NOT_FOUND)
    given = Given(note=checked_answer(row, text))
    service.perform(session, case.number, Action.ANSWER_SUPERVISION, addressee, given, at=moment)
    put_answer(row, actor, text, moment)
    _tell_issuer(session, case, row, moment)
    return row


def end(
    session: Session,
    supervision_id: int,
    actor: Actor,
    effect: Effect,
    words: str,
    at: datetime | None = None,
) -> Supervision:
    """Say what a supervision brought, answered or not: nothing more is expected of the unit then.

    Raises Forbidden for who does not supervise there, Conflict when it is over, Invalid without words.
    """
    moment = at or now()
    row, case = _lock(session, supervision_id)
    given = Given(note=checked_end(row, effect, words))
    service.perform(session, case.number, Action.END_SUPERVISION, actor, given, at=moment)
    put_end(row, effect, moment)
    return row


def asked(text: str, due_at: datetime) -> str:
    """What the history and the message say of a supervision that is issued."""
    return f"{text.strip()}\n请在{stamp(due_at)}前答复"


def checked_answer(row: Supervision, text: str) -> str:
    """What the history says of this answer. Raises Conflict where none is owed, Invalid without words."""
    if row.state is not Supervised.OPEN:
        raise Conflict(f"这张督办单{STATE_LABELS[row.state]}，不用再答复")
    if not text.strip():
        raise Invalid("请填写答复")
    return text.strip()


def put_answer(row: Supervision, actor: Actor, text: str, at: datetime) -> None:
    """Write an answer that was checked into the supervision, which the caller holds."""
    row.state, row.answer = Supervised.ANSWERED, text.strip()
    row.answered_by, row.answered_at = actor.officer_id, at


def checked_end(row: Supervision, effect: Effect, words: str) -> str:
    """What the history says of this end. Raises Conflict when it is over already, Invalid without words."""
    if row.state is Supervised.CLOSED:
        raise Conflict("这张督办单已经办结了")
    if not words.strip():
        raise Invalid("请写明办结意见")
    return f"{EFFECT_LABELS[effect]}：{words.strip()}"


def put_end(row: Supervision, effect: Effect, at: datetime) -> None:
    """Write the end of a supervision, which the caller holds."""
    row.state, row.effect, row.closed_at = Supervised.CLOSED, effect, at


def units(session: Session, case: Case) -> list[Unit]:
    """The units that have to do with a case: the one that has it first, then those that had it."""
    had = sa.select(CaseEvent.unit_id).where(CaseEvent.case_id == case.id, CaseEvent.action.in_(GIVING))
    known = sa.or_(Unit.id == case.unit_id, Unit.id.in_(had))
    first = (Unit.id == sa.func.coalesce(case.unit_id, 0)).desc()
    return list(
        session.scalars(sa.select(Unit).where(known, Unit.closed_at.is_(None)).order_by(first, Unit.name))
    )


def claim_unanswered(
    session: Session, at: datetime, limit: int, about: Any = Supervision.case_id
) -> list[Supervision]:
    """The supervisions (of cases, or of orders) that are unanswered at their time; each is returned once.

    Two workers never get the same; the cost is that of what is unanswered (ix_supervisions_due).
    """
    due = (
        sa.select(Supervision.id)
        .where(
            one_of(Supervision.state, (Supervised.OPEN,)),
            Supervision.due_at <= at,
            Supervision.reminded_at.is_(None),
            about.is_not(None),
        )
        .order_by(Supervision.due_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    claimed = sa.update(Supervision).where(Supervision.id.in_(due)).values(reminded_at=at)
    return list(session.scalars(claimed.returning(Supervision)))


def remind(session: Session, at: datetime, limit: int) -> int:
    """Tell unit and supervisors of every supervision of a case that is unanswered and can be answered.

    Returns how many were found; about a case that ended without work nobody is reminded.
    """
    rows = claim_unanswered(session, at, limit)
    wanted = sa.select(Case).where(Case.id.in_([row.case_id for row in rows]))
    cases = {case.id: case for case in session.scalars(wanted)}
    for row in rows:
        case = cases[row.case_id or 0]
        if takes_answers(case):
            told = {*audience.of_unit(session, row.unit_id), *_supervisors(session, case), row.officer_id}
            _owe(session, case, row, Message.SUPERVISION_OVERDUE, row.text, sorted(told), at)
    return len(rows)


def takes_answers(case: Case) -> bool:
    """Whether a supervision of this case can still be answered, as the table of steps has it."""
    return case.status in RULES[Action.ANSWER_SUPERVISION].sources


def _unit(session: Session, case: Case, unit_id: int) -> Unit:
    known = {unit.id: unit for unit in units(session, case)}
    if unit_id not in known:
        raise Invalid("这个单位没有办过这件事，请选择承办过的单位")
    return known[unit_id]


def _lock(session: Session, supervision_id: int) -> tuple[Supervision, Case]:
    """The supervision and its case, both held; the case first, as every step holds it."""
    about = sa.select(Supervision.case_id).where(Supervision.id == supervision_id)
    case_id = session.scalar(about)
    if case_id is None:
        raise NotFound(NOT_FOUND)
    held: dict[str, Any] = {"with_for_update": True, "populate_existing": True}
    case = session.get_one(Case, case_id, **held)
    return session.get_one(Supervision, supervision_id, **held), case


def _tell_past_unit(session: Session, case: Case, row: Supervision, note: str, at: datetime) -> None:
    """The step has told those who have the case now; who had it before is told here."""
    told = set(audience.of_unit(session, row.unit_id)) - set(
        audience.officers(session, Audience.UNIT, case.id)
    )
    if row.unit_id != case.unit_id:
        _owe(session, case, row, Message.SUPERVISED, note, sorted(told), at)


def _tell_issuer(session: Session, case: Case, row: Supervision, at: datetime) -> None:
    """The step has told the supervisors; a leader who issued it hears of the answer, too."""
    if row.officer_id not in _supervisors(session, case):
        _owe(session, case, row, Message.SUPERVISION_ANSWERED, row.answer or "", [row.officer_id], at)


def _supervisors(session: Session, case: Case) -> list[int]:
    return audience.officers(session, Audience.SUPERVISORS, case.id)


def _owe(
    session: Session,
    case: Case,
    row: Supervision,
    message: Message,
    note: str,
    officers: list[int],
    at: datetime,
) -> None:
    who = session.get_one(Unit, row.unit_id).name  # it may have had the case before
    fields = telling.fields_of(session, case, note, at) | {"who": who}
    notify.owe(session, message, f"supervision:{row.id}:{message}", fields, officers=officers)
