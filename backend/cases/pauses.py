"""How pauses end: by themselves when their time is over, and with the answer of the resident who was asked.

Each case is held before its clocks and their ledger are, as every step does; so nobody waits for each other.
"""

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from backend.cases import clock_ledger, policies, service, telling
from backend.cases.clock_ledger import nearest, running
from backend.cases.deadline_models import ChangeKind, Deadline, DeadlineChange, Decision
from backend.cases.models import Case, CaseEvent
from backend.cases.service import SYSTEM
from backend.cases.workflow import UNSOLVED, Action, Audience, Given, Status
from backend.notify.messages import Message


def end(session: Session, case: Case, paused: Sequence[Deadline], at: datetime) -> None:
    """Let these clocks of a case, which is held, go on."""
    world = policies.in_force(session)
    for row in paused:
        clock_ledger.go_on(session, world, case, row, at)
    session.flush()
    case.due_at = nearest(running(session, case.id))


def ended(session: Session, at: datetime, limit: int) -> list[str]:
    """The numbers of the cases of which a pause is over by itself (one look at an index)."""
    is_over = (DeadlineChange.until_at <= at, DeadlineChange.ended_at.is_(None))
    of_pause = (DeadlineChange.kind == ChangeKind.PAUSE, DeadlineChange.state == Decision.APPROVED)
    found = sa.select(Deadline.case_id).join(DeadlineChange, DeadlineChange.deadline_id == Deadline.id)
    ids = found.where(*is_over, *of_pause).limit(limit)
    return list(session.scalars(sa.select(Case.number).where(Case.id.in_(ids))))


def end_pauses(session: Session, number: str, at: datetime) -> None:
    """Let those clocks of a case go on whose pause is over. Nothing happens the second time."""
    case = service.lock(session, number, SYSTEM)
    over = sa.select(DeadlineChange.deadline_id).where(
        DeadlineChange.kind == ChangeKind.PAUSE,
        DeadlineChange.state == Decision.APPROVED,
        DeadlineChange.ended_at.is_(None),
        DeadlineChange.until_at <= at,
    )
    due = clock_ledger.rows(session, (Deadline.case_id == case.id) & Deadline.id.in_(over), to_change=True)
    if due:
        end(session, case, due, at)
        service.perform(session, number, Action.RESUME, SYSTEM, Given(note="挂起到期，继续计时"), at=at)


def replied(session: Session, limit: int) -> list[str]:
    """The numbers of the cases whose residents have answered what they were asked (one look at an index)."""
    waiting = sa.select(Case.number).where(Case.replied_at.is_not(None))
    return list(session.scalars(waiting.order_by(Case.replied_at).limit(limit)))


def take_reply(session: Session, number: str, at: datetime) -> None:
    """The resident has answered: clocks go on, and whoever has the case, or the one that it was merged into,
    hears of it. Safe to run twice."""
    case = service.lock(session, number, SYSTEM)
    if case.replied_at is None:
        return
    when, was_asked = case.replied_at, case.question is not None
    case.question = case.asked_at = case.replied_at = None
    if not was_asked or case.status not in (*UNSOLVED, Status.MERGED):
        return
    paused = _of_question(session, case)
    if paused:
        end(session, case, paused, at)
        service.perform(session, number, Action.RESUME, SYSTEM, Given(note="居民已回复，继续计时"), at=at)
    who = Audience.UNIT if case.unit_id is not None else Audience.COMMUNITY
    cause = f"{Message.CASE_REPLIED}:{when.isoformat()}"
    note = _reply(session, case) + ("\n时限继续计算。" if paused else "")
    telling.tell(session, case, who, Message.CASE_REPLIED, cause, note=note, at=at)


def _of_question(session: Session, case: Case) -> list[Deadline]:
    """What stands still because the resident was asked, and not because somebody granted a pause."""
    asked = sa.select(DeadlineChange.deadline_id).where(
        DeadlineChange.kind == ChangeKind.PAUSE,
        DeadlineChange.asked_by.is_(None),
        DeadlineChange.ended_at.is_(None),
    )
    own = (Deadline.case_id == case.id) & Deadline.paused_at.is_not(None) & Deadline.id.in_(asked)
    return clock_ledger.rows(session, own, to_change=True)


def _reply(session: Session, case: Case) -> str:
    """What the resident wrote last."""
    said = sa.select(CaseEvent.note).where(
        CaseEvent.case_id == case.id, CaseEvent.action == Action.ADD, CaseEvent.resident_id.is_not(None)
    )
    words = session.scalar(said.order_by(CaseEvent.id.desc()).limit(1))
    return f"居民说：{words}" if words else "居民发来了照片或录音"
