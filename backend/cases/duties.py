"""Duty lists (职责清单): drafted, changed while drafts, and switched on in place of the one in force.

The list in force is not changed: a copy is, and takes its place. So it can always be taken back: the former
list is still there, and is switched on again. Only a duty that the district has decided goes into it as it is
(`amend`): a copy for each decision would pile up lists. What was there before stands on the record.
"""

import itertools
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session, joinedload

from backend.cases import duty_queries, duty_rules, duty_switches, editions
from backend.cases.category_models import Category
from backend.cases.models import Channel, Duty, DutyList, ListState
from backend.cases.routing import dead
from backend.errors import Conflict, Invalid, NotFound
from backend.places import changes
from backend.places.changes import Did, Entry
from backend.places.models import Area, Unit
from backend.places.scope import Editor, lies_in
from backend.times import local, now

STATE_LABELS = {ListState.DRAFT: "草稿", ListState.CURRENT: "使用中", ListState.RETIRED: "已停用"}
LONGEST_NAME, LONGEST_SOURCE = 60, 500  # characters
COLUMNS = ("category_id", "area_id", "channel", "unit_id", "assisting", "source")
NOT_A_DRAFT = "这份清单不是草稿，不能直接改；请先复制成草稿，改好再启用"


@dataclass(frozen=True)
class Told:
    """What a duty says: who answers, for what, where, and by which channel; None is any."""

    unit_id: int
    category_id: int | None = None
    area_id: int | None = None  # None: the whole area of the list
    channel: Channel | None = None
    assisting: tuple[int, ...] = ()
    source: str = ""


def draft(session: Session, editor: Editor, area_id: int, name: str, told: Sequence[Told] = ()) -> DutyList:
    """A new draft for an area, empty or with these duties (which are taken as they are).

    Raises NotFound, Forbidden or Invalid.
    """
    area = session.get(Area, area_id)
    if area is None or area.closed_at is not None:
        raise NotFound("没有这个区域，或者已经停用，请另选一个")
    editor.must_edit(area)
    row = DutyList(area_id=area.id, name=_checked_name(name), officer_id=editor.officer_id)
    session.add(row)
    session.flush()
    fill(session, row, told)
    _record_list(session, editor, Did.ADDED, row, {"duties": len(told)})
    return row


def draft_once(
    session: Session, editor: Editor, area: Area, name: str, told: Sequence[Told]
) -> DutyList | None:
    """The same, unless the area has a list of this name already: what is taken in twice is drafted once."""
    same = sa.select(DutyList.id).where(DutyList.area_id == area.id, DutyList.name == name[:LONGEST_NAME])
    if session.scalar(same.limit(1)) is not None:
        return None
    return draft(session, editor, area.id, name[:LONGEST_NAME], told)


def copy(session: Session, editor: Editor, list_id: int, name: str = "") -> DutyList:
    """A draft that says what this list says, to be changed. Raises NotFound, Forbidden or Invalid."""
    source, _ = duty_queries.get(session, editor, list_id)
    row = draft(session, editor, source.area_id, name or _copy_name(session, source))
    columns = [getattr(Duty, column) for column in COLUMNS]
    same = sa.select(sa.literal(row.id), *columns).where(Duty.list_id == source.id).order_by(Duty.id)
    session.execute(sa.insert(Duty).from_select(["list_id", *COLUMNS], same))
    return row


def _copy_name(session: Session, source: DutyList) -> str:
    """第一份 03-02 09:00修改稿, with a number from the second one on that is made in the same minute."""
    dated = f" {local(now()):%m-%d %H:%M}修改稿"
    name = source.name[: LONGEST_NAME - len(dated) - len(" 99")] + dated
    alike = DutyList.name.startswith(name, autoescape=True)
    taken = set(session.scalars(sa.select(DutyList.name).where(DutyList.area_id == source.area_id, alike)))
    numbered = (f"{name} {number}" for number in itertools.count(2))
    return next(one for one in itertools.chain([name], numbered) if one not in taken)


def fill(session: Session, duty_list: DutyList, told: Sequence[Told]) -> None:
    """Write these duties into a list, in one statement, without a look at each: whoever calls has checked."""
    if told:
        session.execute(sa.insert(Duty), [_values(each) | {"list_id": duty_list.id} for each in told])
    if len(told) > editions.MANY:
        session.execute(sa.text("ANALYZE duties"))  # or the planner goes by what was there before


