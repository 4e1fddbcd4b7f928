"""Officers whom no message reaches: who, since when, how many wait for them, and why."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from backend.notify.models import Delivery, Notification
from backend.notify.records import NEXT_VISIT
from backend.places import posts
from backend.places.models import Area, Officer, Post
from backend.places.scope import Editor, is_held
from backend.times import now
from backend.web.forms import cursor

Row = Notification
PAGE = 50
Key = tuple[datetime, int]


@dataclass(frozen=True)
class Unreached:
    """One officer, and what waits for the day on which they come to us."""

    officer: Officer
    since: datetime
    count: int
    why: str


def listed(session: Session, editor: Editor, after: Key | None = None) -> list[Unreached]:
    """Those whom this person administers, the longest unreached first, by pages. `after` is the moment
    and the id of the last officer seen. Cost: what waits for a visit."""
    waits = (Row.status == sa.literal_column(f"'{Delivery.WAITING}'"), Row.due_at > now() + NEXT_VISIT / 2)
    own = sa.select(Post.officer_id).where(is_held(), posts.at_areas(editor.edits(Area)))
    since, newest = sa.func.min(Row.created_at), sa.func.max(Row.id)
    query = (
        sa.select(Officer, since, sa.func.count(), newest)
        .join(Row, Row.officer_id == Officer.id)
        .where(*waits, Officer.left_at.is_(None), Officer.id.in_(own))
        .group_by(Officer.id)
        .order_by(since, Officer.id)
        .limit(PAGE)
    )
    if after is not None:
        query = query.having(sa.tuple_(since, Officer.id) > sa.tuple_(*map(sa.literal, after)))
    found = session.execute(query).all()
    reasons = _reasons(session, [row[3] for row in found])
    return [Unreached(officer, at, count, reasons.get(last, "")) for officer, at, count, last in found]


def key_of(one: Unreached) -> str:
    """Where the next page goes on."""
    return cursor(one.since, one.officer.id)


def _reasons(session: Session, ids: Sequence[int]) -> dict[int, str]:
    """What was said of the newest message of each."""
    said = session.execute(sa.select(Row.id, Row.error).where(Row.id.in_(ids)))
    return {message_id: error or "" for message_id, error in said}
