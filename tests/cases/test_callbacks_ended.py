"""Telephone callbacks: what ends one before anybody has called."""

from datetime import time

import pytest
import sqlalchemy as sa

from backend.cases import (
    callback_plans,
    callback_queries,
    callbacks,
    survey_answers,
    tasks,
)
from backend.cases.callback_models import (
    CallAttempt,
    CallbackState,
    Heard,
    Why,
)
from backend.cases.callbacks import Told
from backend.cases.survey_answers import Said
from backend.cases.survey_models import Survey, SurveyAnswer, SurveyPolicy, SurveyState, Via
from backend.cases.workflow import Action, Status
from backend.errors import Conflict
from backend.places.roles import Role
from tests.cases.callback_scene import (
    BAD,
    DAY,
    GOOD,
    HOUR,
    PHONE,
    TEN,
    asked_in_chat,
    call,
    callbacks_of,
    caller,
    due,
    settings,
    shanghai,
    under_an_order,
)
from tests.factories import make_resident
from tests.killing import begin

__all__ = ["begin", "caller", "settings"]


def test_an_answer_in_chat_ends_the_callback(session, scene, caller):
    callback = due(scene, TEN)
    callbacks.take(session, callback.id, caller, TEN)
    callbacks.dial(session, callback.id, caller, TEN)
    answer_in_chat(session, callback)
    assert (callback.state, callback.ended_at) == (CallbackState.REPLIED, TEN)
    stranger = scene.actor(Role.SUPERVISOR)
    for who in (stranger, caller):
        with pytest.raises(Conflict, match="已在微信答复"):
            callbacks.dial(session, callback.id, who, TEN)
    with pytest.raises(Conflict, match="已在微信答复"):
        callbacks.record(session, callback.id, stranger, BAD, TEN)


def answer_in_chat(session, callback):
    survey = survey_answers.give(session, callback.survey_id, Said(True, 4), Via.CHAT, at=TEN)
    session.refresh(callback)
    return survey


def test_what_they_said_on_the_telephone_meanwhile_is_kept_beside_their_answer(session, scene, caller):
    callback = due(scene, TEN)
    callbacks.take(session, callback.id, caller, TEN)
    callbacks.dial(session, callback.id, caller, TEN)
    survey = answer_in_chat(session, callback)
    callbacks.record(session, callback.id, caller, BAD, TEN + HOUR / 60)
    assert (callback.state, survey.solved, survey.satisfaction) == (CallbackState.REPLIED, True, 4)
    [attempt] = session.scalars(sa.select(CallAttempt))
    assert (attempt.heard, attempt.note) == (Heard.ANSWERED, "晚上还是不亮")
    late = session.scalars(sa.select(SurveyAnswer).where(SurveyAnswer.is_late)).one()
    assert (late.via, late.officer_id, late.solved, late.words) == (
        Via.TELEPHONE, caller.officer_id, False, "晚上还是不亮",
    )  # fmt: skip
    with pytest.raises(Conflict, match="已在微信答复"):  # it was said already
        callbacks.record(session, callback.id, caller, BAD, TEN + HOUR / 60)


def test_an_answer_in_chat_after_the_end_ends_the_callback(session, scene, caller):
    callback = due(scene, TEN)
    survey = session.get_one(Survey, callback.survey_id)
    survey.state, survey.next_at = SurveyState.EXPIRED, None
    survey_answers.say_late(session, survey.id, Said(words="在外地"), Via.CHAT, at=TEN)
    session.refresh(callback)
    assert callback.state is CallbackState.WAITING  # that answers neither question
    survey_answers.say_late(session, survey.id, Said(False), Via.CHAT, at=TEN)
    session.refresh(callback)
    assert callback.state is CallbackState.REPLIED


def test_nobody_is_called_at_night_even_where_surveys_are_sent_then(session, scene, caller, settings):
    settings("survey_hours", (time(0), time.max))
    settings("callback_hours", (time(9), time(20, 30)))
    callback = due(scene, shanghai(23, "23:00"))
    with pytest.raises(Conflict, match="明天 09:00起可以打"):
        callbacks.take(session, callback.id, caller, shanghai(23, "23:00"))


def test_what_came_of_a_call_is_written_down_also_when_the_hours_are_over(session, scene, caller):
    callback = due(scene, shanghai(23, "19:58"))
    callbacks.take(session, callback.id, caller, shanghai(23, "19:58"))
    callbacks.dial(session, callback.id, caller, shanghai(23, "19:58"))
    callbacks.record(session, callback.id, caller, GOOD, shanghai(23, "20:07"))
    assert callback.state is CallbackState.ANSWERED


