"""How surveys are asked where: each thing from the most specific policy that says it."""

from dataclasses import replace
from datetime import time, timedelta

import pytest
import sqlalchemy as sa

from backend.cases import survey_policies, survey_policy_changes, surveys
from backend.cases.survey_models import Follow, Survey, SurveyPolicy, SurveyState
from backend.cases.workflow import Action, Outcome, Status
from backend.notify.messages import Message
from backend.places.models import Area
from backend.places.roles import Role
from backend.places.scope import Editor
from tests.cases.scene import AT
from tests.factories import make_category

DAY, HOUR = timedelta(days=1), timedelta(hours=1)


def add(session, **said):
    row = SurveyPolicy(**said)
    session.add(row)
    session.flush()
    return row


def terms(session, case):
    return survey_policies.read(session).terms(case)


def close(scene, **fields):
    case = scene.case(Status.RESOLVED, **fields)
    scene.do(case, Action.CLOSE, Role.SYSTEM)
    return scene.session.scalar(sa.select(Survey).where(Survey.case_id == case.id))


def test_without_policies_the_settings_hold(session, scene):
    assert terms(session, scene.case(Status.CLOSED)) == survey_policies.usual()


def test_specific_beats_general_and_what_it_does_not_say_comes_from_above(session, scene):
    category = make_category(session)
    case = scene.case(Status.CLOSED, category_id=category.id)
    usual, district = survey_policies.usual(), case.district_id
    add(session, area_id=district, days_open=5, on_unsolved=Follow.REVIEW)
    add(session, area_id=scene.community.id, days_open=3)
    add(session, category_id=category.id, reasons=["没有人来", "噪音还在"])
    add(session, area_id=district, urgent=True, days_open=1)
    found = terms(session, case)
    assert found == replace(usual, days_open=3, on_unsolved=Follow.REVIEW, reasons=("没有人来", "噪音还在"))
    assert (found.follow(False, 1), found.follow(True, 1)) == (Follow.REVIEW, Follow.REOPEN)


def test_a_policy_of_elsewhere_or_one_that_has_ended_says_nothing(session, scene):
    other = session.get_one(Area, scene.community.district_id)
    add(session, area_id=other.id, days_open=5, ended_at=AT)
    add(session, category_id=make_category(session).id, days_open=4)
    assert terms(session, scene.case(Status.CLOSED)) == survey_policies.usual()


def test_what_is_excluded_has_no_survey(session, scene):
    """Danger that was handed on to the police, say: urgent, and beyond what the unit may do."""
    add(session, urgent=True, outcome=Outcome.BEYOND_DUTY, is_asked=False)
    assert close(scene, urgent=True, outcome=Outcome.BEYOND_DUTY) is None
    assert close(scene, urgent=False, outcome=Outcome.BEYOND_DUTY) is not None


def test_delay_hours_days_and_reminder_are_those_of_the_place(session, scene):
    add(session, area_id=scene.community.id, delay_minutes=60, hours="14:00-16:00", days_open=2)
    survey = close(scene)  # at 10:00
    assert survey.next_at == AT + 4 * HOUR
    assert surveys.take_due(session, AT + 7 * HOUR) == []  # 17:00: put off to the next day
    assert survey.next_at == AT + DAY + 4 * HOUR
    [asked] = surveys.take_due(session, AT + DAY + 4 * HOUR)
    assert asked.message is Message.SURVEY_INVITED
    assert survey.next_at == AT + 2 * DAY + 4 * HOUR  # the next afternoon


def test_without_a_reminder_nobody_is_asked_twice(session, scene):
    add(session, is_reminded=False, delay_minutes=0, days_open=2)
    survey = close(scene)
    for moment in (AT, AT + 2 * DAY):
        [step] = surveys.take_due(session, moment)
    assert (step.message, survey.state, survey.reminded_at) == (None, SurveyState.EXPIRED, None)


@pytest.mark.parametrize("solved", [True, False])
def test_from_the_third_round_on_somebody_looks_at_it(session, scene, solved):
    found = survey_policies.usual()
    assert [found.follow(solved, n) for n in (1, 2, 3, 4)] == [Follow.REOPEN] * 2 + [Follow.REVIEW] * 2


def test_after_another_edition_the_newer_policy_for_an_entry_holds_and_ends_the_older(session, scene):
    entry = make_category(session, code="LD-01")
    old = make_category(session, code="LD-01", until_id=entry.since_id)
    add(session, area_id=scene.community.id, category_id=old.id, days_open=3)
    add(session, area_id=scene.community.id, category_id=entry.id, days_open=5)
    assert terms(session, scene.case(Status.CLOSED, category_id=entry.id)).days_open == 5
    said = survey_policy_changes.Said(scene.community.id, entry.id, days_open=9)
    survey_policy_changes.put(session, Editor(), said)
    in_force = session.scalars(sa.select(SurveyPolicy).where(SurveyPolicy.ended_at.is_(None))).all()
    assert [row.days_open for row in in_force] == [9]


def test_there_is_one_policy_for_the_same(session, scene):
    add(session, area_id=scene.community.id, days_open=3)
    with pytest.raises(sa.exc.IntegrityError), session.begin_nested():
        add(session, area_id=scene.community.id, days_open=4)


def test_the_hours_that_a_policy_says_are_read(session, scene):
    add(session, hours="08:30-12:00")
    assert terms(session, scene.case(Status.CLOSED)).hours == (time(8, 30), time(12))
