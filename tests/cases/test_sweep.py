"""The sweep of late clocks: nothing twice, nothing missed, whatever happens to processes and their clocks."""

import threading
from collections import Counter

import pytest
import sqlalchemy as sa

from backend import db
from backend.cases import escalation, tasks
from backend.cases.deadline_models import Clock
from backend.notify.messages import Message
from backend.notify.models import Notification
from backend.places.roles import Role
from backend.times import now
from tests.cases.clock_scene import DAY, HOUR, MINUTE, fresh
from tests.cases.late_scene import make_clock, names, staff, sweep, told
from tests.cases.scene import AT
from tests.factories import make_case, make_community, make_officer

__all__ = ["fresh", "staff"]
pytestmark = pytest.mark.usefixtures("fresh")
M = Message


def test_after_an_hour_without_a_sweep_each_clock_is_told_once_at_the_stage_it_has_reached(session, staff):
    """Not a burst of amber, red and more: the highest step, and who has not heard yet that it is late."""
    case = make_case(session, staff["community"])
    make_clock(session, case)
    sweep(session, AT + 29 * MINUTE)
    sweep(session, AT + 129 * MINUTE)
    assert sorted(names(staff, told(session))) == [
        (M.CASE_ESCALATED, "dispatcher"),
        (M.CASE_OVERDUE, "desk"),
        (M.CASE_OVERDUE, "supervisor"),
    ]
    sweep(session, AT + 130 * MINUTE)
    assert len(told(session)) == 3
    sweep(session, AT + 180 * MINUTE)
    assert names(staff, told(session, 3)) == [(M.CASE_ESCALATED, "leader")]


def test_a_clock_set_forward_and_back_again_fires_nothing_twice_and_misses_nothing(session, staff):
    row = make_clock(session, make_case(session, staff["community"]))
    sweep(session, AT + 95 * MINUTE)  # an hour ahead: it is 35 past
    early = told(session)
    session.refresh(row)
    assert row.next_at == AT + 2 * HOUR  # counted from when it is due, not from a wrong now
    for minutes in range(36, 119, 2):
        sweep(session, AT + minutes * MINUTE)
    assert told(session) == early
    sweep(session, AT + 2 * HOUR)
    assert names(staff, told(session, len(early))) == [(M.CASE_ESCALATED, "dispatcher")]


def test_a_clock_set_back_delays_and_then_tells_each_stage_once(session, staff):
    make_clock(session, make_case(session, staff["community"]))
    for minutes in (20, 31, -60, -20, 20, 31, 45, 61, 59, 62):
        sweep(session, AT + minutes * MINUTE)
    counted = Counter(message for message, _ in told(session))
    assert counted == {M.CASE_SOON_DUE: 1, M.CASE_OVERDUE: 2}  # the desk and the supervisor


def test_a_worker_whose_own_clock_is_wrong_fires_nothing_early(committed, monkeypatch):
    """The database says what time it is."""
    community = make_community(committed)
    make_officer(committed, Role.INFORMATION_OFFICER, area=community)
    make_clock(committed, make_case(committed, community), at=now())
    monkeypatch.setattr(tasks, "now", lambda: now() + DAY)
    tasks.fire_deadlines()
    assert told(committed) == []


def test_four_workers_tell_every_clock_once_between_them(committed):
    community = make_community(committed)
    make_officer(committed, Role.INFORMATION_OFFICER, area=community)
    make_officer(committed, Role.SUPERVISOR, area=community)
    for n in range(120):
        make_clock(committed, make_case(committed, community), at=AT - n * MINUTE)
    start, done = threading.Barrier(4), []

    def work():
        start.wait()
        for _ in range(60):
            with db.transaction() as session:
                done.append(escalation.fire_due(session, AT + HOUR, limit=7))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(done) == 120
    keys = committed.scalars(sa.select(Notification.key)).all()
    per_clock = Counter(key.split(":officer:")[0] for key in keys)
    assert len(per_clock) == 120
    assert len(keys) == len(set(keys))


def test_a_killed_sweep_leaves_everything_as_it_was_due(committed):
    community = make_community(committed)
    make_officer(committed, Role.INFORMATION_OFFICER, area=community)
    make_clock(committed, make_case(committed, community))

    class Killed(Exception):
        pass

    def begin():
        with db.transaction() as session:
            escalation.fire_due(session, AT + HOUR, 500)
            raise Killed

    with pytest.raises(Killed):
        begin()
    assert told(committed) == []
    with db.transaction() as session:
        assert escalation.fire_due(session, AT + HOUR, 500) == 1
    assert [message for message, _ in told(committed)] == [M.CASE_OVERDUE]


def test_clocks_that_old_code_started_or_fired_are_found_and_not_told_again(session, staff):
    """During a rollout: old code knows neither `next_at` nor stages."""
    escalation._seen.clear()
    old = {"next_at": None, "amber_at": None, "minutes": None}
    case = make_case(session, staff["community"])
    started = make_clock(session, case, **old)
    fired = make_clock(session, case, Clock.ASSIGN, **old | {"next_at": AT + HOUR, "fired_at": AT + HOUR})
    escalation.repair(session)
    sweep(session, AT + 61 * MINUTE)
    assert [message for message, _ in told(session)] == [M.CASE_OVERDUE] * 2
    session.refresh(started)
    session.refresh(fired)
    assert (started.stage, started.next_at) == (2, AT + 90 * MINUTE)
    assert (fired.stage, fired.next_at, fired.fired_at) == (2, AT + 90 * MINUTE, AT + HOUR)


def test_the_sweep_costs_what_is_due_not_what_exists(session, staff):
    case = make_case(session, staff["community"])
    session.execute(
        sa.text("""
        INSERT INTO deadlines (case_id, round, clock, started_at, due_at, next_at)
        SELECT :case_id, 1, 'resolve', moment, moment, CASE WHEN n % 2 = 0 THEN moment END
        FROM generate_series(1, 8000) n,
            LATERAL (SELECT cast(:at AS timestamptz) + n * interval '1 minute') t(moment)
        """),
        {"case_id": case.id, "at": AT},
    )
    session.execute(sa.text("ANALYZE deadlines"))
    claim = f"EXPLAIN {escalation.CLAIM.text}"
    plan = "\n".join(session.scalars(sa.text(claim), {"at": AT + 9 * MINUTE, "most": 500}))
    assert "ix_deadlines_next" in plan
    assert "Seq Scan" not in plan


def test_a_batch_takes_as_many_statements_for_one_clock_as_for_thirty(session, staff):
    counts = []
    for many in (1, 30):
        for _ in range(many):
            make_clock(session, make_case(session, staff["community"]), next_at=AT)
        sent = []
        connection = session.connection()
        listen = lambda *args, sent=sent: sent.append(args[2])  # noqa: E731
        sa.event.listen(connection, "before_cursor_execute", listen)
        sweep(session, AT + 40 * MINUTE)
        sa.event.remove(connection, "before_cursor_execute", listen)
        counts.append(len(sent))
        session.execute(sa.text("UPDATE deadlines SET next_at = NULL"))
    assert counts[1] <= counts[0] <= 12
