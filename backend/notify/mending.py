"""Mending the outbox: what an officer decides about messages that did not go out, each written down.

A message is sent again as the same row: what may have gone out already keeps its client id, so the provider
shows one card; what a receipt says was lost has another client id already. Where a repetition is shown twice,
or another channel was chosen, the mark that it may have gone out (`channel`) goes: whoever decides has read
that, and twice is better than never. Whether there is anything to decide is asked while the row is held: of
two people, the second is told.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Session

from backend.broker import nudge
from backend.db import after_commit
from backend.errors import Conflict, Invalid, NotFound
from backend.notify.ladders import Rung
from backend.notify.models import Delivery, Did, Notification, NotificationChange
from backend.notify.tasks import deliver
from backend.notify.troubles import GIVEN_UP, is_stuck
from backend.times import now, stamp

AT_ONCE = 500  # messages decided about in one go
REASON_LENGTH = 200
SHOWN_ONCE = (Rung.CARD, Rung.WECOM)  # of these a repetition is one card
FATES = {
    Delivery.WAITING: "这条消息已经在排队发送了，不用再点",
    Delivery.SENDING: "这条消息正在发送，不用再点",
    Delivery.SENT: "这条消息已经发出去了，没有再发一次",
    Delivery.RECEIVED: "对方已经收到这条消息了，没有再发一次",
    Delivery.FAILED: "这条消息已经决定不再发送",
}
# What receipts have closed is open again, and a channel that was chosen is chosen no more; that a message was
# lost stays known.
_REOPENED: sa.ColumnElement[Any] = sa.literal_column("""
    (SELECT coalesce(jsonb_agg(one - 'closed'), '[]') FROM jsonb_array_elements(notifications.rungs) one
    WHERE NOT jsonb_exists(one, 'chosen'))""")
CHOSEN = "由工作人员指定"

Row = Notification


def resend(session: Session, ids: Sequence[int], officer_id: int, *, at: datetime | None = None) -> list[int]:
    """Owe these messages again, now, by every channel. Returns the ids of those that were stuck."""
    moment = at or now()
    found = _decide(session, ids, moment, _again(moment) | {"rungs": _REOPENED})
    _write_down(session, found, officer_id, Did.RESENT)
    after_commit(session, lambda: nudge(deliver, found))
    return found


def send_by(
    session: Session, message_id: int, channel: Rung, officer_id: int, *, at: datetime | None = None
) -> list[int]:
    """Owe this message again, now, by this channel and no other. Returns its id if it was stuck."""
    moment = at or now()
    mark = [{"channel": channel.value, "why": CHOSEN, "at": stamp(moment), "chosen": True}]
    rungs = _REOPENED.op("||")(sa.cast(mark, JSONB))
    values = _again(moment) | {"rungs": rungs, "channel": None}
    found = _decide(session, [message_id], moment, values)
    _write_down(session, found, officer_id, Did.OTHER_CHANNEL, channel=channel)
    after_commit(session, lambda: nudge(deliver, found))
    return found


def _again(at: datetime) -> dict[str, object]:
    """What went in a digest that failed goes by itself now."""
    mark = sa.case((Row.channel.in_(SHOWN_ONCE), Row.channel), else_=None)
    again = {"status": Delivery.WAITING, "due_at": at, "attempts": 0, "held": None, "digest_id": None}
    return again | {"channel": mark}


def give_up(
    session: Session, ids: Sequence[int], officer_id: int, reason: str, *, at: datetime | None = None
) -> list[int]:
    """These messages are not sent any more. Returns the ids of those that were stuck. Raises Invalid."""
    if not reason.strip():
        raise Invalid("请写明为什么不再发送")
    if len(reason) > REASON_LENGTH:
        raise Invalid(f"原因太长了，最多 {REASON_LENGTH} 个字")
    ended = {"status": Delivery.FAILED, "error": GIVEN_UP}
    found = _decide(session, ids, at or now(), ended)
    _write_down(session, found, officer_id, Did.GIVEN_UP, reason=reason.strip())
    return found


def must_be_one(session: Session, message_id: int, found: Sequence[int]) -> None:
    """Raises Conflict with what became of the message when there was nothing to decide about it."""
    if found:
        return
    status = session.scalar(sa.select(Row.status).where(Row.id == message_id))
    if status is None:
        raise NotFound("没有这条消息")
    raise Conflict(FATES[status])


def _decide(session: Session, ids: Sequence[int], at: datetime, values: Mapping[str, object]) -> list[int]:
    """Write this to those of the messages that are stuck. They are held in one order, for two may do this."""
    stuck = sa.select(Row.id).where(Row.id.in_(ids), is_stuck(at)).order_by(Row.id)
    held = list(session.scalars(stuck.with_for_update()))
    session.execute(
        sa.update(Row).where(Row.id.in_(held)).values(values).execution_options(synchronize_session=False)
    )
    return held


def _write_down(
    session: Session,
    ids: Sequence[int],
    officer_id: int,
    did: Did,
    *,
    channel: str | None = None,
    reason: str = "",
) -> None:
    said = {"officer_id": officer_id, "action": did, "channel": channel, "reason": reason}
    if ids:
        session.execute(sa.insert(NotificationChange), [{"notification_id": row_id} | said for row_id in ids])
