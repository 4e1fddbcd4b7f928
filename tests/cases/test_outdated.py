"""What had to wait and asks for something that has been done meanwhile is not sent any more."""

from datetime import timedelta

import pytest

from backend.cases import outdated
from backend.cases.survey_models import Survey, SurveyState
from backend.cases.workflow import Status
from backend.notify import fading, service
from backend.notify.messages import Message
from backend.notify.models import Delivery, Held, Notification
from backend.places.roles import Role
from backend.times import now

MINUTE = timedelta(minutes=1)
assert outdated.TO_ACT


def waits(scene, message, fields, held=Held.DIGEST, **whom):
    """A message that was held and may go now."""
    [owed] = service.owe(scene.session, message, f"{message}", fields, **whom)
    row = scene.session.get_one(Notification, owed)
    row.held, row.due_at = held, now() - MINUTE
    scene.session.flush()
    return row


def drop(scene, row):
    fading.drop(scene.session)
    scene.session.refresh(row)
    return row


@pytest.mark.parametrize("held", list(Held))
def test_an_alert_that_waited_until_its_case_was_done_is_dropped_with_a_note(scene, held):
    case = scene.case(Status.SUBMITTED)
    told = [scene.actor(Role.INFORMATION_OFFICER).officer_id]
    row = waits(scene, Message.CASE_SUBMITTED, {"number": case.number}, held, officers=told)
    assert drop(scene, row).status is Delivery.WAITING
    case.status = Status.CLOSED
    scene.session.flush()
    assert (drop(scene, row).status, row.error) == (Delivery.FAILED, fading.FADED)


def test_what_an_officer_only_has_to_know_is_told_of_a_case_that_is_done(scene):
    case = scene.case(Status.CLOSED)
    told = [scene.actor(Role.INFORMATION_OFFICER).officer_id]
    row = waits(scene, Message.CASE_CLOSED_AGAIN, {"number": case.number}, officers=told)
    assert drop(scene, row).status is Delivery.WAITING


@pytest.mark.parametrize("state", list(SurveyState))
def test_nobody_is_asked_what_they_have_answered_meanwhile(scene, state):
    case = scene.case(Status.CLOSED)
    survey = Survey(case_id=case.id, round=1, resident_id=scene.resident_id, state=state)
    scene.session.add(survey)
    scene.session.flush()
    fields = {"number": case.number, "survey": str(survey.id)}
    row = waits(scene, Message.SURVEY_INVITED, fields, Held.LIMIT, residents=[scene.resident_id])
    is_open = state in (SurveyState.DUE, SurveyState.SENT)
    assert drop(scene, row).status is (Delivery.WAITING if is_open else Delivery.FAILED)
