"""Clocks: which step starts and stops which, how long they run, and that no step wins time."""

import random
from datetime import timedelta

import pytest
import sqlalchemy as sa

from backend.cases import deadlines
from backend.cases.deadline_models import ChangeKind, Clock, Deadline, DeadlineChange
from backend.cases.deadlines import POLICY, length
from backend.cases.workflow import RULES, UNSOLVED, Action, Audience, Status, allowed
from backend.console import wording
from backend.places.roles import Role
from tests.cases.clock_scene import HOUR, MINUTE, clock_of, fresh, running
from tests.cases.scene import AT, SOLVED
from tests.factories import make_category, make_unit

__all__ = ["fresh"]
pytestmark = pytest.mark.usefixtures("fresh")
A, C = Action, Clock


def submit(scene, **fields):
    """A case as it is submitted at AT. Its first clock starts by the database's time: here it is moved."""
    case = scene.submit(AT, **fields)
    scene.session.execute(sa.update(Deadline).where(Deadline.case_id == case.id).values(started_at=AT))
    return case


def assigned(scene, **fields):
    case = submit(scene, **fields)
    scene.do(case, A.ACCEPT, Role.SECRETARY, AT)
    return scene.do(case, A.ASSIGN, Role.SECRETARY, AT, unit_id=scene.unit.id)


def turn(session, case, action, at):
    """What a step does to the clocks, without the rest of it."""
    case.status = RULES[action].target or case.status
    deadlines.turn(session, case, action, at)
    session.flush()


def test_each_step_hands_the_case_to_the_next_clock(session, scene):
    case = submit(scene)
    assert running(session, case) == {C.ACCEPT: AT + 30 * MINUTE}
    scene.do(case, A.ACCEPT, Role.SECRETARY, AT + HOUR)
    answer = {C.ANSWER: AT + 25 * HOUR}
    assert running(session, case) == {C.ASSIGN: AT + 2 * HOUR} | answer
    scene.do(case, A.ASSIGN, Role.SECRETARY, AT + 2 * HOUR, unit_id=scene.unit.id)
    resolve = {C.RESOLVE: AT + 50 * HOUR}
    assert running(session, case) == {C.ACKNOWLEDGE: AT + 3 * HOUR} | answer | resolve
    scene.do(case, A.ACKNOWLEDGE, Role.HANDLER, AT + 3 * HOUR)
    contact = {C.FIRST_CONTACT: AT + 6 * HOUR}  # at 13:00 the offices are closed for lunch: from 14:00 on
    assert running(session, case) == contact | answer | resolve
    scene.do(case, A.FIRST_CONTACT, Role.HANDLER, AT + 4 * HOUR, note="已经打过电话")
    assert running(session, case) == resolve
    scene.do(case, A.RESOLVE, Role.HANDLER, AT + 5 * HOUR, **vars(SOLVED))
    assert running(session, case) == {}
    assert case.due_at is None
    assert session.scalars(sa.select(Deadline.next_at)).all() == [None] * 6


def test_a_case_is_due_at_its_nearest_clock(session, scene):
    case = submit(scene)
    assert case.due_at == AT + 30 * MINUTE
    scene.do(case, A.ACCEPT, Role.SECRETARY, AT)
    assert case.due_at == AT + HOUR
    scene.do(case, A.ASSIGN, Role.SECRETARY, AT, unit_id=scene.unit.id)
    assert case.due_at == AT + HOUR
    scene.do(case, A.ACKNOWLEDGE, Role.HANDLER, AT + MINUTE)
    scene.do(case, A.FIRST_CONTACT, Role.HANDLER, AT + 2 * MINUTE, note="已经打过电话")
    assert case.due_at == AT + 48 * HOUR


def test_every_running_clock_is_looked_at_from_its_amber_on_also_the_first(session, scene):
    case = submit(scene)
    scene.do(case, A.ACCEPT, Role.SECRETARY, AT)
    rows = session.scalars(sa.select(Deadline).where(Deadline.stopped_at.is_(None)))
    assert all(row.next_at == row.amber_at < row.due_at and row.minutes for row in rows)
    first = session.scalars(sa.select(Deadline).where(Deadline.clock == C.ACCEPT)).one()
    assert (first.minutes, first.amber_at, first.due_at) == (30, AT + 15 * MINUTE, AT + 30 * MINUTE)


def test_neither_another_unit_nor_a_dispute_resets_the_time_to_resolve(session, scene):
    case, resolve = assigned(scene), AT + 48 * HOUR
    turn(session, case, A.SEND_BACK, AT + 5 * HOUR)
    assert running(session, case)[C.RESOLVE] == resolve
    assert running(session, case)[C.ASSIGN] == AT + 6 * HOUR
    turn(session, case, A.ASSIGN, AT + 6 * HOUR)
    assert running(session, case)[C.ACKNOWLEDGE] == AT + 7 * HOUR
    turn(session, case, A.ASSIGN, AT + 8 * HOUR)
    assert running(session, case)[C.ACKNOWLEDGE] == AT + 9 * HOUR
    turn(session, case, A.DISPUTE, AT + 9 * HOUR)
    clocks = running(session, case)
    assert (clocks[C.ARBITRATE], clocks[C.RESOLVE]) == (AT + 13 * HOUR, resolve)
    assert C.ACKNOWLEDGE not in clocks
    turn(session, case, A.ARBITRATE, AT + 10 * HOUR)
    clocks = running(session, case)
    assert (clocks[C.ACKNOWLEDGE], clocks[C.RESOLVE]) == (AT + 11 * HOUR, resolve)
    assert C.ARBITRATE not in clocks


