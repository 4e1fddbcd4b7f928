"""The answer to a callback survey, from a page or the mini program."""

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from backend import auth, db
from backend.cases import survey_answers, survey_policies, surveys, thanks
from backend.cases.models import Case
from backend.cases.survey_answers import Said
from backend.cases.survey_models import Survey, SurveyState, Via
from backend.errors import Gone, NotFound
from backend.resident.schemas import Rating
from backend.web.forms import WrongFields

OTHER_REASONS = "可以选的原因刚刚换了新的，请重新勾选"


def answer(survey_id: int, given: Rating, via: Via, resident_id: int | None = None) -> None:
    """Write the answers down, or the words alone where it is too late for answers; a bad answer brings the
    case back or before a supervisor. Raises NotFound, Invalid, TooMany, or Gone once what was said is kept.

    Whoever says that nothing was solved need not say how satisfied they are.
    """
    said = Said(given.solved, given.satisfaction, given.words, tuple(dict.fromkeys(given.reasons)))
    try:
        with db.transaction() as session:
            survey = surveys.find_to_answer(session, survey_id, resident_id)
            _check(session, survey, given)
            answered = survey_answers.give(session, survey_id, said, via, resident_id=resident_id)
            if given.thanks:
                thanks.give(session, answered)
    except Gone as error:
        _hear(survey_id, said, via, resident_id, is_thanking=given.thanks)
        raise Gone(f"{error.message}。您刚才说的，我们记下了") from None


def _hear(survey_id: int, said: Said, via: Via, resident_id: int | None, *, is_thanking: bool) -> None:
    """Keep an answer that came after the end, with all that was said."""
    with db.transaction() as session:
        survey = survey_answers.say_late(session, survey_id, said, via, resident_id=resident_id)
        if is_thanking:
            thanks.give(session, survey, late=said)


def say_late(survey_id: int, words: str, via: Via) -> None:
    """Keep words that are said after the end. Raises NotFound, Invalid or TooMany."""
    if not words:
        raise WrongFields({"words": "请写上想说的话"})
    with db.transaction() as session:
        survey_answers.say_late(session, survey_id, Said(words=words), via)


def _check(session: Session, survey: Survey, given: Rating) -> None:
    if given.solved and given.satisfaction is None:
        raise WrongFields({"satisfaction": "请再点一下您是不是满意"})
    if not surveys.is_bad_answer(given.solved, given.satisfaction):
        return  # a form may still hold the reasons of a bad answer, which nobody reads
    if set(given.reasons) - set(reasons(session, survey)) - set(survey.reasons):
        raise WrongFields({"reasons": OTHER_REASONS})


def reasons(session: Session, survey: Survey) -> Sequence[str]:
    """What may be ticked where something was not good."""
    found = survey_policies.of_survey(session, survey.id)
    return found[1].reasons if found else ()


def until(survey: Survey) -> datetime | None:
    """Until when an answer may be changed; None for one that was not given."""
    return survey.answered_at + surveys.CHANGE_FOR if survey.answered_at else None


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
