"""Reading places for people: where one works, what lies below, what a search finds, what hangs at a place."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.orm import Session

from backend.places import spoken
from backend.places.area_index import SEPARATORS
from backend.places.models import Area, Officer, PlaceCode, Post, Unit
from backend.places.roles import ABOVE, Level, Role
from backend.places.scope import Editor, is_held, lies_in, serves

PAGE = 100
FOUND = 50
OFFERED = 12  # places to choose from while one types


@dataclass(frozen=True)
class Hanging:
    """What hangs at one place: its units, who works there in which role, and how many codes it has."""

    units: Sequence[Unit]
    officers: Sequence[tuple[str, Role]]
    codes: int


def tops(session: Session, editor: Editor) -> list[Area]:
    """The topmost places that this person sees: the branches of their tree."""
    if editor.is_command_line:
        return list(session.scalars(sa.select(Area).where(Area.parent_id.is_(None)).order_by(Area.id)))
    own = {area.id: area for area in map(serves, editor.posts)}.values()
    return [area for area in own if not any(area is not one and lies_in(area, one) for one in own)]


def below(session: Session, editor: Editor, area: Area, after: int | None = None) -> list[Area]:
    """A page of what lies right below the area, also what is closed. `after` is the last id that was seen."""
    query = sa.select(Area).where(Area.parent_id == area.id, editor.sees(Area))
    if after is not None:
        query = query.where(Area.id > after)
    return list(session.scalars(query.order_by(Area.id).limit(PAGE)))


def with_places(session: Session, areas: Sequence[Area]) -> set[int]:
    """The ids of those of the areas below which something lies."""
    parents = sa.select(Area.parent_id).where(Area.parent_id.in_([area.id for area in areas])).distinct()
    return {parent for parent in session.scalars(parents) if parent is not None}


def search(session: Session, editor: Editor, said: str, after: int | None = None) -> list[Area]:
    """A page of the places whose name holds the words, or whose code or pinyin initials begin with them."""
    seen = editor.sees(Area) if after is None else editor.sees(Area) & (Area.id > after)
    by_letters = spoken.find(session, seen, said, FOUND)
    is_meant = Area.name.contains(said, autoescape=True) | Area.code.startswith(said, autoescape=True)
    query = sa.select(Area).where(is_meant | Area.id.in_(by_letters), seen)
    return list(session.scalars(query.order_by(Area.id).limit(FOUND)))


def above(session: Session, areas: Iterable[Area]) -> dict[int, list[tuple[int, str]]]:
    """Ids and names of what lies above each of the areas, from the top (one query)."""
    lines = {area.id: [int(label) for label in area.path.split(".")[:-1]] for area in areas}
    ids = {area_id for line in lines.values() for area_id in line}
    names = {area_id: name for area_id, name in session.execute(_names(ids))} if ids else {}
    return {area_id: [(one, names[one]) for one in line] for area_id, line in lines.items()}


def paths(session: Session, areas: Iterable[Area]) -> dict[int, str]:
    """青岚区/望溪街道/玉兰社区: the names that lead to each of the areas, and its own (one query)."""
    areas = list(areas)
    lines = above(session, areas)
    return {area.id: "/".join([*(name for _, name in lines[area.id]), area.name]) for area in areas}


def seen(session: Session, editor: Editor, area: Area) -> set[int]:
    """Which of the places above the area this person sees, so that a way leads there."""
    ids = [int(label) for label in area.path.split(".")]
    return set(session.scalars(sa.select(Area.id).where(Area.id.in_(ids), editor.sees(Area))))


def hanging(session: Session, area: Area) -> Hanging:
    units = session.scalars(
        sa.select(Unit).where(Unit.area_id == area.id, Unit.closed_at.is_(None)).order_by(Unit.id)
    )
    officers = session.execute(
        sa.select(Officer.name, Post.role)
        .join(Post, Post.officer_id == Officer.id)
        .where(Post.area_id == area.id, is_held())
        .order_by(Post.id)
    )
    living = sa.select(sa.func.count(PlaceCode.id)).where(
        PlaceCode.area_id == area.id, PlaceCode.revoked_at.is_(None)
    )
    return Hanging(units.all(), [(name, role) for name, role in officers], session.scalar(living) or 0)


def new_parents(session: Session, editor: Editor, area: Area, said: str) -> list[Area]:
    """The places to which the area could be moved, and whose code or names the words are."""
    return _meant(session, editor, area, said, ABOVE[area.level])


def successors(session: Session, editor: Editor, area: Area, said: str) -> list[Area]:
    """The places of its own level that could go on with the area's work, by the same words."""
    return _meant(session, editor, area, said, (area.level,))


def _meant(session: Session, editor: Editor, area: Area, said: str, levels: Collection[Level]) -> list[Area]:
    """Of a line of names like 望溪街道/玉兰社区 the last one is the place's; the others must be above it."""
    *line, name = [one for one in SEPARATORS.split(said.strip()) if one] or [""]
    found = sa.select(Area).where(
        Area.level.in_(levels), Area.closed_at.is_(None), editor.edits(Area), Area.id != area.id
    )
    if not line:
        exact = found.where((Area.code == name) | (Area.name == name))
        alike = found.where(Area.name.contains(name, autoescape=True)).order_by(Area.id)
        return list(session.scalars(exact.limit(OFFERED))) or list(session.scalars(alike.limit(OFFERED)))
    rows = list(session.scalars(found.where(Area.name == name).order_by(Area.id)))
    names = {area_id: [one for _, one in upwards] for area_id, upwards in above(session, rows).items()}
    return [row for row in rows if names[row.id][-len(line) :] == line][:OFFERED]


def _names(ids: Collection[int]) -> "sa.Select[int, str]":
    return sa.select(Area.id, Area.name).where(Area.id.in_(ids))
