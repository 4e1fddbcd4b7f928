"""Telephone callbacks: who is called, who calls, what each call comes to, and that nobody is called twice."""

from datetime import time

import pytest
import sqlalchemy as sa

from backend.cases import (
    callback_plans,
    callback_queries,
    callback_samples,
    callbacks,
    survey_answers,
    tasks,
)
from backend.cases.callback_models import (
    CallAttempt,
    CallbackShare,
    CallbackState,
    Heard,
    PhoneCallback,
    Why,
)
from backend.cases.callbacks import Told
from backend.cases.models import CaseEvent
from backend.cases.survey_answers import Said
from backend.cases.survey_models import Survey, SurveyAnswer, SurveyPolicy, SurveyState, Via
from backend.cases.workflow import Action, Status
from backend.config import config
from backend.errors import Conflict, Forbidden, Invalid, NotFound
from backend.notify.messages import Message
from backend.notify.models import Notification
from backend.orders.models import Order, OrderCase
from backend.places.models import Resident
from backend.places.roles import Role
from backend.times import now
from tests.cases.callback_scene import DAY, HOUR, PHONE, callbacks_of, close, due, shanghai
from tests.cases.scene import at_once
from tests.factories import make_community, make_contact, make_resident
from tests.killing import begin, go_on, kill_waiting

__all__ = ["begin"]

TEN = shanghai(23, "10:00")  # a Monday
GOOD = Told(Heard.ANSWERED, solved=True, satisfaction=5, words="很快就修好了")
CALLBACKS = sa.select(sa.func.count()).select_from(PhoneCallback)
SEND = """
from backend import models
from backend.cases import tasks
tasks.send_surveys()
"""
NOBODY_PLANS = "LOCK TABLE phone_callbacks IN SHARE MODE"  # whoever does, waits
SETTINGS = (
    "survey_hours",
    "callback_hours",
    "survey_delay_minutes",
    "callback_percent",
    "callback_rest_days",
)
BAD = Told(Heard.ANSWERED, solved=False, words="晚上还是不亮", reasons=("没修好，或又坏了",))


@pytest.fixture(autouse=True)
def settings():
    """Surveys and calls as they are by default; a test may set others."""
    before = {name: getattr(config, name) for name in SETTINGS}
    object.__setattr__(config, "survey_hours", (time(9), time(20)))
    object.__setattr__(config, "survey_delay_minutes", 24 * 60)
    yield lambda name, value: object.__setattr__(config, name, value)
    for name, value in before.items():
        object.__setattr__(config, name, value)


@pytest.fixture
def caller(scene):
    return scene.actor(Role.INFORMATION_OFFICER)


def call(session, callback, actor, told, at=TEN):
    """Take it, see the number, call, and say what came of it."""
    callbacks.take(session, callback.id, actor, at)
    callbacks.dial(session, callback.id, actor, at)
    return callbacks.record(session, callback.id, actor, told, at)


def asked_in_chat(session):
    invited = Notification.message.in_([Message.SURVEY_INVITED, Message.SURVEY_REMINDED])
    return [row.resident_id for row in session.scalars(sa.select(Notification).where(invited))]


def notes(session, callback):
    own = sa.select(CaseEvent).where(CaseEvent.case_id == callback.case_id)
    own = own.where(CaseEvent.action == Action.CALL_BACK).order_by(CaseEvent.id)
    return [event.note for event in session.scalars(own)]


def under_an_order(session, case, **fields):
    """Put the case under an order that asks for a callback."""
    values = {"wants_callback": True, "approved_at": TEN, "number": f"F{case.number}"} | fields
    values |= {"title": "t", "text": "t", "place_id": case.place_id, "unit_id": case.unit_id}
    values |= {"drafted_by": session.scalar(sa.text("SELECT max(id) FROM officers"))}
    order = Order(**values)
    session.add(order)
    session.flush()
    session.add(OrderCase(order_id=order.id, case_id=case.id))
    session.flush()


# -- who is called


