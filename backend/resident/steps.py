"""What a resident does with a case: a step with words, and photos."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from backend.cases import attachments, service
from backend.cases.attachments import Photo, Prepared
from backend.cases.models import Attachment, Case, CaseEvent
from backend.cases.service import Actor
from backend.cases.workflow import Action, Given
from backend.errors import Conflict, NotFound
from backend.resident.wording import DOINGS
from backend.times import now
from backend.web.forms import WrongFields
from backend.web.words import clean

SAME_TAP = timedelta(minutes=1)


def action_named(name: str) -> Action:
    """The action of an address. Raises NotFound for what residents cannot do here."""
    if name not in DOINGS:
        raise NotFound("没有这种操作")
    return Action(name)


def find(session: Session, number: str, actor: Actor) -> Case:
    """The resident's own case; NotFound for another's as for one that is not there."""
    return service.find(session, clean(number), actor)


def take(
    session: Session, number: str, action: Action, actor: Actor, note: str, at: datetime | None = None
) -> Case:
    """Take one step. The same step with the same words within a minute is the same tap, and changes nothing.

    To urge again is refused by the service, which says when it may be done.
    """
    doing, moment = DOINGS[action], at or now()
    if doing.needs_note and not note:
        raise WrongFields({"note": doing.missing})
    case = find(session, number, actor)
    session.execute(sa.select(Case.id).where(Case.id == case.id).with_for_update())
    if action is not Action.URGE and _was_just_done(session, case, action, actor, note, moment):
        return case
    return service.perform(session, case.number, action, actor, Given(note=note), at=moment)


def _was_just_done(
    session: Session, case: Case, action: Action, actor: Actor, note: str, at: datetime
) -> bool:
    last = session.scalars(
        sa.select(CaseEvent).where(CaseEvent.case_id == case.id).order_by(CaseEvent.id.desc()).limit(1)
    ).one_or_none()
    return (
        last is not None
        and last.action is action
        and last.resident_id == actor.resident_id
        and last.note == note
        and at - last.created_at < SAME_TAP
    )


def take_with_photos(
    session: Session, number: str, action: Action, actor: Actor, words: str, brought: Prepared
) -> list[str]:
    """Take one step of a page. Returns why photos were not taken: a bad one costs neither step nor others."""
    if action is Action.ADD:
        return add(session, number, actor, words, brought)
    at = now()
    case = take(session, number, action, actor, words, at)
    _, full = _attach(session, case, brought.photos, at)  # only now: they belong to the round it may begin
    return brought.refused + full


def add(session: Session, number: str, actor: Actor, words: str, brought: Prepared) -> list[str]:
    """Add words, photos or both in one step. Returns why photos were not taken.

    Raises WrongFields when nothing is left to be added. Photos that are there already, without a word, are
    the same tap again, and change nothing.
    """
    case, at = find(session, number, actor), now()
    new, full = _attach(session, case, brought.photos, at)
    refused = brought.refused + full
    if refused and not new and not words:
        raise WrongFields({"photos": refused[0]})
    if new:
        service.perform(session, case.number, Action.ADD, actor, Given(note=words), at=at)
    elif not attachments.brings_nothing(words, brought.photos, new):
        take(session, number, Action.ADD, actor, words, at)
    return refused


def add_photos(session: Session, number: str, actor: Actor, brought: Prepared) -> list[str]:
    """Add the photos that came with the report. Returns why some were not taken."""
    _, full = _attach(session, find(session, number, actor), brought.photos, now())
    return brought.refused + full


def _attach(session: Session, case: Case, photos: Sequence[Photo], at: datetime) -> tuple[int, list[str]]:
    """How many were added that were not there before, and why others were not."""
    new, refused = 0, []
    for photo in photos:
        try:
            new += attachments.attach(session, case, photo, by_resident=True, at=at)[1]
        except Conflict as error:
            refused.append(error.message)
    return new, refused


def add_photo(session: Session, number: str, actor: Actor, photo: Photo) -> Attachment:
    """Add one photo to an open case. Raises NotFound, or Conflict with the reason."""
    return attachments.attach(session, find(session, number, actor), photo, by_resident=True)[0]
