"""Which rows an officer may see or touch: it follows from their posts, and from nothing else.

A post at an area covers every row of that area; a post at a unit covers every row that is with that unit.
Rows are anything with the columns district_id, subdistrict_id, community_id, grid_id, place_id and unit_id.
"""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from backend.places.models import Post
from backend.places.roles import Role

AREA_COLUMNS = ("place_id", "grid_id", "community_id", "subdistrict_id", "district_id")


def posts_of(session: Session, officer_id: int) -> list[Post]:
    """The posts an officer holds now."""
    return list(session.scalars(sa.select(Post).where(Post.officer_id == officer_id, Post.until.is_(None))))


def covers(post: Post, row: Any) -> bool:
    """Whether this post reaches this row."""
    if post.unit_id is not None:
        return bool(post.unit_id == row.unit_id)
    return any(post.area_id == getattr(row, column) for column in AREA_COLUMNS)


def roles_over(posts: Sequence[Post], row: Any) -> set[Role]:
    """The roles in which someone with these posts may act on this row; empty means: not theirs."""
    return {post.role for post in posts if covers(post, row)}


def visible(posts: Sequence[Post], table: Any) -> sa.ColumnElement[bool]:
    """The condition that selects exactly the rows these posts reach (none without posts)."""
    areas = [post.area_id for post in posts if post.area_id is not None]
    units = [post.unit_id for post in posts if post.unit_id is not None]
    conditions = [getattr(table, column).in_(areas) for column in AREA_COLUMNS if areas]
    if units:
        conditions.append(table.unit_id.in_(units))
    return sa.or_(*conditions) if conditions else sa.false()
