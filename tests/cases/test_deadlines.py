"""Clocks: which step starts and stops which, how long they run, and that each runs out once."""

import random
import threading
from collections import Counter
from datetime import timedelta

import pytest
import sqlalchemy as sa

from backend import db
from backend.cases import deadlines
from backend.cases.deadline_models import Clock, Deadline
from backend.cases.deadlines import POLICY, fire_due, length
from backend.cases.workflow import RULES, UNSOLVED, Action, Outcome, Status, allowed
from backend.places.roles import Role
from tests.cases.scene import AT, SOLVED
from tests.factories import make_case, make_category, make_unit

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


def running(session, case):
    """Clock → when it runs out."""
    rows = sa.select(Deadline).where(Deadline.case_id == case.id, Deadline.stopped_at.is_(None))
    return {row.clock: row.due_at for row in session.scalars(rows)}


def submit(scene, **fields):
    """A case as it is submitted at AT. Its first clock starts by the database's time: here it is moved."""
    case = scene.submit(AT, **fields)
    scene.session.execute(sa.update(Deadline).where(Deadline.case_id == case.id).values(started_at=AT))
    return case


def test_each_step_hands_the_case_to_the_next_clock(session, scene):
    case = submit(scene)
    assert running(session, case) == {Clock.ACCEPT: AT + 30 * MINUTE}
    scene.do(case, Action.ACCEPT, Role.SECRETARY, AT + HOUR)
    assert running(session, case) == {Clock.ASSIGN: AT + 2 * HOUR}
    scene.do(case, Action.ASSIGN, Role.SECRETARY, AT + 2 * HOUR, unit_id=scene.unit.id)
    assert running(session, case) == {Clock.ACKNOWLEDGE: AT + 3 * HOUR, Clock.RESOLVE: AT + 50 * HOUR}
    scene.do(case, Action.ACKNOWLEDGE, Role.HANDLER, AT + 3 * HOUR)
    assert running(session, case) == {Clock.RESOLVE: AT + 50 * HOUR}
    scene.do(case, Action.RESOLVE, Role.HANDLER, AT + 4 * HOUR, **vars(SOLVED))
    assert running(session, case) == {}
    assert case.due_at is None


def test_a_case_is_due_at_its_nearest_clock(session, scene):
    case = submit(scene)
    assert case.due_at == AT + 30 * MINUTE
    scene.do(case, Action.ACCEPT, Role.SECRETARY, AT)
    scene.do(case, Action.ASSIGN, Role.SECRETARY, AT, unit_id=scene.unit.id)
    assert case.due_at == AT + HOUR
    scene.do(case, Action.ACKNOWLEDGE, Role.HANDLER, AT + MINUTE)
    assert case.due_at == AT + 48 * HOUR


def test_neither_sending_back_nor_assigning_again_resets_the_resolve_clock(session, scene):
    case = submit(scene)
    scene.do(case, Action.ACCEPT, Role.SECRETARY, AT)
    scene.do(case, Action.ASSIGN, Role.SECRETARY, AT, unit_id=scene.unit.id)
    scene.do(case, Action.SEND_BACK, Role.HANDLER, AT + 5 * HOUR, note="归物业管")
    assert running(session, case) == {Clock.ASSIGN: AT + 6 * HOUR, Clock.RESOLVE: AT + 48 * HOUR}
    first, second = make_unit(session, scene.community), make_unit(session, scene.community)
    scene.do(case, Action.ASSIGN, Role.SECRETARY, AT + 6 * HOUR, unit_id=first.id)
    assert running(session, case) == {Clock.ACKNOWLEDGE: AT + 7 * HOUR, Clock.RESOLVE: AT + 48 * HOUR}
    scene.do(case, Action.ASSIGN, Role.SECRETARY, AT + 8 * HOUR, unit_id=second.id)
    assert running(session, case) == {Clock.ACKNOWLEDGE: AT + 9 * HOUR, Clock.RESOLVE: AT + 48 * HOUR}


