"""Reading supervision orders (督办单): those of a case, and those that posts reach, the newest first."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session, aliased

from backend.cases.models import Case
from backend.cases.supervision_models import Supervised, Supervision
from backend.places.models import Area, Officer, Post, Unit
from backend.places.scope import visible

PAGE = 20


@dataclass(frozen=True)
class Line:
    """A supervision order as it is read, with the names in it."""

    row: Supervision
    case: Case
    place: str
    unit: str
    supervisor: str
    answered_by: str | None

    def is_late(self, at: datetime) -> bool:
        """Whether the answer came too late, or should be there by now and is not."""
        return self.row.due_at < (self.row.answered_at or self.row.closed_at or at)


def of_case(session: Session, case_id: int) -> list[Line]:
    """All supervisions of a case, the newest first (one query)."""
    return _lines(session, _select().where(Supervision.case_id == case_id))


def page(
    session: Session,
    posts: Sequence[Post],
    *,
    state: Supervised | None = None,
    before: int | None = None,
    limit: int = PAGE,
) -> list[Line]:
    """Those of the cases that these posts reach, and those addressed to their units (one query).

    `before` is the id of the last row seen.
    """
    units = {post.unit_id for post in posts if post.unit_id is not None}
    query = _select().where(visible(posts, Case) | Supervision.unit_id.in_(units))
    if state is not None:
        query = query.where(Supervision.state == state)
    if before is not None:
        query = query.where(Supervision.id < before)
    return _lines(session, query.limit(limit))


def _select() -> sa.Select[Supervision, Case, str, str, str, str]:
    issuer, answerer = aliased(Officer), aliased(Officer)
    return (
        sa.select(Supervision, Case, Area.name, Unit.name, issuer.name, answerer.name)
        .join(Case, Case.id == Supervision.case_id)
        .join(Area, Area.id == Case.place_id)
        .join(Unit, Unit.id == Supervision.unit_id)
        .join(issuer, issuer.id == Supervision.officer_id)
        .outerjoin(answerer, answerer.id == Supervision.answered_by)
        .order_by(Supervision.id.desc())
    )


def _lines(session: Session, query: sa.Select[Supervision, Case, str, str, str, str]) -> list[Line]:
    return [Line(*found) for found in session.execute(query)]