def test_who_has_no_wechat_is_called_when_the_survey_falls_due_and_not_written_to(session, scene):
    case, survey = close(scene, TEN - DAY)
    tasks.ask_due(session, TEN - HOUR, 100)
    assert callbacks_of(session) == []
    tasks.ask_due(session, TEN, 100)
    [callback] = callbacks_of(session)
    assert (callback.case_id, callback.round, callback.survey_id) == (case.id, 1, survey.id)
    assert (callback.why, callback.state, callback.next_at) == (Why.NO_WECHAT, CallbackState.WAITING, TEN)
    assert callback.community_id == case.community_id
    assert (survey.state, asked_in_chat(session)) == (SurveyState.SENT, [])


@pytest.mark.parametrize(("follows", "is_called"), [(True, False), (False, True)])
def test_who_follows_the_account_is_asked_there_and_who_left_it_is_called(session, scene, follows, is_called):
    resident = make_resident(session, phone="13800000000")
    make_contact(session, resident, follows=follows)
    close(scene, TEN - DAY, resident=resident)
    tasks.ask_due(session, TEN, 100)
    assert bool(callbacks_of(session)) is is_called
    assert bool(asked_in_chat(session)) is not is_called


def test_without_a_number_nobody_is_called(session, scene):
    close(scene, TEN - DAY, phone=None)
    tasks.ask_due(session, TEN, 100)
    assert callbacks_of(session) == []


@pytest.mark.parametrize(
    ("fields", "is_called"), [({}, True), ({"wants_callback": False}, False), ({"approved_at": None}, False)]
)
def test_an_order_may_ask_that_its_reporters_are_called_with_wechat_or_without(
    session, scene, caller, fields, is_called
):
    resident = make_resident(session, phone="13800000000")
    make_contact(session, resident)
    case, _ = close(scene, TEN - DAY, resident=resident)
    under_an_order(session, case, **fields)
    tasks.ask_due(session, TEN, 100)
    assert [callback.why for callback in callbacks_of(session)] == [Why.ORDERED] * is_called


def test_what_was_merged_into_the_case_under_the_order_is_called_about_as_well(session, scene, caller):
    master, _ = close(scene, TEN - DAY)
    under_an_order(session, master)
    resident = make_resident(session, phone="13800000000")
    make_contact(session, resident)
    close(scene, TEN - DAY, resident=resident, master_id=master.id)
    tasks.ask_due(session, TEN, 100)
    assert [callback.why for callback in callbacks_of(session)] == [Why.ORDERED] * 2


def silent(scene, count=1):
    """Surveys of people with WeChat that were asked, reminded, and are about to expire."""
    found = []
    for _ in range(count):
        resident = make_resident(scene.session, phone="13800000000")
        make_contact(scene.session, resident)
        found.append(close(scene, TEN - 12 * DAY, resident=resident)[1])
    for at in (TEN - 11 * DAY, TEN - 7 * DAY):
        tasks.ask_due(scene.session, at, 100)
    return found


@pytest.mark.parametrize(("percent", "count"), [(100, 3), (0, 0)])
def test_of_the_silent_a_sample_is_called(session, scene, settings, percent, count):
    settings("callback_percent", percent)
    found = silent(scene, 3)
    assert callbacks_of(session) == []
    tasks.ask_due(session, TEN, 100)
    called = callbacks_of(session)
    assert [survey.state for survey in found] == [SurveyState.EXPIRED] * 3
    assert len(called) == count
    assert {(one.why, one.percent, one.seed) for one in called} <= {
        (Why.SAMPLED, 100, callback_samples.seed_of(TEN))
    }


def test_the_draw_is_the_same_for_everybody_and_about_as_large_as_it_is_said_to_be():
    seed = callback_samples.seed_of(TEN)
    found = [one for one in range(20_000) if callback_samples.is_drawn(one, seed, 5)]
    assert found == [one for one in range(20_000) if callback_samples.is_drawn(one, seed, 5)]
    assert 850 < len(found) < 1150
    other = callback_samples.seed_of(TEN + DAY)
    assert found != [one for one in range(20_000) if callback_samples.is_drawn(one, other, 5)]
    assert callback_samples.seed_of(TEN + HOUR) == seed