def put(session: Session, editor: Editor, list_id: int, told: Told) -> Duty:
    """Let a draft say this: a duty for the same category, area and channel is changed, else one is added.

    Raises NotFound, Forbidden, Conflict (not a draft) or Invalid (unit, category or area cannot be named).
    """
    duty_list, area = _editable(session, editor, list_id)
    return _put(session, editor, duty_list, area, told)


def amend(session: Session, editor: Editor, list_id: int, told: Told) -> Duty:
    """Let the list in force say this from now on. Raises as `put` does; Conflict if it is not in force."""
    duty_list, area = _locked(session, editor, list_id)
    if duty_list.state is not ListState.CURRENT:
        raise Conflict("这份清单已经不在使用了，请刷新页面再试")
    return _put(session, editor, duty_list, area, told)


def _put(session: Session, editor: Editor, duty_list: DutyList, area: Area, told: Told) -> Duty:
    told = _checked(session, area, told)
    known = session.scalars(_same_key(duty_list, told)).first()
    before = changes.snapshot(known, COLUMNS) if known else {}
    row = known or Duty(list_id=duty_list.id)
    for column, value in _values(told).items():
        setattr(row, column, value)
    session.add(row)
    session.flush()
    _record_duty(session, editor, Did.CHANGED if before else Did.ADDED, duty_list, row, before)
    return row


def remove(session: Session, editor: Editor, duty_id: int) -> DutyList:
    """Take a duty out of a draft. Raises NotFound, Forbidden or Conflict."""
    row = session.get(Duty, duty_id)
    if row is None:
        raise NotFound("没有这条职责，可能已经删掉了，请刷新页面")
    duty_list, _ = _editable(session, editor, row.list_id)
    _record_duty(session, editor, Did.REMOVED, duty_list, row, changes.snapshot(row, COLUMNS))
    session.delete(row)
    session.flush()
    return duty_list


def discard(session: Session, editor: Editor, list_id: int) -> int:
    """Throw a draft away for good. Returns how many duties went with it."""
    duty_list, _ = _editable(session, editor, list_id)
    gone = session.execute(sa.delete(Duty).where(Duty.list_id == list_id))
    count = int(getattr(gone, "rowcount", 0))
    _record_list(session, editor, Did.REMOVED, duty_list, {"duties": count})
    session.delete(duty_list)
    session.flush()
    return count


def switch_on(session: Session, editor: Editor, list_id: int, at: datetime | None = None) -> DutyList:
    """Let this list decide from now on; the one in force retires. A retired one is switched on again so.

    Raises NotFound, Forbidden, or Conflict: it is on already, it is empty, or it names what is no more.
    """
    row, area = _locked(session, editor, list_id)
    if row.state is ListState.CURRENT:
        raise Conflict("这份清单已经在使用了，不用再启用")
    if session.scalar(sa.select(Duty.id).where(Duty.list_id == row.id).limit(1)) is None:
        raise Conflict("这份清单还是空的，请先写好职责再启用")
    if gone := dead_duties(session, row):
        raise Conflict(f"有 {len(gone)} 条职责写了已停用的单位、类别或地点，请先在“检查”里改好再启用")
    touched = duty_switches.touches(session, row)
    others = sa.update(DutyList).where(DutyList.area_id == area.id, DutyList.state == ListState.CURRENT)
    session.execute(others.values(state=ListState.RETIRED))
    row.state, row.switched_on_at = ListState.CURRENT, at or now()
    session.flush()
    _record_list(session, editor, Did.SWITCHED_ON, row, asdict(touched))
    return row


def dead_duties(session: Session, duty_list: DutyList) -> list[tuple[Any, str]]:
    """The duties (as rules) that name a unit, category or area that is no more, each with its cure."""
    gone = sa.select(Unit.id).where(Unit.closed_at.is_not(None))
    suspects = sa.or_(
        Duty.unit_id.in_(gone),
        Duty.assisting.op("&&")(sa.func.array(gone.scalar_subquery())),
        Duty.category_id.in_(sa.select(Category.id).where(Category.until_id.is_not(None))),
        Duty.area_id.in_(sa.select(Area.id).where(Area.closed_at.is_not(None))),
    )
    rules = duty_rules.load(session, [duty_list.id], suspects)
    units = {unit_id for rule in rules for unit_id in (rule.unit_id, *rule.assisting)}
    return dead(
        rules,
        _living(session, Unit, units, Unit.closed_at.is_(None)),
        _living(session, Category, {rule.category_id for rule in rules}, Category.until_id.is_(None)),
        _living(session, Area, {rule.area_id for rule in rules}, Area.closed_at.is_(None)),
    )