def test_merging_and_undoing_it_wins_no_time(session, scene):
    case = assigned(scene)
    turn(session, case, A.MERGE, AT + HOUR)
    assert (running(session, case), case.due_at) == ({}, None)
    turn(session, case, A.UNMERGE, AT + 30 * HOUR)
    assert running(session, case) == {C.ASSIGN: AT + 31 * HOUR, C.ANSWER: AT + 24 * HOUR}
    turn(session, case, A.ASSIGN, AT + 31 * HOUR)
    assert running(session, case)[C.RESOLVE] == AT + 48 * HOUR
    assert clock_of(session, case, C.RESOLVE).next_at == AT + 48 * HOUR  # amber lies behind


def test_a_stopped_clock_says_when(session, scene):
    case = submit(scene)
    scene.do(case, A.ACCEPT, Role.SECRETARY, AT + 7 * MINUTE)
    stopped = session.scalars(sa.select(Deadline).where(Deadline.clock == C.ACCEPT)).one()
    assert (stopped.stopped_at, stopped.fired_at, stopped.next_at) == (AT + 7 * MINUTE, None, None)


@pytest.mark.parametrize("clock", Clock)
def test_an_urgent_clock_is_shorter(clock):
    assert timedelta(0) < length(clock, urgent=True) < length(clock, urgent=False)


def test_an_urgent_case_runs_on_the_urgent_clocks(session, scene):
    case = assigned(scene, urgent=True)
    assert running(session, case) == {
        C.ACKNOWLEDGE: AT + 10 * MINUTE,
        C.ANSWER: AT + 2 * HOUR,
        C.RESOLVE: AT + 4 * HOUR,
    }


def test_a_case_that_becomes_urgent_has_less_time_from_then_on_and_that_is_written_down(session, scene):
    case = assigned(scene)
    case.urgent = True
    deadlines.hasten(session, case, AT + 10 * MINUTE)
    session.flush()
    assert running(session, case)[C.RESOLVE] == AT + 10 * MINUTE + 4 * HOUR
    assert case.due_at == AT + 20 * MINUTE
    lines = session.scalars(sa.select(DeadlineChange).order_by(DeadlineChange.id)).all()
    assert [line.kind for line in lines] == [ChangeKind.HASTEN] * 3
    assert (lines[-1].due_before, lines[-1].due_after) == (AT + 48 * HOUR, AT + 10 * MINUTE + 4 * HOUR)
    row = clock_of(session, case, C.RESOLVE)
    assert (row.next_at, row.stage) == (AT + 10 * MINUTE + 2 * HOUR, 0)


def test_the_second_round_has_clocks_of_its_own(session, scene):
    case = scene.resolve(submit(scene))
    scene.do(case, A.REOPEN, Role.RESIDENT, AT + 100 * HOUR)
    assert running(session, case)[C.ANSWER] == AT + 124 * HOUR
    scene.do(case, A.ASSIGN, Role.SECRETARY, AT + 101 * HOUR, unit_id=scene.unit.id)
    assert running(session, case)[C.RESOLVE] == AT + 149 * HOUR
    rounds = sa.select(Deadline.round).where(Deadline.clock == C.RESOLVE).order_by(Deadline.id)
    assert session.scalars(rounds).all() == [1, 2]


def test_nobody_has_to_speak_to_a_resident_who_is_not_there(session, scene):
    case = scene.case(Status.SUBMITTED, resident_id=None)
    for action in (A.ACCEPT, A.ASSIGN, A.ACKNOWLEDGE):
        turn(session, case, action, AT)
    assert set(running(session, case)) == {C.RESOLVE}


@pytest.mark.parametrize("seed", range(20))
def test_on_any_way_through_life_an_unsolved_case_has_a_clock_and_a_finished_one_has_none(
    session, scene, seed
):
    """No case is skipped: whoever has it, somebody's clock runs."""
    dice, case, moment = random.Random(seed), submit(scene), AT
    for _ in range(25):
        if not (steps := allowed(case.status, set(Role))):
            break
        action, moment = dice.choice(steps), moment + 17 * MINUTE
        case.round += action is A.REOPEN
        turn(session, case, action, moment)
        clocks = running(session, case)
        working = clocks.keys() - {C.REVIEW}  # a closed one has it while a bad answer is looked at
        assert bool(working) is (case.status in UNSOLVED), (action, case.status)
        assert case.due_at == min(clocks.values(), default=None)
        watched = sa.select(sa.func.count()).where(Deadline.next_at.is_not(None))
        assert session.scalar(watched) == len(clocks)


