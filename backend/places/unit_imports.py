"""Tables of units (单位), taken in and given out: one code is one unit, whatever its names."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from backend.errors import NotFound
from backend.places import area_index, changes, unit_rows, units
from backend.places.area_index import Index, Node
from backend.places.changes import Did, Entry
from backend.places.imports import Fate, Finding, Kind, Options, Plan, RowFate
from backend.places.models import Area, Unit
from backend.places.roles import UNIT_LABELS
from backend.places.scope import NOT_YOURS, Editor
from backend.places.twins import twins
from backend.places.unit_rows import ALIASES, AREA, CODE, HEADERS, KIND, NAME, TELEPHONE, Draft
from backend.sheets import Sheet


@dataclass
class Known:
    """The units that are there, by what a row may know them by."""

    by_code: dict[str, Unit]
    by_name: dict[tuple[int, str], Unit]  # open ones, by area and every name


@dataclass
class Step:
    """What becomes of one unit: values to write, or why not."""

    draft: Draft
    unit: Unit | None
    values: dict[str, Any] = field(default_factory=dict)
    fate: Fate = Fate.SAME


def plan(session: Session, sheet: Sheet, editor: Editor, options: Options) -> Plan:
    """Every row's fate. A blank cell changes nothing; a name that differs keeps the old one as another name.

    Raises Invalid for a sheet of other things, NotFound for an area that is none.
    """
    index = area_index.load(session)
    under = index.by_id.get(options.under_id) if options.under_id is not None else None
    if options.under_id is not None and under is None:
        raise NotFound("没有找到所选的上级地点，请重新选择")
    drafts, idle = unit_rows.read(sheet, index, under)
    known = _known(session)
    mine = set(session.scalars(sa.select(Area.id).where(editor.edits(Area))))
    steps = [_step(draft, known, mine) for draft in drafts]
    _refuse_namesakes(steps, known)
    _offer_merging(steps, known)
    fates = [fate for step in steps for fate in _fates(step, index)]
    fates += [
        RowFate(n, "", Fate.SAME, [Finding(NAME, "", "这一行没有单位名称", "不用处理，这一行不导入")])
        for n in idle
    ]

    def write(session: Session, import_id: int) -> None:
        _write(session, editor, steps, import_id)

    return Plan(sorted(fates, key=lambda fate: fate.row), write)


def export(session: Session, editor: Editor) -> Iterator[Sequence[Any]]:
    """The open units that this person administers, by where they serve."""
    index = area_index.load(session)
    own = (
        sa.select(Unit)
        .join(Area, Area.id == Unit.area_id)
        .where(editor.edits(Area), Unit.closed_at.is_(None))
    )
    for unit in session.scalars(own.order_by(Area.path, Unit.name, Unit.id)):
        said = _shown(_stored(unit), index)
        yield tuple(said[header] for header in HEADERS)


def _known(session: Session) -> Known:
    found = session.scalars(sa.select(Unit).order_by(Unit.id)).all()
    is_open = [unit for unit in found if unit.closed_at is None]
    by_name = {(unit.area_id, alias): unit for unit in reversed(is_open) for alias in unit.aliases}
    by_name |= {(unit.area_id, unit.name): unit for unit in is_open}
    return Known({unit.code: unit for unit in found if unit.code}, by_name)


def _step(draft: Draft, known: Known, mine: Collection[int]) -> Step:
    unit = _find(draft, known)
    if unit is not None and unit.closed_at is not None:
        closed = Finding(NAME, draft.names[0], "这个单位已经停用，没有改动", "还要用的话，请先在单位页面恢复")
        draft.guessed.setdefault(draft.first.number, []).append(closed)
        return Step(draft, unit)
    if draft.area is None and unit is None and not draft.wrong:
        cure = "请填服务区域，或者在导入时选择一个上级地点"
        draft.wrong.append(Finding(AREA, "", "不知道这个单位服务哪里", cure))
    if not draft.wrong:
        touched = {unit.area_id} if unit is not None else set()
        touched |= {draft.area.id or 0} if draft.area is not None and _is_told(draft, unit) else set()
        if not touched <= set(mine):
            draft.wrong.append(Finding(AREA, "", NOT_YOURS, "请删去这一行，或者请上级管理员导入"))
    if draft.wrong:
        return Step(draft, unit, fate=Fate.REFUSED)
    values = _values(draft, unit)
    if unit is None:
        return Step(draft, None, values, Fate.ADDED)
    is_same = values == _stored(unit)
    return Step(draft, unit, values, Fate.SAME if is_same else Fate.CHANGED)


def _find(draft: Draft, known: Known) -> Unit | None:
    """By code; else by where it serves and a name, unless that one has another code."""
    if draft.code and draft.code in known.by_code:
        return known.by_code[draft.code]
    if draft.area is None or draft.area.id is None:
        return None
    found = [known.by_name.get((draft.area.id, name)) for name in draft.names]
    unit = next((unit for unit in found if unit is not None), None)
    return None if unit is not None and draft.code and unit.code else unit


def _is_told(draft: Draft, unit: Unit | None) -> bool:
    """Whether the area is to be written: a guess does not move a unit that is there."""
    return unit is None or bool(draft.first.cells[AREA])


def _stored(unit: Unit) -> dict[str, Any]:
    columns = ("code", "name", "kind", "area_id", "telephone")
    return {column: getattr(unit, column) for column in columns} | {"aliases": list(unit.aliases)}


def _values(draft: Draft, unit: Unit | None) -> dict[str, Any]:
    """The columns as they are to be."""
    was = _stored(unit) if unit is not None else None
    name = draft.names[0]
    if was is not None and (was["name"] in draft.names or name in was["aliases"]):
        name = was["name"]
    others = [*draft.names, *(draft.listed if draft.listed is not None else was["aliases"] if was else [])]
    if was is not None and was["name"] != name:
        others.append(was["name"])
    aliases = units.other_names(name, others)
    if was is not None and set(aliases) == set(was["aliases"]):
        aliases = was["aliases"]
    kind = draft.kind or (was["kind"] if was else _guess_kind(draft))
    area_id = draft.area.id if draft.area is not None and _is_told(draft, unit) else was and was["area_id"]
    telephone = draft.telephone or (was["telephone"] if was else None)
    code = draft.code or (was["code"] if was else None)
    said = {"code": code, "name": name, "kind": kind, "area_id": area_id}
    return said | {"telephone": telephone, "aliases": aliases}


def _guess_kind(draft: Draft) -> Any:
    kind = unit_rows.guess_kind(draft.names, draft.area)
    said = Finding(KIND, "", f"没有填类型，按名称算作“{UNIT_LABELS[kind]}”", f"不对的话，请在“{KIND}”列填写")
    draft.guessed.setdefault(draft.first.number, []).append(said)
    return kind


def _refuse_namesakes(steps: Sequence[Step], known: Known) -> None:
    """Two units of one area cannot have one name."""
    taken: dict[tuple[int, str], object] = {
        key: unit.id for key, unit in known.by_name.items() if key[1] == unit.name
    }
    for step in steps:
        if step.fate not in (Fate.ADDED, Fate.CHANGED):
            continue
        key = (step.values["area_id"], step.values["name"])
        owner = step.unit.id if step.unit is not None else step
        if taken.setdefault(key, owner) != owner:
            cure = "是同一个单位的话，请用同一个编码；不是的话，请改一个名称"
            step.draft.wrong.append(Finding(NAME, key[1], "这个区域里已经有同名的单位，编码不同", cure))
            step.fate = Fate.REFUSED


def _offer_merging(steps: Sequence[Step], known: Known) -> None:
    """Say which units of the table are probably twins of one another, or of one that is there."""
    named = [(-at, name) for at, step in enumerate(steps, start=1) for name in step.draft.names]
    in_table = {step.unit.id for step in steps if step.unit is not None}
    others = {unit.id: unit for unit in known.by_name.values() if unit.id not in in_table}
    named += [(unit.id, name) for unit in others.values() for name in (unit.name, *unit.aliases)]
    for group in twins(named):
        calls = dict(reversed(group))
        for at in [at for at in calls if at < 0 and len(calls) > 1]:
            like = "、".join(f"“{name}”" for other, name in calls.items() if other != at)
            step = steps[-at - 1]
            offer = Finding(NAME, calls[at], f"可能和{like}是同一个单位", "导入后可以在单位页面合并")
            if step.fate in (Fate.ADDED, Fate.CHANGED):
                step.draft.guessed.setdefault(step.draft.first.number, []).append(offer)


def _fates(step: Step, index: Index) -> Iterator[RowFate]:
    """The unit's own row tells what becomes of it; the others add names, or say the same again."""
    draft, seen = step.draft, set()
    before = _shown(_stored(step.unit), index) if step.unit is not None else {}
    after = _shown(step.values, index) if step.values else {}
    for row in draft.rows:
        findings = [*draft.wrong, *draft.guessed.get(row.number, [])]
        is_again = row.name in seen
        seen.add(row.name)
        if step.fate is Fate.REFUSED:
            yield RowFate(row.number, row.name, Fate.REFUSED, findings)
        elif is_again:
            yield RowFate(row.number, row.name, Fate.REPEATED)
        elif row is draft.first:
            yield RowFate(row.number, row.name, step.fate, findings, before, after)
        elif step.unit is not None and row.name in (step.unit.name, *step.unit.aliases):
            yield RowFate(row.number, row.name, Fate.SAME)
        else:
            alias = Finding(
                NAME, row.name, f"和第 {draft.first.number} 行是同一个单位", "记为其他名称，不用处理"
            )
            yield RowFate(row.number, row.name, Fate.REPEATED, [alias])


