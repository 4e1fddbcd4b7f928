"""When the resident is asked: the clock stands still by rule, and goes on with the answer or by itself."""

import threading

import pytest
import sqlalchemy as sa

from backend import db
from backend.cases import deadlines, escalation, lateness, merging, pauses, tasks, time_requests
from backend.cases.deadline_models import ChangeKind, Clock, Deadline, DeadlineChange
from backend.cases.models import Case, CaseEvent
from backend.cases.workflow import Action, Status
from backend.config import config
from backend.errors import Conflict
from backend.notify.messages import Message
from backend.places.roles import Role
from backend.times import now
from tests.cases.clock_scene import DAY, HOUR, MINUTE, clock_of, fresh, running
from tests.cases.request_scene import ask_extension, ask_pause, decide, in_progress, owed
from tests.cases.scene import AT, at_once

__all__ = ["fresh"]
pytestmark = pytest.mark.usefixtures("fresh")
A, C = Action, Clock


def ask(scene, case, at=AT + 8 * HOUR):
    return scene.do(case, A.ASK, Role.HANDLER, at, note="是哪一盏灯不亮？")


def test_asking_the_resident_pauses_the_clock_by_rule_and_it_goes_on_by_itself(session, scene):
    case = ask(scene, in_progress(scene))
    assert (case.due_at, clock_of(session, case, C.RESOLVE).next_at) == (None, None)
    over = AT + 8 * HOUR + config.ask_days * DAY
    assert pauses.ended(session, over - MINUTE, 10) == []
    pauses.end_pauses(session, case.number, over)
    assert running(session, case) == {C.RESOLVE: over + 40 * HOUR}
    line = session.scalars(sa.select(DeadlineChange)).one()
    assert (line.kind, line.asked_by, line.reason) == (ChangeKind.PAUSE, None, "请居民补充情况")


def test_after_days_without_an_answer_another_question_may_be_asked_but_wins_no_time(session, scene):
    case = ask(scene, in_progress(scene))
    over = AT + 8 * HOUR + config.ask_days * DAY
    with pytest.raises(Conflict, match="还没有回复"):
        ask(scene, case, over - MINUTE)
    pauses.end_pauses(session, case.number, over)
    ask(scene, case, over + HOUR)
    assert case.asked_at == over + HOUR
    assert running(session, case) == {C.RESOLVE: over + 40 * HOUR}


def test_a_clock_that_is_late_is_not_excused_by_a_question(session, scene):
    case = ask(scene, in_progress(scene), AT + 49 * HOUR)
    assert clock_of(session, case, C.RESOLVE).paused_at is None


def test_the_answer_of_the_resident_lets_the_clock_go_on_and_is_told_to_the_unit(session, scene):
    case = ask(scene, in_progress(scene))
    scene.do(case, A.ADD, Role.RESIDENT, AT + 10 * HOUR, note="三号楼门口那一盏")
    assert pauses.replied(session, 10) == [case.number]
    pauses.take_reply(session, case.number, AT + 10 * HOUR)
    assert running(session, case) == {C.RESOLVE: AT + 50 * HOUR}
    assert (case.question, case.asked_at, case.replied_at) == (None, None, None)
    [told] = owed(session, Message.CASE_REPLIED)
    assert (told.officer_id, told.fields["note"]) == (
        scene.actor(Role.HANDLER).officer_id,
        "居民说：三号楼门口那一盏\n时限继续计算。",
    )
    pauses.take_reply(session, case.number, AT + 11 * HOUR)
    assert len(owed(session, Message.CASE_REPLIED)) == 1
    assert pauses.replied(session, 10) == []


def test_an_answer_after_the_pause_was_over_is_told_all_the_same(session, scene):
    case = ask(scene, in_progress(scene))
    over = AT + 8 * HOUR + config.ask_days * DAY
    pauses.end_pauses(session, case.number, over)
    due_at = case.due_at
    scene.do(case, A.ADD, Role.RESIDENT, over + HOUR, note="三号楼门口那一盏")
    pauses.take_reply(session, case.number, over + HOUR)
    assert case.due_at == due_at
    assert len(owed(session, Message.CASE_REPLIED)) == 1


def test_an_answer_does_not_end_a_pause_that_was_granted(session, scene):
    case = in_progress(scene)
    decide(scene, case, ask_pause(scene, case), AT + 2 * HOUR)
    ask(scene, case)
    scene.do(case, A.ADD, Role.RESIDENT, AT + 10 * HOUR, note="三号楼门口那一盏")
    pauses.take_reply(session, case.number, AT + 10 * HOUR)
    assert clock_of(session, case, C.RESOLVE).paused_at == AT + 2 * HOUR
    [told] = owed(session, Message.CASE_REPLIED)
    assert told.fields["note"] == "居民说：三号楼门口那一盏"  # nothing goes on by it


