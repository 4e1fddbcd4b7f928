"""Which rows an officer may see, touch or edit: it follows from their posts, and from nothing else.

A post at an area covers every row of that area; a post at a unit covers every row that is with that unit.
Rows are anything with the columns district_id, subdistrict_id, community_id, zone_id, grid_id, place_id and
unit_id; an area itself is one, at its own place.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session, joinedload

from backend.db import Ltree
from backend.errors import Forbidden
from backend.places.models import Area, Post, Unit
from backend.places.roles import Level, Role
from backend.times import now

# In which column of a row an area of this level stands; one of another level is the row's very place.
COLUMNS = {
    Level.DISTRICT: "district_id",
    Level.SUBDISTRICT: "subdistrict_id",
    Level.COMMUNITY: "community_id",
    Level.ZONE: "zone_id",
    Level.GRID: "grid_id",
}
EDITORS = frozenset({Role.ADMINISTRATOR})
ARBITERS = frozenset({Role.SUPERVISOR, Role.DISPATCHER})  # of a district: they decide whose a case is
NOT_YOURS = "这里不归您管理"


def is_held(at: datetime | None = None) -> sa.ColumnElement[bool]:
    """The condition that a post is held at this moment (now by default)."""
    moment = at or now()
    return (Post.since <= moment) & (Post.until.is_(None) | (Post.until > moment))


def is_there() -> sa.ColumnElement[bool]:
    """The condition that the holder of a post is not away from it."""
    moment = sa.func.statement_timestamp()
    return Post.away_since.is_(None) | sa.not_(moment.between(Post.away_since, Post.away_until))


def posts_of(session: Session, officer_id: int, at: datetime | None = None) -> list[Post]:
    """The posts an officer holds at this moment, also those they hold for someone who is away, with areas."""
    held = sa.select(Post).where(Post.officer_id == officer_id, is_held(at)).order_by(Post.id)
    places = (joinedload(Post.area), joinedload(Post.unit).joinedload(Unit.area))
    return list(session.scalars(held.options(*places)))


def _reach(post: Post) -> tuple[str, int]:
    """The one column, and the id in it, by which the post reaches rows: one index then serves a list."""
    if post.unit_id is not None:
        return "unit_id", post.unit_id
    assert post.area is not None
    return COLUMNS.get(post.area.level, "place_id"), post.area.id


def covers(post: Post, row: Any) -> bool:
    """Whether this post reaches this row."""
    column, wanted = _reach(post)
    return bool(getattr(row, column) == wanted)


def roles_over(posts: Sequence[Post], row: Any) -> set[Role]:
    """The roles in which someone with these posts may act on this row; empty means: not theirs.

    Who is in the working group of a row that has one may act on it from wherever their posts are.
    """
    roles = {role for post in posts if covers(post, row) for role in roles_of(post)}
    is_in_group = any(post.officer_id in getattr(row, "group_ids", ()) for post in posts)
    return roles | {Role.GROUP_MEMBER} if is_in_group else roles


def roles_of(post: Post) -> tuple[Role, ...]:
    """The post's role, and what else comes with it where it is."""
    is_of_district = post.area is not None and post.area.level is Level.DISTRICT
    return (post.role, Role.ARBITER) if is_of_district and post.role in ARBITERS else (post.role,)


def visible(posts: Sequence[Post], table: Any) -> sa.ColumnElement[bool]:
    """The condition that selects exactly the rows these posts reach (none without posts)."""
    wanted: dict[str, set[int]] = {}
    for column, value in map(_reach, posts):
        wanted.setdefault(column, set()).add(value)
    return sa.or_(sa.false(), *(getattr(table, column).in_(ids) for column, ids in wanted.items()))


def subtree(area: Area, table: Any = Area) -> sa.ColumnElement[bool]:
    """The condition that an area (of `table`, an alias) is this one or lies in it, by one indexed column."""
    column = COLUMNS.get(area.level)
    if column is None:
        within: sa.ColumnElement[bool] = table.path.bool_op("<@")(sa.cast(area.path, Ltree))
        return within
    own: sa.ColumnElement[bool] = getattr(table, column) == area.id
    return own


@dataclass(frozen=True)
class Editor:
    """Who reads or edits places, people and duties: an officer, or the command line (all of it)."""

    officer_id: int | None = None
    posts: tuple[Post, ...] = ()

    @property
    def is_command_line(self) -> bool:
        return self.officer_id is None

    def areas(self, roles: Collection[Role] = EDITORS) -> list[Area]:
        """The areas over which this person holds one of the roles."""
        return [post.area for post in self.posts if post.role in roles and post.area is not None]

    def sees(self, table: Any = Area) -> sa.ColumnElement[bool]:
        """The condition that an area (of `table`, an alias) lies where this person works: in the area of a
        post, or in the area that its unit serves."""
        if self.is_command_line:
            return sa.true()
        return sa.or_(sa.false(), *(subtree(serves(post), table) for post in self.posts))

    def edits(self, table: Any = Area) -> sa.ColumnElement[bool]:
        """The condition that an area (of `table`, an alias) is this person's to administer."""
        if self.is_command_line:
            return sa.true()
        return sa.or_(sa.false(), *(subtree(area, table) for area in self.areas()))

    def may_edit(self, area: Area | None, roles: Collection[Role] = EDITORS) -> bool:
        """Whether this person holds one of the roles over the area; None stands for the whole city."""
        if self.is_command_line:
            return True
        return area is not None and any(lies_in(area, own) for own in self.areas(roles))

    def must_edit(self, area: Area | None, roles: Collection[Role] = EDITORS) -> None:
        """Raises Forbidden when the area is not this person's to edit."""
        if not self.may_edit(area, roles):
            raise Forbidden(NOT_YOURS)


COMMAND_LINE = Editor()


def serves(post: Post) -> Area:
    """The area of a post, or the one that its unit serves."""
    if post.area is not None:
        return post.area
    assert post.unit is not None
    return post.unit.area


def lies_in(area: Area, above: Area) -> bool:
    """Whether the area is the one above or lies in it."""
    return area.path == above.path or area.path.startswith(above.path + ".")
