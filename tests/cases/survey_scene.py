"""Closed cases whose residents are asked, answers, and what is on record: for the tests of what is said."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from backend.cases import survey_answers
from backend.cases.survey_answers import Said
from backend.cases.survey_models import Survey, SurveyAnswer, SurveyState, Via
from backend.cases.workflow import Action, Status
from backend.places.roles import Role
from tests.cases.scene import AT

HOUR, DAY, MINUTE = timedelta(hours=1), timedelta(days=1), timedelta(minutes=1)
GOOD, BAD = Said(True, 4), Said(False, 1, "灯还是坏的", ("没修好，或又坏了",))


@pytest.fixture
def closed(session, scene):
    """A closed case of the resident, and its survey, which was sent."""
    return close(scene)


def close(scene, round=1):
    case = scene.case(Status.RESOLVED, round=round)
    scene.do(case, Action.CLOSE, Role.SYSTEM)
    survey = scene.session.scalars(sa.select(Survey).where(Survey.case_id == case.id)).one()
    survey.state, survey.sent_at = SurveyState.SENT, AT
    scene.session.commit()
    return case, survey


def give(session, survey, said, at=AT, via=Via.PAGE, **who):
    return survey_answers.give(session, survey.id, said, via, at=at, **who)


def on_record(session, survey):
    rows = session.scalars(survey.answers.select().order_by(SurveyAnswer.id))
    return [(row.solved, row.satisfaction, row.words, row.is_late) for row in rows]


def notes(scene, case, action):
    return [event.note for event in scene.events(case) if event.action is action]
