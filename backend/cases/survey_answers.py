"""What residents say to a survey (回访), by whichever way: answers, second thoughts, words and photos that
follow, and what comes too late. Nothing that was said is lost."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from backend.cases import attachments, callback_plans, service, survey_reviews, surveys
from backend.cases.attachments import Photo
from backend.cases.models import Attachment, AttachmentKind, Case, CaseEvent, Stored
from backend.cases.service import Actor
from backend.cases.survey_models import Survey, SurveyAnswer, SurveyState, Via
from backend.cases.workflow import RULES, Action, Given
from backend.errors import Conflict, Gone, Invalid, TooMany
from backend.times import now

MOST_LATE = 5  # times that somebody is heard after the end
MOST_ANSWERS = 20  # to one survey, with second thoughts and additions
ENOUGH = "这次说的没有再记，前面说的都记下了；还有事，请直接给我们留言"
UNSAID = "请先选事情是不是解决了"
SAME_MOMENT = timedelta(minutes=1)  # files that come so soon after a word are told with it


@dataclass(frozen=True)
class Said:
    """An answer to both questions; after the end, perhaps to neither. Satisfaction is 1 (很不满意) to 5
    (很满意)."""

    solved: bool | None = None
    satisfaction: int | None = None
    words: str = ""
    reasons: tuple[str, ...] = ()


def give(
    session: Session,
    survey_id: int,
    said: Said,
    via: Via,
    *,
    resident_id: int | None = None,
    officer_id: int | None = None,
    at: datetime | None = None,
) -> Survey:
    """Answer a survey, or within a day answer it anew: the last answer counts, and each is on the record.

    A bad one brings the case back or before a supervisor, as its own policy has it, also after another bad
    one; a good one after a bad one closes it again, while nobody has done anything, or ends its review, while
    nobody has decided; of every other change of mind the unit hears. What was written of a bad answer stays
    with that one. The same answer again is the same tap. `officer_id` took it by telephone, perhaps after the
    end. Raises NotFound for another's (`resident_id`, where the link alone is no right to answer), Invalid,
    TooMany, or Gone when it is over.
    """
    moment = at or now()
    is_called = officer_id is not None
    survey = surveys.find_to_answer(session, survey_id, resident_id, moment, also_expired=is_called)
    is_anew, was_bad = survey.state is SurveyState.ANSWERED, surveys.is_bad(survey)
    said = _without_complaints(session, survey, said)
    if is_anew and said_of(survey) == said:
        return survey
    _must_be_an_answer(session, survey, said)
    if was_bad:
        survey_reviews.keep_whole(session, survey)
    surveys.answer(survey, **vars(said), via=via, officer_id=officer_id, at=moment)
    _follow(session, survey, moment, is_anew=is_anew, was_bad=was_bad)
    return survey


def rate(
    session: Session, survey_id: int, satisfaction: int, *, resident_id: int, at: datetime | None = None
) -> Survey:
    """The second question, asked in chat after the first was answered. Raises NotFound, Gone or Invalid."""
    moment = at or now()
    survey = surveys.find(session, survey_id, resident_id)
    if survey.state is not SurveyState.ANSWERED or not surveys.may_change(survey, moment):
        raise Gone("这次回访已经结束了，有事请随时给我们留言")
    if survey.satisfaction == satisfaction:
        return survey
    said = Said(bool(survey.solved), satisfaction, survey.words or "", tuple(survey.reasons))
    if survey.satisfaction is not None:
        return give(session, survey_id, said, Via.CHAT, at=moment)
    surveys.rate(survey, satisfaction, moment)
    _follow(session, survey, moment, is_anew=False)
    return survey


def add_reasons(
    session: Session,
    survey_id: int,
    reasons: Sequence[str],
    *,
    resident_id: int,
    at: datetime | None = None,
) -> Survey:
    """Tick more reasons of a bad answer, in chat. Ticking one again changes nothing."""
    moment = at or now()
    survey = _answered(session, survey_id, resident_id, moment)
    new = [reason for reason in dict.fromkeys(reasons) if reason not in survey.reasons]
    if not new:
        return survey
    survey.reasons = [*survey.reasons, *new]
    surveys.record(survey, Via.CHAT, moment)
    _comment(session, survey, f"{surveys.TICKED}{'、'.join(new)}", moment)
    return survey


def add_words(
    session: Session,
    survey_id: int,
    words: str,
    *,
    resident_id: int,
    media: Sequence[tuple[str, dict[str, str]]] = (),
    is_told: bool = False,
    via: Via = Via.CHAT,
    at: datetime | None = None,
) -> list[int]:
    """Words and files that follow an answer join it. Returns the ids of the files to fetch.

    `media` is (kind, where it lies); `is_told`: the case has the same already as an addition of its own.
    """
    moment = at or now()
    survey = _answered(session, survey_id, resident_id, moment)
    if words.strip():
        survey.words = "\n".join(filter(None, (survey.words, words.strip())))
    surveys.record(survey, via, moment)
    if is_told:
        return []
    told = None if words.strip() else _told_just_now(session, survey, moment)
    files = [_file(survey, AttachmentKind(kind), source, told or moment) for kind, source in media]
    session.add_all(files)
    session.flush()
    if told is None:
        _comment(session, survey, words.strip() or attachments.sent([file.kind for file in files]), moment)
    return [file.id for file in files]


def add_photos(
    session: Session, survey_id: int, photos: Sequence[Photo], at: datetime | None = None
) -> tuple[int, list[str]]:
    """Photos that come with an answer, of a page or the mini program, join its case. Returns how many were
    new, and why others were not taken."""
    moment, survey = at or now(), surveys.find(session, survey_id)
    if survey.state is not SurveyState.ANSWERED or not surveys.may_change(survey, moment):
        raise Gone("这次回访已经结束了，不能再传照片")
    told, new, refused = _told_just_now(session, survey, moment), 0, set()
    for photo in photos:
        try:
            new += attachments.attach_to_answer(session, survey, photo, told or moment)
        except Conflict as error:
            refused.add(error.message)
    if new and told is None:
        _comment(session, survey, attachments.sent([AttachmentKind.PHOTO] * new), moment)
    return new, sorted(refused)


def say_before(session: Session, survey_id: int, words: str, at: datetime | None = None) -> None:
    """Words that answer neither question stand on the record of the case; the survey stays open."""
    moment = at or now()
    _comment(session, surveys.find_open(session, survey_id), words, moment)


def say_late(
    session: Session,
    survey_id: int,
    said: Said,
    via: Via,
    *,
    resident_id: int | None = None,
    officer_id: int | None = None,
    at: datetime | None = None,
) -> Survey:
    """What is said after the end is kept with the case and told to the unit; it counts in no rate. Whoever
    says whether it is solved need not be called about it any more.

    The same again is the same tap. Raises NotFound, or TooMany after MOST_LATE of them.
    """
    moment, survey = at or now(), surveys.find(session, survey_id, resident_id)
    late = sa.select(SurveyAnswer).filter_by(survey_id=survey.id, is_late=True).order_by(SurveyAnswer.id)
    heard = [said_of(row) for row in session.scalars(late)]
    if (said := _clean(said)) in heard:
        return survey
    if len(heard) >= MOST_LATE:
        raise TooMany(ENOUGH)
    facts = vars(said) | {"words": said.words or None, "reasons": list(said.reasons)}
    survey.answers.add(SurveyAnswer(via=via, officer_id=officer_id, is_late=True, created_at=moment, **facts))
    if said.solved is not None:
        callback_plans.end_answered(session, survey, moment)
    _comment(session, survey, f"回访结束后又说：{_late_words(said)}", moment)
    return survey


def _late_words(said: Said) -> str:
    verdict = {True: "已解决", False: "没有解决", None: ""}[said.solved]
    both = "，".join(filter(None, (verdict, surveys.SATISFACTION.get(said.satisfaction or 0))))
    return "。".join(filter(None, (both, "、".join(said.reasons), said.words)))


def words_of_thanks(session: Session, survey: Survey, said: Said) -> str:
    """What may stand with thanks: nothing of what was written of a bad answer, this one or an earlier one."""
    words = said.words.strip()
    if not words or surveys.is_bad_answer(said.solved, said.satisfaction):
        return ""
    return "" if any(_begins(words, complaint) for complaint in _complaints(session, survey)) else words


def _begins(words: str, complaint: str) -> bool:
    """Whether the form still held the complaint, to which something was added; not: both speak of 路灯."""
    return re.match(re.escape(complaint) + r"(?!\w)", words) is not None


def _complaints(session: Session, survey: Survey) -> set[str]:
    """What was written of bad answers to this survey and of no good one (one query)."""
    bad, good = set[str](), set[str]()
    for row in session.scalars(sa.select(SurveyAnswer).where(SurveyAnswer.survey_id == survey.id)):
        is_bad = surveys.is_bad_answer(row.solved, row.satisfaction)
        (bad if is_bad else good).add(row.words or "")
    return bad - good - {""}


def _without_complaints(session: Session, survey: Survey, said: Said) -> Said:
    """The form still holds what was written of a bad answer: a good one does not say it again."""
    clean = _clean(said)
    if not clean.words or surveys.is_bad_answer(clean.solved, clean.satisfaction):
        return clean
    return replace(clean, words="") if clean.words in _complaints(session, survey) else clean


def said_of(row: Survey | SurveyAnswer) -> Said:
    """An answer as it was given."""
    return Said(row.solved, row.satisfaction, row.words or "", tuple(row.reasons or ()))


def _clean(said: Said) -> Said:
    """As it is kept: a good answer has no reasons, though the form may still hold those of a bad one."""
    is_good = said.solved and not surveys.is_bad_answer(said.solved, said.satisfaction)
    return replace(said, words=said.words.strip(), reasons=() if is_good else tuple(said.reasons))


def _answered(session: Session, survey_id: int, resident_id: int, at: datetime) -> Survey:
    survey = surveys.find(session, survey_id, resident_id)
    if not surveys.may_change(survey, at):
        raise Gone("这次回访已经结束了，有事请随时给我们留言")
    _must_not_be_too_many(session, survey)
    return survey


def _must_be_an_answer(session: Session, survey: Survey, said: Said) -> None:
    _must_not_be_too_many(session, survey)
    if said.solved is None:
        raise Invalid(UNSAID)


def _must_not_be_too_many(session: Session, survey: Survey) -> None:
    own = sa.select(sa.func.count()).select_from(SurveyAnswer).where(SurveyAnswer.survey_id == survey.id)
    if (session.scalar(own) or 0) >= MOST_ANSWERS:
        raise TooMany(ENOUGH)


def _follow(session: Session, survey: Survey, at: datetime, *, is_anew: bool, was_bad: bool = False) -> None:
    """What an answer brings; where no step on the case says it, the unit hears of it in words."""
    session.flush()
    actor = Actor(resident_id=survey.resident_id)
    is_told = service.answer_survey(session, survey, actor, at, was_bad=was_bad)
    if (is_anew or surveys.is_bad(survey)) and not is_told:
        words = surveys.in_words(survey)
        holds = survey_reviews.after_all(session, survey) if was_bad else ""
        _comment(
            session, survey, "。".join(filter(None, (f"改了评价：{words}" if is_anew else words, holds))), at
        )


def _comment(session: Session, survey: Survey, note: str, at: datetime) -> None:
    """On the record of the case, in the resident's name, wherever it stands now. A case that ended without
    work takes nothing more; then the survey alone holds it."""
    case, actor = session.get_one(Case, survey.case_id), Actor(resident_id=survey.resident_id)
    session.flush()
    if case.status in RULES[Action.COMMENT].sources:
        service.perform(session, case.number, Action.COMMENT, actor, Given(note=note), at=at)


def _told_just_now(session: Session, survey: Survey, at: datetime) -> datetime | None:
    """The moment of the step with which files that come now are told: the last one of the case, where it is
    the same resident's word to this answer of a minute ago; else None."""
    own = sa.select(CaseEvent).where(CaseEvent.case_id == survey.case_id)
    last = session.scalars(own.order_by(CaseEvent.id.desc()).limit(1)).one_or_none()
    if last is None or last.action is not Action.COMMENT or last.resident_id != survey.resident_id:
        return None
    since = max(at - SAME_MOMENT, survey.answered_at or at)
    return last.created_at if last.created_at >= since else None


def _file(survey: Survey, kind: AttachmentKind, source: dict[str, str], at: datetime) -> Attachment:
    facts = {"case_id": survey.case_id, "round": survey.round, "created_at": at}
    return Attachment(kind=kind, source=source, by_resident=True, state=Stored.WAITING, **facts)
