"""Quiet hours (免打扰): outside the hours of messages only what is urgent goes; the rest waits for them."""

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from backend.config import config
from backend.notify import records
from backend.notify.messages import URGENT
from backend.notify.models import Delivery, Held, Notification
from backend.places import duty
from backend.times import next_within, now

HELD = "夜里不打扰，早上再发"

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
    due = (Row.id.in_(ids), _WAITING, Row.due_at <= records.moment(at))
    held = sa.update(Row).where(*due, can_wait, is_asleep)
    session.execute(held.values(due_at=morning, error=HELD, held=Held.NIGHT))
