"""What people answer to the text message of a result or a survey: 1 or 2, in words too, and more words."""

import logging
import re
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from backend.cases import service, survey_answers
from backend.cases.models import Case
from backend.cases.service import Actor
from backend.cases.survey_answers import Said
from backend.cases.survey_models import Survey, SurveyState, Via
from backend.cases.surveys import may_change
from backend.cases.workflow import Action, Given, Status
from backend.errors import Gone
from backend.places.models import Resident
from backend.privacy import blind_index
from backend.times import now
from backend.web.words import NOTE_LENGTH, clean
from backend.wechat.understanding import Intent, understand

logger = logging.getLogger(__name__)
LISTENS = timedelta(days=30)  # after it was sent: what comes later hardly answers this survey
MARKS = r"[\s.。,，、;；:：!！）)]"
# Without a mark behind it a digit may count houses: 2栋的灯不亮. These words go on after an answer.
DIGIT = re.compile(
    rf"([1１2２])(?:$|{MARKS}+(?!\d)|(?=[已没未还不又都很谢]))(?:(?:已经?|没有?|未)解决了?)?{MARKS}*"
)
OF_INTENT = {Intent.SOLVED: True, Intent.UNSOLVED: False}
BARE = re.compile(r"(?:已经?|没有?|未)解决了?")


def take(session: Session, phone: str, text: str, at: datetime | None = None) -> None:
    """Take this as the answer of whoever has this number: to what they were asked last and have not answered
    (whether a case is solved that waits for their word, a survey that is open), else to their last survey. A
    stranger's is nobody's. Raises AppError for what cannot be taken any more."""
    moment = at or now()
    solved, words = read(text)
    survey, case = _survey_of(session, phone, moment), _resolved_of(session, phone, moment)
    if case is not None and not _is_asked_since(case, survey):
        _decide(session, case, solved, words, moment)
    elif survey is None:
        logger.info("an answer by text message to no question")
    elif solved is not None:
        _answer(session, survey, Said(solved, words=words), moment)
    elif words:
        _hear(session, survey, words, moment)


def read(text: str) -> tuple[bool | None, str]:
    """(whether it is solved, as far as that is said; the words beside it)."""
    plain = clean(text)[:NOTE_LENGTH]
    said = understand(plain)
    if said.is_denial:
        return False, "" if BARE.fullmatch(said.core) else plain
    if said.intent in OF_INTENT:
        return OF_INTENT[said.intent], ""
    if found := DIGIT.match(plain):
        rest, label = plain[found.end() :], understand(found[0][1:])
        solved = not label.is_denial if BARE.fullmatch(label.core) else found[1] in "1１"
        return solved, rest
    return None, plain


def _survey_of(session: Session, phone: str, at: datetime) -> Survey | None:
    people = sa.select(Resident.id).where(Resident.phone_index == blind_index(phone))
    return session.scalar(
        sa.select(Survey)
        .where(Survey.resident_id.in_(people), Survey.sent_at > at - LISTENS)
        .order_by((Survey.state == SurveyState.SENT).desc(), Survey.id.desc())
        .limit(1)
    )


def _resolved_of(session: Session, phone: str, at: datetime) -> Case | None:
    """The last case of this number that waits to be confirmed."""
    people = sa.select(Resident.id).where(Resident.phone_index == blind_index(phone))
    waiting = (Case.status == Status.RESOLVED, Case.resolved_at > at - LISTENS)
    own = sa.select(Case).where(Case.resident_id.in_(people), *waiting)
    return session.scalar(own.order_by(Case.resolved_at.desc()).limit(1))


def _is_asked_since(case: Case, survey: Survey | None) -> bool:
    """Whether the survey waits for an answer, and was asked after this result. What was answered can be
    changed, but not while another question waits."""
    if survey is None or survey.state is not SurveyState.SENT:
        return False
    asked = max(filter(None, (survey.sent_at, survey.reminded_at)))
    return case.resolved_at is not None and asked > case.resolved_at


def _decide(session: Session, case: Case, solved: bool | None, words: str, at: datetime) -> None:
    """The same steps as in chat and on the page of the case; what decides nothing stands on its record."""
    action = {True: Action.CONFIRM, False: Action.REOPEN, None: Action.ADD}[solved]
    if not words and action is Action.ADD:
        return
    note = words or ("没有解决" if action is Action.REOPEN else "")
    service.perform(
        session, case.number, action, Actor(resident_id=case.resident_id), Given(note=note), at=at
    )


def _answer(session: Session, survey: Survey, said: Said, at: datetime) -> None:
    """What comes after the end is heard all the same."""
    try:
        survey_answers.give(session, survey.id, said, Via.SMS, at=at)
    except Gone:
        survey_answers.say_late(session, survey.id, said, Via.SMS, at=at)


def _hear(session: Session, survey: Survey, words: str, at: datetime) -> None:
    """Words that answer nothing stand on the record of the case, or join the answer."""
    if survey.state is SurveyState.SENT:
        survey_answers.say_before(session, survey.id, words, at=at)
    elif may_change(survey, at):
        survey_answers.add_words(
            session, survey.id, words, resident_id=survey.resident_id, via=Via.SMS, at=at
        )
    else:
        survey_answers.say_late(session, survey.id, Said(words=words), Via.SMS, at=at)