def test_an_answer_to_a_case_that_was_merged_meanwhile_is_told_to_who_has_its_master(session, scene):
    master, case = in_progress(scene), ask(scene, in_progress(scene))
    merging.merge(session, case.number, scene.actor(Role.DISPATCHER), master.number, at=AT + 9 * HOUR)
    scene.do(case, A.ADD, Role.RESIDENT, AT + 10 * HOUR, note="三号楼门口那一盏")
    pauses.take_reply(session, case.number, AT + 10 * HOUR)
    [told] = owed(session, Message.CASE_REPLIED)
    assert told.officer_id == scene.actor(Role.HANDLER).officer_id
    assert told.fields["note"] == "居民说：三号楼门口那一盏"


def test_one_case_that_cannot_go_on_holds_up_none_behind_it(committed_scene):
    """The first is as no code leaves it: merged, and its clock not stopped."""
    scene = committed_scene
    first, second = (ask(scene, in_progress(scene, now()), now()) for _ in range(2))
    for case in (first, second):
        scene.do(case, A.ADD, Role.RESIDENT, now(), note="三号楼门口那一盏")
    first.status = Status.MERGED
    scene.session.commit()
    tasks.resume_answered()
    with db.transaction() as session:
        assert session.get_one(Case, second.id).replied_at is None
        assert clock_of(session, second, C.RESOLVE).paused_at is None


def test_several_workers_take_an_answer_once(committed_scene):
    scene = committed_scene
    case = ask(scene, in_progress(scene, now()), now())
    scene.do(case, A.ADD, Role.RESIDENT, now(), note="三号楼门口那一盏")
    scene.session.commit()
    threads = [threading.Thread(target=tasks.resume_answered) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with db.transaction() as session:
        assert len(owed(session, Message.CASE_REPLIED)) == 1
        resumed = sa.select(CaseEvent).where(CaseEvent.action == A.RESUME)
        assert len(session.scalars(resumed).all()) == 1
        assert session.scalars(sa.select(Deadline).where(Deadline.paused_at.is_not(None))).all() == []
        assert session.scalars(sa.select(Case.replied_at)).all() == [None]


@pytest.mark.parametrize("is_asked", [True, False])
def test_a_clock_that_was_paused_when_its_case_was_merged_runs_again_when_it_is_taken_out(
    session, scene, is_asked
):
    master, case = in_progress(scene), in_progress(scene)
    if is_asked:
        ask(scene, case)
    else:
        decide(scene, case, ask_pause(scene, case), AT + 8 * HOUR)
    merging.merge(session, case.number, scene.actor(Role.DISPATCHER), master.number, at=AT + 10 * HOUR)
    line = session.scalars(sa.select(DeadlineChange)).one()
    assert (line.ended_at, line.due_after) == (AT + 10 * HOUR, AT + 50 * HOUR)
    merging.unmerge(session, case.number, scene.actor(Role.DISPATCHER), "不是一件事", AT + 11 * HOUR)
    scene.do(case, A.ASSIGN, Role.DISPATCHER, AT + 12 * HOUR, unit_id=scene.unit.id)
    row = clock_of(session, case, C.RESOLVE)
    assert (row.paused_at, row.due_at, row.next_at) == (None, AT + 50 * HOUR, AT + 26 * HOUR)


def test_a_case_that_becomes_urgent_while_the_resident_is_asked_goes_on_with_an_urgent_clock(session, scene):
    case = ask(scene, in_progress(scene))
    scene.do(case, A.ADD, Role.RESIDENT, AT + 20 * HOUR, note="着火了")
    case.urgent = True
    deadlines.hasten(session, case, AT + 20 * HOUR)
    session.flush()
    row = clock_of(session, case, C.RESOLVE)
    assert (row.paused_at, row.next_at) == (AT + 8 * HOUR, None)
    pauses.take_reply(session, case.number, AT + 20 * HOUR)
    assert running(session, case)[C.RESOLVE] == case.due_at == AT + 24 * HOUR
    said = "\n".join(lateness.why_late(session, case, AT + 21 * HOUR))
    assert "提前（转为紧急）" in said


def test_what_the_sweep_writes_while_a_clock_is_given_more_time_does_not_stay(committed_scene):
    """The sweep finds it overdue in the very moment of the decision, and commits after the clock was read."""
    scene, start = committed_scene, now() - 49 * HOUR
    case = in_progress(scene, start)
    change_id = ask_extension(scene, case, start + HOUR, minutes=3 * 24 * 60).id
    number, actor = case.number, scene.actor(Role.SUPERVISOR)
    scene.session.commit()

    def grant(own):
        time_requests.decide(own, number, actor, change_id, is_granted=True)

    with db.transaction() as sweep:
        escalation.fire_due(sweep, now(), 10)
        other = threading.Thread(target=at_once, args=[grant])
        other.start()
        other.join(1)
    other.join()
    with db.transaction() as session:
        row = clock_of(session, session.get_one(Case, case.id), C.RESOLVE)
        assert (row.fired_at, row.stage, row.next_at) == (None, 0, row.amber_at)
