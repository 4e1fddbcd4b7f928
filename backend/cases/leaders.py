"""Who leads where: the leaders and secretaries over a place or a case, and those whom a form names."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session, joinedload

from backend.places import posts
from backend.places.models import Area, Officer, Post
from backend.places.roles import Role
from backend.places.scope import is_held

LEADERS = (Role.LEADER, Role.SECRETARY)
ABOVE = ("place_id", "grid_id", "zone_id", "community_id", "subdistrict_id", "district_id")


def over(session: Session, row: Any) -> list[Post]:
    """The posts of leaders and secretaries over this row (a case, a meeting, a place), the nearest first."""
    nearest = sa.func.nlevel(Area.path).desc()
    query = (
        sa.select(Post)
        .join(Officer, Officer.id == Post.officer_id)
        .join(Area, Area.id == Post.area_id)
        .where(Post.role.in_(LEADERS), Post.area_id.in_(_ids(row)), is_held(), Officer.left_at.is_(None))
        .options(joinedload(Post.officer), *posts.PLACES)
    )
    return list(session.scalars(query.order_by(nearest, Post.id)))


def are_led(session: Session, rows: Sequence[Any]) -> list[bool]:
    """For each of these rows, whether somebody holds a leader's post over it (领导, not 书记); one query."""
    lie_in = [set(_ids(row)) for row in rows]
    if not lie_in:
        return []
    posts_there = sa.select(Post.area_id).join(Officer, Officer.id == Post.officer_id)
    there = (Post.role == Role.LEADER, Post.area_id.in_(set().union(*lie_in)), is_held())
    led = set(session.scalars(posts_there.where(*there, Officer.left_at.is_(None))))
    return [not led.isdisjoint(own) for own in lie_in]


def words(held: Sequence[Post]) -> dict[int, str]:
    """Officer's id → 周晓岚（社区书记 · 玉兰社区）, once for each."""
    found: dict[int, str] = {}
    for post in held:
        found.setdefault(post.officer_id, f"{post.officer.name}（{posts.name_of(post)}）")
    return found


def called(held: Sequence[Post], typed: str) -> int | None:
    """The officer among these posts who was typed, as `words` says it or by name alone; None for nobody, or
    for one of several namesakes."""
    named = {officer_id for officer_id, said in words(held).items() if said == typed}
    named = named or {post.officer_id for post in held if post.officer.name == typed}
    return named.pop() if len(named) == 1 else None


def _ids(row: Any) -> list[int]:
    """The areas in which the row lies, and its own place."""
    found = [getattr(row, column, None) for column in ABOVE]
    found += [row.id] if isinstance(row, Area) else []
    return [area_id for area_id in found if area_id is not None]
