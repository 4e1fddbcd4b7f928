"""Callback surveys (回访): due after a case closes, sent by the clock, asked once more, then expired.

`next_at` says when something is to be done with a survey; answered and expired ones have none. How each is
asked is a matter of policy (survey_policies.py); what follows an answer is in survey_answers.py.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session, joinedload

from backend.cases import callback_plans, survey_policies
from backend.cases.models import Case
from backend.cases.survey_models import Survey, SurveyAnswer, SurveyState, Via
from backend.cases.survey_policies import Terms
from backend.errors import Gone, Invalid, NotFound
from backend.notify.messages import Message
from backend.times import next_within, now

SATISFACTION = {5: "很满意", 4: "满意", 3: "一般", 2: "不满意", 1: "很不满意"}
DISSATISFIED = 2  # and below
REMIND_AFTER = 0.4  # of the time that a survey is open
NOT_FOUND = "没有找到这次回访"
TICKED = "原因："  # reasons that follow a bad answer in chat, as a step of the case says them
CHANGE_FOR = timedelta(days=1)  # one may change one's mind


@dataclass(frozen=True)
class Step:
    """What the clock is to do with a survey that is due: owe this message, or let it expire (None)."""

    survey: Survey
    message: Message | None


def plan(session: Session, case: Case, at: datetime) -> None:
    """Make the survey of this round, due after the delay, within the hours people are called. An order that
    asks for a callback has its survey also where nobody else is asked."""
    if case.resident_id is None:
        return
    terms = survey_policies.read(session).terms(case)
    if not (terms.is_asked or callback_plans.is_ordered(session, case)):
        return
    moment = at + timedelta(minutes=terms.delay_minutes)
    session.add(
        Survey(
            case_id=case.id,
            round=case.round,
            resident_id=case.resident_id,
            unit_id=case.unit_id,
            state=SurveyState.DUE,
            next_at=next_within(moment, terms.hours),
        )
    )


def expire_open(session: Session, case: Case) -> None:
    """A case that comes back by another way makes the open survey of its round pointless."""
    session.execute(
        sa.update(Survey)
        .where(Survey.case_id == case.id, Survey.state.in_([SurveyState.DUE, SurveyState.SENT]))
        .values(state=SurveyState.EXPIRED, next_at=None, withdrawn_at=sa.func.now())
    )


def take_due(session: Session, at: datetime, limit: int = 200) -> list[Step]:
    """Claim the surveys whose moment has come and move each one step on. Cost: what is due.

    After an outage the moment may be long past: outside the hours nobody is asked, however late it is.
    """
    due = session.scalars(
        sa.select(Survey)
        .where(Survey.next_at <= at)
        .order_by(Survey.next_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
    ).all()
    if not due:
        return []
    rules = survey_policies.read(session)
    wanted = sa.select(Case).where(Case.id.in_([survey.case_id for survey in due]))
    cases = {case.id: case for case in session.scalars(wanted)}
    awaited = callback_plans.awaited(session, [survey.id for survey in due])
    steps = (
        _advance(survey, rules.terms(cases[survey.case_id]), at, awaited.get(survey.id)) for survey in due
    )
    return [step for step in steps if step is not None]


def _advance(survey: Survey, terms: Terms, at: datetime, awaited: datetime | None) -> Step | None:
    """One step on; None where it is put off to the morning, or to when nobody will call any more."""
    if (morning := next_within(at, terms.hours)) > at:
        survey.next_at = morning
        return None
    open_for, is_new = terms.open_for, survey.state is SurveyState.DUE
    if is_new:
        survey.state, survey.sent_at = SurveyState.SENT, at
        reminder = next_within(at + open_for * REMIND_AFTER, terms.hours)
        survey.next_at = reminder if terms.is_reminded else at + open_for
        return Step(survey, Message.SURVEY_INVITED)
    if survey.reminded_at is None and terms.is_reminded:
        survey.reminded_at = at
        survey.next_at = at + open_for * (1 - REMIND_AFTER)  # also after a reminder that came late
        return Step(survey, Message.SURVEY_REMINDED)
    if awaited is not None and awaited > at:
        survey.next_at = awaited
        return None
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
        raise NotFound(NOT_FOUND)
    return survey


def find_open(session: Session, survey_id: int, resident_id: int | None = None) -> Survey:
    """Lock a survey that can be answered. Raises NotFound for another's, Gone for a finished one."""
    survey = find(session, survey_id, resident_id)
    _must_not_be_over(survey, is_answered=survey.state is SurveyState.ANSWERED)
    return survey


