"""Carrying out what the conversation decided: one short function per effect.

The two that matter most (a new case, words and photos for one) do not pass here: inbound.py writes them
in the same statement as the message.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from backend.cases import (
    deadlines,
    intake,
    joining,
    merging,
    service,
    survey_answers,
    survey_reviews,
    surveys,
    telling,
)
from backend.cases.intake import Report
from backend.cases.models import Case, Channel
from backend.cases.service import Actor
from backend.cases.survey_answers import Said
from backend.cases.survey_models import Via
from backend.cases.workflow import Audience, Given, Status
from backend.errors import Gone
from backend.notify import binding, grants, optouts, outbox
from backend.notify.messages import Message
from backend.notify.models import Contact
from backend.places import codes, residents
from backend.places.models import Area, Officer
from backend.times import now
from backend.wechat import accounts, consents, wording
from backend.wechat.turns import (
    AddToAnswer,
    AddToCase,
    AnswerSurvey,
    Bind,
    Consent,
    Effect,
    JoinMatter,
    KeepPhone,
    Locate,
    RateSurvey,
    Receipt,
    SayLate,
    Step,
    TickReasons,
    Unfollow,
    WantNotices,
)


@dataclass(frozen=True)
class Sender:
    """Whose message it is."""

    account: str
    contact_id: int
    resident_id: int

    @property
    def actor(self) -> Actor:
        return Actor(resident_id=self.resident_id)


def carry_out(session: Session, sender: Sender, effect: Effect) -> str | None:
    """Do it. Returns a reply that takes the place of the conversation's, or None. Raises AppError."""
    return _BY_EFFECT[type(effect)](session, sender, effect)


def greet(session: Session, sender: Sender) -> None:
    """The sender is here: they follow the account, and what waited for their next visit is due now."""
    contact = session.get_one(Contact, sender.contact_id)
    contact.follows = True
    outbox.wake(session, resident_id=sender.resident_id, officer_id=contact.officer_id)


def media_json(account: str, media: tuple[tuple[str, str], ...]) -> str:
    """What the attachments' SQL takes."""
    return json.dumps(
        [{"kind": kind, "source": {"account": account, "media_id": media_id}} for kind, media_id in media]
    )


def _join(session: Session, sender: Sender, effect: JoinMatter) -> str:
    """Join the matter; where that cannot be, the case stays one of its own, and the reply says so."""
    matter = joining.name_of(session, effect.matter_id)
    case = _own(session, sender, effect) if effect.is_own else _opened(session, sender, effect, matter)
    if case is None:
        return wording.MATTER_APART.format(number=effect.number)
    if effect.words or effect.media:
        _add(session, sender, AddToCase(case.number, effect.words, effect.media))
    said = wording.MATTER_JOINED if case.status is Status.MERGED else wording.MATTER_LATE
    return said.format(matter=matter, number=case.number)


def _own(session: Session, sender: Sender, effect: JoinMatter) -> Case | None:
    return merging.join_with(session, effect.number, sender.resident_id, effect.matter_id)


def _opened(session: Session, sender: Sender, effect: JoinMatter, matter: str) -> Case:
    """Raises UniqueViolation for a number that is taken, as the quick path does: inbound.py draws anew."""
    report = Report(
        text=joining.SAME.format(matter=matter),
        place_id=effect.place.id,
        place=effect.place.name,
        channel=Channel.WECHAT,
        resident_id=sender.resident_id,
        code_id=effect.code,
        number=effect.number,
    )
    try:
        return merging.join(session, report, effect.matter_id)
    except IntegrityError as error:
        raise error.orig or error from None


def _add(session: Session, sender: Sender, effect: AddToCase) -> None:
    """Add to the case; words of danger make it urgent, and say so to those who have it."""
    case = session.scalars(sa.select(Case).where(Case.number == effect.number).with_for_update()).one()
    values = intake.addition(
        effect.number, sender.resident_id, effect.words, media_json(sender.account, effect.media)
    )
    session.connection().exec_driver_sql(intake.ADD_ALONE, values)
    if effect.urgent:
        _alarm(session, case, effect.words)


def _alarm(session: Session, case: Case, words: str) -> None:
    at = now()
    case.urgent = True
    deadlines.hasten(session, case, at)
    session.flush()
    for who in (Audience.COMMUNITY, Audience.UNIT):
        cause = f"{Message.CASE_URGED}:danger:{at.isoformat()}"  # each such message is news
        telling.tell(session, case, who, Message.CASE_URGED, cause, note=f"紧急：{words}", at=at)


def _locate(session: Session, sender: Sender, effect: Locate) -> None:
    area = session.get_one(Area, effect.place.id)
    _note_position(session, effect)
    service.locate(
        session,
        effect.number,
        sender.actor,
        area,
        latitude=effect.latitude,
        longitude=effect.longitude,
        address=effect.address or None,
    )


