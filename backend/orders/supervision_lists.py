"""Reading supervision orders (督办单), of cases and of orders, that posts reach, the newest first."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session, aliased

from backend.cases import supervision_lists
from backend.cases.models import Case
from backend.cases.supervision_models import Supervised, Supervision
from backend.orders.models import Order
from backend.places.models import Area, Officer, Post, Unit
from backend.places.scope import visible

PAGE = 20


@dataclass(frozen=True)
class Line(supervision_lists.Line):
    """A supervision as it is read, with what it is about."""

    case: Case | None
    order: Order | None
    place: str
    holder: str | None  # the unit that has the case now

    @property
    def has_moved(self) -> bool:
        """Whether the case is no longer with the unit that was asked, which owes the answer all the same."""
        return self.case is not None and self.case.unit_id != self.row.unit_id


def page(
    session: Session,
    posts: Sequence[Post],
    *,
    state: Supervised | None = None,
    before: int | None = None,
    limit: int = PAGE,
) -> list[Line]:
    """Those of the cases and orders that these posts reach, and those addressed to their units (one query).

    `before` is the id of the last row seen.
    """
    units = {post.unit_id for post in posts if post.unit_id is not None}
    own = visible(posts, Case) | visible(posts, Order) | Supervision.unit_id.in_(units)
    query = _select().where(own)
    if state is not None:
        query = query.where(Supervision.state == state)
    if before is not None:
        query = query.where(Supervision.id < before)
    return [Line(*found) for found in session.execute(query.limit(limit))]


def of_order(session: Session, order_id: int) -> list[Line]:
    """All supervisions of an order, the newest first (one query)."""
    own = _select().where(Supervision.order_id == order_id)
    return [Line(*found) for found in session.execute(own)]


def _select() -> sa.Select[Any]:
    issuer, answerer, holder = aliased(Officer), aliased(Officer), aliased(Unit)
    names: list[Any] = [Unit.name, issuer.name, answerer.name]
    return (
        sa.select(Supervision, *names, Case, Order, Area.name, holder.name)
        .outerjoin(Case, Case.id == Supervision.case_id)
        .outerjoin(Order, Order.id == Supervision.order_id)
        .join(Area, Area.id == sa.func.coalesce(Case.place_id, Order.place_id))
        .join(Unit, Unit.id == Supervision.unit_id)
        .outerjoin(holder, holder.id == Case.unit_id)
        .join(issuer, issuer.id == Supervision.officer_id)
        .outerjoin(answerer, answerer.id == Supervision.answered_by)
        .order_by(Supervision.id.desc())
    )
