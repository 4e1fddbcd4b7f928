"""Deadlines (时限): one table says which step starts and stops which clock, and how long it runs."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from backend.cases.models import Case, Category, Clock, Deadline
from backend.cases.workflow import Action
from backend.times import after_working_days


@dataclass(frozen=True)
class Policy:
    """In plain hours. A clock that runs already is not started again, unless its start also stops it."""

    label: str
    started_by: tuple[Action, ...]
    stopped_by: tuple[Action, ...]
    normal: timedelta
    urgent: timedelta


A = Action
ENDS = (A.REJECT, A.WITHDRAW)
MINUTES, HOURS = timedelta(minutes=1), timedelta(hours=1)

# fmt: off
POLICY: dict[Clock, Policy] = {
    Clock.ACCEPT: Policy("受理", (A.SUBMIT,), (A.ACCEPT, A.RESOLVE_ON_SPOT, *ENDS), 30 * MINUTES, 5 * MINUTES),
    Clock.ASSIGN: Policy("分拨", (A.ACCEPT, A.SEND_BACK, A.REOPEN), (A.ASSIGN, A.RESOLVE_ON_SPOT, *ENDS), 1 * HOURS, 5 * MINUTES),
    Clock.ACKNOWLEDGE: Policy("签收", (A.ASSIGN,), (A.ASSIGN, A.ACKNOWLEDGE, A.SEND_BACK, *ENDS), 1 * HOURS, 10 * MINUTES),
    Clock.RESOLVE: Policy("办结", (A.ASSIGN,), (A.RESOLVE, A.RESOLVE_ON_SPOT, *ENDS), 48 * HOURS, 4 * HOURS),
}
# fmt: on


def length(clock: Clock, urgent: bool) -> timedelta:
    policy = POLICY[clock]
    return policy.urgent if urgent else policy.normal


def due(session: Session, case: Case, clock: Clock, at: datetime) -> datetime:
    """When a clock that starts now runs out: a case's category may have its own time limit to resolve."""
    if clock is not Clock.RESOLVE or case.urgent or case.category_id is None:
        return at + length(clock, case.urgent)
    category = session.get_one(Category, case.category_id)
    if category.resolve_hours is None:
        return at + length(clock, case.urgent)
    if category.in_working_days:
        return after_working_days(at, category.resolve_hours // 24)
    return at + category.resolve_hours * HOURS


def turn(session: Session, case: Case, action: Action, at: datetime) -> None:
    """Stop and start the clocks that this step concerns, and set the case's nearest deadline."""
    stopped = [clock for clock, policy in POLICY.items() if action in policy.stopped_by]
    if stopped:
        _stop(session, case.id, stopped, at)
    running = _running(session, case.id)
    for clock, policy in POLICY.items():
        if action in policy.started_by and clock not in running:
            running[clock] = due(session, case, clock, at)
            _start(session, case, clock, at, running[clock])
    case.due_at = min(running.values(), default=None)


def hasten(session: Session, case: Case, at: datetime) -> None:
    """The case has become urgent: what runs has no longer than an urgent clock has from now."""
    for clock, due_at in _running(session, case.id).items():
        sooner = min(due_at, at + length(clock, urgent=True))
        is_running = (Deadline.case_id == case.id, Deadline.clock == clock, Deadline.stopped_at.is_(None))
        session.execute(sa.update(Deadline).where(*is_running).values(due_at=sooner))
    case.due_at = min(_running(session, case.id).values(), default=None)


def _stop(session: Session, case_id: int, clocks: Sequence[Clock], at: datetime) -> None:
    session.execute(
        sa.update(Deadline)
        .where(Deadline.case_id == case_id, Deadline.clock.in_(clocks), Deadline.stopped_at.is_(None))
        .values(stopped_at=at)
    )


def _start(session: Session, case: Case, clock: Clock, at: datetime, due_at: datetime) -> None:
    session.execute(
        insert(Deadline).values(case_id=case.id, round=case.round, clock=clock, started_at=at, due_at=due_at)
    )


def _running(session: Session, case_id: int) -> dict[Clock, datetime]:
    rows = session.execute(
        sa.select(Deadline.clock, Deadline.due_at).where(
            Deadline.case_id == case_id, Deadline.stopped_at.is_(None)
        )
    )
    return {clock: due_at for clock, due_at in rows}


def fire_due(session: Session, at: datetime, limit: int = 500) -> list[tuple[int, Clock]]:
    """Claim the clocks that are overdue; each is returned once, ever. Cost: what is due."""
    due = (
        sa.select(Deadline.id)
        .where(Deadline.stopped_at.is_(None), Deadline.fired_at.is_(None), Deadline.due_at <= at)
        .order_by(Deadline.due_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    rows = session.execute(
        sa.update(Deadline)
        .where(Deadline.id.in_(due))
        .values(fired_at=at)
        .returning(Deadline.case_id, Deadline.clock)
    )
    return [(case_id, clock) for case_id, clock in rows]