def _note_position(session: Session, effect: Locate) -> None:
    """The first position of a case that came by a code says whether the code was scanned where it hangs."""
    if effect.latitude is None or effect.longitude is None:
        return
    case = session.scalars(sa.select(Case).where(Case.number == effect.number).with_for_update()).one()
    if case.code_id is not None and case.latitude is None:
        codes.note_position(session, case.code_id, (effect.latitude, effect.longitude))


def _step(session: Session, sender: Sender, effect: Step) -> None:
    service.perform(session, effect.number, effect.action, sender.actor, Given(note=effect.note))


def _answer(session: Session, sender: Sender, effect: AnswerSurvey) -> str | None:
    """What comes in the moment in which the survey ends is heard all the same. Who takes a complaint back
    reads what holds now, which depends on what others have done meanwhile."""
    said, who = Said(effect.solved, words=effect.words), sender.resident_id
    try:
        survey = survey_answers.give(session, effect.survey_id, said, Via.CHAT, resident_id=who)
    except Gone as error:
        _hear(session, sender, effect.survey_id, effect.solved, effect.words)
        return f"{error.message}。您说的我们记下了"
    holds = survey_reviews.after_all(session, survey)
    return wording.SURVEY_TAKEN_BACK.format(holds=holds) + wording.SURVEY_SOLVED if holds else None


def _rate(session: Session, sender: Sender, effect: RateSurvey) -> str | None:
    """Words that say why join it. Who takes a complaint back reads what holds now."""
    who = sender.resident_id
    if effect.words:
        solved = bool(surveys.find(session, effect.survey_id, who).solved)
        said = Said(solved, effect.satisfaction, effect.words)
        survey_answers.give(session, effect.survey_id, said, Via.CHAT, resident_id=who)
        return None
    survey = survey_answers.rate(session, effect.survey_id, effect.satisfaction, resident_id=who)
    holds = survey_reviews.after_all(session, survey) if effect.is_anew else ""
    step = surveys.SATISFACTION[effect.satisfaction]
    return wording.SURVEY_RERATED.format(said=step, holds=f"，{holds}") if holds else None


def _tick(session: Session, sender: Sender, effect: TickReasons) -> None:
    survey_answers.add_reasons(session, effect.survey_id, effect.reasons, resident_id=sender.resident_id)


def _add_to_answer(session: Session, sender: Sender, effect: AddToAnswer) -> None:
    media = [(kind, {"account": sender.account, "media_id": media_id}) for kind, media_id in effect.media]
    survey_answers.add_words(
        session,
        effect.survey_id,
        effect.words,
        resident_id=sender.resident_id,
        media=media,
        is_told=effect.is_told,
    )


def _say_late(session: Session, sender: Sender, effect: SayLate) -> None:
    _hear(session, sender, effect.survey_id, effect.solved)


def _hear(session: Session, sender: Sender, survey_id: int, solved: bool, words: str = "") -> None:
    said = Said(solved, words=words)
    survey_answers.say_late(session, survey_id, said, Via.CHAT, resident_id=sender.resident_id)


def _keep_phone(session: Session, sender: Sender, effect: KeepPhone) -> None:
    residents.keep_phone(session, sender.resident_id, effect.phone)


def _want(session: Session, sender: Sender, effect: WantNotices) -> None:
    (optouts.drop if effect.is_wanted else optouts.keep)(session, sender.resident_id)


def _bind(session: Session, sender: Sender, effect: Bind) -> str:
    officer_id = binding.redeem(session, effect.code, sender.contact_id)
    outbox.wake(session, officer_id=officer_id)
    return wording.BOUND.format(name=session.get_one(Officer, officer_id).name)


def _unfollow(session: Session, sender: Sender, effect: Unfollow) -> None:
    session.get_one(Contact, sender.contact_id).follows = False


def _receive(session: Session, sender: Sender, effect: Receipt) -> None:
    outbox.receipt(session, sender.account, effect.provider_id, effect.status)


def _consent(session: Session, sender: Sender, effect: Consent) -> None:
    """A template that is none of our notices is another's business."""
    notices = accounts.receiver(sender.account).notices.values()
    template = next((one for one in notices if one.id == effect.template_id), None)
    if template is None:
        return
    if not effect.is_given:
        grants.drop(session, sender.contact_id, template.id)
        return
    consents.allow(session, sender.contact_id, template)


_BY_EFFECT: dict[type, Callable[[Session, Sender, Any], str | None]] = {
    JoinMatter: _join,
    AddToCase: _add,
    Locate: _locate,
    Step: _step,
    AnswerSurvey: _answer,
    RateSurvey: _rate,
    TickReasons: _tick,
    AddToAnswer: _add_to_answer,
    SayLate: _say_late,
    KeepPhone: _keep_phone,
    WantNotices: _want,
    Bind: _bind,
    Unfollow: _unfollow,
    Receipt: _receive,
    Consent: _consent,
}
