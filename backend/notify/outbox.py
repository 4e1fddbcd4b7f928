"""The outbox: claim what is due, write down what happened, find what was forgotten.

Delivering has three moves, and a worker may be killed between any two:
- after the claim: the lease runs out, the sweep gives the message back, another worker sends it;
- after the provider was called: the same. For a template message the provider gets the same client id and
  shows one card. A chat message has no such id, so its row says before the call that one was begun
  (`channel`); whoever finds that mark does not write into the chat again but sends the template. So nothing
  is lost, and at worst a person reads the same in two forms; without a template it fails and says so.
- after the record: nothing is left to do, but to look for a receipt that came before it (early.py). When the
  worker is killed before what it finds is written down, that receipt is lost: the row stays `sent`.
Whoever holds a message proves it by the lease it was given: a worker that slept too long can neither send nor
record what is another's by now.
"""

import logging
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from backend import db
from backend.notify import early
from backend.notify.channels import Owed, Refusal, Then
from backend.notify.models import Delivery, Notification
from backend.times import now

logger = logging.getLogger(__name__)

LEASE = timedelta(seconds=60)  # longer than one call with a renewed token can take
BACKOFF = (
    timedelta(seconds=10),
    timedelta(seconds=30),
    timedelta(minutes=2),
    timedelta(minutes=10),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=6),
    timedelta(hours=12),
)
ATTEMPTS = len(BACKOFF) + 1
RESEND_LOST = timedelta(minutes=1)
NEXT_VISIT = timedelta(days=3650)  # put off until the person comes to us; `wake` looks for half of this
STALE = timedelta(days=30)  # older than this, nobody is told any more
DUE_AT_ONCE = 1_000

Row = Notification


class LeaseLost(Exception):
    """The message is another worker's by now."""


def _moment(at: datetime | None) -> sa.ColumnElement[datetime]:
    """The database's clock, so that workers on several machines agree; tests give their own moment."""
    return sa.func.now() if at is None else sa.literal(at)


def _is(status: Delivery) -> sa.ColumnElement[bool]:
    """Written into the statement, for only then do the partial indexes serve a prepared one."""
    return Row.status == sa.literal_column(f"'{status}'")


def claim(
    session: Session, ids: Sequence[int], *, at: datetime | None = None, lease: timedelta = LEASE
) -> list[Owed]:
    """Take those of these messages that are due and free; nobody else sends them while the lease lasts."""
    free = sa.select(Row.id).where(Row.id.in_(ids), _is(Delivery.WAITING), Row.due_at <= _moment(at))
    taken = session.scalars(
        sa.update(Row)
        .where(Row.id.in_(free.with_for_update(skip_locked=True)))
        .values(status=Delivery.SENDING, lease_until=_moment(at) + lease, attempts=Row.attempts + 1)
        .returning(Row)
        .execution_options(populate_existing=True)
    )
    return sorted((_owed(row) for row in taken), key=lambda owed: owed.id)


def _owed(row: Notification) -> Owed:
    assert row.lease_until is not None
    return Owed(
        id=row.id,
        message=row.message,
        fields=row.fields,
        resident_id=row.resident_id,
        officer_id=row.officer_id,
        attempts=row.attempts,
        lease=row.lease_until,
        created_at=row.created_at,
        unanswered=row.channel,
        rungs=tuple(row.rungs),
    )


def begin(
    session: Session,
    owed: Owed,
    channel: str,
    account: str,
    *,
    at: datetime | None = None,
    lease: timedelta = LEASE,
) -> Owed:
    """Mark that a call on this channel begins, and renew the lease for it. Raises LeaseLost."""
    begun = session.scalar(
        _held(owed)
        .values(channel=channel, account=account, lease_until=_moment(at) + lease)
        .returning(Row.lease_until)
    )
    if begun is None:
        raise LeaseLost(owed.id)
    return replace(owed, lease=begun)


def record_sent(session: Session, owed: Owed, provider_id: str | None, *, at: datetime | None = None) -> bool:
    """The provider took it. False: the message was another worker's by then."""
    return _record(
        session,
        owed,
        status=Delivery.SENT,
        provider_id=provider_id,
        sent_at=_moment(at),
        rungs=list(owed.rungs),
        error=None,
    )


def record_refused(session: Session, owed: Owed, refusal: Refusal, *, at: datetime | None = None) -> bool:
    """No channel took it: try later, wait for the person's next visit, or give up and say why."""
    kept = {"rungs": list(owed.rungs), "error": refusal.reason, "channel": owed.unanswered}
    if refusal.then is Then.VISIT:
        put_off = {"due_at": _moment(at) + NEXT_VISIT, "attempts": 0}
        return _record(session, owed, status=Delivery.WAITING, **kept, **put_off)
    if refusal.then is Then.LATER and owed.attempts < ATTEMPTS:
        again = _moment(at) + BACKOFF[owed.attempts - 1]
        return _record(session, owed, status=Delivery.WAITING, **kept, due_at=again)
    return _record(session, owed, status=Delivery.FAILED, **kept)