def test_a_stopped_clock_says_when(session, scene):
    case = submit(scene)
    scene.do(case, Action.ACCEPT, Role.SECRETARY, AT + 7 * MINUTE)
    stopped = session.scalars(sa.select(Deadline).where(Deadline.clock == Clock.ACCEPT)).one()
    assert (stopped.stopped_at, stopped.fired_at) == (AT + 7 * MINUTE, None)


@pytest.mark.parametrize("clock", Clock)
def test_an_urgent_clock_is_shorter(clock):
    assert timedelta(0) < length(clock, urgent=True) < length(clock, urgent=False)


def test_an_urgent_case_runs_on_the_urgent_clocks(session, scene):
    case = submit(scene, urgent=True)
    assert running(session, case) == {Clock.ACCEPT: AT + 5 * MINUTE}
    scene.do(case, Action.ACCEPT, Role.SECRETARY, AT)
    scene.do(case, Action.ASSIGN, Role.SECRETARY, AT, unit_id=scene.unit.id)
    assert running(session, case) == {Clock.ACKNOWLEDGE: AT + 10 * MINUTE, Clock.RESOLVE: AT + 4 * HOUR}


def test_the_second_round_has_clocks_of_its_own(session, scene):
    case = scene.resolve(submit(scene))
    scene.do(case, Action.REOPEN, Role.RESIDENT, AT + 100 * HOUR)
    scene.do(case, Action.ASSIGN, Role.SECRETARY, AT + 101 * HOUR, unit_id=scene.unit.id)
    assert running(session, case)[Clock.RESOLVE] == AT + 149 * HOUR
    rounds = session.execute(
        sa.select(Deadline.round).where(Deadline.clock == Clock.RESOLVE).order_by(Deadline.id)
    )
    assert rounds.scalars().all() == [1, 2]


@pytest.mark.parametrize("seed", range(12))
def test_on_any_way_through_life_an_unsolved_case_has_a_clock_and_a_finished_one_has_none(
    session, scene, seed
):
    """No case is skipped: whoever has it, somebody's clock runs."""
    dice, case, moment = random.Random(seed), submit(scene), AT
    category = make_category(session)
    for _ in range(15):
        steps = [a for a in allowed(case.status, set(Role)) if a not in (Action.URGE, Action.LOCATE)]
        if not steps:
            break
        action, moment = dice.choice(steps), moment + HOUR
        unit = make_unit(session, scene.community)
        given = {"note": "说明", "unit_id": unit.id, "category_id": category.id, "outcome": Outcome.SOLVED}
        given["has_proof"] = True
        if RULES[action].roles[0] in (Role.HANDLER, Role.UNIT_HEAD):
            case.unit_id = scene.unit.id  # our handler's
            session.flush()
        scene.do(case, action, RULES[action].roles[0], moment, **given)
        clocks = running(session, case)
        assert bool(clocks) is (case.status in UNSOLVED), (action, case.status)
        assert case.due_at == min(clocks.values(), default=None)
        open_rows = sa.select(sa.func.count()).where(Deadline.stopped_at.is_(None))
        assert session.scalar(open_rows) == len(clocks)


def test_every_clock_can_be_stopped_and_has_a_name():
    for policy in POLICY.values():
        assert {Action.WITHDRAW, Action.REJECT} <= set(policy.stopped_by)
        assert policy.label


def overdue(session, count, at=AT, **fields):
    """So many clocks of as many cases, that ran out one after another before `at`."""
    case = make_case(session)
    columns = {"case_id": case.id, "round": 1, "clock": Clock.ACCEPT, **fields}
    session.execute(
        sa.insert(Deadline),
        [columns | {"started_at": at - n * MINUTE, "due_at": at - n * MINUTE} for n in range(1, count + 1)],
    )
    session.commit()
    return case


def test_a_clock_that_ran_out_is_returned_once(session, scene):
    case = overdue(session, 1)
    assert fire_due(session, AT - HOUR) == []
    assert fire_due(session, AT) == [(case.id, Clock.ACCEPT)]
    assert fire_due(session, AT + HOUR) == []
    assert session.scalar(sa.select(Deadline.fired_at)) == AT


