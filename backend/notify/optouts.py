"""Opting out (不用通知): who wants to hear of progress no more. What wants an answer is sent all the same."""

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from backend.notify.messages import Message
from backend.notify.models import Delivery, MessageOptOut, Notification
from backend.notify.records import moment

NOT_WANTED = "居民说了不用通知"
# What nobody has to answer, and what asks a second time.
OPTIONAL = (
    Message.CASE_ACCEPTED,
    Message.CASE_ON_ITS_WAY,
    Message.CASE_IN_PROGRESS,
    Message.CASE_PROGRESS,
    Message.CASE_MERGED,
    Message.SURVEY_REMINDED,
)

Row = Notification


def keep(session: Session, resident_id: int) -> None:
    row = insert(MessageOptOut).values(resident_id=resident_id)
    session.execute(row.on_conflict_do_nothing(index_elements=["resident_id"]))


def drop(session: Session, resident_id: int) -> None:
    session.execute(sa.delete(MessageOptOut).where(MessageOptOut.resident_id == resident_id))


def refuse(session: Session, ids: Sequence[int], at: datetime | None = None) -> None:
    """End those of these due messages that are not wanted; the record says so. What an officer chose to send
    in another way goes."""
    opted_out = sa.exists().where(MessageOptOut.resident_id == Row.resident_id)
    is_chosen = Row.rungs.contains([{"chosen": True}])
    is_waiting = Row.status == sa.literal_column(f"'{Delivery.WAITING}'")
    due = (Row.id.in_(ids), is_waiting, Row.due_at <= moment(at), Row.message.in_(OPTIONAL))
    ended = sa.update(Row).where(*due, opted_out, ~is_chosen)
    # Without attempts it is nothing that somebody has to mend.
    session.execute(ended.values(status=Delivery.FAILED, error=NOT_WANTED, held=None, attempts=0))