def find_to_answer(
    session: Session,
    survey_id: int,
    resident_id: int | None = None,
    at: datetime | None = None,
    *,
    also_expired: bool = False,
) -> Survey:
    """The same, and one that was answered within a day: one may change one's mind, until the next round of
    the case has a survey of its own. `also_expired`: those who did not answer are called."""
    survey = find(session, survey_id, resident_id)
    if not (also_expired and survey.state is SurveyState.EXPIRED):
        _must_be_answerable(session, survey, at or now())
    return survey


def answered_rounds(session: Session, case: Case) -> dict[int, datetime]:
    """Since when the survey of a round has its answer, by the round (one query)."""
    own = sa.select(Survey.round, Survey.answered_at).where(Survey.case_id == case.id)
    return {round_: at for round_, at in session.execute(own) if at is not None}


def look_at(session: Session, survey_id: int, at: datetime | None = None) -> Survey:
    """One that may be answered, with its case, to be shown: nobody waits for it. Raises as
    `find_to_answer`."""
    query = sa.select(Survey).where(Survey.id == survey_id).options(joinedload(Survey.case))
    survey = session.scalar(query.execution_options(populate_existing=True))
    if survey is None:
        raise NotFound(NOT_FOUND)
    _must_be_answerable(session, survey, at or now())
    return survey


def _must_be_answerable(session: Session, survey: Survey, at: datetime) -> None:
    stands = not may_change(survey, at) or _has_next(session, survey)
    _must_not_be_over(survey, is_answered=survey.state is SurveyState.ANSWERED and stands)


def _has_next(session: Session, survey: Survey) -> bool:
    later = sa.select(Survey.id).where(Survey.case_id == survey.case_id, Survey.round > survey.round)
    return session.scalar(later.limit(1)) is not None


def _must_not_be_over(survey: Survey, *, is_answered: bool) -> None:
    if is_answered:
        raise Gone("这次回访您已经答过了，谢谢您")
    if survey.state is SurveyState.EXPIRED:
        raise Gone("这次回访已经结束了，有事请随时给我们留言")


def may_change(survey: Survey, at: datetime) -> bool:
    """Whether this answer may be changed still."""
    return survey.answered_at is not None and at <= survey.answered_at + CHANGE_FOR


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
    reasons: Sequence[str] = (),
    via: Via = Via.PAGE,
    officer_id: int | None = None,
    at: datetime | None = None,
) -> None:
    """Write the answer down, in the place of an earlier one, and on the record of all answers.

    Satisfaction is 1 (很不满意) to 5 (很满意). `officer_id` is who took it by telephone.
    """
    _check(satisfaction)
    moment = at or now()
    survey.state, survey.next_at = SurveyState.ANSWERED, None
    survey.answered_at = survey.answered_at or moment
    survey.solved, survey.satisfaction, survey.via = solved, satisfaction, via
    survey.words = words.strip() or None
    survey.reasons = list(reasons) if is_bad(survey) else []
    record(survey, via, moment, officer_id)


def rate(survey: Survey, satisfaction: int, at: datetime | None = None) -> None:
    """The second question, asked in chat after the first was answered."""
    _check(satisfaction)
    survey.satisfaction = satisfaction
    record(survey, Via.CHAT, at or now())


def record(survey: Survey, via: Via, at: datetime, officer_id: int | None = None) -> None:
    """Put the answer as it stands now on the record; nothing on it is ever changed."""
    survey.answers.add(
        SurveyAnswer(
            via=via,
            officer_id=officer_id,
            solved=survey.solved,
            satisfaction=survey.satisfaction,
            reasons=list(survey.reasons or ()),
            words=survey.words,
            created_at=at,
        )
    )


def _check(satisfaction: int | None) -> None:
    if satisfaction is not None and satisfaction not in SATISFACTION:
        raise Invalid("满意程度请选 1 到 5")


def is_bad(survey: Survey) -> bool:
    """Whether this answer brings the case back, or before a supervisor."""
    return is_bad_answer(survey.solved, survey.satisfaction)


def is_bad_answer(solved: bool | None, satisfaction: int | None) -> bool:
    """The same of an answer that is not written down yet."""
    return solved is False or (satisfaction is not None and satisfaction <= DISSATISFIED)


def complaint(survey: Survey) -> str:
    """A bad answer in words, for the unit and its head."""
    verdict = "没有解决" if survey.solved is False else "不满意"
    said = "。".join(filter(None, ("、".join(survey.reasons or ()), survey.words)))
    return f"{verdict}：{said}" if said else verdict


def in_words(survey: Survey) -> str:
    """Any answer in words: 已解决，满意。谢谢师傅."""
    if is_bad(survey):
        return complaint(survey)
    verdict = "，".join(filter(None, ("已解决", SATISFACTION.get(survey.satisfaction or 0))))
    return "。".join(filter(None, (verdict, survey.words)))
