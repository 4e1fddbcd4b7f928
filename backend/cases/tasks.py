"""Actors of cases: what the clock calls for. Each costs what is due, works in batches and may run twice.

A batch is claimed, acted on and committed as one: a worker killed within it leaves everything as it was due.
"""

import logging
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from backend import db
from backend.broker import actor
from backend.cases import callback_plans, escalation, pauses, service, surveys, telling
from backend.cases.models import Case
from backend.cases.workflow import Action, Status
from backend.config import config
from backend.errors import AppError
from backend.notify import service as notify
from backend.notify.messages import Message
from backend.times import now

logger = logging.getLogger(__name__)
BATCH = 100
SURVEYS = 300  # at one turn of the clock: 100,000 in an hour
CLOCKS = 500  # in one batch: they are told in few statements


@actor("cases")
def send_surveys() -> None:
    """Ask the residents whose survey is due, remind those who were silent, end what was never answered.

    So many at each turn and no more: what waited for the morning goes out over its first hour, and leaves
    room for what is urgent.
    """
    with db.transaction() as session:
        ask_due(session, now(), SURVEYS)


@actor("cases")
def end_callbacks() -> None:
    """End the telephone callbacks that nobody could reach, or took up, in their time."""
    _in_batches(callback_plans.end_late)


@actor("cases")
def fire_deadlines() -> None:
    """Tell who has to hear of every clock whose next moment has come, by the database's clock."""
    with db.transaction() as session:
        escalation.repair(session)
    done = CLOCKS
    while done == CLOCKS:
        with db.transaction() as session:
            done = escalation.fire_due(session, escalation.database_time(session), CLOCKS)


@actor("cases")
def resume_answered() -> None:
    """Let clocks go on whose residents have answered, or whose pause is over."""
    with db.transaction() as session:
        answered = pauses.replied(session, BATCH)
        over = pauses.ended(session, now(), BATCH)
    for numbers, go_on in ((answered, pauses.take_reply), (over, pauses.end_pauses)):
        for number in numbers:
            _resume(go_on, number)


def _resume(go_on: Callable[[Session, str, datetime], None], number: str) -> None:
    """A case is a transaction; one that cannot go on stays as it is, and holds up no other."""
    try:
        with db.transaction() as session:
            go_on(session, number, now())
    except AppError as error:
        logger.warning("the clocks of case %s do not go on: %s", number, error.message)


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
    """Move every due survey one step on and owe its message, or let somebody call. Returns how many were
    due."""
    steps = surveys.take_due(session, at, limit)
    session.flush()  # before plain SQL reads them
    callback_plans.plan(session, _ids_at(steps, Message.SURVEY_INVITED), at)
    callback_plans.plan_sample(session, _ids_at(steps, None), at)
    spoken_for = callback_plans.spoken_for(session, [step.survey.id for step in steps])
    cases = _cases(session, [step.survey.case_id for step in steps])
    for step in steps:
        if step.message is None or step.survey.id in spoken_for:
            continue
        survey, case = step.survey, cases[step.survey.case_id]
        fields = telling.fields_of(session, case, "", at) | {"survey": str(survey.id)}
        key = f"survey:{survey.id}:{step.message}"
        notify.owe(session, step.message, key, fields, residents=[survey.resident_id])
    return len(steps)


def _ids_at(steps: Sequence[surveys.Step], message: Message | None) -> list[int]:
    return [step.survey.id for step in steps if step.message is message]


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