def _shown(values: dict[str, Any], index: Index) -> dict[str, Any]:
    """By the headers of our own table."""
    area: Node | None = index.by_id.get(values["area_id"])
    return {
        CODE: values["code"] or "",
        NAME: values["name"],
        KIND: UNIT_LABELS[values["kind"]],
        AREA: area.path if area is not None else "",
        TELEPHONE: values["telephone"] or "",
        ALIASES: "、".join(values["aliases"]),
    }


def _write(session: Session, editor: Editor, steps: Sequence[Step], import_id: int) -> None:
    entries, taken = [], [step for step in steps if step.fate in (Fate.ADDED, Fate.CHANGED)]
    written: list[tuple[Did, Unit, dict[str, Any]]] = []
    for step in taken:
        unit = step.unit or Unit()
        before = changes.snapshot(unit, units.COLUMNS) if step.unit is not None else {}
        for column, value in step.values.items():
            setattr(unit, column, value)
        session.add(unit)
        written.append((Did.CHANGED if step.unit is not None else Did.ADDED, unit, before))
    session.flush()
    for did, unit, before in written:
        after = changes.snapshot(unit, units.COLUMNS)
        entries.append(Entry(did, "units", unit.id, unit.name, unit.area_id, before, after))
    changes.record(session, editor, entries, import_id)


UNITS = Kind("units", "单位", HEADERS, plan, export, units.take_turns)
