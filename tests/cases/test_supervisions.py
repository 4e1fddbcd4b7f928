"""Supervision orders: whom one may ask, who answers, what it brought, and that silence is said once."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from backend import db
from backend.cases import supervisions
from backend.cases.service import Actor
from backend.cases.supervision_models import Effect, Supervised, Supervision
from backend.cases.workflow import Action, Status
from backend.errors import AppError, Conflict, Forbidden, Invalid, NotFound
from backend.notify.messages import CATALOGUE, SUPERVISIONS, Message
from backend.notify.models import Notification
from backend.places.models import Post, Unit
from backend.places.roles import Role
from tests.cases.scene import AT, SOLVED, at_once
from tests.factories import make_officer, make_unit

DAY = timedelta(days=1)
WORDS = "三天没有进展，请说明原因和办结时间"


def issue(scene, case, at=AT, due_at=AT + DAY, unit=None, actor=None, text=WORDS):
    actor, unit = actor or scene.actor(Role.SUPERVISOR), unit or scene.unit
    return supervisions.issue(scene.session, case.number, actor, unit.id, text, due_at, at)


def told(scene, message):
    """Who is owed this message, each as often as they are."""
    rows = sa.select(Notification.officer_id).where(Notification.message == message)
    return sorted(scene.session.scalars(rows))


@pytest.fixture
def case(scene):
    """A case that its unit works on."""
    scene.actor(Role.HANDLER)
    case = scene.submit()
    scene.do(case, Action.ACCEPT, Role.INFORMATION_OFFICER)
    scene.do(case, Action.ASSIGN, Role.DISPATCHER, unit_id=scene.unit.id)
    return scene.do(case, Action.ACKNOWLEDGE, Role.HANDLER)


def test_a_unit_is_asked_answers_and_the_supervisor_says_what_it_brought(scene, case):
    row = issue(scene, case)
    assert told(scene, Message.SUPERVISED) == [scene.actor(Role.HANDLER).officer_id]
    supervisions.answer(scene.session, row.id, scene.actor(Role.HANDLER), "明天更换", AT + DAY / 2)
    assert told(scene, Message.SUPERVISION_ANSWERED) == [scene.actor(Role.SUPERVISOR).officer_id]
    supervisions.end(
        scene.session, row.id, scene.actor(Role.SUPERVISOR), Effect.SOLVED, "已经现场核实", AT + DAY
    )
    assert (row.state, row.answer, row.effect) == (Supervised.CLOSED, "明天更换", Effect.SOLVED)
    assert [(e.action, e.note) for e in scene.events(case)[-3:]] == [
        (Action.SUPERVISE, f"{WORDS}\n请在2026-11-24 10:00前答复"),
        (Action.ANSWER_SUPERVISION, "明天更换"),
        (Action.END_SUPERVISION, "问题已解决：已经现场核实"),
    ]


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"text": " "}, "请写明督办要求"),
        ({"due_at": AT}, "答复时限已经过了"),
        ({"due_at": AT + 366 * DAY}, "一年以内"),
    ],
)
def test_words_and_time_are_checked_and_nothing_remains_of_a_refusal(scene, case, wrong, sentence):
    with pytest.raises(Invalid, match=sentence):
        issue(scene, case, **wrong)
    assert scene.events(case)[-1].action is Action.ACKNOWLEDGE


def test_only_a_unit_that_has_or_had_the_case_can_be_asked(scene, case):
    stranger = make_unit(scene.session, scene.community)
    with pytest.raises(Invalid, match="没有办过这件事"):
        issue(scene, case, unit=stranger)


def test_a_unit_that_had_the_case_is_told_and_answers_though_the_case_is_with_another_now(scene, case):
    had, other = scene.unit, make_unit(scene.session, scene.community, name="供电所")
    case.unit_id = other.id
    scene.session.flush()
    row = issue(scene, case, unit=had)
    handler = scene.actor(Role.HANDLER)
    assert told(scene, Message.SUPERVISED) == [handler.officer_id]
    assert scene.events(case)[-1].note.startswith(f"致{had.name}：")
    assert [unit.id for unit in supervisions.units(scene.session, case)] == [other.id, had.id]
    supervisions.answer(scene.session, row.id, handler, "当时已派人看过", AT)
    assert row.state is Supervised.ANSWERED


def test_who_was_asked_owes_the_answer_though_the_case_goes_on_to_another(scene, case):
    row, had, handler = issue(scene, case), scene.unit, scene.actor(Role.HANDLER)
    case.unit_id = make_unit(scene.session, scene.community, name="供电所").id
    scene.session.flush()
    supervisions.remind(scene.session, AT + DAY, 100)
    assert handler.officer_id in told(scene, Message.SUPERVISION_OVERDUE)
    assert CATALOGUE[Message.SUPERVISION_OVERDUE].link == SUPERVISIONS, (
        "the case itself is not theirs to open"
    )
    supervisions.answer(scene.session, row.id, handler, "当时已派人看过", AT + DAY)
    assert (row.state, row.unit_id) == (Supervised.ANSWERED, had.id)


def test_while_a_unit_owes_an_answer_it_is_not_asked_a_second_time(scene, case):
    row = issue(scene, case)
    with pytest.raises(Conflict, match="还有一张督办单没有答复"):
        issue(scene, case)
    supervisions.answer(scene.session, row.id, scene.actor(Role.HANDLER), "明天更换", AT)
    assert issue(scene, case).id != row.id


def test_each_may_do_their_own_part_and_no_more(scene, case):
    with pytest.raises(Forbidden):
        issue(scene, case, actor=scene.actor(Role.DISPATCHER))
    row = issue(scene, case)
    colleague = make_officer(scene.session, Role.HANDLER, unit=make_unit(scene.session, scene.community))
    post = scene.session.scalar(sa.select(Post).where(Post.officer_id == colleague.id))
    for actor in (scene.actor(Role.SUPERVISOR), Actor(officer_id=colleague.id, posts=(post,))):
        with pytest.raises(NotFound, match="没有这张督办单"):
            supervisions.answer(scene.session, row.id, actor, "明天更换", AT)
    with pytest.raises(Forbidden):
        supervisions.end(scene.session, row.id, scene.actor(Role.HANDLER), Effect.SOLVED, "好了", AT)


def test_what_is_over_stays_as_it_is(scene, case):
    row = issue(scene, case)
    supervisions.end(scene.session, row.id, scene.actor(Role.SUPERVISOR), Effect.NONE, "单位没有答复", AT)
    with pytest.raises(Conflict, match="不用再答复"):
        supervisions.answer(scene.session, row.id, scene.actor(Role.HANDLER), "明天更换", AT)
    with pytest.raises(Conflict, match="已经办结"):
        supervisions.end(scene.session, row.id, scene.actor(Role.SUPERVISOR), Effect.SOLVED, "好了", AT)


def test_a_leader_who_asked_hears_the_answer_beside_the_supervisors(scene, case):
    leader, supervisor = scene.actor(Role.LEADER), scene.actor(Role.SUPERVISOR)
    row = issue(scene, case, actor=leader)
    supervisions.answer(scene.session, row.id, scene.actor(Role.HANDLER), "明天更换", AT)
    assert told(scene, Message.SUPERVISION_ANSWERED) == sorted((leader.officer_id, supervisor.officer_id))


def test_it_can_be_answered_and_ended_after_the_case_is_closed(scene, case):
    row = issue(scene, case)
    scene.do(case, Action.RESOLVE, Role.HANDLER, **vars(SOLVED))
    scene.do(case, Action.CONFIRM, Role.RESIDENT)
    assert case.status is Status.CLOSED
    supervisions.answer(scene.session, row.id, scene.actor(Role.HANDLER), "已经办好", AT)
    supervisions.end(scene.session, row.id, scene.actor(Role.SUPERVISOR), Effect.SOLVED, "核实过了", AT)


def test_silence_at_the_due_time_is_said_once_to_the_unit_and_the_supervisor(scene, case):
    row = issue(scene, case)
    assert supervisions.remind(scene.session, AT + DAY - timedelta(seconds=1), 100) == 0
    assert supervisions.remind(scene.session, AT + DAY, 100) == 1
    assert supervisions.remind(scene.session, AT + 2 * DAY, 100) == 0
    both = sorted(scene.actor(role).officer_id for role in (Role.HANDLER, Role.SUPERVISOR))
    assert told(scene, Message.SUPERVISION_OVERDUE) == both
    assert (row.state, row.reminded_at) == (Supervised.OPEN, AT + DAY)


@pytest.mark.parametrize("status", [Status.REJECTED, Status.WITHDRAWN])
def test_nobody_is_reminded_about_a_case_that_ended_without_work(scene, case, status):
    issue(scene, case)
    case.status = status
    scene.session.flush()
    supervisions.remind(scene.session, AT + DAY, 100)
    assert told(scene, Message.SUPERVISION_OVERDUE) == []


def test_a_reminder_names_the_unit_for_its_supervisors_too(scene, case):
    issue(scene, case)
    supervisions.remind(scene.session, AT + DAY, 100)
    rows = scene.session.scalars(
        sa.select(Notification).where(Notification.message == Message.SUPERVISION_OVERDUE)
    )
    words = {CATALOGUE[row.message].text.format(**row.fields) for row in rows}
    [said] = words
    assert f"请{scene.session.get(Unit, case.unit_id).name}马上答复" in said


def test_what_was_answered_in_time_is_not_called_silent(scene, case):
    row = issue(scene, case)
    supervisions.answer(scene.session, row.id, scene.actor(Role.HANDLER), "明天更换", AT)
    assert supervisions.remind(scene.session, AT + DAY, 100) == 0


def test_two_workers_never_remind_of_the_same(committed_scene):
    scene = committed_scene
    cases = [scene.case(Status.IN_PROGRESS) for _ in range(6)]
    for case in cases:
        issue(scene, case)
    scene.session.commit()
    found = at_once(*[lambda session: supervisions.remind(session, AT + DAY, 100)] * 4)
    assert sum(found) == 6
    with db.transaction() as session:
        assert (
            len(session.scalars(sa.select(Supervision).where(Supervision.reminded_at.is_not(None))).all())
            == 6
        )


def test_of_two_supervisors_at_once_one_asks_and_the_other_is_told(committed_scene):
    scene = committed_scene
    case = scene.case(Status.IN_PROGRESS)
    actor = scene.actor(Role.SUPERVISOR)
    scene.session.commit()

    def ask(session):
        return supervisions.issue(session, case.number, actor, scene.unit.id, WORDS, AT + DAY, AT)

    results = at_once(ask, ask)
    assert sorted(isinstance(result, Conflict) for result in results) == [False, True]
    assert sum(isinstance(result, AppError) for result in results) == 1
