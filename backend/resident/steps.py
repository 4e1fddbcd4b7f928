"""What a resident does with a case: a step with words, and photos."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from backend import db
from backend.cases import attachments, service
from backend.cases.models import Attachment, Case, CaseEvent
from backend.cases.service import Actor
from backend.cases.workflow import Action, Given
from backend.errors import AppError, Invalid, NotFound
from backend.resident.wording import DOINGS
from backend.times import now
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
        raise Invalid(doing.missing)
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


def add_photo(session: Session, number: str, actor: Actor, content: bytes) -> Attachment:
    """Add one photo to an open case. Raises Invalid, TooLarge or Conflict with the reason."""
    return attachments.attach(session, find(session, number, actor), content, by_resident=True)


def add_photos(number: str, actor: Actor, photos: Sequence[bytes]) -> tuple[int, list[str]]:
    """Each photo in a transaction of its own, so that a bad one costs no other.

    Returns how many were taken, and why others were not.
    """
    taken, refused = 0, []
    for content in photos:
        try:
            with db.transaction() as session:
                add_photo(session, number, actor, content)
            taken += 1
        except AppError as error:
            refused.append(error.message)
    return taken, list(dict.fromkeys(refused))
