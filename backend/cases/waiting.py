"""What waits at a duty desk (值班台): cases to accept and to send on, with what a dispatcher sees of each."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session, joinedload

from backend.cases.models import Attachment, AttachmentKind, Case, CaseEvent, Stored
from backend.cases.queries import NEVER
from backend.cases.workflow import DESK, WITH_DESK
from backend.db import one_of
from backend.places.models import Officer, Post
from backend.places.scope import visible

PAGE = 10  # cards: each costs a look at the duty list and the dictionary
_LISTED = tuple(joinedload(to) for to in (Case.place, Case.community, Case.category))


@dataclass(frozen=True)
class Facts:
    """What is not in the case's own row: its last event, how many photos came, and who has claimed it."""

    seen: int
    photos: int
    holder: str


def at_desk(
    session: Session, posts: Sequence[Post], *, after: tuple[datetime, int] | None = None, limit: int = PAGE
) -> list[Case]:
    """The cases that these posts may accept or send on, soonest deadline first, in one query.

    A case without a deadline comes last, but it comes. `after` is (due_at or NEVER, id) of the last row seen.
    """
    own = [post for post in posts if post.role in DESK]
    query = sa.select(Case).where(one_of(Case.status, WITH_DESK), visible(own, Case)).options(*_LISTED)
    if after is not None:
        query = query.where(_comes_after(*after))
    return list(session.scalars(query.order_by(Case.due_at.nulls_last(), Case.id).limit(limit)))


def facts_of(session: Session, cases: Sequence[Case]) -> Mapping[int, Facts]:
    """The facts of these cases, by their ids (three queries)."""
    ids = [case.id for case in cases]
    seen = _by_case(session, ids, sa.select(CaseEvent.case_id, sa.func.max(CaseEvent.id)))
    photos = sa.select(Attachment.case_id, sa.func.count(Attachment.id))
    came = (Attachment.kind == AttachmentKind.PHOTO, Attachment.state != Stored.LOST)
    counts = _by_case(session, ids, photos.where(*came))
    names = _names(session, {case.handler_id for case in cases if case.handler_id is not None})
    return {
        case.id: Facts(seen.get(case.id, 0), counts.get(case.id, 0), names.get(case.handler_id or 0, ""))
        for case in cases
    }


def _by_case(session: Session, ids: Sequence[int], query: sa.Select[int, int]) -> dict[int, int]:
    case_id = query.selected_columns[0]
    rows = session.execute(query.where(case_id.in_(ids)).group_by(case_id))
    return {found: count for found, count in rows}


def _names(session: Session, ids: set[int]) -> dict[int, str]:
    rows = session.execute(sa.select(Officer.id, Officer.name).where(Officer.id.in_(ids)))
    return {officer_id: name for officer_id, name in rows}


def _comes_after(due_at: datetime, case_id: int) -> sa.ColumnElement[bool]:
    if due_at == NEVER:
        return Case.due_at.is_(None) & (Case.id > case_id)
    later = sa.tuple_(Case.due_at, Case.id) > sa.tuple_(sa.literal(due_at), sa.literal(case_id))
    return later | Case.due_at.is_(None)
