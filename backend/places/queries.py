"""Reading the tree of places: the nearest, the one named, those to choose from, and who serves them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import cos, radians
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session, aliased

from backend.places.models import Area, PlaceCode, Unit
from backend.places.roles import Level

DEGREE = 111_195.0  # metres of one degree of latitude
# A station is a spot: people at a grid's edge may be close to one and yet not there.
REACH_OF_STATION = 150.0
NAMED = (Level.COMMUNITY, Level.STATION)
POSITIONED = (Level.GRID, Level.COMMUNITY, Level.STATION)
WIDE = (Level.DISTRICT, Level.SUBDISTRICT)  # to know that somebody is in one of these helps nobody
MARKS = " \t\r\n\u3000/／·.。,，、-—"  # that people leave out of a name or put into it
PUNCTUATION = str.maketrans("", "", MARKS)
KIND = "社区"  # the word that people leave out of a community's name
ALIKE = 3  # names to choose from: what fits on a phone and into a head


@dataclass(frozen=True)
class Place:
    """A place that can be chosen: `path` holds the names from district to community."""

    id: int
    name: str
    level: Level
    scene: str | None
    path: str


@dataclass(frozen=True)
class NamedPlace:
    """A community or station that people may call by its name, with the name of its street."""

    id: int
    name: str
    street: str
    telephone: str | None = None
    community_id: int | None = None  # where it lies; a community's own

    @cached_property
    def plain(self) -> str:
        """The name without the marks that people leave out."""
        return self.name.translate(PUNCTUATION)


def inside(scope_id: int) -> sa.ColumnElement[bool]:
    """The condition that an area is open, and is the scope (a district, … or grid) or lies in it.

    By the plain columns: over a district of 10,000 areas that takes a third of what the path takes.
    """
    columns = (Area.district_id, Area.subdistrict_id, Area.community_id, Area.zone_id, Area.grid_id, Area.id)
    return sa.or_(*(column == scope_id for column in columns)) & Area.closed_at.is_(None)


def at_point(session: Session, scope_id: int, latitude: float, longitude: float) -> Area | None:
    """The place of the scope in which a point (WGS-84 degrees) lies; else the nearest one."""
    holder = containing(session, scope_id, latitude, longitude)
    if holder is not None and holder.level not in WIDE:
        return holder
    return nearest(session, holder.id if holder else scope_id, latitude, longitude) or holder


def containing(session: Session, scope_id: int, latitude: float, longitude: float) -> Area | None:
    """The deepest open area of the scope whose outline holds the point (WGS-84 degrees)."""
    where = {"scope_id": scope_id, "latitude": latitude, "longitude": longitude}
    return session.scalars(_CONTAINING, where).first()


# The index knows polygons alone: a point is looked up as one without size, and then held against the ring.
# A hole that is not within the ring belongs to another polygon of the same area.
_CONTAINING = sa.select(Area).from_statement(
    sa.text("""
    SELECT a.* FROM outlines o JOIN areas a ON a.id = o.area_id
    WHERE o.ring && polygon(box(point(:longitude, :latitude), point(:longitude, :latitude)))
        AND o.ring @> point(:longitude, :latitude) AND NOT o.is_hole AND a.closed_at IS NULL
        AND :scope_id IN (a.id, a.district_id, a.subdistrict_id, a.community_id, a.zone_id, a.grid_id)
        AND NOT EXISTS (SELECT FROM outlines h WHERE h.area_id = o.area_id AND h.is_hole
            AND h.ring @> point(:longitude, :latitude) AND h.ring <@ o.ring AND NOT o.ring <@ h.ring)
    ORDER BY nlevel(a.path) DESC, a.id LIMIT 1""")
)


def nearest(
    session: Session, scope_id: int, latitude: float, longitude: float, within_m: float = 3000
) -> Area | None:
    """The nearest grid, community or station with a position, within the scope and `within_m` metres.

    Degrees are WGS-84. Grids and communities are known by their centres; a station counts only nearby.
    """
    north, east = (
        DEGREE,
        DEGREE * cos(radians(latitude)),
    )  # metres of a degree: flat, right over a few kilometres
    distance = sa.func.sqrt(
        sa.func.power((Area.latitude - latitude) * north, 2)
        + sa.func.power((Area.longitude - longitude) * east, 2)
    )
    reach = sa.case((Area.level == Level.STATION, min(within_m, REACH_OF_STATION)), else_=within_m)
    return session.scalar(
        sa.select(Area)
        .where(
            Area.latitude.between(latitude - within_m / north, latitude + within_m / north),
            Area.longitude.between(longitude - within_m / east, longitude + within_m / east),
            inside(scope_id),
            Area.level.in_(POSITIONED),
            distance <= reach,
        )
        .order_by(distance, Area.id)
        .limit(1)
    )


def named_places(session: Session, scope_id: int) -> list[NamedPlace]:
    """The communities and stations of the scope, street by street (one query)."""
    street = aliased(Area)
    rows = session.execute(
        sa.select(Area.id, Area.name, sa.func.coalesce(street.name, ""), Area.telephone, Area.community_id)
        .join(street, street.id == Area.subdistrict_id, isouter=True)
        .where(inside(scope_id), Area.level.in_(NAMED))
        .order_by(Area.subdistrict_id, Area.community_id, Area.level, Area.id)
    )
    return [NamedPlace(*row) for row in rows]


def said_in(text: str, places: Sequence[NamedPlace]) -> list[NamedPlace]:
    """The places whose whole name was said: none, one, or several namesakes.

    玉兰, 玉兰社区, 望溪街道玉兰社区 and 我在玉兰社区门口 all find 玉兰社区; an exact name beats one that is
    contained, the longer of two contained ones wins, and of namesakes the one whose street is mentioned.
    玉兰苑 does not find 玉兰苑东门: whoever says it may stand at another gate, see `beginning`.
    """
    said = text.translate(PUNCTUATION)
    if len(said) < 2:
        return []
    with_kind = said + KIND
    found = [place for place in places if place.plain in said or place.plain == with_kind]
    likeness = {place.id: _likeness(place, said) for place in found}
    best = [place for place in found if likeness[place.id] == max(likeness.values())]
    return best if len(best) < 2 else _in_mentioned_street(best, said)


def is_name_of(place: NamedPlace, text: str) -> bool:
    """Whether the words are nothing but the name of this place, with its street or without."""
    said = text.translate(PUNCTUATION).removeprefix(place.street)
    return said in (place.plain, place.plain.removesuffix(KIND))


def beginning(text: str, places: Sequence[NamedPlace]) -> list[NamedPlace]:
    """The places whose name begins with the words: to ask about, not to take."""
    said = text.translate(PUNCTUATION)
    return [place for place in places if place.plain.startswith(said)] if len(said) >= 2 else []


def to_choose(places: Sequence[NamedPlace]) -> list[str]:
    """At most three names to ask about. Each, said back, finds one: namesakes come with their street."""
    names = [place.name for place in places]
    told = [place.street * (names.count(place.name) > 1) + place.name for place in places]
    return [name for name in told if told.count(name) == 1][:ALIKE]


def _likeness(place: NamedPlace, said: str) -> tuple[bool, bool, int]:
    return said == place.plain, said + KIND == place.plain, len(place.plain)


def _in_mentioned_street(places: list[NamedPlace], said: str) -> list[NamedPlace]:
    return [place for place in places if place.street and _is_mentioned(place.street, said)] or places


def _is_mentioned(street: str, said: str) -> bool:
    return street in said or street.removesuffix("街道") in said


def path_names(session: Session, area: Area) -> str:
    """青岚区 / 望溪街道 / 玉兰社区: district to community, where the area lies (one query)."""
    above = (area.district_id, area.subdistrict_id, area.community_id)
    rows = session.execute(sa.select(Area.id, Area.name).where(Area.id.in_(above)))
    names = {area_id: name for area_id, name in rows}
    return " / ".join(names[area_id] for area_id in above if area_id in names)


def telephones(session: Session, areas: Iterable[Area]) -> dict[int, str | None]:
    """The telephone of each of the areas: its own, or the nearest above that has one (one query)."""
    upwards = {area.id: [int(label) for label in reversed(area.path.split("."))] for area in areas}
    ids = {area_id for line in upwards.values() for area_id in line}
    rows = session.execute(sa.select(Area.id, Area.telephone).where(Area.id.in_(ids)))
    known = {area_id: telephone for area_id, telephone in rows if telephone}
    return {own: next((known[one] for one in line if one in known), None) for own, line in upwards.items()}


def choices(session: Session, scope_id: int) -> list[Place]:
    """The communities and stations of the scope, with code and path, street by street (one query)."""
    district, street, community = aliased(Area), aliased(Area), aliased(Area)
    rows = session.execute(
        sa.select(Area.id, Area.name, Area.level, _scene(), district.name, street.name, community.name)
        .join(district, district.id == Area.district_id, isouter=True)
        .join(street, street.id == Area.subdistrict_id, isouter=True)
        .join(community, community.id == Area.community_id, isouter=True)
        .where(inside(scope_id), Area.level.in_(NAMED))
        .order_by(Area.subdistrict_id, Area.community_id, Area.level, Area.id)
    )
    return [
        Place(area_id, name, level, scene, " / ".join(above for above in path if above))
        for area_id, name, level, scene, *path in rows
    ]


def _scene() -> sa.ScalarSelect[str]:
    living = sa.select(PlaceCode.scene).where(PlaceCode.area_id == Area.id, PlaceCode.revoked_at.is_(None))
    return living.order_by(PlaceCode.id).limit(1).scalar_subquery()


def units_serving(session: Session, row: Any) -> Sequence[Unit]:
    """The units of the areas in which a case (or any row with its area columns) lies, nearest first."""
    above = (row.community_id, row.subdistrict_id, row.district_id)
    return session.scalars(
        sa.select(Unit)
        .join(Area, Area.id == Unit.area_id)
        .where(
            Unit.area_id.in_([area_id for area_id in above if area_id is not None]), Unit.closed_at.is_(None)
        )
        .order_by(sa.func.nlevel(Area.path).desc(), Unit.name)
    ).all()