def test_the_nearest_area_says_how_many_are_drawn(session, scene, settings):
    settings("callback_percent", 7)
    survey = silent(scene)[0]
    ask = lambda: callback_samples.percent_of(session, [survey.id])  # noqa: E731
    assert ask() == {survey.id: 7}
    session.add(CallbackShare(area_id=scene.community.district_id, percent=20))
    session.flush()
    assert ask() == {survey.id: 20}
    for percent, expected in ((0, 0), (30, 30), (None, 20)):  # the newest word counts
        session.add(CallbackShare(area_id=scene.community.id, percent=percent))
        session.flush()
        assert ask() == {survey.id: expected}


def test_a_round_is_called_about_once_and_the_next_round_again(session, scene, caller, settings):
    settings("callback_percent", 100)
    callback = due(scene, TEN)
    callback_plans.plan(session, [callback.survey_id], TEN)
    callback_plans.plan_sample(session, [callback.survey_id], TEN)
    assert len(callbacks_of(session)) == 1
    call(session, callback, caller, BAD)
    assert callbacks_of(session) == [callback]
    case = callback_queries.page(session, caller.posts, "done", TEN)[0].case
    case.status = Status.RESOLVED
    scene.do(case, Action.CLOSE, Role.SYSTEM, TEN)
    tasks.ask_due(session, TEN + DAY, 100)
    assert [one.round for one in callbacks_of(session)] == [1, 2]


def test_two_clocks_at_once_call_nobody_twice(committed, committed_scene):
    for _ in range(20):
        close(committed_scene, TEN - DAY)
    committed.commit()
    at_once(*[lambda session: tasks.ask_due(session, TEN, 100)] * 3)
    assert committed.scalar(CALLBACKS) == 20


def test_a_worker_that_is_killed_within_leaves_all_as_it_was(engine, committed, committed_scene, begin):
    for _ in range(20):
        close(committed_scene, now() - 3 * DAY)
    committed.commit()
    kill_waiting(engine, NOBODY_PLANS, lambda: begin(SEND))
    assert committed.scalar(CALLBACKS) == 0
    assert set(committed.scalars(sa.select(Survey.state))) == {SurveyState.DUE}
    committed.rollback()
    go_on(begin(f"wait(){SEND}"), begin(f"wait(){SEND}"))
    assert committed.scalar(CALLBACKS) == 20
    assert set(committed.scalars(sa.select(Survey.state))) == {SurveyState.SENT}


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


# -- what ends it meanwhile


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


# -- what the list shows


def test_the_list_has_what_is_due_by_its_turn_and_counts_it(session, scene, caller):
    first, second, third = (due(scene, at) for at in (TEN, TEN + HOUR / 60, TEN + HOUR / 30))
    at = TEN + HOUR
    call(session, first, caller, Told(Heard.NO_ANSWER), at)
    callbacks.take(session, second.id, caller, at)
    show = lambda view: [  # noqa: E731
        line.row.id
        for line in callback_queries.page(session, caller.posts, view, at, officer_id=caller.officer_id)
    ]
    assert {view: show(view) for view in callback_queries.VIEWS} == {
        "due": [third.id],
        "mine": [second.id],
        "later": [first.id],
        "done": [],
    }
    assert callback_queries.counts(session, caller.posts, at) == callback_queries.Counts(2, 1, 0)
    callbacks.dial(session, second.id, caller, at)
    callbacks.record(session, second.id, caller, GOOD, at)
    assert callback_queries.counts(session, caller.posts, at) == callback_queries.Counts(1, 1, 1)
    assert callback_queries.counts(session, caller.posts, at + DAY) == callback_queries.Counts(2, 1, 0)


def test_pages_follow_each_other_by_key(session, scene, caller, monkeypatch):
    monkeypatch.setattr(callback_queries, "PAGE", 2)
    for _ in range(5):
        due(scene, TEN)
    seen, after = [], None
    while lines := callback_queries.page(session, caller.posts, "due", TEN, after=after):
        seen += [line.row.id for line in lines]
        after = lines[-1].key
    assert seen == [one.id for one in callbacks_of(session)]
