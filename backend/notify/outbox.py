"""The outbox: claim what is due, find what was forgotten, take receipts; records.py writes down the rest.

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
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, LiteralString, cast

import sqlalchemy as sa
from sqlalchemy.orm import Session

from backend import db
from backend.notify import early
from backend.notify.channels import Owed
from backend.notify.models import Delivery, Held, Notification
from backend.notify.records import ATTEMPTS, LEASE, NEXT_VISIT, moment
from backend.times import now

logger = logging.getLogger(__name__)

RESEND_LOST = timedelta(minutes=1)
# What a channel's receipt says that did not bring it: a text message again would be paid again.
NOT_ARRIVED = {"sms": "短信没有送达"}
BLOCKED = {"wechat_subscription": "对方拒收小程序的消息"}
ARRIVAL = "success"
STALE = timedelta(days=30)  # older than this, nobody is told any more
AT_ONCE = 1_000

Row = Notification
TABLE = cast(sa.Table, Row.__table__)
IS_STOPPED = Row.held == sa.literal_column(f"'{Held.OUTAGE}'")
HASTES = (0, 1, 2)


def _is(status: Delivery) -> sa.ColumnElement[bool]:
    """Written into the statement, for only then do the partial indexes serve a prepared one."""
    return Row.status == sa.literal_column(f"'{status}'")


def claim(
    session: Session, ids: Sequence[int], *, at: datetime | None = None, lease: timedelta = LEASE
) -> list[Owed]:
    """Take those of these messages that are due and free; nobody else sends them while the lease lasts."""
    free = sa.select(Row.id).where(Row.id.in_(ids), _is(Delivery.WAITING), Row.due_at <= moment(at))
    taken = session.execute(  # on the table: thousands of rows need no objects of their own
        sa.update(TABLE)
        .where(TABLE.c.id.in_(free.with_for_update(skip_locked=True)))
        .values(status=Delivery.SENDING, lease_until=moment(at) + lease, attempts=TABLE.c.attempts + 1)
        .returning(TABLE)
    )
    return sorted(map(owed_of, taken), key=lambda owed: owed.id)


def owed_of(row: Any) -> Owed:
    """A message as the channels know it, from its row; the lease of one in nobody's hands proves nothing."""
    return Owed(
        id=row.id,
        message=row.message,
        fields=row.fields,
        resident_id=row.resident_id,
        officer_id=row.officer_id,
        attempts=row.attempts,
        lease=row.lease_until or row.due_at,
        created_at=row.created_at,
        unanswered=row.channel,
        rungs=tuple(row.rungs),
    )


def release_expired(session: Session, *, at: datetime | None = None) -> int:
    """Give back what dead workers held, and end what has killed one too often. Cost: what expired."""
    expired = sa.select(Row.id).where(_is(Delivery.SENDING), Row.lease_until < moment(at))
    ends = Row.attempts >= ATTEMPTS
    released = session.scalars(
        sa.update(Row)
        .where(Row.id.in_(expired.limit(AT_ONCE).with_for_update(skip_locked=True)))
        .values(
            status=sa.case((ends, Delivery.FAILED.value), else_=Delivery.WAITING.value),
            error=sa.case((ends, "发送一再中断"), else_="上次发送中断"),
            lease_until=None,
        )
        .returning(Row.id)
    )
    return len(released.all())


def due(
    session: Session,
    ids: Sequence[int] | None = None,
    *,
    at: datetime | None = None,
    limit: int = AT_ONCE,
) -> list[int]:
    """What is due (of these) and in nobody's hands, held until the transaction ends: ids, of what is urgent
    first, then what has been due longest. Cost: what is returned, however much is due or stored."""
    wanted = sa.select(Row.id).where(_is(Delivery.WAITING), Row.due_at <= moment(at))
    if ids is not None:
        own = wanted.where(Row.id.in_(ids)).order_by(Row.haste, Row.due_at, Row.id)
        return _held(session, own, limit)
    found: list[int] = []
    for haste in HASTES:  # each by itself: a part of the index, read in its order and no further than wanted
        if len(found) < limit:
            own = wanted.where(Row.haste == sa.literal_column(str(haste))).order_by(Row.due_at, Row.id)
            found += _held(session, own, limit - len(found))
    return found


def _held(session: Session, wanted: "sa.Select[int]", limit: int) -> list[int]:
    return list(session.scalars(wanted.limit(limit).with_for_update(skip_locked=True)))


