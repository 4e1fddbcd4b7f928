"""What residents are told by telephone: about what, in which words, when, and as long as it is true."""

from collections.abc import Iterable
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session, aliased

from backend.config import config
from backend.notify.channels import NotServed, Owed, Refusal, Then, filled, kind_of
from backend.notify.ladders import OWN, Rung
from backend.notify.messages import Message
from backend.notify.models import Notification
from backend.times import next_within

Row = Notification
TOLD_TO_RESIDENTS = frozenset(message for message, ladder in OWN.items() if Rung.TELEPHONE in ladder)
# What is said where the words of a message ask for a reply: nobody can tap in a call.
SAID = {Message.CASE_RESOLVED: "您反映的事情（编号 {number}）已办理：{note}"}
OVER = "这件事后来有了新的进展，不用再为这条消息打电话"
WRITTEN_DOWN = timedelta(minutes=10)  # after the hours: a call that began within them may be written down
_true: dict[Message, sa.ColumnElement[bool]] = {}


def register(messages: Iterable[Message], is_true: sa.ColumnElement[bool]) -> None:
    """Say when these messages, rows of Notification, are true still: notify knows nothing of cases."""
    _true.update(dict.fromkeys(messages, is_true))


def still_true() -> sa.ColumnElement[bool]:
    """The condition that a call has something true to say. To officers it always has; what residents are told
    of a case is true as long as its status says so, and nothing newer was owed to them about it: resolved
    again, the first result is not the one to be told."""
    told = [(Row.message == message) & is_true for message, is_true in _true.items()]
    return Row.resident_id.is_(None) | sa.or_(sa.false(), *told) & ~_is_overtaken()


def _is_overtaken() -> sa.ColumnElement[bool]:
    newer = aliased(Row)
    to_same = newer.resident_id == Row.resident_id
    of_same = newer.fields["number"].astext == Row.fields["number"].astext
    return sa.exists().where(to_same, of_same, newer.id > Row.id, newer.message.in_(TOLD_TO_RESIDENTS))


def must_be_told(owed: Owed) -> None:
    """Raises Refusal for what residents are not called about."""
    if owed.message not in TOLD_TO_RESIDENTS:
        raise NotServed("不为这类消息打电话")


def must_be_news(session: Session, owed: Owed) -> None:
    """Raises Refusal for what residents need not be called about any more."""
    own = sa.select(Row.id).where(Row.id == owed.id, still_true())
    if session.scalar(own) is None:
        raise Refusal(OVER, Then.NEVER)


def why_of(owed: Owed) -> str:
    """Why nothing else got through: what the telephone itself said earlier is no reason, nor that an officer
    chose it."""
    others = (rung for rung in owed.rungs if rung["channel"] != Rung.TELEPHONE and not rung.get("chosen"))
    return "；".join(dict.fromkeys(rung["why"] for rung in others if not rung.get("lost")))


def words_of(owed: Owed) -> str:
    """What the caller says."""
    return filled(owed, SAID.get(owed.message, kind_of(owed).text))


def opens(at: datetime) -> datetime | None:
    """From when residents may be called; None: at this moment."""
    moment = next_within(at, config.callback_hours)
    return moment if moment > at else None


def is_over(at: datetime) -> bool:
    """Whether residents may not be called, nor has a call been going on that may have begun in time."""
    return opens(at) is not None and opens(at - WRITTEN_DOWN) is not None
