"""Duty lists taken in from a file (导入职责清单), and given out as one.

A file always becomes a draft; the list in force is never touched. Its rows are compared with the list that
stands for the area: the newest draft, else the one in force.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session, aliased, joinedload

from backend.cases import duties, duty_names, duty_queries
from backend.cases.category_models import Category
from backend.cases.duties import Told
from backend.cases.duty_names import Names, full_unit_name
from backend.cases.models import CHANNEL_LABELS, Channel, Duty, DutyList, ListState
from backend.errors import Invalid
from backend.places import headers
from backend.places.imports import Fate, Finding, Kind, Options, Plan, RowFate
from backend.places.models import Area, Unit
from backend.places.scope import Editor
from backend.sheets import Sheet, given, words

HEADERS = ("事项编码", "事项", "区域", "渠道", "责任单位", "协办单位", "依据")
COLUMNS: dict[str, tuple[str, ...]] = {
    "事项编码": ("编码", "事项代码", "SUB_TYPE_ID", "category_code"),
    "事项": ("事项名称", "事件", "类别", "SUB_TYPE_NAME", "category"),
    "区域": ("辖区", "地点", "街道", "社区", "area"),
    "渠道": ("来源", "来源渠道", "channel"),
    "责任单位": ("主办单位", "处置单位", "责任部门", "DISPOSE_UNIT_NAME", "unit"),
    "协办单位": ("协同单位", "配合单位", "协办", "assisting"),
    "依据": ("来源依据", "文件依据", "source"),
}
NO_UNITS = "没有“责任单位”这一列，看不出谁负责；表头请用：" + "、".join(HEADERS)
WHOLE = "（全部）"
# Where an earlier row gives the same to another unit.
TWIN = Finding(
    "责任单位",
    "",
    "前面有一行把同样的事项、区域和渠道给了别的单位",
    "派单时以前面的为准；请在“检查”里看一看",
)
Key = tuple[int | None, int | None, Channel | None]


@dataclass
class Draft:
    """The list as the file wants it, while the file is being read."""

    names: Names
    known: dict[Key, Told]  # what stands
    called: dict[int, str]  # the names of units by id
    told: dict[tuple[Key, int], Told] = field(default_factory=dict)  # by what it is for, and its unit
    seen: set[Key] = field(default_factory=set)
    rows: list[RowFate] = field(default_factory=list)


def plan(session: Session, sheet: Sheet, editor: Editor, options: Options) -> Plan:
    """What the file says against what stands. Raises Forbidden, or Invalid where it cannot be read at all."""
    found = headers.find(sheet, COLUMNS)
    if "责任单位" not in found:
        raise Invalid(NO_UNITS)
    area = _area(session, editor, options)
    base = _base(session, area)
    known = _told_by(session, base) if base else {}
    names = duty_names.read(session, area)
    called = {unit.id: full_unit_name(unit) for units in names.units.values() for unit in units}
    draft = Draft(names, {_key(each): each for each in known}, called)
    for number, cells in sheet.rows:
        _take(draft, number, {ours: given(cells[theirs]) for ours, theirs in found.items()})
    name = options.name.strip() or sheet.name[: duties.LONGEST_NAME]
    told = list(draft.told.values())
    is_same = set(told) == set(known)
    return Plan(draft.rows, partial(_write, editor, area.id, name, [] if is_same else told))


def export(session: Session, editor: Editor) -> Iterable[Sequence[Any]]:
    """The lists in force that this person may read, as a table."""
    query = sa.select(DutyList.id).join(Area, Area.id == DutyList.area_id)
    query = query.where(DutyList.state == ListState.CURRENT, duty_queries.readable(editor))
    return rows_of(session, session.scalars(query.order_by(DutyList.id)).all())


def rows_of(session: Session, list_ids: Sequence[int]) -> Iterable[Sequence[Any]]:
    """The duties of these lists in the order of HEADERS (four queries, however many they are)."""
    place = aliased(Area)
    query = (
        sa.select(Duty, Category.code, Category.path, place)
        .join(DutyList, DutyList.id == Duty.list_id)
        .outerjoin(Category, Category.id == Duty.category_id)
        .join(place, place.id == sa.func.coalesce(Duty.area_id, DutyList.area_id))
        .where(Duty.list_id.in_(list_ids))
        .order_by(Duty.id)
    )
    found = session.execute(query).all()
    named = {unit_id for duty, *_ in found for unit_id in (duty.unit_id, *duty.assisting)}
    units = {unit.id: unit for unit in _units(session, named)}
    names = _full_names(session, units)
    paths = _paths(session, [area for *_, area in found])
    for duty, code, path, area in found:
        assisting = "、".join(names[each] for each in duty.assisting if each in names)
        channel = CHANNEL_LABELS[duty.channel] if duty.channel else ""
        unit = names[duty.unit_id]
        yield code or "", path or "", paths[area.id], channel, unit, assisting, duty.source


def _write(
    editor: Editor, area_id: int, name: str, told: Sequence[Told], session: Session, import_id: int
) -> None:
    if told:
        duties.draft(session, editor, area_id, name, told)


def _area(session: Session, editor: Editor, options: Options) -> Area:
    """The area that the list is for: the one that was chosen, or the only one this person administers."""
    own = editor.areas()
    area_id = options.under_id or (own[0].id if len(own) == 1 else None)
    area = session.get(Area, area_id) if area_id else None
    if area is None:
        raise Invalid("请选择这份职责清单是哪个区域的")
    editor.must_edit(area)
    return area


def _base(session: Session, area: Area) -> DutyList | None:
    living = DutyList.state.in_((ListState.DRAFT, ListState.CURRENT))
    newest = sa.select(DutyList).where(DutyList.area_id == area.id, living).order_by(DutyList.id.desc())
    return session.scalars(newest.limit(1)).one_or_none()


def _told_by(session: Session, duty_list: DutyList) -> list[Told]:
    rows = session.scalars(sa.select(Duty).where(Duty.list_id == duty_list.id).order_by(Duty.id.desc()))
    return [
        Told(row.unit_id, row.category_id, row.area_id, row.channel, tuple(row.assisting), row.source)
        for row in rows
    ]


def _key(told: Told) -> Key:
    return told.category_id, told.area_id, told.channel


def _take(draft: Draft, number: int, cells: dict[str, str]) -> None:
    """One row: what it says, or why it cannot be taken."""
    name = " × ".join(filter(None, (cells.get("事项") or cells.get("事项编码"), cells.get("区域"))))
    findings: list[Finding] = []
    told = _read(draft.names, cells, findings)
    if told is None:
        draft.rows.append(RowFate(number, name or WHOLE, Fate.REFUSED, findings))
        return
    key = (_key(told), told.unit_id)
    if key in draft.told:
        draft.rows.append(RowFate(number, name or WHOLE, Fate.REPEATED))
        return
    fate, before, after = _compared(draft.called, draft.known.get(_key(told)), told)
    findings = [TWIN] if _key(told) in draft.seen else []
    draft.told[key] = told
    draft.seen.add(_key(told))
    draft.rows.append(RowFate(number, name or WHOLE, fate, findings, before, after))


def _read(names: Names, cells: dict[str, str], findings: list[Finding]) -> Told | None:
    """What a row says; None when something in it cannot be read, which `findings` then names."""

    def read(column: str, meant: Any, *more: Any) -> Any:
        said = cells.get(column, "")
        try:
            return meant(said, *more) if said else None
        except Invalid as error:
            findings.append(Finding(column, said, "和系统里登记的对不上", error.message))
            return None

    by_code = bool(cells.get("事项编码"))
    category = read("事项编码" if by_code else "事项", names.category)
    place = read("区域", names.place)
    channel = read("渠道", duty_names.channel)
    unit = read("责任单位", names.unit, place)
    if not cells.get("责任单位"):
        findings.append(Finding("责任单位", "", "没有写责任单位", "请填登记过的单位名称，或删掉这一行"))
    assisting = read("协办单位", partial(_assisting, names, place)) or ()
    if findings:
        return None
    return Told(
        unit.id,
        category.id if category else None,
        None if place is None or place.id == names.area.id else place.id,
        channel,
        tuple(each for each in assisting if each != unit.id),
        cells.get("依据", "")[: duties.LONGEST_SOURCE],
    )


def _assisting(names: Names, place: Area | None, said: str) -> tuple[int, ...]:
    return tuple(dict.fromkeys(names.unit(each, place).id for each in words(said)))


def _compared(
    called: dict[int, str], known: Told | None, told: Told
) -> tuple[Fate, dict[str, Any], dict[str, Any]]:
    if known == told:
        return Fate.SAME, {}, {}
    after = {"责任单位": called[told.unit_id], "依据": told.source}
    if known is None:
        return Fate.ADDED, {}, after
    before = {"责任单位": called.get(known.unit_id, "（已停用）"), "依据": known.source}
    return Fate.CHANGED, before, after


def _units(session: Session, ids: Iterable[int]) -> Sequence[Unit]:
    return session.scalars(sa.select(Unit).where(Unit.id.in_(list(ids))).options(joinedload(Unit.area))).all()


def _full_names(session: Session, units: dict[int, Unit]) -> dict[int, str]:
    """Each unit by its name, with its area where another has the same name."""
    names = [unit.name for unit in units.values()]
    open_ones = sa.select(Unit.name).where(Unit.closed_at.is_(None), Unit.name.in_(names))
    shared = session.scalars(open_ones.group_by(Unit.name).having(sa.func.count() > 1)).all()
    return {
        unit_id: full_unit_name(unit) if unit.name in set(shared) else unit.name
        for unit_id, unit in units.items()
    }


def _paths(session: Session, areas: Sequence[Area]) -> dict[int, str]:
    """Each area's code, or the names from the district down."""
    chains = {area.id: duty_names.area_chain(area) for area in areas}
    wanted = {each for chain in chains.values() for each in chain}
    rows = session.execute(sa.select(Area.id, Area.name, Area.code).where(Area.id.in_(wanted)))
    names = {row_id: (name, code) for row_id, name, code in rows}
    return {
        area_id: names[area_id][1] or "/".join(names[each][0] for each in reversed(chain))
        for area_id, chain in chains.items()
    }


DUTIES = Kind("duties", "职责清单", HEADERS, plan, export)
