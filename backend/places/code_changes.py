"""Making, changing and revoking the codes of places: each is checked, recorded, and can be undone."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType

import sqlalchemy as sa
from sqlalchemy.orm import Session, joinedload

from backend.errors import Conflict, Invalid, NotFound
from backend.places import changes, codes
from backend.places.changes import Did, Entry
from backend.places.models import Area, PlaceCode, Unit
from backend.places.roles import Carrier, Level
from backend.places.scope import Editor, lies_in, subtree
from backend.times import now

LABEL_LENGTH = 40  # characters
AT_ONCE = 20_000  # codes
COLUMNS = ("carrier", "label", "unit_id", "category_id", "expires_at", "revoked_at")  # what changes record


@dataclass(frozen=True)
class Wish:
    """What a code says besides its place: where exactly it hangs, whom and what it is about, until when."""

    label: str = ""
    unit_id: int | None = None
    category_id: int | None = None
    expires_at: datetime | None = None


NOTHING = Wish()


def make(
    session: Session, editor: Editor, area_id: int, carrier: Carrier, wish: Wish = NOTHING
) -> tuple[PlaceCode, bool]:
    """A code for this place, and whether it is new: one that is just the same is not made a second time."""
    area = _place(session, editor, area_id)
    values = _checked(session, area, wish)
    codes.lock(session)
    same = [getattr(PlaceCode, name).is_not_distinct_from(value) for name, value in values.items()]
    alike = sa.select(PlaceCode).where(
        PlaceCode.area_id == area.id, PlaceCode.carrier == carrier, codes.living(), *same
    )
    if known := session.scalars(alike.limit(1)).first():
        return known, False
    code = PlaceCode(area_id=area.id, carrier=carrier, scene=codes.random_scene(), **values)
    session.add(code)
    session.flush()
    changes.record(session, editor, [_entry(Did.ADDED, code, area, after=_snapshot(code))])
    return code, True


def missing(area: Area, level: Level, carrier: Carrier) -> sa.ColumnElement[bool]:
    """The condition that an area is an open one of this level here that has no living code of this sort."""
    known = sa.select(PlaceCode.area_id).where(PlaceCode.carrier == carrier, codes.living())
    return sa.and_(subtree(area), Area.level == level, Area.closed_at.is_(None), Area.id.not_in(known))


def count_missing(session: Session, editor: Editor, area_id: int, level: Level, carrier: Carrier) -> int:
    """How many codes `make_all` would make."""
    area = _place(session, editor, area_id)
    return session.scalar(sa.select(sa.func.count(Area.id)).where(missing(area, level, carrier))) or 0


def make_all(session: Session, editor: Editor, area_id: int, level: Level, carrier: Carrier) -> int:
    """A code for every place of this level here that has none of this sort. Returns how many were made."""
    above = _place(session, editor, area_id)
    codes.lock(session)
    areas = session.scalars(sa.select(Area).where(missing(above, level, carrier)).order_by(Area.id)).all()
    if len(areas) > AT_ONCE:
        raise Invalid(f"一次最多生成 {AT_ONCE} 个，这里有 {len(areas)} 个，请选小一点的范围")
    made = [PlaceCode(area_id=area.id, carrier=carrier, scene=codes.random_scene()) for area in areas]
    session.add_all(made)
    session.flush()
    entries = [
        _entry(Did.ADDED, code, area, after={"carrier": carrier.value})
        for code, area in zip(made, areas, strict=True)
    ]
    changes.record(session, editor, entries)
    return len(made)


def change(session: Session, editor: Editor, code_id: int, wish: Wish) -> PlaceCode:
    """Let the code say something else. What is printed stays good."""
    code, area = _locked(session, editor, code_id)
    before = _snapshot(code)
    for name, value in _checked(session, area, wish).items():
        setattr(code, name, value)
    session.flush()
    changes.record(session, editor, [_entry(Did.CHANGED, code, area, before, _snapshot(code))])
    return code


def revoke(session: Session, editor: Editor, code_id: int) -> PlaceCode:
    """Use the code no more: whoever scans it is told how to report without it. `unrevoke` undoes it."""
    code, area = _locked(session, editor, code_id)
    if code.revoked_at is not None:
        raise Conflict("这个码已经停用了，不用再停用一次")
    return _set_revoked(session, editor, code, area, Did.CLOSED, now())


def unrevoke(session: Session, editor: Editor, code_id: int) -> PlaceCode:
    """Use the code again; what hangs on walls is good again."""
    code, area = _locked(session, editor, code_id)
    if code.revoked_at is None:
        raise Conflict("这个码正在使用，不用恢复")
    if area.closed_at is not None:
        raise Conflict("这个地点已经停用，请先恢复地点，再恢复它的码")
    return _set_revoked(session, editor, code, area, Did.REOPENED, None)


def _set_revoked(
    session: Session, editor: Editor, code: PlaceCode, area: Area, did: Did, at: datetime | None
) -> PlaceCode:
    before = _snapshot(code)
    code.revoked_at = at
    session.flush()
    changes.record(session, editor, [_entry(did, code, area, before, _snapshot(code))])
    return code


def _place(session: Session, editor: Editor, area_id: int) -> Area:
    """The open place, if it is this person's to edit."""
    area = session.get(Area, area_id)
    if area is None:
        raise NotFound("没有这个地点，请重新选一个")
    editor.must_edit(area)
    if area.closed_at is not None:
        raise Conflict("这个地点已经停用，不能再做新的码，请换一个地点")
    return area


def _locked(session: Session, editor: Editor, code_id: int) -> tuple[PlaceCode, Area]:
    code = session.get(PlaceCode, code_id, with_for_update=True, populate_existing=True)
    if code is None:
        raise NotFound("没有这个二维码，请从列表里重新打开")
    area = session.get_one(Area, code.area_id)
    editor.must_edit(area)
    return code, area


def _checked(session: Session, area: Area, wish: Wish) -> dict[str, object]:
    """The columns of a wish, or Invalid. That the category is one is for those to check who know them."""
    if len(wish.label) > LABEL_LENGTH:
        raise Invalid(f"“贴在哪里”最多 {LABEL_LENGTH} 个字，请写短一点")
    if wish.expires_at is not None and wish.expires_at <= now():
        raise Invalid("到期日已经过去了，请填一个以后的日子，或留空")
    if wish.unit_id is not None:
        unit = session.get(Unit, wish.unit_id, options=[joinedload(Unit.area)])
        if unit is None or unit.closed_at is not None or not _is_concerned(unit, area):
            raise Invalid("没有这个单位，或者它已经停用、不管这个地方，请重新选一个")
    return {
        "label": wish.label or None,
        "unit_id": wish.unit_id,
        "category_id": wish.category_id,
        "expires_at": wish.expires_at,
    }


def _is_concerned(unit: Unit, area: Area) -> bool:
    return lies_in(unit.area, area) or lies_in(area, unit.area)


def _snapshot(code: PlaceCode) -> dict[str, object]:
    return changes.snapshot(code, COLUMNS)


def _entry(
    did: Did,
    code: PlaceCode,
    area: Area,
    before: Mapping[str, object] = MappingProxyType({}),
    after: Mapping[str, object] = MappingProxyType({}),
) -> Entry:
    name = f"{area.name} {code.label}" if code.label else area.name
    return Entry(did, "place_codes", code.id, name, area.id, before, after)
