"""What a resident does with a case: a step with words, and photos."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from backend import db
from backend.cases import attachments, service
from backend.cases.attachments import Photo
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
    number: str, action: Action, actor: Actor, words: str, contents: Sequence[bytes]
) -> list[str]:
    """Take one step of a page. Returns why photos were not taken: a bad one costs neither step nor others."""
    photos, refused = _prepared(number, actor, contents)
    at = now()
    with db.transaction() as session:
        if action is not Action.ADD:  # before the photos, for they belong to the round that it may begin
            take(session, number, action, actor, words, at)
        new, full = _attach(session, find(session, number, actor), photos, at)
        reasons = list(dict.fromkeys([*refused, *full]))
        if action is Action.ADD:
            if reasons and not (new or words):
                raise WrongFields({"photos": reasons[0]})
            if new:
                service.perform(session, number, action, actor, Given(note=words), at=at)
            elif words or not photos:  # photos alone that were all there before: the same tap again
                take(session, number, action, actor, words, at)
    return reasons


def _prepared(number: str, actor: Actor, contents: Sequence[bytes]) -> tuple[list[Photo], list[str]]:
    """The photos made ready before the case is locked; NotFound before that if the case is not theirs."""
    with db.transaction() as session:
        find(session, number, actor)
    return attachments.prepare_all(contents)


def _attach(session: Session, case: Case, photos: Sequence[Photo], at: datetime) -> tuple[int, list[str]]:
    """How many were added that were not there before, and why others were not."""
    new, refused = 0, []
    for photo in photos:
        try:
            new += attachments.attach(session, case, photo, by_resident=True, at=at).created_at == at
        except Conflict as error:
            refused.append(error.message)
    return new, refused


def add_photo(number: str, actor: Actor, content: bytes) -> Attachment:
    """Add one photo to an open case. Raises NotFound, Invalid, TooLarge or Conflict with the reason."""
    with db.transaction() as session:
        find(session, number, actor)
    photo = attachments.prepare(content)
    with db.transaction() as session:
        return attachments.attach(session, find(session, number, actor), photo, by_resident=True)


def add_photos(number: str, actor: Actor, contents: Sequence[bytes]) -> list[str]:
    """Add the photos that came with the report. Returns why some were not taken."""
    photos, refused = _prepared(number, actor, contents)
    with db.transaction() as session:
        return refused + _attach(session, find(session, number, actor), photos, now())[1]
