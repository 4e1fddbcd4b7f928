"""Whose messages an officer may read and mend at the outbox desk: the one place where that is decided.

A message belongs to the case or order whose number it carries, and is read by who watches the area of that.
What is about neither belongs to the officer who gets it: read by who administers all that this officer does.
"""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import aliased

from backend.cases.models import Case
from backend.errors import Forbidden
from backend.notify.messages import Message
from backend.notify.models import Notification
from backend.orders import reach
from backend.orders.models import Order
from backend.places import scope
from backend.places.models import Area, Post, Unit
from backend.places.roles import Role
from backend.places.scope import Editor

Row = Notification
WATCHERS = frozenset({Role.ADMINISTRATOR, Role.DISPATCHER, Role.SUPERVISOR})
NOT_YOURS = "消息台给管理员、分拨员和督查专员用，您的岗位没有这一项。您自己的消息在“我的消息”里"
OF_ORDERS = [message for message in Message if message.startswith("order_")]
NUMBER = Row.fields["number"].astext
IN_CASE = (Case.number == NUMBER) & Row.message.not_in(OF_ORDERS)
IN_ORDER = (Order.number == NUMBER) & Row.message.in_(OF_ORDERS)


def of_watcher(posts: Sequence[Post]) -> list[Post]:
    """Those of the posts that have to do with the desk. Raises Forbidden when there is none."""
    found = [post for post in posts if post.role in WATCHERS]
    if not found:
        raise Forbidden(NOT_YOURS)
    return found


def narrowed(query: sa.Select[Any], posts: Sequence[Post]) -> sa.Select[Any]:
    """The messages of this query that these posts may read. Each row brings the Case or Order along."""
    about = query.outerjoin(Case, IN_CASE).outerjoin(Order, IN_ORDER)
    own = Case.id.is_(None) & Order.id.is_(None) & _to_own_officer(posts)
    return about.where(sa.or_(scope.visible(posts, Case), reach.visible(posts), own))


def _to_own_officer(posts: Sequence[Post]) -> sa.ColumnElement[bool]:
    """Whether all posts of the officer who gets the message lie where these posts administer."""
    area = aliased(Area)
    held = sa.select(Post.id).outerjoin(Unit, Unit.id == Post.unit_id)
    held = held.join(area, area.id == sa.func.coalesce(Post.area_id, Unit.area_id))
    of_officer = held.where(Post.officer_id == Row.officer_id, scope.is_held())
    inside = Editor(0, tuple(posts)).edits(area)
    return of_officer.where(inside).exists() & ~of_officer.where(~inside).exists()
