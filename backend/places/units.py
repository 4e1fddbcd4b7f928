"""The bodies that handle cases (责任单位): added, changed, merged where they are twins, closed, reopened."""

from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.orm import Session, joinedload

from backend.errors import Conflict, Invalid, NotFound
from backend.places import changes, fields
from backend.places.changes import Did, Entry
from backend.places.models import Area, Unit
from backend.places.roles import Level, UnitKind
from backend.places.scope import Editor
from backend.places.twins import twins

PAGE = 50
LONGEST = 60  # characters of a name
ALIASES = 200  # other names of one unit
COLUMNS = ("name", "kind", "area_id", "code", "telephone", "aliases", "closed_at", "successor_id")
NONE = "没有这个单位，请刷新页面再看"


@dataclass(frozen=True)
class Facts:
    """What is said of a unit."""

    name: str
    kind: UnitKind
    area_id: int  # which it serves
    code: str | None = None
    telephone: str | None = None
    aliases: tuple[str, ...] = ()


def add(session: Session, editor: Editor, facts: Facts) -> Unit:
    """A new unit. Raises Invalid, NotFound (no such area), Forbidden or Conflict (name or code is taken)."""
    take_turns(session)
    facts = _checked(session, editor, facts)
    must_be_free(session, facts)
    unit = Unit(**_values(facts))
    session.add(unit)
    session.flush()
    record(session, editor, Did.ADDED, unit, {})
    return unit


def change(session: Session, editor: Editor, unit_id: int, facts: Facts) -> Unit:
    """Say otherwise what is said of an open unit. Raises as `add` does, and Conflict for a closed one."""
    take_turns(session)
    unit = locked(session, editor, unit_id)
    must_be_open(unit)
    facts = _checked(session, editor, facts)
    must_be_free(session, facts, but=unit.id)
    before = changes.snapshot(unit, COLUMNS)
    for column, value in _values(facts).items():
        setattr(unit, column, value)
    session.flush()
    record(session, editor, Did.CHANGED, unit, before)
    return unit


def offers(session: Session, editor: Editor) -> list[list[Unit]]:
    """Groups of open units that are probably the same, among those this person administers (one query)."""
    query = sa.select(Unit).join(Area, Area.id == Unit.area_id).options(joinedload(Unit.area))
    found = session.scalars(query.where(Unit.closed_at.is_(None), editor.edits(Area)).order_by(Unit.id))
    units = {unit.id: unit for unit in found}
    named = [(unit.id, name) for unit in units.values() for name in _spoken(unit)]
    groups = ({unit_id: None for unit_id, _ in group} for group in twins(named))
    return [[units[unit_id] for unit_id in group] for group in groups if len(group) > 1]


def _spoken(unit: Unit) -> list[str]:
    """Its names; that of a street's own unit with the street, as in 城建办（坑梓街道）."""
    names = [unit.name, *unit.aliases]
    if unit.area.level is not Level.SUBDISTRICT or unit.name.endswith(("）", ")")):
        return names
    return [f"{unit.name}（{unit.area.name}）", *unit.aliases]


def page(
    session: Session,
    editor: Editor,
    *,
    search: str = "",
    kind: UnitKind | None = None,
    closed: bool = False,
    after: int | None = None,
    limit: int = PAGE,
) -> list[Unit]:
    """The units where this person works, by name; `after` is the id of the last one seen."""
    query = sa.select(Unit).join(Area, Area.id == Unit.area_id).options(joinedload(Unit.area))
    query = query.where(
        editor.sees(Area), Unit.closed_at.is_not(None) if closed else Unit.closed_at.is_(None)
    )
    if search:
        query = query.where(_named(search))
    if kind is not None:
        query = query.where(Unit.kind == kind)
    if after is not None:
        last = sa.select(Unit.name, Unit.id).where(Unit.id == after).subquery()
        query = query.join(last, sa.tuple_(Unit.name, Unit.id) > sa.tuple_(last.c.name, last.c.id))
    return list(session.scalars(query.order_by(Unit.name, Unit.id).limit(limit)))


def find(session: Session, editor: Editor, unit_id: int) -> Unit:
    """The unit with its area, or NotFound when this person does not work there."""
    query = sa.select(Unit).join(Area, Area.id == Unit.area_id).options(joinedload(Unit.area))
    unit = session.scalar(query.where(Unit.id == unit_id, editor.sees(Area)))
    if unit is None:
        raise NotFound(NONE)
    return unit


