"""What waited and is no news any more ends with a note, instead of going out late."""

from collections.abc import Iterable, Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session, aliased

from backend.notify.messages import CATALOGUE, Message
from backend.notify.models import Delivery, Held, Notification
from backend.notify.outbox import AT_ONCE
from backend.notify.records import moment

FADED = "没有马上发，后来已经有新的进展，不用再发"
FADING = frozenset(  # what residents read of where a matter stands
    message for message, kind in CATALOGUE.items() if kind.fades
)
Row = Notification
_WAITING = Row.status == sa.literal_column(f"'{Delivery.WAITING}'")
_WAITED = Row.held.in_([sa.literal_column(f"'{held}'") for held in Held])
_over: dict[Message, sa.ColumnElement[bool]] = {}


def register(messages: Iterable[Message], is_over: sa.ColumnElement[bool]) -> None:
    """Say when these messages, rows of Notification, are no news any more: notify knows nothing of cases."""
    _over.update(dict.fromkeys(messages, is_over))


def drop(session: Session, ids: Sequence[int] | None = None, at: datetime | None = None) -> int:
    """End what (of these) was held (at night, through an outage, for a digest or a limit) and is due now, but
    no news any more: what it says is over, or the same resident has been told, or is about to be, what came
    after it. AT_ONCE at a time; returns how many. Cost: what is due."""
    ended = [(Row.message == message) & is_over for message, is_over in _over.items()]
    due = [_WAITING, Row.due_at <= moment(at), _WAITED]
    if ids is not None:
        due.append(Row.id.in_(ids))
    faded = sa.select(Row.id).where(*due, sa.or_(Row.message.in_(FADING) & _is_told(), *ended))
    held = faded.limit(AT_ONCE).with_for_update(skip_locked=True, of=Row)
    written = sa.update(Row).where(Row.id.in_(held)).values(status=Delivery.FAILED, error=FADED)
    return len(session.scalars(written.returning(Row.id)).all())


def _is_told() -> sa.ColumnElement[bool]:
    newer = aliased(Row)
    to_same = newer.resident_id == Row.resident_id
    of_same = newer.fields["number"].astext == Row.fields["number"].astext
    return sa.exists().where(to_same, of_same, newer.id > Row.id, newer.status != Delivery.FAILED)
