"""What waits at the outbox desk with nothing to decide about it: for an account that does not answer now, and
for room under a person's limit or an account's quota."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from backend.console.outbox_lists import LOOKED_AT, MOST, PAGE, Key
from backend.console.outbox_scope import narrowed
from backend.db import one_of
from backend.notify import circuit, outbox, records
from backend.notify.models import Delivery, Held, Notification
from backend.notify.troubles import RETRIED_WITHIN
from backend.places.models import Post

Row = Notification


def away() -> list[str]:
    """Whose calls have stopped, as people call them: said at once, before anything has failed for good."""
    return sorted({records.provider_of(account) for account in circuit.stopped()})


def for_accounts(session: Session, posts: Sequence[Post], at: datetime) -> int:
    """How many wait while an account is away, up to MOST: what was put off for it, and what is due or in hand
    behind that."""
    is_next = outbox.IS_STOPPED | (Row.due_at <= at)
    waits = one_of(Row.status, [Delivery.WAITING]) & is_next
    return _count(session, posts, waits | one_of(Row.status, [Delivery.SENDING]))


def held(session: Session, posts: Sequence[Post], at: datetime) -> int:
    """How many wait for room under a limit or a quota, up to MOST."""
    return _count(session, posts, _is_held(at))


def held_page(session: Session, posts: Sequence[Post], at: datetime, after: Key | None) -> list[Row]:
    """Those, what goes next first (one query). `after` is the moment and id of the last row seen."""
    near = _near(_is_held(at))
    if after is not None:
        near = near.where(sa.tuple_(Row.due_at, Row.id) > sa.tuple_(*map(sa.literal, after)))
    found = sa.select(Row).where(Row.id.in_(near.order_by(Row.due_at, Row.id)))
    return list(session.scalars(narrowed(found, posts).order_by(Row.due_at, Row.id).limit(PAGE)))


def _is_held(at: datetime) -> sa.ColumnElement[bool]:
    """The condition that a person has been told enough for now, or that a provider takes no more until then:
    such an attempt is not counted, while a failed one is."""
    is_put_off = Row.held.is_(None) & Row.error.is_not(None) & (Row.attempts == sa.literal_column("0"))
    is_limited = Row.held == sa.literal_column(f"'{Held.LIMIT}'")
    soon = (Row.due_at > at) & (Row.due_at <= at + RETRIED_WITHIN)
    return one_of(Row.status, [Delivery.WAITING]) & soon & (is_limited | is_put_off)


def _near(condition: sa.ColumnElement[bool]) -> sa.Select[Any]:
    return sa.select(Row.id).where(condition).limit(LOOKED_AT)


def _count(session: Session, posts: Sequence[Post], condition: sa.ColumnElement[bool]) -> int:
    few = narrowed(sa.select(Row.id), posts).where(Row.id.in_(_near(condition))).limit(MOST)
    return session.scalar(sa.select(sa.func.count()).select_from(few.subquery())) or 0
