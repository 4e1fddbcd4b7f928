"""Which rows an officer may see or touch: it follows from their posts, and from nothing else.

A post at an area covers every row of that area; a post at a unit covers every row that is with that unit.
Rows are anything with the columns district_id, subdistrict_id, community_id, grid_id, place_id and unit_id.
"""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session, joinedload

from backend.places.models import Post
from backend.places.roles import Level, Role

# In which column of a row an area of this level stands; one of another level is the row's very place.
COLUMNS = {
    Level.DISTRICT: "district_id",
    Level.SUBDISTRICT: "subdistrict_id",
    Level.COMMUNITY: "community_id",
    Level.GRID: "grid_id",
}


def posts_of(session: Session, officer_id: int) -> list[Post]:
    """The posts an officer holds now, with their areas."""
    held = sa.select(Post).where(Post.officer_id == officer_id, Post.until.is_(None))
    return list(session.scalars(held.options(joinedload(Post.area))))


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
    """The roles in which someone with these posts may act on this row; empty means: not theirs."""
    return {post.role for post in posts if covers(post, row)}


def visible(posts: Sequence[Post], table: Any) -> sa.ColumnElement[bool]:
    """The condition that selects exactly the rows these posts reach (none without posts)."""
    wanted: dict[str, set[int]] = {}
    for column, value in map(_reach, posts):
        wanted.setdefault(column, set()).add(value)
    return sa.or_(sa.false(), *(getattr(table, column).in_(ids) for column, ids in wanted.items()))