def release_stopped(session: Session, stopped: Collection[str]) -> Sequence[int]:
    """What waited for an account that can be called again is due now, AT_ONCE at a time: the urgent first,
    then the oldest. Returns their ids.
    Cost: what waits for an account."""
    back = sa.select(Row.id).where(*_waits_for_account(), Row.account.not_in(stopped))
    return _due_now(session, back.order_by(Row.haste, Row.id).limit(AT_ONCE))


def probe(session: Session, account: str) -> None:
    """One message is due now, to ask whether this account is back."""
    waits = (*_waits_for_account(), Row.account == account)
    _due_now(session, sa.select(Row.id).where(*waits).order_by(Row.haste, Row.due_at).limit(1))


def _waits_for_account() -> tuple[sa.ColumnElement[bool], ...]:
    return _is(Delivery.WAITING), IS_STOPPED, Row.due_at > sa.func.now()


def _due_now(session: Session, found: "sa.Select[int]") -> Sequence[int]:
    held = sa.update(Row).where(Row.id.in_(found.with_for_update(skip_locked=True)))
    return session.scalars(held.values(due_at=sa.func.now()).returning(Row.id)).all()


# Of several messages about one case only the newest is still news.
WAKE = sa.text("""
    UPDATE notifications n
    SET status = CASE WHEN asleep.is_news THEN 'waiting' ELSE 'failed' END,
        due_at = CASE WHEN asleep.is_news THEN now() ELSE n.due_at END,
        error = CASE WHEN asleep.is_news THEN n.error ELSE '没有送达，之后已有新的进展' END
    FROM (
        SELECT id, created_at > now() - :stale AND 1 = row_number() OVER (
            PARTITION BY officer_id, CASE WHEN message = 'digest' THEN id::text ELSE
            coalesce(fields->>'number', id::text) END ORDER BY id DESC) AS is_news
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


# The receipt of a message that arrived, in one statement (backend/wechat/inbound.py); others take `receipt`.
ARRIVED: LiteralString = f"""
    UPDATE notifications SET status = '{Delivery.RECEIVED}', received_at = coalesce(received_at, %(at)s)
    WHERE account = %(account)s AND provider_id = %(provider_id)s
        AND status IN ('{Delivery.SENT}', '{Delivery.RECEIVED}')"""


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


def receive(session: Session, receipts: Mapping[tuple[str, str], str], *, at: datetime | None = None) -> None:
    """Write down many receipts, by (account, provider's id): those of arrival in one statement."""
    arrived = [name for name, status in receipts.items() if _plain(status) == ARRIVAL]
    if arrived:
        names = sa.tuple_(Row.account, Row.provider_id).in_(arrived)
        values = {"status": Delivery.RECEIVED, "received_at": moment(at)}
        session.execute(sa.update(TABLE).where(names, _is(Delivery.SENT)).values(values))
    for (account, provider_id), status in receipts.items():
        if (account, provider_id) not in arrived:
            receipt(session, account, provider_id, status, at=at)


def _plain(status: str) -> str:
    return status.replace(" ", "").lower()


def _let_wait(account: str, provider_id: str, status: str, at: datetime | None) -> None:
    """Keep the receipt for whoever records this id. They look there afterwards, so we look here again."""
    early.keep(account, provider_id, status)
    with db.transaction() as session:
        if not _write_down(session, account, provider_id, status, at):
            logger.info("a receipt for no message that is known at %s", account)


def _write_down(session: Session, account: str, provider_id: str, status: str, at: datetime | None) -> bool:
    wanted = sa.select(Row).where(Row.account == account, Row.provider_id == provider_id)
    row = session.scalar(wanted.with_for_update().execution_options(populate_existing=True))
    if row is not None and row.status is Delivery.SENT:
        _receive(row, _plain(status), at or now())
    return row is not None


def _receive(row: Notification, status: str, at: datetime) -> None:
    if status == ARRIVAL:
        row.status, row.received_at = Delivery.RECEIVED, at
        return
    is_blocked = "block" in status
    was_lost = any(rung.get("lost") for rung in row.rungs)
    paid = NOT_ARRIVED.get(row.channel or "")
    blocked = BLOCKED.get(row.channel or "", "对方拒收公众号的消息")
    why = paid or (blocked if is_blocked else "微信没有送达")
    said = {"channel": row.channel, "why": why, "closed": bool(is_blocked or was_lost or paid), "lost": True}
    row.rungs = [*row.rungs, said]
    row.status, row.error, row.channel, row.provider_id = Delivery.WAITING, why, None, None
    row.due_at = at if is_blocked or paid else at + RESEND_LOST
