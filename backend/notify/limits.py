"""Limits: how much one person is told; what is over it waits until there is room again, and says so.

What cannot wait (urgent by its kind, or of an urgent case) goes, and is counted all the same.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from backend.config import config
from backend.notify import records
from backend.notify.channels import Recipient
from backend.notify.digests import GATHERING
from backend.notify.messages import URGENT
from backend.notify.models import Delivery, Held, Notification

Row = Notification
OFFICERS, RESIDENTS = 0x_0FF1CE << 32, 0x_0E51DE << 32


@dataclass(frozen=True)
class Limit:
    """So many messages within this time; 0 is no limit."""

    column: sa.orm.InstrumentedAttribute[int | None]
    most: int
    within: timedelta
    why: str
    lock: int  # and a person's id


def limits() -> Mapping[Recipient, Limit]:
    """By the settings, read when they are needed."""
    hour, day = timedelta(hours=1), timedelta(days=1)
    officer, resident = config.officer_messages_an_hour, config.resident_messages_a_day
    return {
        Recipient.OFFICER: Limit(
            Row.officer_id, officer, hour, f"一小时里已发 {officer} 条，稍后再发", OFFICERS
        ),
        Recipient.RESIDENT: Limit(
            Row.resident_id, resident, day, f"一天里已发 {resident} 条，稍后再发", RESIDENTS
        ),
    }


def hold(session: Session, ids: Sequence[int], at: datetime | None = None) -> None:
    """Put those of these messages off that are more than their people are told at most."""
    for limit in limits().values():
        if limit.most:
            _hold(session, limit, ids, at)


def _hold(session: Session, limit: Limit, ids: Sequence[int], moment: datetime | None) -> None:
    found = _waiting(session, limit, ids, moment)
    if found is None:
        return
    waiting, at = found
    _take_turns(session, limit, sorted(waiting))
    told = _told(session, limit, list(waiting), at)
    for person, rows in waiting.items():
        moments = told.get(person, ())
        room = max(0, limit.most - len(moments))
        if over := rows[room:]:
            free = moments[-limit.most] if len(moments) >= limit.most else at
            late = {"due_at": free + limit.within, "held": Held.LIMIT, "error": limit.why}
            session.execute(sa.update(Row).where(Row.id.in_(over)).values(late))


def _take_turns(session: Session, limit: Limit, people: Sequence[int]) -> None:
    """Of several workers one at a time counts what a person was told: the next sees what it has taken."""
    keys = [limit.lock + person for person in people]
    session.execute(sa.text("SELECT pg_advisory_xact_lock(key) FROM unnest(:keys) key"), {"keys": keys})


def _waiting(
    session: Session, limit: Limit, ids: Sequence[int], at: datetime | None
) -> tuple[dict[int, list[int]], datetime] | None:
    """The messages that can wait, by person, the oldest first, and the moment by the clock that says what is
    due. None: none of them can."""
    moment = records.moment(at)
    is_urgent = Row.message.in_(URGENT - GATHERING.keys()) | (Row.fields["urgent"].astext == "1")
    due = (Row.id.in_(ids), Row.status == Delivery.WAITING, Row.due_at <= moment, limit.column.is_not(None))
    wanted = sa.select(limit.column, Row.id, moment).where(*due, is_urgent.is_distinct_from(True))
    rows = session.execute(wanted.order_by(Row.id)).all()
    found: dict[int, list[int]] = defaultdict(list)
    for person, row_id, _ in rows:
        found[person or 0].append(row_id)
    return (found, rows[0][2]) if rows else None


def _told(session: Session, limit: Limit, people: Sequence[int], at: datetime) -> dict[int, list[datetime]]:
    """When each was sent something within the time of the limit, the first moment first; now, what is being
    sent. What went in a digest came as one message: the digest is counted, not they."""
    theirs = (limit.column.in_(people), Row.digest_id.is_(None))
    is_called = (Row.status == sa.literal_column(f"'{Delivery.SENDING}'")) & Row.lease_until.is_not(None)
    sent = sa.select(limit.column, Row.sent_at).where(*theirs, Row.sent_at > at - limit.within, ~is_called)
    called = sa.select(limit.column, sa.literal(at)).where(*theirs, is_called)
    rows: Sequence[Any] = session.execute(sa.union_all(sent, called)).all()
    told: dict[int, list[datetime]] = defaultdict(list)
    for person, moment in sorted((row[0], row[1]) for row in rows):
        told[person].append(moment)
    return told
