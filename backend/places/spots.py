"""The places where an officer works, by name: found while one types, read back from what was typed."""

from collections.abc import Collection

import sqlalchemy as sa
from sqlalchemy.orm import Session

from backend.errors import Invalid, NotFound
from backend.places import area_lists, spoken
from backend.places.area_index import SEPARATORS
from backend.places.models import Area
from backend.places.naming import LARGE
from backend.places.roles import Level, Role
from backend.places.scope import Editor, subtree

OFFERED = 12  # places to choose from while one types
SHOWN = 3  # namesakes that a refusal tells
# What people mean first: a community or a station, then what lies in it, then what lies above.
TURN = (
    Level.COMMUNITY, Level.STATION, Level.GRID, Level.ZONE, Level.BUILDING, Level.SUBDISTRICT, Level.DISTRICT,
)  # fmt: skip
UNKNOWN = "没有找到这个地点，请写几个字，从提示里选您负责的地点"


def offered(session: Session, editor: Editor, roles: Collection[Role], said: str) -> list[str]:
    """The paths (青岚区/望溪街道/玉兰社区) of at most twelve open places over which this person holds one of
    the roles, and whose name holds the words or begins with these pinyin initials; any for no words."""
    name = ([one for one in SEPARATORS.split(said.strip()) if one] or [""])[-1]
    own = _own(editor, roles)
    by_letters = spoken.find(session, own, name, OFFERED)
    is_meant = Area.name.contains(name, autoescape=True) | Area.id.in_(by_letters)
    turn = sa.case({level: number for number, level in enumerate(TURN)}, value=Area.level)
    found = session.scalars(sa.select(Area).where(own, is_meant).order_by(turn, Area.id).limit(OFFERED)).all()
    paths = area_lists.paths(session, found)
    return [paths[area.id] for area in found]


def named(session: Session, editor: Editor, roles: Collection[Role], words: str) -> Area:
    """The one open place over which this person holds one of the roles, that was typed: as offered, by name
    or by code.

    Raises Invalid where several have the name, and NotFound.
    """
    *line, name = [one for one in SEPARATORS.split(words.strip()) if one] or [""]
    is_meant = (Area.name == name) | (Area.code == name)
    rows = session.scalars(sa.select(Area).where(_own(editor, roles), is_meant).order_by(Area.id)).all()
    above = area_lists.above(session, rows)
    found = [row for row in rows if not line or [one for _, one in above[row.id]][-len(line) :] == line]
    found = [row for row in found if row.level in LARGE] or found
    if len(found) > 1:
        paths = area_lists.paths(session, found[:SHOWN])
        raise Invalid(f"有几个地点叫“{name}”，请写全称，例如：{'、'.join(paths.values())}")
    if not found:
        raise NotFound(UNKNOWN)
    return found[0]


def only(session: Session, editor: Editor, roles: Collection[Role]) -> str:
    """The path of the one place where this person holds the roles, if it is a community or smaller."""
    areas = {area.id: area for area in editor.areas(roles)}
    if len(areas) != 1 or next(iter(areas.values())).level in (Level.DISTRICT, Level.SUBDISTRICT):
        return ""
    return next(iter(area_lists.paths(session, areas.values()).values()))


def _own(editor: Editor, roles: Collection[Role]) -> sa.ColumnElement[bool]:
    return Area.closed_at.is_(None) & sa.or_(sa.false(), *(subtree(area) for area in editor.areas(roles)))
