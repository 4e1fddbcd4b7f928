"""Telephone callbacks: who calls, and what each call comes to."""

import pytest
import sqlalchemy as sa

from backend.cases import (
    callback_plans,
    callback_queries,
    callbacks,
    tasks,
)
from backend.cases.callback_models import (
    CallAttempt,
    CallbackState,
    Heard,
    PhoneCallback,
)
from backend.cases.callbacks import Told
from backend.cases.models import CaseEvent
from backend.cases.survey_models import Survey, SurveyAnswer, SurveyPolicy, SurveyState, Via
from backend.cases.workflow import Action, Status
from backend.errors import Conflict, Forbidden, Invalid, NotFound
from backend.notify.messages import Message
from backend.places.models import Resident
from backend.places.roles import Role
from tests.cases.callback_scene import (
    BAD,
    DAY,
    GOOD,
    HOUR,
    TEN,
    asked_in_chat,
    call,
    callbacks_of,
    caller,
    close,
    due,
    notes,
    settings,
    shanghai,
    silent,
    under_an_order,
)
from tests.cases.scene import at_once
from tests.factories import make_community, make_contact
from tests.killing import begin

__all__ = ["begin", "caller", "settings"]


# -- who calls


def test_of_two_who_take_it_one_has_it_and_the_other_reads_who(committed, committed_scene):
    scene = committed_scene
    callback_id = due(scene, TEN).id
    actors = [scene.actor(role) for role in (Role.INFORMATION_OFFICER, Role.DISPATCHER, Role.SUPERVISOR)]
    committed.commit()
    committed.expunge_all()
    results = at_once(*[lambda session, a=a: callbacks.take(session, callback_id, a, TEN) for a in actors])
    won = [result for result in results if isinstance(result, PhoneCallback)]
    assert len(won) == 1
    assert {result.message for result in results if isinstance(result, Conflict)} == {
        "周明正在打这个电话，请打别的"
    }


def test_after_half_an_hour_another_may_take_it_and_who_had_it_then_cannot(session, scene, caller):
    callback, other = due(scene, TEN), scene.actor(Role.DISPATCHER)
    callbacks.take(session, callback.id, caller, TEN)
    with pytest.raises(Conflict, match="周明正在打"):
        callbacks.take(session, callback.id, other, TEN + HOUR / 2.1)
    callbacks.take(session, callback.id, other, TEN + HOUR / 2)
    with pytest.raises(Conflict, match="周明正在打"):
        callbacks.dial(session, callback.id, caller, TEN + HOUR / 2)


def test_what_was_given_back_is_free_again(session, scene, caller):
    callback, other = due(scene, TEN), scene.actor(Role.DISPATCHER)
    callbacks.take(session, callback.id, caller, TEN)
    with pytest.raises(Conflict, match="不在您手里"):
        callbacks.give_back(session, callback.id, other)
    callbacks.give_back(session, callback.id, caller)
    callbacks.take(session, callback.id, other, TEN)


@pytest.mark.parametrize("role", [Role.HANDLER, Role.SECRETARY, Role.LEADER, Role.GRID_OFFICER])
def test_who_does_not_call_cannot_take_it(session, scene, role):
    callback = due(scene, TEN)
    with pytest.raises(Forbidden, match="不归您打"):
        callbacks.take(session, callback.id, scene.actor(role), TEN)


def test_who_calls_elsewhere_neither_sees_nor_takes_it(session, scene):
    callback = due(scene, TEN)
    elsewhere = make_community(session, name="枫溪社区")
    scene.community = elsewhere
    stranger = scene.actor(Role.INFORMATION_OFFICER)
    assert callback_queries.page(session, stranger.posts, "due", TEN) == []
    assert callback_queries.counts(session, stranger.posts, TEN).due == 0
    with pytest.raises(Forbidden):
        callbacks.dial(session, callback.id, stranger, TEN)
    with pytest.raises(NotFound):
        callbacks.find(session, 999_999, stranger)


def test_seeing_the_number_is_written_down_and_only_who_took_it_sees_it(session, scene, caller):
    callback = due(scene, TEN)
    with pytest.raises(Conflict, match="我来打"):
        callbacks.dial(session, callback.id, caller, TEN)
    callbacks.take(session, callback.id, caller, TEN)
    assert callbacks.dial(session, callback.id, caller, TEN).phone == "13812345678"
    [event] = session.scalars(sa.select(CaseEvent).where(CaseEvent.action == Action.CALL_BACK))
    assert (event.officer_id, event.public, event.note) == (caller.officer_id, False, "查看了电话，准备拨打")
    [attempt] = session.scalars(sa.select(CallAttempt))
    assert (attempt.officer_id, attempt.unmasked_at, attempt.heard) == (caller.officer_id, TEN, None)
    callbacks.dial(session, callback.id, caller, TEN + HOUR / 4)  # a look again is the same try
    assert session.scalar(sa.select(sa.func.count()).select_from(CallAttempt)) == 1


