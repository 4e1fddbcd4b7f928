"""Callback surveys (回访): due after a case closes, sent by the clock, asked once more, then expired.

`next_at` says when something is to be done with a survey; answered and expired ones have none.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from backend.cases.models import Case
from backend.cases.survey_models import Survey, SurveyState
from backend.config import config
from backend.errors import Gone, Invalid, NotFound
from backend.notify.messages import Message
from backend.times import next_within, now

SATISFACTION = {5: "很满意", 4: "满意", 3: "一般", 2: "不满意", 1: "很不满意"}
DISSATISFIED = 2  # and below
REMIND_AFTER = 0.4  # of the time that a survey is open


@dataclass(frozen=True)
class Step:
    """What the clock is to do with a survey that is due: owe this message, or let it expire (None)."""

    survey: Survey
    message: Message | None


def plan(session: Session, case: Case, at: datetime) -> None:
    """Make the survey of this round, due after the delay, within the hours people are called."""
    if case.resident_id is None:
        return
    moment = at + timedelta(minutes=config.survey_delay_minutes)
    session.add(
        Survey(
            case_id=case.id,
            round=case.round,
            resident_id=case.resident_id,
            state=SurveyState.DUE,
            next_at=next_within(moment, config.survey_hours),
        )
    )


def expire_open(session: Session, case: Case) -> None:
    """A case that comes back by another way makes the open survey of its round pointless."""
    session.execute(
        sa.update(Survey)
        .where(Survey.case_id == case.id, Survey.state.in_([SurveyState.DUE, SurveyState.SENT]))
        .values(state=SurveyState.EXPIRED, next_at=None)
    )


def take_due(session: Session, at: datetime, limit: int = 200) -> list[Step]:
    """Claim the surveys whose moment has come and move each one step on. Cost: what is due.

    After an outage the moment may be long past: outside the hours nobody is asked, however late it is.
    """
    if next_within(at, config.survey_hours) > at:
        return []
    due = session.scalars(
        sa.select(Survey)
        .where(Survey.next_at <= at)
        .order_by(Survey.next_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    return [_advance(survey, at) for survey in due]


def _advance(survey: Survey, at: datetime) -> Step:
    open_for = timedelta(days=config.survey_days_open)
    if survey.state is SurveyState.DUE:
        survey.state, survey.sent_at = SurveyState.SENT, at
        survey.next_at = next_within(at + open_for * REMIND_AFTER, config.survey_hours)
        return Step(survey, Message.SURVEY_INVITED)
    if survey.reminded_at is None:
        survey.reminded_at = at
        survey.next_at = at + open_for * (1 - REMIND_AFTER)  # also after a reminder that came late
        return Step(survey, Message.SURVEY_REMINDED)
    survey.state, survey.next_at = SurveyState.EXPIRED, None
    return Step(survey, None)


def find(session: Session, survey_id: int, resident_id: int | None = None) -> Survey:
    """Lock a survey, and its case before it. Raises NotFound for another's."""
    _lock_case(session, survey_id)
    survey = session.scalar(
        sa.select(Survey)
        .where(Survey.id == survey_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    if survey is None or (resident_id is not None and survey.resident_id != resident_id):
        raise NotFound("没有找到这次回访")
    return survey


def find_open(session: Session, survey_id: int, resident_id: int | None = None) -> Survey:
    """Lock a survey that can be answered. Raises NotFound for another's, Gone for a finished one."""
    survey = find(session, survey_id, resident_id)
    if survey.state is SurveyState.ANSWERED:
        raise Gone("这次回访您已经答过了，谢谢您")
    if survey.state is SurveyState.EXPIRED:
        raise Gone("这次回访已经结束了，有事请随时给我们留言")
    return survey


def _lock_case(session: Session, survey_id: int) -> None:
    """Reopening locks the case and then its surveys: in another order here, each would wait for the other."""
    case_id = sa.select(Survey.case_id).where(Survey.id == survey_id).scalar_subquery()
    session.execute(sa.select(Case.id).where(Case.id == case_id).with_for_update())


def answer(
    survey: Survey,
    *,
    solved: bool,
    satisfaction: int | None = None,
    words: str = "",
    at: datetime | None = None,
) -> None:
    """Write the answer down. Satisfaction is 1 (很不满意) to 5 (很满意)."""
    if satisfaction is not None and satisfaction not in SATISFACTION:
        raise Invalid("满意程度请选 1 到 5")
    survey.state, survey.next_at, survey.answered_at = SurveyState.ANSWERED, None, at or now()
    survey.solved, survey.satisfaction = solved, satisfaction
    survey.words = words.strip() or None


def rate(survey: Survey, satisfaction: int) -> None:
    """The second question, asked in chat after the first was answered."""
    if satisfaction not in SATISFACTION:
        raise Invalid("满意程度请选 1 到 5")
    survey.satisfaction = satisfaction


def is_bad(survey: Survey) -> bool:
    """Whether this answer brings the case back."""
    return survey.solved is False or (survey.satisfaction is not None and survey.satisfaction <= DISSATISFIED)


def complaint(survey: Survey) -> str:
    """The answer in words, for the unit and its head."""
    said = "没有解决" if survey.solved is False else "不满意"
    return f"{said}：{survey.words}" if survey.words else said
