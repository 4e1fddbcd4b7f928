"""What a table calls the units, places, entries and channels of a duty list, and which it means."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import sqlalchemy as sa
from sqlalchemy.orm import Session, joinedload

from backend.cases.category_models import Category
from backend.cases.models import CHANNEL_LABELS, Channel
from backend.errors import Invalid
from backend.places.models import Area, Unit
from backend.places.scope import subtree

T = TypeVar("T")
_BRACKETS = str.maketrans("（）／", "()/")


def plain(name: str) -> str:
    """A name without blanks and with one sort of brackets, as names are compared."""
    return "".join(name.split()).translate(_BRACKETS)


def area_chain(area: Area) -> tuple[int, ...]:
    """The ids from an area up to its district."""
    above = (area.grid_id, area.zone_id, area.community_id, area.subdistrict_id, area.district_id)
    return tuple(dict.fromkeys((area.id, *(each for each in above if each is not None))))


@dataclass(frozen=True)
class Names:
    """What may be said in the table of one area's list, by plain name."""

    area: Area
    units: dict[str, list[Unit]]
    areas: dict[str, list[Area]] = field(default_factory=dict)
    categories: dict[str, list[Category]] = field(default_factory=dict)

    def unit(self, said: str, where: Area | None = None) -> Unit:
        """The unit of this name; of namesakes the one that serves the place, or the nearest above it."""
        found = self.units.get(plain(said), [])
        near = [unit for unit in found if unit.area_id in area_chain(where or self.area)]
        chain = area_chain(where or self.area)
        near.sort(key=lambda unit: chain.index(unit.area_id))
        if near and (len(near) == 1 or near[0].area_id != near[1].area_id):
            return near[0]
        return _only(
            found, f"单位“{said}”没有登记，或者不在这个区里；请先登记单位，或改成登记的名称", unit_name
        )

    def place(self, said: str) -> Area:
        """The area of this code, name or path of names below the list's own area."""
        return _only(
            self.areas.get(plain(said), []),
            f"没有“{said}”这个区域；请写区域编码或名称，如 望溪街道/玉兰社区",
            lambda area: area.code or area.name,
        )

    def category(self, said: str) -> Category:
        """The living entry of this code, path of names, or name."""
        return _only(
            self.categories.get(plain(said), []),
            f"事件字典里没有“{said}”；请写编码，或从上到下的名称，如 市容环卫/占道经营",
            lambda row: row.code,
        )


def read(session: Session, area: Area) -> Names:
    """All names of the area's places, of the units that serve them or lie above, and of the dictionary."""
    areas = session.scalars(sa.select(Area).where(Area.closed_at.is_(None), subtree(area))).all()
    return Names(area, units(session, area), _areas(areas), _categories(session))


def units(session: Session, area: Area) -> dict[str, list[Unit]]:
    """The open units of the area, of what lies in it and of what lies above, by each of their names."""
    within = sa.or_(subtree(area), Area.id.in_(area_chain(area)))
    query = sa.select(Unit).join(Area, Area.id == Unit.area_id).options(joinedload(Unit.area))
    rows = session.scalars(query.where(Unit.closed_at.is_(None), within).order_by(Unit.id))
    return _by_name(
        (unit, (unit.name, *unit.aliases, unit.code or "", full_unit_name(unit))) for unit in rows
    )


def full_unit_name(unit: Unit) -> str:
    """城管办（望溪街道）: which of the namesakes it is."""
    return f"{unit.name}（{unit.area.name}）"


def unit_name(unit: Unit) -> str:
    return unit.code or full_unit_name(unit)


def channel(said: str) -> Channel:
    """The channel of this label or value. Raises Invalid."""
    for value, label in CHANNEL_LABELS.items():
        if plain(said) in (plain(label), value.value):
            return value
    raise Invalid(f"没有“{said}”这个渠道；请写 {'、'.join(CHANNEL_LABELS.values())} 之一，不分渠道的留空")


def _areas(rows: Sequence[Area]) -> dict[str, list[Area]]:
    names = {row.id: row.name for row in rows}
    above = {row.id: [names[each] for each in reversed(area_chain(row)) if each in names] for row in rows}
    return _by_name((row, (row.code or "", row.name, *_endings(above[row.id]))) for row in rows)


def _categories(session: Session) -> dict[str, list[Category]]:
    rows = session.scalars(sa.select(Category).where(Category.until_id.is_(None)).order_by(Category.id))
    return _by_name((row, (row.code, row.path, row.name)) for row in rows)


def _endings(names: Sequence[str]) -> list[str]:
    """The path of names, from the top or from further down."""
    return ["/".join(names[start:]) for start in range(len(names))]


def _by_name(rows: Iterable[tuple[T, Sequence[str]]]) -> dict[str, list[T]]:
    found: dict[str, list[T]] = defaultdict(list)
    for row, names in rows:
        for name in dict.fromkeys(plain(name) for name in names if name):
            found[name].append(row)
    return dict(found)


def _only(found: Sequence[T], missing: str, called: Callable[[T], str]) -> T:
    if not found:
        raise Invalid(missing)
    if len(found) > 1:
        raise Invalid(f"这个名称有 {len(found)} 个，请写清是哪一个：{'、'.join(map(called, found[:5]))}")
    return found[0]