@pytest.mark.parametrize(
    ("clock", "opens"), [("08:59", "今天 09:00起可以打"), ("20:01", "明天 09:00起可以打")]
)
def test_nobody_is_called_outside_the_hours_and_it_is_said_when_calling_begins(
    session, scene, caller, clock, opens
):
    callback = due(scene, TEN)
    at = shanghai(24, clock)
    with pytest.raises(Conflict, match=opens):
        callbacks.take(session, callback.id, caller, at)
    callbacks.take(session, callback.id, caller, TEN)
    with pytest.raises(Conflict, match=opens):
        callbacks.dial(session, callback.id, caller, at)
    assert session.scalars(sa.select(CallAttempt)).all() == []


def test_a_number_that_somebody_saw_is_left_alone_for_two_hours(session, scene, caller):
    """Whoever saw it may have called and never said so."""
    callback, other = due(scene, TEN), scene.actor(Role.DISPATCHER)
    callbacks.take(session, callback.id, caller, TEN)
    callbacks.dial(session, callback.id, caller, TEN)
    with pytest.raises(Conflict, match=r"今天 12:00|11月23日（周一） 12:00"):
        callbacks.take(session, callback.id, other, TEN + HOUR)
    callbacks.take(session, callback.id, other, TEN + 2 * HOUR)
    callbacks.dial(session, callback.id, other, TEN + 2 * HOUR)


# -- what a call comes to


def test_an_answer_by_telephone_is_the_answer_of_the_round(session, scene, caller):
    callback = due(scene, TEN)
    call(session, callback, caller, GOOD)
    survey = session.get_one(Survey, callback.survey_id)
    assert (survey.state, survey.solved, survey.satisfaction) == (SurveyState.ANSWERED, True, 5)
    assert (survey.words, survey.answered_at) == ("很快就修好了", TEN)
    assert (callback.state, callback.ended_at) == (CallbackState.ANSWERED, TEN)
    case = callback_queries.page(session, caller.posts, "done", TEN)[0].case
    assert (case.status, case.confirmed_at) == (Status.CLOSED, TEN)
    assert notes(session, callback)[-1] == "接通：已解决，很满意。原话：很快就修好了"


def test_not_solved_brings_the_case_back_as_an_answer_in_chat_does(session, scene, caller):
    callback = due(scene, TEN)
    call(session, callback, caller, BAD)
    case = callback_queries.page(session, caller.posts, "done", TEN)[0].case
    assert (case.status, case.round) == (Status.ACCEPTED, 2)
    assert callback.state is CallbackState.ANSWERED
    assert (
        notes(session, callback)[-1] == "接通：没有解决，没有说是否满意。没修好，或又坏了。原话：晚上还是不亮"
    )
    told = {row.message for row in scene.told(case)}
    assert Message.CASE_RETURNED in told


@pytest.mark.parametrize("told", [Told(Heard.ANSWERED), Told(Heard.ANSWERED, solved=True)])
def test_both_questions_are_asked(session, scene, caller, told):
    callback = due(scene, TEN)
    with pytest.raises(Invalid):
        call(session, callback, caller, told)


def test_who_does_not_pick_up_is_tried_three_times_at_three_parts_of_the_day(session, scene, caller):
    callback, at = due(scene, TEN), TEN
    moments = [TEN, shanghai(23, "14:00"), shanghai(23, "17:30")]
    for number, at in enumerate(moments, 1):
        assert callback.next_at == at
        call(session, callback, caller, Told(Heard.NO_ANSWER), at)
        assert callback.tries == number
        if number < 3:
            with pytest.raises(Conflict, match="再打"):
                callbacks.take(session, callback.id, caller, at + HOUR)
    assert (callback.state, callback.ended_at) == (CallbackState.UNREACHED, at)
    assert notes(session, callback)[1::2] == [
        "第 1 次，没有人接，今天 14:00再打",
        "第 2 次，没有人接，今天 17:30再打",
        "第 3 次，没有人接，3 次都没有打通，不再打",
    ]
    with pytest.raises(Conflict, match="未接通"):
        callbacks.take(session, callback.id, caller, TEN + DAY)


def test_the_same_form_again_is_told_that_the_call_is_written_down(session, scene, caller):
    callback = due(scene, TEN)
    call(session, callback, caller, Told(Heard.NO_ANSWER))
    with pytest.raises(Conflict):
        callbacks.record(session, callback.id, caller, Told(Heard.NO_ANSWER), TEN)
    assert callback.tries == 1


def test_reasons_are_those_that_are_offered(session, scene, caller):
    callback = due(scene, TEN)
    with pytest.raises(Invalid, match="从列出的里面选"):
        call(session, callback, caller, Told(Heard.ANSWERED, solved=False, reasons=("天气不好",)))