def locked(session: Session, editor: Editor, unit_id: int) -> Unit:
    """The unit's row, held until the transaction ends. Raises NotFound, or Forbidden for another's."""
    unit = session.get(Unit, unit_id, with_for_update={"key_share": True}, populate_existing=True)
    if unit is None:
        raise NotFound(NONE)
    editor.must_edit(session.get_one(Area, unit.area_id))
    return unit


def take_turns(session: Session) -> None:
    """Names and codes are looked at before they are taken: whoever changes units waits for the other."""
    session.execute(sa.text("SELECT pg_advisory_xact_lock(hashtextextended('units', 0))"))


def _named(search: str) -> sa.ColumnElement[bool]:
    alias = sa.func.array_to_string(Unit.aliases, "\n")
    name = Unit.name.icontains(search, autoescape=True)
    return sa.or_(name, alias.icontains(search, autoescape=True), Unit.code == search)


def _checked(session: Session, editor: Editor, facts: Facts) -> Facts:
    name = facts.name.strip()
    if not name:
        raise Invalid("请填写单位名称")
    if len(name) > LONGEST:
        raise Invalid(f"单位名称太长了，最多 {LONGEST} 个字")
    area = session.get(Area, facts.area_id)
    if area is None or area.closed_at is not None:
        raise NotFound("没有这个服务区域，请重新选择")
    editor.must_edit(area)
    code, telephone = _or_none(facts.code), _or_none(facts.telephone)
    aliases = tuple(other_names(name, facts.aliases))
    for problem in (wrong_code(code), fields.wrong_telephone(telephone), wrong_aliases(aliases)):
        if problem:
            raise Invalid(problem)
    return Facts(name, facts.kind, area.id, code, telephone, aliases)


def wrong_code(code: str | None) -> str:
    """Why this cannot be a unit's code, which is another system's word; empty when it can."""
    return f"编码太长了，最多 {fields.CODE} 位" if len(code or "") > fields.CODE else ""


def wrong_aliases(names: Sequence[str]) -> str:
    """Why these cannot be the other names of one unit; empty when they can."""
    if len(names) > ALIASES:
        return f"其他名称太多了，最多 {ALIASES} 个，请删去用不到的"
    return f"其他名称太长了，每个最多 {LONGEST} 个字" if max(map(len, names), default=0) > LONGEST else ""


def _or_none(text: str | None) -> str | None:
    return (text or "").strip() or None


def other_names(name: str, others: Sequence[str]) -> list[str]:
    """Each other name once, and none that is the name itself."""
    named = (other.strip() for other in others)
    return list(dict.fromkeys(other for other in named if other and other != name))


def facts_of(unit: Unit) -> Facts:
    return Facts(unit.name, unit.kind, unit.area_id, unit.code, unit.telephone, tuple(unit.aliases))


def _values(facts: Facts) -> dict[str, object]:
    return vars(facts) | {"aliases": list(facts.aliases)}


def must_be_free(session: Session, facts: Facts, but: int | None = None) -> None:
    same_name = (Unit.area_id == facts.area_id) & (Unit.name == facts.name) & Unit.closed_at.is_(None)
    others = sa.select(Unit.code).where(Unit.id.is_distinct_from(but))
    if facts.code is not None and session.execute(others.where(Unit.code == facts.code)).first():
        raise Conflict(f"编码“{facts.code}”已经有别的单位在用，请换一个")
    if session.execute(others.where(same_name)).first():
        raise Conflict(f"这个区域里已经有“{facts.name}”，请换个名称，或者直接修改原来的单位")


def must_be_open(unit: Unit) -> None:
    if unit.closed_at is not None:
        raise Conflict(f"“{unit.name}”已经停用，请先恢复")


def record(
    session: Session,
    editor: Editor,
    did: Did,
    unit: Unit,
    before: dict[str, object],
    also: dict[str, object] | None = None,
) -> None:
    after = changes.snapshot(unit, COLUMNS) | (also or {})
    entry = Entry(did, "units", unit.id, unit.name, unit.area_id, before, after)
    changes.record(session, editor, [entry])