def test_a_clock_is_due_at_its_very_moment_and_a_stopped_one_never(session, scene):
    overdue(session, 1, AT + MINUTE)
    assert len(fire_due(session, AT)) == 1
    overdue(session, 3, stopped_at=AT)
    assert fire_due(session, AT) == []


def test_the_longest_overdue_come_first(session, scene):
    overdue(session, 5)
    assert len(fire_due(session, AT, limit=2)) == 2
    fired = session.scalars(sa.select(Deadline.due_at).where(Deadline.fired_at.is_not(None)))
    assert set(fired) == {AT - 5 * MINUTE, AT - 4 * MINUTE}


def test_a_clock_that_ran_out_goes_on_until_the_step_is_taken(session, scene):
    case = submit(scene)
    fire_due(session, AT + HOUR)
    assert case.due_at == AT + 30 * MINUTE
    scene.do(case, Action.ACCEPT, Role.SECRETARY, AT + 2 * HOUR)
    assert set(running(session, case)) == {Clock.ASSIGN}


def test_four_workers_fire_every_clock_once_between_them(committed):
    for _ in range(3):
        overdue(committed, 40)
    start, fired = threading.Barrier(4), []

    def work():
        start.wait()
        while True:
            with db.transaction() as session:
                batch = fire_due(session, AT, limit=7)
            if not batch:
                return
            assert len(batch) <= 7
            fired.extend(batch)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(Counter(case_id for case_id, _ in fired).values()) == [40, 40, 40]


def plan_of(session, call):
    """How PostgreSQL carries out the statement that this call sends."""
    sent = []
    connection = session.connection()
    sa.event.listen(connection, "before_cursor_execute", lambda *args: sent.append(args[2:4]))
    call()
    [(statement, values)] = sent
    return "\n".join(row[0] for row in connection.exec_driver_sql(f"EXPLAIN {statement}", values))


def test_the_sweep_reads_only_what_is_due(session, scene):
    case = make_case(session)
    session.execute(
        sa.text("""
        INSERT INTO deadlines (case_id, round, clock, started_at, due_at, stopped_at, fired_at)
        SELECT :case_id, 1, 'accept', moment, moment, CASE WHEN n % 50 > 0 THEN moment END, NULL
        FROM generate_series(1, 8000) n,
            LATERAL (SELECT cast(:at AS timestamptz) - n * interval '1 minute') t(moment)
        """),
        {"case_id": case.id, "at": AT},
    )
    session.execute(sa.text("ANALYZE deadlines"))
    plan = plan_of(session, lambda: fire_due(session, AT, limit=50))
    assert "ix_deadlines_due" in plan
    assert "Seq Scan on deadlines" not in plan


def test_the_table_of_clocks_is_complete():
    assert set(deadlines.POLICY) == set(Clock)
    started = {action for policy in POLICY.values() for action in policy.started_by}
    into_work = {
        action
        for action, rule in RULES.items()
        if rule.target in (Status.SUBMITTED, Status.ACCEPTED, Status.ASSIGNED)
    }
    assert started == into_work


@pytest.mark.parametrize(
    ("limit", "due"),
    [
        ({"resolve_hours": 24}, AT + timedelta(hours=24)),
        ({"resolve_hours": 72, "in_working_days": True}, AT + timedelta(days=3)),  # Monday to Thursday
        ({}, AT + timedelta(hours=48)),
    ],
)
def test_a_category_may_have_its_own_time_limit(session, scene, limit, due):
    category = make_category(session, **limit)
    case = scene.case(Status.ACCEPTED, category_id=category.id)
    scene.do(case, Action.ASSIGN, Role.DISPATCHER, unit_id=make_unit(session, scene.community).id)
    assert running(session, case)[Clock.RESOLVE] == due


def test_an_urgent_case_does_not_wait_for_its_categorys_limit(session, scene):
    category = make_category(session, resolve_hours=240)
    case = scene.case(Status.ACCEPTED, category_id=category.id, urgent=True)
    scene.do(case, Action.ASSIGN, Role.DISPATCHER, unit_id=make_unit(session, scene.community).id)
    assert running(session, case)[Clock.RESOLVE] == AT + timedelta(hours=4)
