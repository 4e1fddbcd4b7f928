"""Telephone callbacks: who is called, once and never twice, and what the list of calls shows."""

import pytest
import sqlalchemy as sa

from backend.cases import (
    callback_plans,
    callback_queries,
    callback_samples,
    callbacks,
    tasks,
)
from backend.cases.callback_models import (
    CallbackShare,
    CallbackState,
    Heard,
    PhoneCallback,
    Why,
)
from backend.cases.callbacks import Told
from backend.cases.survey_models import Survey, SurveyState
from backend.cases.workflow import Action, Status
from backend.places.roles import Role
from backend.times import now
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
    settings,
    silent,
    under_an_order,
)
from tests.cases.scene import at_once
from tests.factories import make_contact, make_resident
from tests.killing import begin, go_on, kill_waiting

__all__ = ["begin", "caller", "settings"]

CALLBACKS = sa.select(sa.func.count()).select_from(PhoneCallback)
SEND = """
from backend import models
from backend.cases import tasks
tasks.send_surveys()
"""
NOBODY_PLANS = "LOCK TABLE phone_callbacks IN SHARE MODE"  # whoever does, waits


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
    assert callback_queries.counts(session, caller.posts, at) == callback_queries.Counts(1, 1, 0)
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