def _living(session: Session, table: Any, ids: set[Any], is_living: sa.ColumnElement[bool]) -> set[int]:
    return set(session.scalars(sa.select(table.id).where(table.id.in_(ids - {None}), is_living)))


def _locked(session: Session, editor: Editor, list_id: int) -> tuple[DutyList, Area]:
    """A list this person may edit, locked together with the others of its area: two cannot both switch on."""
    wanted = sa.select(DutyList.area_id).where(DutyList.id == list_id)
    area = session.scalars(sa.select(Area).where(Area.id == wanted.scalar_subquery())).one_or_none()
    if area is None:
        raise NotFound("没有这份职责清单，可能已经删掉了，请从列表里重新打开")
    editor.must_edit(area)
    same = sa.select(DutyList).where(DutyList.area_id == area.id).order_by(DutyList.id)
    rows = session.scalars(same.with_for_update().execution_options(populate_existing=True))
    found = {row.id: row for row in rows}
    if list_id not in found:
        raise NotFound("没有这份职责清单，可能已经删掉了，请从列表里重新打开")
    return found[list_id], area


def _editable(session: Session, editor: Editor, list_id: int) -> tuple[DutyList, Area]:
    row, area = _locked(session, editor, list_id)
    if row.state is not ListState.DRAFT:
        raise Conflict(NOT_A_DRAFT)
    return row, area


def _checked(session: Session, area: Area, told: Told) -> Told:
    """The duty as it is stored. The list's own area is written as none: it is what none means."""
    where = session.get(Area, told.area_id) if told.area_id else area
    if where is None or where.closed_at is not None or not lies_in(where, area):
        raise Invalid(f"这个地点不在{area.name}，或者已经停用，请另选一个")
    category = session.get(Category, told.category_id) if told.category_id else None
    if told.category_id and (category is None or category.until_id is not None):
        raise Invalid("事件字典里没有这一项了，请刷新页面重新选择")
    assisting = tuple(dict.fromkeys(each for each in told.assisting if each != told.unit_id))
    _check_units(session, area, (told.unit_id, *assisting))
    source = told.source.strip()
    if len(source) > LONGEST_SOURCE:
        raise Invalid(f"依据最多 {LONGEST_SOURCE} 字，请写短一些")
    return replace(
        told, area_id=None if where.id == area.id else where.id, assisting=assisting, source=source
    )


def _check_units(session: Session, area: Area, unit_ids: Sequence[int]) -> None:
    """A unit may serve the list's area, a place in it or one above it; a neighbour's may not be named."""
    query = sa.select(Unit).where(Unit.id.in_(unit_ids), Unit.closed_at.is_(None))
    found = session.scalars(query.options(joinedload(Unit.area))).all()
    fitting = [each for each in found if lies_in(each.area, area) or lies_in(area, each.area)]
    if len(fitting) < len(unit_ids):
        raise Invalid(f"有单位已停用，或者不管{area.name}，请另选一个")


def _same_key(duty_list: DutyList, told: Told) -> sa.Select[Any]:
    own = (told.category_id, told.area_id, told.channel)
    columns = (Duty.category_id, Duty.area_id, Duty.channel)
    same = [
        column.is_(None) if value is None else column == value
        for column, value in zip(columns, own, strict=True)
    ]
    return sa.select(Duty).where(Duty.list_id == duty_list.id, *same).order_by(Duty.id)


def _values(told: Told) -> dict[str, Any]:
    return {column: getattr(told, column) for column in COLUMNS} | {"assisting": list(told.assisting)}


def _checked_name(name: str) -> str:
    name = name.strip()
    if not name or len(name) > LONGEST_NAME:
        raise Invalid(f"请给清单起个名称，1-{LONGEST_NAME} 个字")
    return name


def _record_list(session: Session, editor: Editor, did: Did, row: DutyList, after: dict[str, Any]) -> None:
    changes.record(session, editor, [Entry(did, "duty_lists", row.id, row.name, row.area_id, after=after)])


def _record_duty(
    session: Session, editor: Editor, did: Did, duty_list: DutyList, row: Duty, before: dict[str, Any]
) -> None:
    after = {} if did is Did.REMOVED else changes.snapshot(row, COLUMNS)
    entry = Entry(did, "duties", row.id, duty_list.name, duty_list.area_id, before, after)
    changes.record(session, editor, [entry])