def test_the_list_says_when_each_may_be_called_where_it_lies(session, scene, caller):
    """By the policy of its place, and not before its turn."""
    first, second = due(scene, TEN), due(scene, TEN + HOUR / 60)
    call(session, first, caller, Told(Heard.NO_ANSWER), TEN + HOUR / 60)
    show = lambda view, at: [  # noqa: E731
        (line.row.id, line.opens_at)
        for line in callback_queries.page(session, caller.posts, view, at, officer_id=caller.officer_id)
    ]
    at = TEN + HOUR
    assert show("due", at) == [(second.id, at)]
    assert show("later", at) == [(first.id, shanghai(23, "14:00"))]
    callbacks.take(session, second.id, caller, at)
    callbacks.dial(session, second.id, caller, at)
    assert show("mine", at + HOUR) == [(second.id, at + HOUR)]  # it is under way
    night = shanghai(23, "21:00")
    assert dict(show("due", night)) == dict.fromkeys((first.id, second.id), shanghai(24, "09:00"))
    session.add(SurveyPolicy(area_id=scene.community.id, hours="10:00-12:00"))
    assert {opens for _, opens in show("due", night)} == {shanghai(24, "10:00")}


def test_what_somebody_has_in_hand_is_not_counted_as_to_be_called(session, scene, caller):
    """The number above the list is how many the list shows."""
    first, second = due(scene, TEN), due(scene, TEN + HOUR / 60)
    at = TEN + HOUR / 60
    callbacks.take(session, first.id, scene.actor(Role.DISPATCHER), at)
    listed = [line.row.id for line in callback_queries.page(session, caller.posts, "due", at)]
    assert (listed, callback_queries.counts(session, caller.posts, at).due) == ([second.id], 1)
    later = at + HOUR  # they did not call
    assert len(callback_queries.page(session, caller.posts, "due", later)) == 2
    assert callback_queries.counts(session, caller.posts, later).due == 2


def test_taking_ones_own_again_leaves_the_call_that_goes_on(session, scene, caller):
    callback = due(scene, TEN)
    callbacks.take(session, callback.id, caller, TEN)
    callbacks.take(session, callback.id, caller, TEN + HOUR / 60)
    assert callback.taken_at == TEN + HOUR / 60  # nobody has called yet: their half hour begins again
    callbacks.dial(session, callback.id, caller, TEN + HOUR / 30)
    callbacks.take(session, callback.id, caller, TEN + HOUR / 10)
    callbacks.record(session, callback.id, caller, GOOD, TEN + HOUR / 6)
    assert callback.state is CallbackState.ANSWERED


def test_an_order_that_wants_a_callback_has_it_also_where_nobody_is_asked(session, scene):
    session.add(SurveyPolicy(area_id=scene.community.id, is_asked=False))
    for is_ordered in (False, True):
        resident = make_resident(session, phone=PHONE)
        case = scene.case(Status.RESOLVED, resident_id=resident.id)
        scene.actor(Role.SUPERVISOR)
        if is_ordered:
            under_an_order(session, case)
        scene.do(case, Action.CLOSE, Role.SYSTEM, TEN - DAY)
    tasks.ask_due(session, TEN, 100)
    assert [(one.case_id, one.why) for one in callbacks_of(session)] == [(case.id, Why.ORDERED)]


def test_a_case_that_comes_back_ends_the_callback(session, scene, caller):
    callback = due(scene, TEN)
    case = callback_queries.page(session, caller.posts, "due", TEN)[0].case
    scene.do(case, Action.REOPEN, Role.SUPERVISOR, TEN, note="现场看过，没有修好")
    session.refresh(callback)
    assert callback.state is CallbackState.REOPENED
    with pytest.raises(Conflict, match="已重新办理"):
        callbacks.take(session, callback.id, caller, TEN)


@pytest.mark.parametrize(("tries", "state"), [(0, CallbackState.UNCALLED), (1, CallbackState.UNREACHED)])
def test_what_nobody_called_in_time_ends_but_not_under_whoever_is_calling(
    session, scene, caller, tries, state
):
    callback = due(scene, TEN)
    callback.tries = tries
    end = callback.until_at
    assert callback_plans.end_late(session, end - HOUR, 100) == 0
    callbacks.take(session, callback.id, caller, end)
    assert callback_plans.end_late(session, end, 100) == 0
    assert callback_plans.end_late(session, end + HOUR, 100) == 1
    assert (callback.state, callback.ended_at) == (state, end + HOUR)


def test_who_could_not_be_reached_is_reminded_in_writing(session, scene, caller):
    """Who has WeChat after all, or a number for short messages, can still answer."""
    callback = due(scene, TEN)
    for at in (TEN, shanghai(23, "14:00"), shanghai(23, "17:30")):
        call(session, callback, caller, Told(Heard.NO_ANSWER), at)
    tasks.ask_due(session, TEN + 3 * DAY, 100)
    assert asked_in_chat(session) == [callback.resident_id]


def test_who_is_still_to_be_called_does_not_count_as_silent_before(session, scene, caller):
    """Where surveys end sooner than calls do, the survey of somebody who is called ends with the calls."""
    session.add(SurveyPolicy(area_id=scene.community.id, days_open=1, is_reminded=False))
    callback = due(scene, TEN)
    survey = session.get_one(Survey, callback.survey_id)
    for later in (TEN + DAY, TEN + 3 * DAY):
        tasks.ask_due(session, later, 100)
        assert (survey.state, survey.next_at) == (SurveyState.SENT, callback.until_at)
    callback_plans.end_late(session, callback.until_at, 100)
    tasks.ask_due(session, callback.until_at, 100)
    assert survey.state is SurveyState.EXPIRED
