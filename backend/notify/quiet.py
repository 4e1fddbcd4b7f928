"""Quiet hours (免打扰): outside the hours of messages only what is urgent goes; the rest waits for them."""

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session, aliased

from backend.config import config
from backend.notify import records
from backend.notify.messages import CATALOGUE, URGENT
from backend.notify.models import Delivery, Held, Notification
from backend.notify.outbox import AT_ONCE
from backend.places import duty
from backend.times import next_within, now

FADING = frozenset(  # what residents read of where a matter stands
    message for message, kind in CATALOGUE.items() if kind.fades
)
HELD = "夜里不打扰，早上再发"
FADED = "没有马上发，后来已经有新的进展，不用再发"

Row = Notification
_WAITED = Row.held.in_([sa.literal_column(f"'{held}'") for held in (Held.NIGHT, Held.OUTAGE, Held.LIMIT)])
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
    due = (Row.id.in_(ids), _WAITING, Row.due_at <= records.moment(at))
    held = sa.update(Row).where(*due, can_wait, is_asleep)
    session.execute(held.values(due_at=morning, error=HELD, held=Held.NIGHT))


def drop_faded(session: Session, at: datetime | None = None) -> int:
    """End what was held (at night, through an outage) and is due now, but no news any more: the same resident
    has been told, or is about to be, what came after it. AT_ONCE at a time; returns how many. Cost: what is
    due."""
    newer = aliased(Row)
    to_same = newer.resident_id == Row.resident_id
    of_same = newer.fields["number"].astext == Row.fields["number"].astext
    is_told = sa.exists().where(to_same, of_same, newer.id > Row.id, newer.status != Delivery.FAILED)
    due = (_WAITING, Row.due_at <= records.moment(at), _WAITED, Row.message.in_(FADING))
    faded = sa.select(Row.id).where(*due, is_told).limit(AT_ONCE)
    held = faded.with_for_update(skip_locked=True, of=Row)
    ended = sa.update(Row).where(Row.id.in_(held)).values(status=Delivery.FAILED, error=FADED)
    return len(session.scalars(ended.returning(Row.id)).all())
