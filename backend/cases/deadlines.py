"""Deadlines (时限): starts and stops the clocks of cases, and of units under orders, by the table of clocks."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Session
from sqlalchemy.orm.attributes import set_committed_value

from backend.cases import clock_ledger, policies
from backend.cases.clock_ledger import nearest, note, rows, running, set_times, watch
from backend.cases.clocks import EXTENDABLE, PAUSING, POLICY, TURNING, is_needed, length
from backend.cases.deadline_models import ChangeKind, Clock, Deadline
from backend.cases.models import Case, CaseEvent
from backend.cases.policies import Times
from backend.cases.workflow import Action
from backend.times import now

__all__ = [
    "POLICY",
    "accept_times",
    "hasten",
    "length",
    "move",
    "nearest_clocks",
    "start_part",
    "stop_part",
    "turn",
    "until",
]


def accept_times(
    urgent: bool, at: datetime, place_id: int | None = None, session: Session | None = None
) -> Times:
    """When the first clock of a case that is opened now turns amber and runs out.

    Asks the database only when what this process knows is half a minute old, in the transaction at hand if
    there is one: the quick path, which calls it too, has none.
    """
    world = policies.in_force(session) if session is not None else policies.kept()
    return policies.times_of(world, Clock.ACCEPT, policies.facts_of_place(world, place_id, urgent), at)


def turn(session: Session, case: Case, action: Action, at: datetime) -> None:
    """Stop and start the clocks that this step concerns, and set the case's nearest deadline."""
    if action not in TURNING:
        return
    there = running(session, case.id, to_change=True)
    stopped = [row for row in there if action in POLICY[row.clock].stopped_by]
    for row in stopped:
        if row.paused_at is not None:  # it may go on after all, and would then stand still for ever
            clock_ledger.go_on(session, policies.in_force(session), case, row, at)
    _stop(session, stopped, at)
    left = [row for row in there if row not in stopped]
    clocks = {row.clock for row in left}
    for clock, terms in POLICY.items():
        if action in terms.started_by and clock not in clocks and is_needed(clock, case):
            left.append(_start(session, case, clock, at))
    if action in PAUSING:
        clock_ledger.pause_for_question(session, left, at)
    case.due_at = nearest(left)


def hasten(session: Session, case: Case, at: datetime) -> None:
    """The case has become urgent: what runs has no longer than an urgent clock has from now; what is paused,
    no longer from when it goes on."""
    clocks = running(session, case.id, to_change=True)
    world, facts = policies.in_force(session), policies.facts_of(session, case, urgent=True)
    for row in clocks:
        sooner = policies.times_of(world, row.clock, facts, row.paused_at or at)
        if sooner.due_at < row.due_at:
            due_after = sooner.due_at if row.paused_at is None else None  # known when the pause is over
            note(session, row, ChangeKind.HASTEN, "转为紧急", at, due_after=due_after)
            set_times(row, sooner, at)
    case.due_at = nearest(clocks)


def start_part(session: Session, part: Any, clocks: Sequence[Clock], at: datetime) -> None:
    """Start clocks of a unit under an order; `part` has its id, its order and `due_at`, which is set.

    A clock that runs already goes on as it is.
    """
    there = _running_of_part(session, part.id)
    world, facts = policies.in_force(session), policies.facts_of_order(part.order)
    for clock in clocks:
        if clock not in {row.clock for row in there}:
            row = _row(policies.times_of(world, clock, facts, at), clock, at)
            row.order_unit_id = part.id
            session.add(row)
            there.append(row)
    session.flush()
    _set_part_due(session, part.id, nearest(there))
    set_committed_value(part, "due_at", nearest(there))


def stop_part(session: Session, order_unit_id: int, clocks: Sequence[Clock] | None, at: datetime) -> None:
    """Stop these clocks (None: all) of a unit under an order, and write its `due_at`.

    The part's row is written, not the object that somebody may hold: refresh it to read `due_at`.
    """
    there = _running_of_part(session, order_unit_id)
    stopped = [row for row in there if clocks is None or row.clock in clocks]
    _stop(session, stopped, at)
    session.flush()
    _set_part_due(session, order_unit_id, nearest([row for row in there if row not in stopped]))


def move(session: Session, from_case: Case, to_case: Case, at: datetime | None = None) -> None:
    """Let another case go on with the running clocks of this one, as when a master is withdrawn and a member
    goes on. A clock that the other has already keeps its own time; the one left here runs on until it stops."""
    there = {row.clock for row in running(session, to_case.id)}
    known = set(session.execute(sa.select(Deadline.clock, Deadline.started_at).filter_by(case_id=to_case.id)))
    for row in running(session, from_case.id, to_change=True):
        if row.clock in there:
            continue
        note(session, row, ChangeKind.MOVE, f"由 {from_case.number} 转来", at or now(), due_after=row.due_at)
        while (row.clock, row.started_at) in known:  # both began in the same moment: one key for each
            row.started_at += timedelta(microseconds=1)
        row.case_id, row.round = to_case.id, to_case.round
    session.flush()
    for case in (from_case, to_case):
        case.due_at = nearest(running(session, case.id))


def nearest_clocks(session: Session, case_ids: Sequence[int]) -> dict[int, Deadline]:
    """The running clock of each case that runs out first, by the case's id (one query)."""
    own = Deadline.case_id.in_(case_ids), Deadline.stopped_at.is_(None), Deadline.paused_at.is_(None)
    first = sa.select(Deadline).ext(distinct_on(Deadline.case_id)).where(*own)
    found = session.scalars(first.order_by(Deadline.case_id, Deadline.due_at, Deadline.id))
    return {row.case_id: row for row in found if row.case_id is not None}


def until(session: Session, case: Case, clock: Clock) -> datetime | None:
    """When this clock of a case runs out; None where it does not run, or is paused."""
    return nearest([row for row in running(session, case.id) if row.clock is clock])


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
    """The clock as it ran in this round before it was stopped. What was stopped before the case came back last
    is of a round that was taken back, and only has the same number."""
    came_back = (CaseEvent.case_id == case.id) & (CaseEvent.action == Action.REOPEN)
    since = sa.exists().where(came_back, CaseEvent.created_at > Deadline.stopped_at)
    own = (Deadline.case_id == case.id, Deadline.round == case.round, Deadline.clock == clock, ~since)
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


def _stop(session: Session, clocks: Sequence[Deadline], at: datetime) -> None:
    for row in clocks:
        row.stopped_at, row.next_at = at, None
    asked = [row for row in clocks if row.clock in EXTENDABLE]
    if asked:
        clock_ledger.close_stopped(session, asked, at)


def _running_of_part(session: Session, order_unit_id: int) -> list[Deadline]:
    return rows(session, Deadline.order_unit_id == order_unit_id, to_change=True)


def _set_part_due(session: Session, order_unit_id: int, due_at: datetime | None) -> None:
    """Plain SQL: orders know cases, and cases know nothing of orders."""
    statement = sa.text("UPDATE order_units SET due_at = :due_at WHERE id = :id")
    session.execute(statement, {"due_at": due_at, "id": order_unit_id})
