"""Deadlines (时限): starts and stops the clocks of cases, and of units under orders, by the table of clocks."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session
from sqlalchemy.orm.attributes import set_committed_value

from backend.cases import policies
from backend.cases.clocks import POLICY, is_needed, length
from backend.cases.deadline_models import ChangeKind, Clock, Deadline, DeadlineChange, Decision
from backend.cases.models import Case
from backend.cases.policies import Times
from backend.cases.workflow import Action

__all__ = ["POLICY", "accept_times", "hasten", "length", "move", "start_part", "stop_part", "turn"]


def accept_times(urgent: bool, at: datetime, place_id: int | None = None) -> Times:
    """When the first clock of a case that is opened now turns amber and runs out.

    Asks the database only when what this process knows is half a minute old: the quick path calls it.
    """
    world = policies.kept()
    return policies.times_of(world, Clock.ACCEPT, policies.facts_of_place(world, place_id, urgent), at)


def turn(session: Session, case: Case, action: Action, at: datetime) -> None:
    """Stop and start the clocks that this step concerns, and set the case's nearest deadline."""
    rows = running(session, case.id)
    stopped = [row for row in rows if action in POLICY[row.clock].stopped_by]
    _stop(session, stopped, at)
    left = [row for row in rows if row not in stopped]
    there = {row.clock for row in left}
    for clock, terms in POLICY.items():
        if action in terms.started_by and clock not in there and is_needed(clock, case):
            left.append(_start(session, case, clock, at))
    case.due_at = nearest(left)


def hasten(session: Session, case: Case, at: datetime) -> None:
    """The case has become urgent: what runs has no longer than an urgent clock has from now."""
    rows = running(session, case.id)
    world = policies.in_force(session)
    for row in rows:
        sooner = policies.times_of(world, row.clock, policies.facts_of(session, case, urgent=True), at)
        if sooner.due_at < row.due_at and row.paused_at is None:
            note(session, row, ChangeKind.HASTEN, "转为紧急", at, due_after=sooner.due_at)
            set_times(row, sooner, at)
    case.due_at = nearest(rows)


def start_part(session: Session, part: Any, clocks: Sequence[Clock], at: datetime) -> None:
    """Start clocks of a unit under an order; `part` has its id, its order and `due_at`, which is set.

    A clock that runs already goes on as it is.
    """
    rows = _running_of_part(session, part.id)
    world, facts = policies.in_force(session), policies.facts_of_order(part.order)
    for clock in clocks:
        if clock not in {row.clock for row in rows}:
            row = _row(policies.times_of(world, clock, facts, at), clock, at)
            row.order_unit_id = part.id
            session.add(row)
            rows.append(row)
    session.flush()
    _set_part_due(session, part.id, nearest(rows))
    set_committed_value(part, "due_at", nearest(rows))


def stop_part(session: Session, order_unit_id: int, clocks: Sequence[Clock] | None, at: datetime) -> None:
    """Stop these clocks (None: all) of a unit under an order, and write its `due_at`.

    The part's row is written, not the object that somebody may hold: refresh it to read `due_at`.
    """
    rows = _running_of_part(session, order_unit_id)
    stopped = [row for row in rows if clocks is None or row.clock in clocks]
    _stop(session, stopped, at)
    session.flush()
    _set_part_due(session, order_unit_id, nearest([row for row in rows if row not in stopped]))


def move(session: Session, from_case: Case, to_case: Case, at: datetime) -> None:
    """Let another case go on with the running clocks of this one, as when a master is withdrawn and a member
    goes on. A clock that the other has already keeps its own time; the one left here runs on until it stops."""
    there = {row.clock for row in running(session, to_case.id)}
    moved = [row for row in running(session, from_case.id) if row.clock not in there]
    for row in moved:
        note(session, row, ChangeKind.MOVE, f"由 {from_case.number} 转来", at, due_after=row.due_at)
        row.case_id, row.round = to_case.id, to_case.round
    session.flush()
    for case in (from_case, to_case):
        case.due_at = nearest(running(session, case.id))


