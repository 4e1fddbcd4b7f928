"""What happens to clocks while they run: pauses, more time, less time; each a line of the clock's ledger."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from backend.cases import duty_rules, worktime
from backend.cases.deadline_models import ChangeKind, Deadline, DeadlineChange, Decision
from backend.cases.models import Case
from backend.cases.policies import Times, World
from backend.config import config

ASKED = "请居民补充情况"
STOPPED = "时限已经停止"


def rows(session: Session, own: sa.ColumnElement[bool], *, to_change: bool = False) -> list[Deadline]:
    """Clocks that have not stopped. They are read again: the sweep writes them past the session.

    Whoever changes one holds it: what the sweep writes meanwhile would else stand beside what was read.
    """
    query = sa.select(Deadline).where(own, Deadline.stopped_at.is_(None)).order_by(Deadline.id)
    held = query.with_for_update() if to_change else query
    return list(session.scalars(held, execution_options={"populate_existing": True}))


def running(session: Session, case_id: int, *, to_change: bool = False) -> list[Deadline]:
    """The clocks of a case that have not stopped, also those that are paused."""
    return rows(session, Deadline.case_id == case_id, to_change=to_change)


def nearest(clocks: Sequence[Deadline]) -> datetime | None:
    """When the first of these runs out; a paused one does not count."""
    return min((row.due_at for row in clocks if row.paused_at is None), default=None)


def note(
    session: Session, row: Deadline, kind: ChangeKind, reason: str, at: datetime, **fields: Any
) -> DeadlineChange:
    """A line of the ledger, by default for something that a rule did; `fields` say what is different."""
    default: dict[str, Any] = {"state": Decision.APPROVED, "decided_at": at, "created_at": at}
    own = {"deadline_id": row.id, "case_id": row.case_id, "kind": kind, "reason": reason}
    change = DeadlineChange(due_before=row.due_at, **own, **default | fields)
    session.add(change)
    return change


def set_times(row: Deadline, times: Times, at: datetime) -> None:
    """Give a running clock other times. It is told of them anew, from the next moment on."""
    row.amber_at, row.due_at = times.amber_at, times.due_at
    row.minutes, row.in_working_time = times.minutes, times.in_working_time
    watch(row, at)


def watch(row: Deadline, at: datetime) -> None:
    """Let the sweep look at a clock whose times have changed: an amber that lies behind is not told again."""
    row.stage = 1 if row.amber_at is None or row.amber_at <= at else 0
    row.next_at = row.due_at if row.stage else row.amber_at
    row.fired_at = None
    if row.paused_at is not None:
        pause(row, row.paused_at)


def pause(row: Deadline, at: datetime) -> None:
    """The sweep looks at it again when it goes on."""
    row.paused_at, row.next_at = at, None


def is_asked(case: Case, at: datetime) -> bool:
    """Whether the resident has the word: asked, not heard of yet, and the days for an answer are not over."""
    return case.asked_at is not None and at < asked_until(case)


def asked_until(case: Case) -> datetime:
    """When the clocks of a case whose resident was asked go on, even without an answer."""
    assert case.asked_at is not None
    return case.asked_at + timedelta(days=config.ask_days)


def pause_for_question(session: Session, clocks: Sequence[Deadline], at: datetime) -> None:
    """While the resident has the word, nobody is late; what is late already stays so, and what has waited
    in vain once does not wait again: asking on and on wins no time."""
    until_at = at + timedelta(days=config.ask_days)
    in_vain = _waited_in_vain(session, clocks)
    for row in clocks:
        if row.paused_at is None and row.due_at > at and row.id not in in_vain:
            note(session, row, ChangeKind.PAUSE, ASKED, at, until_at=until_at)
            pause(row, at)


def _waited_in_vain(session: Session, clocks: Sequence[Deadline]) -> set[int]:
    """The clocks that stood still for a question until its days were over."""
    of_question = (DeadlineChange.kind == ChangeKind.PAUSE, DeadlineChange.reason == ASKED)
    by_rule = (DeadlineChange.asked_by.is_(None), DeadlineChange.ended_at >= DeadlineChange.until_at)
    own = DeadlineChange.deadline_id.in_([row.id for row in clocks])
    return set(session.scalars(sa.select(DeadlineChange.deadline_id).where(own, *of_question, *by_rule)))


def go_on(session: Session, world: World, case: Case, row: Deadline, at: datetime) -> None:
    """End the pause of a clock: what was left when it began is left now."""
    began = row.paused_at
    if began is None:
        return
    row.amber_at = row.amber_at and _later(world, case, row, row.amber_at, began, at)
    row.due_at = _later(world, case, row, row.due_at, began, at)
    row.paused_at = None
    watch(row, at)
    is_open = (DeadlineChange.deadline_id == row.id, DeadlineChange.ended_at.is_(None))
    of_pause = (DeadlineChange.kind == ChangeKind.PAUSE, DeadlineChange.state == Decision.APPROVED)
    ended = {"ended_at": at, "due_after": row.due_at}
    session.execute(sa.update(DeadlineChange).where(*is_open, *of_pause).values(**ended))


def extend(world: World, case: Case, row: Deadline, minutes: int, at: datetime) -> None:
    """Give a clock so many minutes more, as it counts them."""
    row.due_at = _add(world, case, row, row.due_at, timedelta(minutes=minutes))
    row.amber_at = row.amber_at and _add(world, case, row, row.amber_at, timedelta(minutes=minutes))
    watch(row, at)


def close_stopped(session: Session, stopped: Sequence[Deadline], at: datetime) -> None:
    """What was asked about a clock that stops needs no answer any more."""
    own = DeadlineChange.deadline_id.in_([row.id for row in stopped])
    refused = {"state": Decision.REFUSED, "decision": STOPPED, "decided_at": at}
    session.execute(
        sa.update(DeadlineChange).where(own, DeadlineChange.state == Decision.ASKED).values(**refused)
    )


def _later(
    world: World, case: Case, row: Deadline, moment: datetime, began: datetime, at: datetime
) -> datetime:
    """The moment, put off by a pause; one that lay behind when the pause began stays where it was."""
    if moment <= began:
        return moment
    if not row.in_working_time:
        return moment + (at - began)
    hours = world.hours_of(duty_rules.place_chain(case))
    left = worktime.working_between(began, moment, hours, world.is_working)
    return _add(world, case, row, at, left)


def _add(world: World, case: Case, row: Deadline, moment: datetime, span: timedelta) -> datetime:
    if not row.in_working_time or not span:
        return moment + span
    hours = world.hours_of(duty_rules.place_chain(case))
    return worktime.add_span(moment, span, hours, world.is_working)
