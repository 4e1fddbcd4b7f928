"""All places at hand while a table is planned: by code, by name below another, by the names from the top."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from backend.places.area_rows import (
    CODE,
    DATUM,
    LATITUDE,
    LEVEL,
    LONGITUDE,
    NAME,
    PARENT,
    TELEPHONE,
    Named,
)
from backend.places.fields import Told
from backend.places.models import Area
from backend.places.roles import DATUM_LABELS, LEVEL_LABELS, Datum, Level

# How one place is called by those who count committees and by those who run the community.
ENDINGS = re.compile(r"(社区居民委员会|居民委员会|村民委员会|社区工作站|社区居委会|居委会|村委会|社区|村)$")
INSIDE = frozenset(Level) - {Level.DISTRICT, Level.SUBDISTRICT, Level.COMMUNITY}  # a community's parts
NEAR = 2e-7  # degrees, two centimetres: the same position, written with fewer digits
SEPARATORS = re.compile(r"\s*[/／>＞]\s*")


@dataclass(eq=False, slots=True)
class Node:
    """A place that is known, or that the table adds (`id` is None until it is written)."""

    id: int | None
    level: Level
    name: str
    parent: "Node | None"
    code: str | None = None
    telephone: str | None = None
    latitude: float | None = None  # WGS-84
    longitude: float | None = None
    datum: Datum = Datum.WGS84
    is_closed: bool = False
    row: int | None = None  # of the table, that speaks of it
    children: "dict[str, Node]" = field(default_factory=dict)  # open ones, by name
    stems: "dict[str, Node]" = field(default_factory=dict)  # the same, by what is left of the name

    def line(self) -> "Iterator[Node]":
        """The place and those above it, upwards."""
        node: Node | None = self
        while node is not None:
            yield node
            node = node.parent

    def take(self, said: Told) -> None:
        """Know what is said; what is left blank stays as it was."""
        self.name = said.name
        self.code = said.code or self.code
        self.telephone = said.telephone or self.telephone
        latitude, longitude = said.true_position()
        if latitude is None or longitude is None:
            return
        if said.datum is not self.datum or not self._is_at(latitude, longitude):
            self.latitude, self.longitude, self.datum = latitude, longitude, said.datum

    def _is_at(self, latitude: float, longitude: float) -> bool:
        if self.latitude is None or self.longitude is None:
            return False
        return abs(self.latitude - latitude) < NEAR and abs(self.longitude - longitude) < NEAR

    def stored(self) -> dict[str, Any]:
        """What stands in the columns of areas.FIELDS."""
        return {
            "name": self.name,
            "code": self.code,
            "telephone": self.telephone,
            "latitude": self.latitude,
            "longitude": self.longitude,
            "datum": self.datum,
        }

    def shown(self) -> dict[str, Any]:
        """The place by our headers; its position in WGS-84."""
        return {
            CODE: self.code or "",
            LEVEL: LEVEL_LABELS[self.level],
            NAME: self.name,
            PARENT: self.parent.path if self.parent else "",
            LATITUDE: self.latitude,
            LONGITUDE: self.longitude,
            DATUM: DATUM_LABELS[self.datum] if self.latitude is not None else "",
            TELEPHONE: self.telephone or "",
        }

    @property
    def path(self) -> str:
        """The names from the top: 青岚区/望溪街道/玉兰社区."""
        return "/".join(node.name for node in reversed(list(self.line())))


class Index:
    """The known places, and those that a plan adds to them."""

    def __init__(self, nodes: Iterable[Node]) -> None:
        self.top = Node(None, Level.DISTRICT, "", None)  # above the districts; nobody's parent
        self.by_id: dict[int, Node] = {}
        self.by_code: dict[str, Node] = {}
        self.by_name: dict[str, list[Node]] = {}
        self.closed: dict[str, Node] = {}  # by path
        self.deeper: dict[tuple[Node, Level, str], Node] = {}  # in this place, but not directly
        for node in nodes:
            self.put(node)

    def put(self, node: Node) -> None:
        if node.id is not None:
            self.by_id[node.id] = node
        if node.code:
            self.by_code[node.code] = node
        if node.is_closed:
            self.closed[node.path] = node
            return
        above = node.parent or self.top
        above.children[node.name] = node
        above.stems.setdefault(stem(node.name), node)
        self.by_name.setdefault(node.name, []).append(node)
        for place in _around(node):
            self.deeper.setdefault((place, node.level, node.name), node)

    def rename(self, node: Node, name: str, code: str | None) -> None:
        """The node goes by another name, or code, than these, which are free again."""
        del (node.parent or self.top).children[name]
        self.by_name[name].remove(node)
        for place in _around(node):
            if self.deeper.get((place, node.level, name)) is node:
                del self.deeper[place, node.level, name]
        if code:
            del self.by_code[code]
        self.put(node)

    def child(self, parent: Node | None, name: str) -> Node | None:
        return (parent or self.top).children.get(name)

    def twin(self, parent: Node | None, name: str) -> Node | None:
        """A sibling that may be the same place under another name."""
        found = (parent or self.top).stems.get(stem(name))
        return found if found is not None and found.name != name else None

    def by_path(self, path: str, under: Node | None) -> Node | None:
        """The place of these names from the top or from `under`; of one name alone, if it has no namesake."""
        names = [name for name in SEPARATORS.split(path.strip()) if name]
        for start in (None, under):
            if found := self._walk(start, names):
                return found
        alone = self.by_name.get(names[0], []) if len(names) == 1 else []
        return alone[0] if len(alone) == 1 else None

    def named(self, named: Named, below: Node | None) -> Node | None:
        """The place that a cell names: by code, else below the one named before it."""
        known = self.by_code.get(named.code) if named.code else None
        if known is not None and known.level is named.level and named.name in ("", known.name):
            return known
        if below is not None and below.level is named.level:
            return below if below.name == named.name else None
        if below is not None or named.level is Level.DISTRICT:
            return self.child(below, named.name)
        alone = [node for node in self.by_name.get(named.name, []) if node.level is named.level]
        return alone[0] if len(alone) == 1 else None

    def _walk(self, start: Node | None, names: Sequence[str]) -> Node | None:
        node = start
        for name in names:
            node = self.child(node, name)
            if node is None:
                return None
        return node


def _around(node: Node) -> Iterator[Node]:
    """What the place lies in, from its parent's parent up to the community."""
    for place in node.line():
        if place.level not in INSIDE:
            return
        if place.parent is not None and place.parent.parent is not None and place.parent.level in INSIDE:
            yield place.parent.parent


def load(session: Session) -> Index:
    """All places of the database (one query). A parent comes before its children."""
    columns = (Area.code, Area.telephone, Area.latitude, Area.longitude, Area.datum)
    rows = session.execute(
        sa.select(
            Area.id, Area.level, Area.name, Area.parent_id, *columns, Area.closed_at.is_not(None)
        ).order_by(sa.func.nlevel(Area.path), Area.id)
    )
    index, known = Index([]), dict[int | None, Node]()
    for area_id, level, name, parent_id, *rest in rows:
        known[area_id] = Node(area_id, level, name, known.get(parent_id), *rest)
        index.put(known[area_id])
    return index


def stem(name: str) -> str:
    """What is left of a name without the word for its kind."""
    return ENDINGS.sub("", name) or name