def running(session: Session, case_id: int) -> list[Deadline]:
    """The clocks of a case that have not stopped, also those that are paused."""
    return _rows(session, Deadline.case_id == case_id)


def nearest(rows: Sequence[Deadline]) -> datetime | None:
    """When the first of these runs out; a paused one does not count."""
    return min((row.due_at for row in rows if row.paused_at is None), default=None)


def set_times(row: Deadline, times: Times, at: datetime) -> None:
    """Give a running clock other times. It is told of them anew, from the next moment on."""
    row.amber_at, row.due_at = times.amber_at, times.due_at
    row.minutes, row.in_working_time = times.minutes, times.in_working_time
    watch(row, at)


def watch(row: Deadline, at: datetime) -> None:
    """Let the sweep look at a clock whose times have changed: what lies behind already is not told again."""
    row.stage = 1 if row.amber_at is None or row.amber_at <= at else 0
    row.next_at = row.due_at if row.stage else row.amber_at
    row.fired_at = None


def note(
    session: Session,
    row: Deadline,
    kind: ChangeKind,
    reason: str,
    at: datetime,
    *,
    due_after: datetime | None = None,
    **fields: Any,
) -> DeadlineChange:
    """A line of the clock's ledger, for something that a rule did; `fields` say what is different."""
    done: dict[str, Any] = {"state": Decision.APPROVED, "decided_at": at, "created_at": at}
    change = DeadlineChange(
        deadline_id=row.id,
        case_id=row.case_id,
        kind=kind,
        reason=reason,
        due_before=row.due_at,
        due_after=due_after,
        **done | fields,
    )
    session.add(change)
    return change


def _start(session: Session, case: Case, clock: Clock, at: datetime) -> Deadline:
    if POLICY[clock].once_a_round and (earlier := _earlier(session, case, clock)) is not None:
        earlier.stopped_at = None
        watch(earlier, at)
        return earlier
    world = policies.in_force(session)
    row = _row(policies.times_of(world, clock, policies.facts_of(session, case), at), clock, at)
    row.case_id, row.round = case.id, case.round
    session.add(row)
    return row


def _earlier(session: Session, case: Case, clock: Clock) -> Deadline | None:
    """The clock as it ran in this round before it was stopped."""
    own = (Deadline.case_id == case.id, Deadline.round == case.round, Deadline.clock == clock)
    return session.scalar(sa.select(Deadline).where(*own).order_by(Deadline.id.desc()).limit(1))


def _row(times: Times, clock: Clock, at: datetime) -> Deadline:
    return Deadline(
        clock=clock,
        round=1,
        minutes=times.minutes,
        in_working_time=times.in_working_time,
        started_at=at,
        amber_at=times.amber_at,
        due_at=times.due_at,
        next_at=times.amber_at,
    )


def _stop(session: Session, rows: Sequence[Deadline], at: datetime) -> None:
    """A pause ends with its clock."""
    for row in rows:
        row.stopped_at, row.next_at = at, None
    paused = [row.id for row in rows if row.paused_at is not None]
    if paused:
        open_pause = (DeadlineChange.deadline_id.in_(paused), DeadlineChange.ended_at.is_(None))
        is_pause = DeadlineChange.kind == ChangeKind.PAUSE
        session.execute(sa.update(DeadlineChange).where(*open_pause, is_pause).values(ended_at=at))


def _running_of_part(session: Session, order_unit_id: int) -> list[Deadline]:
    return _rows(session, Deadline.order_unit_id == order_unit_id)


def _rows(session: Session, own: sa.ColumnElement[bool]) -> list[Deadline]:
    """Read again: the sweep writes these rows without the session's knowledge."""
    query = sa.select(Deadline).where(own, Deadline.stopped_at.is_(None)).order_by(Deadline.id)
    return list(session.scalars(query, execution_options={"populate_existing": True}))


def _set_part_due(session: Session, order_unit_id: int, due_at: datetime | None) -> None:
    """Plain SQL: orders know cases, and cases know nothing of orders."""
    statement = sa.text("UPDATE order_units SET due_at = :due_at WHERE id = :id")
    session.execute(statement, {"due_at": due_at, "id": order_unit_id})
