"""What must be there before a file is played: its places with their codes, and a desk for staff intake."""

from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.orm import Session

from backend.cases.service import Actor
from backend.places.codes import make_codes
from backend.places.models import Area, Officer, PlaceCode, Post
from backend.places.roles import Level, Role
from backend.places.scope import posts_of
from backend.replay.rows import Row

DISTRICT = "坪山区"
OFFICER = "回放值班员"
Where = tuple[str | None, str | None]


@dataclass(frozen=True)
class Stage:
    """Where each (street, community) of the file is, the scene of its code, and who takes calls."""

    areas: dict[Where, int]
    scenes: dict[Where, str]
    desk: Actor


def build(session: Session, rows: Sequence[Row]) -> Stage:
    """Make what is missing; a second time finds everything there."""
    district = _area(session, Level.DISTRICT, None, DISTRICT)
    areas: dict[Where, int] = {(None, None): district.id}
    for street, community in sorted({(row.street or "", row.community or "") for row in rows}):
        if not street:
            continue
        above = _area(session, Level.SUBDISTRICT, district, street)
        areas[street, None] = above.id
        if community:
            areas[street, community] = _area(session, Level.COMMUNITY, above, community).id
    make_codes(session)
    return Stage(areas, _scenes(session, areas), _desk(session, district))


def _area(session: Session, level: Level, parent: Area | None, name: str) -> Area:
    above = parent.id if parent else None
    area = session.scalar(
        sa.select(Area).where(Area.parent_id.is_not_distinct_from(above), Area.name == name)
    )
    if area is not None:
        return area
    area = Area(parent_id=above, level=level, name=name, path="0")
    session.add(area)
    session.flush()
    area.path = f"{parent.path}.{area.id}" if parent else str(area.id)
    area.district_id = parent.district_id if parent else area.id
    area.subdistrict_id = parent.subdistrict_id if parent else None
    if level is Level.SUBDISTRICT:
        area.subdistrict_id = area.id
    area.community_id = area.id if level is Level.COMMUNITY else None
    session.flush()
    return area


def _scenes(session: Session, areas: dict[Where, int]) -> dict[Where, str]:
    codes = session.execute(
        sa.select(PlaceCode.area_id, PlaceCode.scene).where(
            PlaceCode.area_id.in_(areas.values()), PlaceCode.revoked_at.is_(None)
        )
    )
    by_area = {area_id: scene for area_id, scene in codes}
    return {where: by_area[area_id] for where, area_id in areas.items()}


def _desk(session: Session, district: Area) -> Actor:
    held = sa.select(Post.officer_id).where(Post.area_id == district.id, Post.role == Role.DISPATCHER)
    officer_id = session.scalar(held.limit(1))
    if officer_id is None:
        officer = Officer(name=OFFICER)
        session.add(officer)
        session.flush()
        session.add(Post(officer_id=officer.id, role=Role.DISPATCHER, area_id=district.id))
        session.flush()
        officer_id = officer.id
    return Actor(officer_id=officer_id, posts=tuple(posts_of(session, officer_id)))