def _record(session: Session, owed: Owed, **values: Any) -> bool:
    written = session.scalar(_held(owed).values(lease_until=None, **values).returning(Row.id))
    return written is not None


def _held(owed: Owed) -> sa.Update:
    mine = (Row.id == owed.id, Row.status == Delivery.SENDING, Row.lease_until == owed.lease)
    return sa.update(Row).where(*mine)


def release_expired(session: Session, *, at: datetime | None = None) -> int:
    """Give back what dead workers held, and end what has killed one too often. Cost: what expired."""
    expired = sa.select(Row.id).where(_is(Delivery.SENDING), Row.lease_until < _moment(at))
    ends = Row.attempts >= ATTEMPTS
    released = session.scalars(
        sa.update(Row)
        .where(Row.id.in_(expired.limit(DUE_AT_ONCE).with_for_update(skip_locked=True)))
        .values(
            status=sa.case((ends, Delivery.FAILED.value), else_=Delivery.WAITING.value),
            error=sa.case((ends, "发送一再中断"), else_="上次发送中断"),
            lease_until=None,
        )
        .returning(Row.id)
    )
    return len(released.all())


def due(session: Session, *, at: datetime | None = None) -> list[int]:
    """The ids of what is due, the longest due first. Cost: what is due, not what is stored."""
    wanted = sa.select(Row.id).where(_is(Delivery.WAITING), Row.due_at <= _moment(at))
    return list(session.scalars(wanted.order_by(Row.due_at).limit(DUE_AT_ONCE)))


# Of several messages about one case only the newest is still news.
WAKE = sa.text("""
    UPDATE notifications n
    SET status = CASE WHEN asleep.is_news THEN 'waiting' ELSE 'failed' END,
        due_at = CASE WHEN asleep.is_news THEN now() ELSE n.due_at END,
        error = CASE WHEN asleep.is_news THEN n.error ELSE '没有送达，之后已有新的进展' END
    FROM (
        SELECT id, created_at > now() - :stale AND 1 = row_number() OVER (
            PARTITION BY officer_id, coalesce(fields->>'number', id::text) ORDER BY id DESC) AS is_news
        FROM notifications
        WHERE (resident_id = :resident_id OR officer_id = :officer_id)
          AND status = 'waiting' AND due_at > now() + :far
    ) asleep
    WHERE n.id = asleep.id AND n.status = 'waiting'
    RETURNING n.id, asleep.is_news""")


def wake(session: Session, *, resident_id: int | None = None, officer_id: int | None = None) -> list[int]:
    """The person has come to us: what was put off to their next visit is due now, and the sweep finds it.

    Returns the ids of what is due.
    """
    asked = {"resident_id": resident_id, "officer_id": officer_id, "stale": STALE, "far": NEXT_VISIT / 2}
    return [row.id for row in session.execute(WAKE, asked) if row.is_news]


def receipt(
    session: Session, account: str, provider_id: str, status: str, *, at: datetime | None = None
) -> bool:
    """What the provider says has become of a message: it arrived, or why not. False: not ours, or not yet.

    `status` is WeChat's: `success`, `failed:user block`, `failed: system failed` (the spaces vary).
    """
    is_known = _write_down(session, account, provider_id, status, at)
    if not is_known:  # after the commit: no row is held while Redis thinks
        db.after_commit(session, lambda: _let_wait(account, provider_id, status, at))
    return is_known


def _let_wait(account: str, provider_id: str, status: str, at: datetime | None) -> None:
    """Keep the receipt for whoever records this id. They look there afterwards, so we look here again."""
    early.keep(account, provider_id, status)
    with db.transaction() as session:
        if not _write_down(session, account, provider_id, status, at):
            logger.info("a receipt for no message that is known at %s", account)


def _write_down(session: Session, account: str, provider_id: str, status: str, at: datetime | None) -> bool:
    wanted = sa.select(Row).where(Row.account == account, Row.provider_id == provider_id)
    row = session.scalar(wanted.with_for_update())
    if row is not None and row.status is Delivery.SENT:
        _receive(row, status.replace(" ", "").lower(), at or now())
    return row is not None


def _receive(row: Notification, status: str, at: datetime) -> None:
    if status == "success":
        row.status, row.received_at = Delivery.RECEIVED, at
        return
    is_blocked = "block" in status
    was_lost = any(rung.get("lost") for rung in row.rungs)
    why = "对方拒收公众号的消息" if is_blocked else "微信没有送达"
    said = {"channel": row.channel, "why": why, "closed": is_blocked or was_lost, "lost": True}
    row.rungs = [*row.rungs, said]
    row.status, row.error, row.channel, row.provider_id = Delivery.WAITING, why, None, None
    row.due_at = at if is_blocked else at + RESEND_LOST
