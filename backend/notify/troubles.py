"""Reading the outbox: which messages are in trouble, and what is known of each in words."""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import InstrumentedAttribute

from backend.db import one_of
from backend.notify import binding, channels, outbox
from backend.notify.fading import FADED
from backend.notify.ladders import LABELS, Rung
from backend.notify.messages import CATALOGUE, Message
from backend.notify.models import Delivery, Held, Notification
from backend.notify.records import NEXT_VISIT
from backend.times import now

Row = Notification


class Trouble(StrEnum):
    """Why somebody should look at a message."""

    FAILED = "failed"  # tried, and no channel took it
    RETRIED = "retried"  # tried in vain, and tried again soon, or when its account can be called again
    VISIT = "visit"  # put off until the person comes to us
    SILENT = "silent"  # the provider took it, and has not said what became of it
    LATE = "late"  # due, and no worker has taken it


TROUBLE_LABELS = {
    Trouble.FAILED: "没发出去",
    Trouble.RETRIED: "正在重试",
    Trouble.VISIT: "等下次来",
    Trouble.SILENT: "没有回执",
    Trouble.LATE: "排队太久",
}
SILENT_AFTER = timedelta(hours=1)
LATE_AFTER = timedelta(minutes=5)
RETRIED_WITHIN = timedelta(days=1)  # longer than any pause between two attempts
LOOKED_AT = 10_000  # waiting messages among which those are looked for that are tried again
# Channels whose provider says later whether a message arrived, if it told the id by which it will be named. A
# chat message is there when it was taken.
RECEIPTED = (Rung.CARD, Rung.NOTICE, Rung.SUBSCRIPTION, Rung.SMS)
# How a message ends that somebody ended on purpose: nothing is left to mend.
GIVEN_UP = "已决定不再发送"
HANDED_ON = "接收人已离岗，已转给接任的人"
DROPPED = "接收人已离岗，不再发送"
SETTLED = (GIVEN_UP, HANDED_ON, DROPPED, FADED)

STATE_LABELS = {
    Delivery.WAITING: "等待发送",
    Delivery.SENDING: "正在发送",
    Delivery.SENT: "已发出",
    Delivery.RECEIVED: "已送达",
    Delivery.FAILED: "没有送达",
}
PUT_OFF = "等对方下次来"
OF_STEP = re.compile(r"case:\d+:\w+:(\d+):(?:officer|resident):\d+")
# Why a message was owed, by how its key begins.
CAUSES = {
    "case": "办理步骤",
    "survey": "结案后的回访",
    "deadline": "时限到了",
    "deadline_change": "有人申请调整时限",
    "supervision": "督办单",
    "order": "发令单的步骤",
}


@dataclass(frozen=True)
class Tried:
    """A channel that did not take the message, and why."""

    channel: str
    why: str
    at: str


def moment_of(trouble: Trouble) -> InstrumentedAttribute[Any]:
    """By which moment these messages are listed: of the last attempt, of sending, of when it was due."""
    return Row.sent_at if trouble is Trouble.SILENT else Row.due_at


def in_trouble(trouble: Trouble, at: datetime) -> sa.ColumnElement[bool]:
    """The condition that selects these messages of the last STALE days. Each reads partial indexes."""
    match trouble:
        case Trouble.FAILED:
            return ended() & Row.due_at.between(at - outbox.STALE, at + outbox.STALE)
        case Trouble.RETRIED:
            return _is_tried_again(at)
        case Trouble.VISIT:
            return one_of(Row.status, [Delivery.WAITING]) & (Row.due_at > at + NEXT_VISIT - outbox.STALE)
        case Trouble.SILENT:
            untold = one_of(Row.status, [Delivery.SENT]) & Row.provider_id.is_not(None)
            return (
                untold
                & Row.sent_at.between(at - outbox.STALE, at - SILENT_AFTER)
                & Row.channel.in_(RECEIPTED)
            )
        case Trouble.LATE:
            return one_of(Row.status, [Delivery.WAITING]) & (Row.due_at < at - LATE_AFTER)


