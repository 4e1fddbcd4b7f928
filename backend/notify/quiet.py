"""Quiet hours (免打扰): outside the hours of messages only what is urgent goes; the rest waits for them."""

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session, aliased

from backend.config import config
from backend.notify.messages import CATALOGUE
from backend.notify.models import Delivery, Notification
from backend.places import duty
from backend.times import next_within, now

URGENT = frozenset(message for message, kind in CATALOGUE.items() if kind.urgent)
FADING = frozenset(  # what residents read of where a matter stands
    message for message, kind in CATALOGUE.items() if kind.fades
)
HELD = "夜里不打扰，早上再发"
FADED = "夜里没有发，早上已经有新的进展，不用再发"

Row = Notification
_WAITING = Row.status == sa.literal_column(f"'{Delivery.WAITING}'")


def hold(session: Session, ids: Sequence[int], at: datetime | None = None) -> None:
    """At night, put those of these messages off that can wait until MESSAGE_HOURS begin.

    At once goes what is urgent by its kind, what is about an urgent case, and what is for an officer who is
    on duty (值班) now. By day this asks the database nothing.
    """
    moment = at or now()
    morning = next_within(moment, config.message_hours)
    if morning <= moment:
        return
    can_wait = Row.message.not_in(URGENT) & Row.fields["urgent"].astext.is_distinct_from("1")
    awake = [one.officer.id for one in duty.on_duty(session, moment)]
    is_asleep = Row.officer_id.is_(None) | Row.officer_id.not_in(awake)
    due = (Row.id.in_(ids), _WAITING, Row.due_at <= moment)
    held = sa.update(Row).where(*due, can_wait, is_asleep)
    session.execute(held.values(due_at=morning, error=HELD))


def drop_faded(session: Session, at: datetime | None = None) -> int:
    """End what was held and is due now, but no news any more: the same resident has been told, or is about to
    be, what came after it in the same matter. Returns how many. Cost: what is due."""
    newer = aliased(Row)
    to_same = newer.resident_id == Row.resident_id
    of_same = newer.fields["number"].astext == Row.fields["number"].astext
    is_told = sa.exists().where(to_same, of_same, newer.id > Row.id, newer.status != Delivery.FAILED)
    due = (_WAITING, Row.due_at <= (at or now()), Row.error == HELD, Row.message.in_(FADING))
    ended = sa.update(Row).where(*due, is_told).values(status=Delivery.FAILED, error=FADED)
    return len(session.scalars(ended.returning(Row.id)).all())
