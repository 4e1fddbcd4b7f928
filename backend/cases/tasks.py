"""Actors of cases: what the clock calls for. Each costs what is due, works in batches and may run twice.

A batch is claimed, acted on and committed as one: a worker killed within it leaves everything as it was due.
"""

from collections.abc import Callable
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from backend import db
from backend.broker import actor
from backend.cases import deadlines, service, surveys, telling
from backend.cases.deadline_models import Clock
from backend.cases.models import Case
from backend.cases.workflow import Action, Audience, Status
from backend.config import config
from backend.notify import service as notify
from backend.notify.messages import Message
from backend.times import now

BATCH = 100

# Who should have acted before this clock ran out; they are told together with the supervisors.
HOLDERS = {clock: terms.holder for clock, terms in deadlines.POLICY.items()}
_OLD = {
    Clock.ACCEPT: Audience.COMMUNITY,
    Clock.ASSIGN: Audience.COMMUNITY,
    Clock.ACKNOWLEDGE: Audience.UNIT,
    Clock.RESOLVE: Audience.UNIT,
}


@actor("cases")
def send_surveys() -> None:
    """Ask the residents whose survey is due, remind those who were silent, end what was never answered."""
    _in_batches(ask_due)


@actor("cases")
def fire_deadlines() -> None:
    """Tell holders and supervisors of every clock that ran out."""
    _in_batches(tell_overdue)


@actor("cases")
def close_silent() -> None:
    """Close what the resident neither confirmed nor refused in `CLOSE_AFTER_DAYS`."""
    _in_batches(close_unanswered)


def _in_batches(take: Callable[[Session, datetime, int], int]) -> None:
    done = BATCH
    while done == BATCH:
        with db.transaction() as session:
            done = take(session, now(), BATCH)


def ask_due(session: Session, at: datetime, limit: int) -> int:
    """Move every due survey one step on and owe its message. Returns how many were due."""
    steps = surveys.take_due(session, at, limit)
    cases = _cases(session, [step.survey.case_id for step in steps])
    for step in steps:
        if step.message is None:
            continue
        survey, case = step.survey, cases[step.survey.case_id]
        fields = telling.fields_of(session, case, "", at) | {"survey": str(survey.id)}
        key = f"survey:{survey.id}:{step.message}"
        notify.owe(session, step.message, key, fields, residents=[survey.resident_id])
    return len(steps)


def tell_overdue(session: Session, at: datetime, limit: int) -> int:
    """Fire every clock that ran out. One cause for both audiences: who is in both is told once."""
    fired = deadlines.fire_due(session, at, limit)
    cases = _cases(session, [case_id for case_id, _ in fired])
    for case_id, clock in fired:
        case = cases[case_id]
        cause = f"{Message.CASE_OVERDUE}:{clock}:{at:%Y%m%d%H%M%S%f}"  # a clock may run again in one round
        holder = HOLDERS[clock] if case.unit_id else Audience.COMMUNITY  # a unit may have sent it back
        for who in (holder, Audience.SUPERVISORS):
            note = deadlines.POLICY[clock].label
            telling.tell(session, case, who, Message.CASE_OVERDUE, cause, note=note, at=at)
    return len(fired)


def close_unanswered(session: Session, at: datetime, limit: int) -> int:
    """Close the cases that were resolved so many days ago. Returns how many."""
    silent = session.scalars(
        sa.select(Case.number)
        .where(
            Case.status == Status.RESOLVED, Case.resolved_at <= at - timedelta(days=config.close_after_days)
        )
        .order_by(Case.resolved_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
    ).all()
    for number in silent:
        service.perform(session, number, Action.CLOSE, service.SYSTEM, at=at)
    return len(silent)


def _cases(session: Session, ids: list[int]) -> dict[int, Case]:
    return {case.id: case for case in session.scalars(sa.select(Case).where(Case.id.in_(ids)))}
