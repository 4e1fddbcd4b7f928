"""The one thing other packages ask of notify: owe somebody a message."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from backend.broker import nudge
from backend.db import after_commit
from backend.notify.messages import Message, haste
from backend.notify.models import Notification
from backend.notify.tasks import deliver


def owe(
    session: Session,
    message: Message,
    key: str,
    fields: dict[str, Any],
    *,
    officers: Sequence[int] = (),
    residents: Sequence[int] = (),
    due_at: datetime | None = None,
) -> list[int]:
    """Put the message in the outbox with the caller's changes; a worker is nudged once they are committed.

    `key` names the cause; with the recipient it is unique, so owing twice is owing once.
    Returns the ids of the rows that are new.
    """
    rows: list[dict[str, Any]] = [
        {"key": f"{key}:officer:{officer}", "officer_id": officer, "resident_id": None}
        for officer in officers
    ]
    rows += [
        {"key": f"{key}:resident:{resident}", "officer_id": None, "resident_id": resident}
        for resident in residents
    ]
    if not rows:
        return []
    common: dict[str, Any] = {"message": message, "fields": fields, "haste": haste(message, fields)}
    common |= {"due_at": due_at} if due_at else {}
    owed = list(
        session.scalars(
            insert(Notification)
            .values([row | common for row in rows])
            .on_conflict_do_nothing(index_elements=["key"])
            .returning(Notification.id)
        )
    )
    if due_at is None:
        after_commit(session, lambda: nudge(deliver, owed))
    return owed
