"""Duty lists as the engine takes them (routing.py): their rules, the ways up from a category and a place."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from backend.cases.category_models import Category
from backend.cases.models import CHANNEL_LABELS, Channel, Duty, DutyList, ListState
from backend.cases.routing import Chain, Decision, Name, Question
from backend.cases.routing import Duty as Rule
from backend.places.models import Area, Unit

PLACES = ("place_id", "grid_id", "zone_id", "community_id", "subdistrict_id", "district_id")
GONE = "（已不存在）"


def load(session: Session, list_ids: Collection[int], *only: sa.ColumnElement[bool]) -> list[Rule]:
    """The duties of these lists, or `only` some of them (one query).

    One for no area in particular is for the whole area of its list: a street's own list then beats the
    district's, and neither speaks for its neighbours.
    """
    query = (
        sa.select(
            Duty.id,
            Duty.unit_id,
            Duty.category_id,
            sa.func.coalesce(Duty.area_id, DutyList.area_id),
            Duty.channel,
            Duty.assisting,
            Duty.source,
        )
        .join(DutyList, DutyList.id == Duty.list_id)
        .where(Duty.list_id.in_(list_ids), *only)
        .order_by(Duty.id)
    )
    return [
        Rule(number, unit_id, category_id, area_id, channel and channel.value, tuple(assisting), source)
        for number, unit_id, category_id, area_id, channel, assisting, source in session.execute(query)
    ]


def in_force(session: Session, instead: DutyList | None = None) -> list[int]:
    """The ids of the lists that are switched on; with one `instead`, as if that were."""
    query = sa.select(DutyList.id).where(DutyList.state == ListState.CURRENT)
    if instead is not None:
        query = query.where(DutyList.area_id != instead.area_id)
    return [*session.scalars(query), *([instead.id] if instead else [])]


def category_chains(session: Session) -> dict[int, Chain]:
    """The way up from every entry that the dictionary ever had, in the rows that stand now (one query).

    An old case points at the row of its time; whoever goes on under the same code answers for it.
    """
    rows = session.execute(sa.select(Category.id, Category.parent_id, Category.code, Category.until_id)).all()
    now = {code: row_id for row_id, _, code, until_id in rows if until_id is None}
    parents = {row_id: parent_id for row_id, parent_id, _, _ in rows}
    standing = {row_id: now.get(code, row_id) for row_id, _, code, _ in rows}
    return {row_id: _climb(standing[row_id], parents, standing) for row_id in parents}


def living_chains(session: Session, ids: Collection[int]) -> dict[int, Chain]:
    """The same for some entries that stand now: much less to read than all of them (one query)."""
    leaf = sa.select(Category.id.label("leaf"), Category.id, Category.parent_id, Category.level)
    way = leaf.where(Category.id.in_(ids)).cte("way", recursive=True)
    higher = sa.select(way.c.leaf, Category.id, Category.parent_id, Category.level)
    way = way.union_all(higher.join(Category, Category.id == way.c.parent_id))
    chains: dict[int, list[int]] = defaultdict(list)
    for start, row_id in session.execute(sa.select(way.c.leaf, way.c.id).order_by(way.c.level.desc())):
        chains[start].append(row_id)
    return {start: tuple(found) for start, found in chains.items()}


def _climb(row_id: int, parents: Mapping[int, int | None], standing: Mapping[int, int]) -> Chain:
    way: list[int] = []
    at: int | None = row_id
    while at is not None and at not in way:
        way.append(at)
        parent = parents[at]
        at = None if parent is None else standing[parent]
    return tuple(way)


def place_chain(row: Any) -> Chain:
    """The way up from where a row with area columns lies: its place, grid, zone, … district."""
    return tuple(dict.fromkeys(each for column in PLACES if (each := getattr(row, column)) is not None))


def question(row: Any, chains: Mapping[int, Chain]) -> Question:
    """What a case (or anything with its columns) asks of the duty list."""
    categories = chains.get(row.category_id, ()) if row.category_id is not None else ()
    return Question(categories, place_chain(row), row.channel.value if row.channel else None)


def naming(session: Session, decisions: Iterable[Decision | None]) -> Name:
    """What everything in these decisions is called (three queries)."""
    rules = [rule for each in decisions if each for rule in (each.duty, *each.beaten)]
    return naming_rules(session, rules)


def naming_rules(session: Session, rules: Collection[Rule]) -> Name:
    """What everything in these rules is called (three queries)."""
    units = {unit_id for rule in rules for unit_id in (rule.unit_id, *rule.assisting)}
    names = {
        "unit": _names(session, Unit, units),
        "category": _names(session, Category, {rule.category_id for rule in rules}),
        "area": _names(session, Area, {rule.area_id for rule in rules}),
    }

    def name(what: str, which: int | str) -> str:
        if what == "channel":
            return CHANNEL_LABELS[Channel(str(which))]
        return names[what].get(int(which), GONE)

    return name


def _names(
    session: Session, table: type[Unit | Category | Area], ids: Collection[int | None]
) -> dict[int, str]:
    wanted = [each for each in ids if each is not None]
    if not wanted:
        return {}
    return {
        row_id: name
        for row_id, name in session.execute(sa.select(table.id, table.name).where(table.id.in_(wanted)))
    }