def test_who_called_stands_with_the_answer(session, scene, caller):
    callback = due(scene, TEN)
    call(session, callback, caller, BAD)
    [answer] = session.scalars(sa.select(SurveyAnswer))
    assert (answer.via, answer.officer_id) == (Via.TELEPHONE, caller.officer_id)
    assert answer.reasons == ["没修好，或又坏了"]


def test_where_people_are_asked_at_other_hours_they_are_called_at_those(session, scene, caller):
    session.add(SurveyPolicy(area_id=scene.community.id, hours="10:00-12:00"))
    callback = due(scene, TEN)
    with pytest.raises(Conflict, match="明天 10:00起可以打"):
        callbacks.take(session, callback.id, caller, shanghai(23, "13:00"))
    call(session, callback, caller, Told(Heard.NO_ANSWER), shanghai(23, "11:00"))
    assert callback.next_at == shanghai(24, "10:00")


def test_a_sampled_answer_counts_though_the_survey_had_expired(session, scene, caller, settings):
    settings("callback_percent", 100)
    [survey] = silent(scene)
    tasks.ask_due(session, TEN, 100)
    call(session, callbacks_of(session)[0], caller, GOOD)
    assert (survey.state, survey.solved, survey.via) == (SurveyState.ANSWERED, True, Via.TELEPHONE)


def test_a_busy_line_is_tried_again_after_two_hours(session, scene, caller):
    callback = due(scene, shanghai(23, "14:10"))
    call(session, callback, caller, Told(Heard.BUSY), shanghai(23, "14:10"))
    assert callback.next_at == shanghai(23, "16:10")


def test_whoever_asks_for_another_time_is_called_then(session, scene, caller):
    callback = due(scene, TEN)
    later = shanghai(23, "11:00")
    call(session, callback, caller, Told(Heard.LATER, later_at=later))
    assert (callback.next_at, callback.tries, callback.state) == (later, 0, CallbackState.WAITING)
    call(session, callback, caller, GOOD, later)
    assert callback.state is CallbackState.ANSWERED


@pytest.mark.parametrize("later", [None, TEN, shanghai(23, "21:00"), TEN + 15 * DAY])
def test_a_time_that_nobody_calls_at_is_refused(session, scene, caller, later):
    callback = due(scene, TEN)
    with pytest.raises(Invalid):
        call(session, callback, caller, Told(Heard.LATER, later_at=later))


def test_who_asks_for_a_day_after_the_end_is_waited_for(session, scene, caller):
    callback = due(scene, TEN)
    call(session, callback, caller, Told(Heard.LATER, later_at=TEN + 9 * DAY))
    assert callback_plans.end_late(session, TEN + 9 * DAY, 100) == 0
    assert callback_plans.end_late(session, TEN + 10 * DAY, 100) == 1


def test_who_refuses_is_neither_called_nor_written_to_for_half_a_year(session, scene, caller):
    callback = due(scene, TEN)
    resident = session.get_one(Resident, callback.resident_id)
    call(session, callback, caller, Told(Heard.REFUSED))
    assert callback.state is CallbackState.REFUSED
    tasks.ask_due(session, TEN + 4 * DAY, 100)
    assert asked_in_chat(session) == []
    make_contact(session, resident)
    case, survey = close(scene, TEN + 20 * DAY, resident=resident)
    under_an_order(session, case)
    callback_plans.plan(session, [survey.id], TEN + 21 * DAY)
    callback_plans.plan(session, [survey.id], TEN + 179 * DAY)
    assert len(callbacks_of(session)) == 1
    callback_plans.plan(session, [survey.id], TEN + 180 * DAY)
    assert len(callbacks_of(session)) == 2


def test_a_result_needs_a_call_and_a_wrong_number_ends_it(session, scene, caller):
    callback = due(scene, TEN)
    callbacks.take(session, callback.id, caller, TEN)
    with pytest.raises(Conflict, match="先查看号码"):
        callbacks.record(session, callback.id, caller, GOOD, TEN)
    callbacks.dial(session, callback.id, caller, TEN)
    callbacks.record(session, callback.id, caller, Told(Heard.WRONG_NUMBER), TEN)
    assert callback.state is CallbackState.WRONG_NUMBER


def test_a_number_seen_before_it_was_given_back_is_seen_anew(session, scene, caller):
    callback = due(scene, TEN)
    callbacks.take(session, callback.id, caller, TEN)
    callbacks.dial(session, callback.id, caller, TEN)
    callbacks.give_back(session, callback.id, caller)
    later = TEN + 3 * HOUR
    callbacks.take(session, callback.id, caller, later)
    with pytest.raises(Conflict, match="先查看号码"):
        callbacks.record(session, callback.id, caller, GOOD, later)
    callbacks.dial(session, callback.id, caller, later)
    callbacks.record(session, callback.id, caller, GOOD, later)
    heard = session.scalars(sa.select(CallAttempt.heard).order_by(CallAttempt.id)).all()
    assert heard == [None, Heard.ANSWERED]
