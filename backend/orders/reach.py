"""Who has to do with an order: posts in its area command it, posts in its units act once it is issued."""

from collections.abc import Sequence

import sqlalchemy as sa

from backend.orders.models import Order, OrderUnit
from backend.orders.workflow import BOUND, Whose
from backend.places import scope
from backend.places.models import Post
from backend.places.roles import Role

OWN_PART = (Whose.PART, Whose.ASSISTING, Whose.LEAD)


def roles_over(posts: Sequence[Post], order: Order) -> set[Role]:
    """The roles in which these posts command the order, or act for its lead unit."""
    return scope.roles_over(_counted(posts, order), order)


def roles_in(posts: Sequence[Post], order: Order, part: OrderUnit) -> set[Role]:
    """The roles in which these posts act for this unit. A draft is not known to the units it names."""
    return scope.roles_over(_in_units(_counted(posts, order)), part)


def roles_for(posts: Sequence[Post], order: Order, part: OrderUnit | None, whose: Whose) -> set[Role]:
    """The roles that count for a step of this sort, about this part."""
    if whose in OWN_PART:
        return roles_in(posts, order, part) if part else set()
    over = roles_over(posts, order)
    if whose is Whose.ANY:
        return over.union(*(roles_in(posts, order, one) for one in order.parts if one.status in BOUND))
    return over


def is_theirs(posts: Sequence[Post], order: Order) -> bool:
    """Whether these posts may see the order; its parts are loaded. A unit that was withdrawn still may."""
    over = roles_over(posts, order)
    return bool(over) or any(roles_in(posts, order, part) for part in order.parts)


def visible(posts: Sequence[Post]) -> sa.ColumnElement[bool]:
    """The condition that selects exactly the orders these posts may see."""
    in_units = _in_units(posts)
    commanded = scope.visible(_of_areas(posts), Order)
    bound = sa.select(OrderUnit.order_id).where(scope.visible(in_units, OrderUnit))
    return commanded | (Order.approved_at.is_not(None) & Order.id.in_(bound)) if in_units else commanded


def own_parts(posts: Sequence[Post]) -> sa.ColumnElement[bool]:
    """The condition that selects the parts of the units in which these posts are."""
    return scope.visible(_in_units(posts), OrderUnit)


def _counted(posts: Sequence[Post], order: Order) -> list[Post]:
    return list(posts) if order.approved_at is not None else _of_areas(posts)


def _of_areas(posts: Sequence[Post]) -> list[Post]:
    return [post for post in posts if post.unit_id is None]


def _in_units(posts: Sequence[Post]) -> list[Post]:
    return [post for post in posts if post.unit_id is not None]