def _is_tried_again(at: datetime) -> sa.ColumnElement[bool]:
    """The condition that a message did not go out at once, and goes on by itself: from the first failure on.
    While it is in hand for its next attempt it stays where it was. What was never tried (it waited for the
    morning, for others or for room) is none, nor while it is in hand for the first time.

    However many wait, LOOKED_AT are read of what has just become due, of what is due next, and of what is due
    last: between those lies what waits for the morning."""
    waits = _look(Delivery.WAITING)
    due = waits.where(Row.due_at <= at, Row.due_at >= at - LATE_AFTER).order_by(Row.due_at.desc())
    soon = waits.where(Row.due_at > at, Row.due_at <= at + RETRIED_WITHIN)
    some = (due, soon.order_by(Row.due_at), soon.order_by(Row.due_at.desc()))
    looked = [(_look(Delivery.SENDING), 1), *((few.limit(LOOKED_AT), 0) for few in some)]
    return Row.id.in_(sa.union_all(*(_tried(found, more_than) for found, more_than in looked)))


def _look(status: Delivery) -> "sa.Select[int, str | None, Held | None, int]":
    return sa.select(Row.id, Row.error, Row.held, Row.attempts).where(one_of(Row.status, [status]))


def _tried(found: "sa.Select[int, str | None, Held | None, int]", more_than: int) -> "sa.Select[int]":
    """Of these the ids of those with more attempts than so many, and of those whose account is away."""
    row = found.subquery().c
    has_failed = row.error.is_not(None) & row.held.is_(None) & (row.attempts > more_than)
    return sa.select(row.id).where(has_failed | (row.held == Held.OUTAGE))


def is_stuck(at: datetime) -> sa.ColumnElement[bool]:
    """The condition that nothing will become of a message unless somebody does something about it."""
    return ended() | one_of(Row.status, [Delivery.WAITING]) & (Row.due_at > at + NEXT_VISIT / 2)


def ended() -> sa.ColumnElement[bool]:
    """The condition that a message was tried and did not arrive. What ended without being tried was no news
    any more: nothing is wrong with that. For a digest stand the messages that went in it."""
    tried = one_of(Row.status, [Delivery.FAILED]) & (Row.attempts > sa.literal_column("0"))
    return tried & sa.func.coalesce(Row.error, "").not_in(SETTLED) & (Row.message != Message.DIGEST)


def is_to_unbound() -> sa.ColumnElement[bool]:
    """The condition that a message is to an officer who has bound nothing: what is wrong is one thing to do
    about the officer, not one about each message."""
    return Row.officer_id.is_not(None) & binding.is_unbound(Row.officer_id)


def is_put_off(row: Notification) -> bool:
    """Whether the message waits until the person comes to us."""
    return row.status is Delivery.WAITING and row.due_at > now() + NEXT_VISIT / 2


def state_of(row: Notification) -> str:
    """Where the message stands, in words."""
    return PUT_OFF if is_put_off(row) else STATE_LABELS[row.status]


def has_failed(row: Notification) -> bool:
    """Whether the message was wanted, tried, and did not arrive."""
    is_over = row.status is Delivery.FAILED and row.attempts > 0 and row.error not in SETTLED
    return is_over and row.message is not Message.DIGEST


def tried(row: Notification) -> list[Tried]:
    """The channels that did not take the message, in words, as they were tried."""
    return [
        Tried(label_of(rung.get("channel")), rung.get("why", ""), rung.get("at", ""))
        for rung in row.rungs
        if not rung.get("chosen")
    ]


def label_of(channel: str | None) -> str:
    """What people call the channel; empty for none."""
    return LABELS[Rung(channel)] if channel in set(Rung) else channel or ""


def cause_of(row: Notification) -> str:
    """Why the message was owed, as far as its key says it."""
    return CAUSES.get(row.key.partition(":")[0], CATALOGUE[row.message].status)


def step_of(row: Notification) -> int | None:
    """The id of the case's event that caused the message, if one did."""
    found = OF_STEP.fullmatch(row.key)
    return int(found[1]) if found else None


def text_of(row: Notification) -> str:
    """The message as it reads in a chat."""
    return channels.text_of(outbox.owed_of(row))
