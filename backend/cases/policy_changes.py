"""Changing how long clocks run (时限规则、工作日历): by those who administer the place, on the record."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from backend.cases import policies, worktime
from backend.cases.category_models import Category
from backend.cases.deadline_models import CalendarDay, Clock, Policy
from backend.db import after_commit
from backend.errors import Conflict, Forbidden, Invalid, NotFound
from backend.places import changes
from backend.places.changes import Did, Entry
from backend.places.models import Area
from backend.places.roles import Level
from backend.places.scope import Editor
from backend.times import local, now

PAGE = 50
LONGEST = timedelta(days=365) // timedelta(minutes=1)  # of a clock, in minutes
AMBERS = range(1, 100)  # percent
SOURCE, NAME = 200, 40  # characters
NOTICE_MONTH = 10  # the State Council says next year's holidays in the last months of this one
COLUMNS = (
    "clock",
    "area_id",
    "level",
    "category_id",
    "urgent",
    "minutes",
    "in_working_time",
    "amber",
    "source",
)
NOT_THE_DISTRICTS = "放假安排全区共用，由区一级的管理员维护；需要改动请联系他们"


@dataclass(frozen=True)
class Said:
    """A policy as it is wanted; what is None holds for all."""

    clock: Clock
    minutes: int
    area_id: int
    source: str
    level: Level | None = None
    category_id: int | None = None
    urgent: bool | None = None
    in_working_time: bool = False
    amber: int = policies.AMBER


@dataclass(frozen=True)
class Line:
    """A policy with the names of what it is about."""

    row: Policy
    area: str
    category: str


def add(session: Session, editor: Editor, said: Said) -> Policy:
    """A policy for clocks that start from now on.

    Raises NotFound (the area), Forbidden (it is not theirs), Invalid or Conflict (there is one for the same).
    """
    area = _area(session, editor, said.area_id)
    if wrong := _wrong(said):
        raise Invalid(wrong)
    row = Policy(officer_id=editor.officer_id, **vars(said))
    try:
        with session.begin_nested():
            session.add(row)
    except IntegrityError:
        raise Conflict("这个范围已经有一条同样的规则，请先停用原来的") from None
    _record(session, editor, Did.ADDED, row, area.id, after=changes.snapshot(row, COLUMNS))
    return row


def end(session: Session, editor: Editor, policy_id: int) -> Policy:
    """End a policy: clocks that run keep their time. Raises NotFound, Forbidden or Conflict."""
    row = session.get(Policy, policy_id, with_for_update=True)
    area = session.get(Area, row.area_id) if row and row.area_id else None
    if row is None or (area is not None and not editor.may_edit(area)):
        raise NotFound("没有这条规则，或者不归您管理")
    if area is None:
        _must_be_of_district(editor)
    if row.ended_at is not None:
        raise Conflict("这条规则已经停用了")
    row.ended_at = now()
    _record(session, editor, Did.CLOSED, row, row.area_id, before=changes.snapshot(row, COLUMNS))
    return row


def lines(session: Session, editor: Editor, *, before: int | None = None, limit: int = PAGE) -> list[Line]:
    """The policies in force where this person administers, newest first; `before` is the last id seen."""
    query = (
        sa.select(Policy, Area.name, Category.path)
        .outerjoin(Area, Area.id == Policy.area_id)
        .outerjoin(Category, Category.id == Policy.category_id)
        .where(Policy.ended_at.is_(None), Policy.area_id.is_(None) | editor.edits(Area))
        .order_by(Policy.id.desc())
    )
    query = query.where(Policy.id < before) if before is not None else query
    rows = session.execute(query.limit(limit))
    return [Line(row, area or "全市", category or "") for row, area, category in rows]


def add_day(session: Session, editor: Editor, day: date, is_working: bool, name: str) -> CalendarDay:
    """Say that people work, or rest, on a day. Raises Forbidden, Invalid, or Conflict when it was said."""
    _must_be_of_district(editor)
    if not name.strip() or len(name) > NAME:
        raise Invalid(f"请写明是什么日子，最多 {NAME} 个字")
    row = CalendarDay(day=day, is_working=is_working, name=name.strip(), officer_id=editor.officer_id)
    try:
        with session.begin_nested():
            session.add(row)
    except IntegrityError:
        raise Conflict("这一天已经登记过了，请先删掉原来的") from None
    _record_day(session, editor, Did.ADDED, row)
    return row


def remove_day(session: Session, editor: Editor, day_id: int) -> CalendarDay:
    """Leave a day to the rule again. Raises Forbidden, or NotFound."""
    _must_be_of_district(editor)
    row = session.get(CalendarDay, day_id, with_for_update=True)
    if row is None:
        raise NotFound("没有登记这一天，请刷新页面再看")
    _record_day(session, editor, Did.REMOVED, row)
    session.delete(row)
    session.flush()
    return row


def days(session: Session, since: date) -> Sequence[CalendarDay]:
    """The days that administrators have entered, from this one on."""
    return session.scalars(
        sa.select(CalendarDay).where(CalendarDay.day >= since).order_by(CalendarDay.day)
    ).all()


def set_hours(session: Session, editor: Editor, area_id: int, text: str) -> Area:
    """Say when the offices of an area work, like 09:00-12:00 14:00-18:00; nothing: as above it.

    Raises NotFound, Forbidden, or Invalid for what cannot be read.
    """
    area = _area(session, editor, area_id)
    before = changes.snapshot(area, ("hours",))
    try:
        area.hours = worktime.write(worktime.parse(text)) if text.strip() else None
    except ValueError:
        raise Invalid("请按先后顺序填写，例如 09:00-12:00 14:00-18:00；留空就和上级一样") from None
    session.flush()
    entry = Entry(
        Did.CHANGED, "areas", area.id, area.name, area.id, before, changes.snapshot(area, ("hours",))
    )
    _write(session, editor, entry)
    return area


def with_hours(session: Session, editor: Editor) -> Sequence[Area]:
    """The areas of this person that have hours of their own."""
    query = sa.select(Area).where(Area.hours.is_not(None), Area.closed_at.is_(None), editor.edits(Area))
    return session.scalars(query.order_by(Area.path).limit(PAGE)).all()


def unknown_years(session: Session, at: datetime) -> list[int]:
    """The years that clocks may reach soon and whose holidays nobody has entered."""
    today, world = local(at).date(), policies.read(session)
    near = [today.year, today.year + 1] if today.month >= NOTICE_MONTH else [today.year]
    return [year for year in near if not world.is_known(year)]


def _wrong(said: Said) -> str:
    if not 0 < said.minutes <= LONGEST:
        return "时限要在 1 分钟到 1 年之间"
    if said.amber not in AMBERS:
        return "提醒要填 1 到 99"
    if not said.source.strip() or len(said.source) > SOURCE:
        return f"请写明依据，最多 {SOURCE} 个字"
    return ""


def _area(session: Session, editor: Editor, area_id: int) -> Area:
    area = session.get(Area, area_id, with_for_update=True)
    if area is None or area.closed_at is not None:
        raise NotFound("没有这个地点，或者已经停用")
    editor.must_edit(area)
    return area


def _must_be_of_district(editor: Editor) -> None:
    is_broad = any(area.level is Level.DISTRICT for area in editor.areas())
    if not editor.is_command_line and not is_broad:
        raise Forbidden(NOT_THE_DISTRICTS)


def _record(
    session: Session, editor: Editor, did: Did, row: Policy, area_id: int | None, **facts: dict[str, Any]
) -> None:
    _write(session, editor, Entry(did, "policies", row.id, row.source, area_id, **facts))


def _record_day(session: Session, editor: Editor, did: Did, row: CalendarDay) -> None:
    said = changes.snapshot(row, ("day", "is_working", "name"))
    facts = {"before": said} if did is Did.REMOVED else {"after": said}
    _write(session, editor, Entry(did, "calendar_days", row.id, row.name, None, **facts))


def _write(session: Session, editor: Editor, entry: Entry) -> None:
    """On the record; and this process goes by it at once, the others within half a minute."""
    changes.record(session, editor, [entry])
    after_commit(session, policies.forget)