def test_every_clock_of_a_case_stops_when_the_case_ends_and_all_have_a_name_and_a_holder():
    for clock, terms in POLICY.items():
        assert terms.label
        assert terms.holder in Audience
        if terms.started_by and clock is not C.REVIEW:  # which runs in a case that has ended
            assert {A.WITHDRAW, A.REJECT, A.MERGE} <= set(terms.stopped_by), clock


def test_the_table_of_clocks_is_complete():
    assert set(deadlines.POLICY) == set(Clock)
    started = {action for terms in POLICY.values() for action in terms.started_by}
    into_work = {action for action, rule in RULES.items() if rule.target in UNSOLVED}
    assert started == into_work | {A.DISSENT}


def test_a_clock_that_a_reopened_case_took_over_is_stopped_and_goes_on_like_its_own(session, scene):
    master, member = assigned(scene), scene.resolve(submit(scene))
    scene.do(member, A.REOPEN, Role.RESIDENT, AT + HOUR)
    turn(session, member, A.MERGE, AT + 2 * HOUR)
    deadlines.move(session, master, member, AT + 3 * HOUR)
    turn(session, member, A.MERGE, AT + 4 * HOUR)
    turn(session, member, A.ASSIGN, AT + 5 * HOUR)
    assert running(session, member)[C.RESOLVE] == AT + 48 * HOUR


@pytest.mark.parametrize("was_assigned", [True, False])
def test_who_goes_on_with_a_case_goes_on_with_its_clocks(session, scene, was_assigned):
    """Also a member whose own clocks began in the same moment."""
    master, member = assigned(scene), assigned(scene) if was_assigned else submit(scene)
    turn(session, member, A.MERGE, AT + MINUTE)
    deadlines.move(session, master, member, AT + HOUR)
    assert running(session, master) == {}
    assert running(session, member)[C.RESOLVE] == AT + 48 * HOUR
    assert (master.due_at, member.due_at) == (None, AT + HOUR)
    turn(session, member, A.UNMERGE, AT + 2 * HOUR)
    assert set(running(session, member)) == {C.ASSIGN, C.ANSWER, C.RESOLVE}
    lines = session.scalars(sa.select(DeadlineChange).where(DeadlineChange.case_id == master.id)).all()
    assert {line.kind for line in lines} == {ChangeKind.MOVE}
    assert {line.reason for line in lines} == {f"由 {master.number} 转来"}


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
    scene.do(case, A.ASSIGN, Role.DISPATCHER, unit_id=make_unit(session, scene.community).id)
    assert running(session, case)[C.RESOLVE] == due


def test_an_urgent_case_does_not_wait_for_its_categorys_limit(session, scene):
    category = make_category(session, resolve_hours=240)
    case = scene.case(Status.ACCEPTED, category_id=category.id, urgent=True)
    scene.do(case, A.ASSIGN, Role.DISPATCHER, unit_id=make_unit(session, scene.community).id)
    assert running(session, case)[C.RESOLVE] == AT + timedelta(hours=4)


def test_the_nearest_clock_of_each_case_is_found_at_once_and_says_what_is_due(session, scene):
    first, second = assigned(scene), submit(scene)
    scene.do(first, A.ACKNOWLEDGE, Role.HANDLER, AT + MINUTE)
    found = deadlines.nearest_clocks(session, [first.id, second.id])
    assert {case_id: row.clock for case_id, row in found.items()} == {
        first.id: C.FIRST_CONTACT,
        second.id: C.ACCEPT,
    }
    assert [found[case.id].due_at for case in (first, second)] == [first.due_at, second.due_at]
    due = wording.due(first, AT + 61 * MINUTE, found[first.id])
    assert (due.words, due.tone) == ("先行联系时限 今天 14:01，还剩3小时", "amber")
    assert wording.dues(session, [first, second], AT + 61 * MINUTE) == {
        first.id: due,
        second.id: wording.due(second, AT + 61 * MINUTE, found[second.id]),
    }


def test_each_clock_of_a_case_says_until_when(session, scene):
    case = assigned(scene)
    assert deadlines.until(session, case, C.RESOLVE) == AT + 48 * HOUR
    assert deadlines.until(session, case, C.ACKNOWLEDGE) == case.due_at == AT + HOUR
    assert deadlines.until(session, case, C.ARBITRATE) is None
    scene.do(case, A.ASK, Role.HANDLER, AT + MINUTE, note="是哪一盏灯不亮？")
    assert deadlines.until(session, case, C.RESOLVE) is None


def test_no_clock_of_another_place_goes_on_with_a_member(session, scene):
    """A master that nobody had accepted yet, or that was in dispute."""
    for steps in ((), (A.ACCEPT, A.ASSIGN, A.DISPUTE), (A.ACCEPT, A.ASSIGN, A.ACKNOWLEDGE)):
        master, member = submit(scene), submit(scene)
        for step in steps:
            turn(session, master, step, AT)
        turn(session, member, A.MERGE, AT)
        deadlines.move(session, master, member, AT + HOUR)
        turn(session, member, A.UNMERGE, AT + HOUR)
        assert set(running(session, member)) - {C.RESOLVE} == {C.ASSIGN, C.ANSWER}, steps
