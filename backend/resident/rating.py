"""The answer to a callback survey, from a page or the mini program."""

import sqlalchemy as sa
from sqlalchemy.orm import Session

from backend import auth
from backend.cases import service, surveys
from backend.cases.models import Case
from backend.cases.service import Actor
from backend.cases.survey_models import Survey, SurveyState
from backend.errors import NotFound
from backend.resident.schemas import Rating
from backend.web.forms import WrongFields


def answer(session: Session, survey_id: int, given: Rating) -> Survey:
    """Write the answers down; a bad one brings the case back. Raises NotFound, Invalid, or Gone (too late).

    Whoever says that nothing was solved need not say how satisfied they are.
    """
    if given.solved and given.satisfaction is None:
        raise WrongFields({"satisfaction": "请再点一下您是不是满意"})
    survey = surveys.find_open(session, survey_id)
    surveys.answer(survey, solved=given.solved, satisfaction=given.satisfaction, words=given.words)
    session.flush()
    service.answer_survey(session, survey, Actor(resident_id=survey.resident_id))
    return survey


def latest(session: Session, case: Case) -> Survey:
    """The newest survey of a case, or NotFound while there is none."""
    survey = session.scalars(
        sa.select(Survey).where(Survey.case_id == case.id).order_by(Survey.round.desc()).limit(1)
    ).one_or_none()
    if survey is None:
        raise NotFound("这件事还没有到评价的时候")
    return survey


def link(session: Session, case: Case) -> str | None:
    """The page where the survey of this round can be answered now, if there is one."""
    open_one = sa.select(Survey.id).where(
        Survey.case_id == case.id,
        Survey.round == case.round,
        Survey.state.in_([SurveyState.DUE, SurveyState.SENT]),
    )
    survey_id = session.scalar(open_one)
    return None if survey_id is None else f"/r/surveys/{auth.sign('survey', survey_id)}"
