"""Changing how surveys are asked (回访规则): by those who administer the place, on the record."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from backend.cases import duty_rules
from backend.cases.category_models import Category
from backend.cases.survey_models import Follow, SurveyPolicy
from backend.cases.survey_policies import LONGEST_OPEN, MOST_REASONS
from backend.cases.workflow import Outcome
from backend.errors import Conflict, Invalid, NotFound
from backend.places import changes
from backend.places.changes import Did, Entry
from backend.places.models import Area
from backend.places.scope import Editor
from backend.times import now, parse_hours

PAGE = 50
LONGEST_DELAY = 30 * 24 * 60  # minutes
REASON = 20  # characters
ABOUT = ("area_id", "category_id", "outcome", "urgent")


@dataclass(frozen=True)
class Said:
    """A policy as it is wanted: what it is about, and what it says; None: nothing of that."""

    area_id: int
    category_id: int | None = None
    outcome: Outcome | None = None
    urgent: bool | None = None
    is_asked: bool | None = None
    delay_minutes: int | None = None
    hours: str | None = None
    days_open: int | None = None
    is_reminded: bool | None = None
    on_unsolved: Follow | None = None
    on_dissatisfied: Follow | None = None
    reasons: tuple[str, ...] | None = None


NAMES = tuple(field.name for field in fields(Said))


@dataclass(frozen=True)
class Line:
    """A policy with the names of what it is about."""

    row: SurveyPolicy
    area: str
    category: str


def put(session: Session, editor: Editor, said: Said) -> SurveyPolicy:
    """A policy for surveys that are asked from now on; one about the same is ended by it.

    Raises NotFound (the area), Forbidden (it is not theirs), or Invalid.
    """
    area = session.get(Area, said.area_id, with_for_update=True)
    if area is None or area.closed_at is not None:
        raise NotFound("没有这个地点，或者已经停用")
    editor.must_edit(area)
    if wrong := _wrong(said):
        raise Invalid(wrong)
    for same in _about_the_same(session, said):
        _end(session, editor, same)
    values = vars(said) | {"reasons": list(said.reasons) if said.reasons else None}
    row = SurveyPolicy(officer_id=editor.officer_id, **values)
    try:
        with session.begin_nested():
            session.add(row)
    except IntegrityError:
        raise Conflict("这个范围刚刚有人改过规则，请刷新页面再看") from None
    _record(session, editor, Did.ADDED, row, after=changes.snapshot(row, NAMES))
    return row


def end(session: Session, editor: Editor, policy_id: int) -> None:
    """Let what is more general hold again. Raises NotFound, or Conflict when it has ended."""
    row = session.get(SurveyPolicy, policy_id, with_for_update=True)
    area = session.get(Area, row.area_id) if row and row.area_id else None
    if row is None or area is None or not editor.may_edit(area):
        raise NotFound("没有这条规则，或者不归您管理")
    if row.ended_at is not None:
        raise Conflict("这条规则已经停用了")
    _end(session, editor, row)


def lines(
    session: Session, editor: Editor, *, before: int | None = None, limit: int = PAGE
) -> Sequence[Line]:
    """The policies in force where this person administers, newest first; `before` is the last id seen."""
    query = (
        sa.select(SurveyPolicy, Area.name, Category.path)
        .join(Area, Area.id == SurveyPolicy.area_id)
        .outerjoin(Category, Category.id == SurveyPolicy.category_id)
        .where(SurveyPolicy.ended_at.is_(None), editor.edits(Area))
        .order_by(SurveyPolicy.id.desc())
    )
    query = query.where(SurveyPolicy.id < before) if before is not None else query
    return [Line(row, area, category or "") for row, area, category in session.execute(query.limit(limit))]


def find(session: Session, editor: Editor, policy_id: int) -> Line:
    """A policy in force, to be edited. Raises NotFound."""
    found = (line for line in lines(session, editor, limit=1, before=policy_id + 1))
    line = next((line for line in found if line.row.id == policy_id), None)
    if line is None:
        raise NotFound("没有这条规则，或者不归您管理")
    return line


def _about_the_same(session: Session, said: Said) -> list[SurveyPolicy]:
    """The policies in force that it takes the place of. One may name the row that an entry of the dictionary
    had in an earlier edition: it is about the entry that goes on under its code."""
    own = {name: getattr(said, name) for name in ABOUT if name != "category_id"}
    rows = session.scalars(
        sa.select(SurveyPolicy).where(SurveyPolicy.ended_at.is_(None)).filter_by(**own).with_for_update()
    ).all()
    chains = duty_rules.category_chains(session) if any(row.category_id for row in rows) else {}

    def entry(category_id: int | None) -> int | None:
        return chains.get(category_id, (category_id,))[0] if category_id else None

    return [row for row in rows if entry(row.category_id) == entry(said.category_id)]


def _end(session: Session, editor: Editor, row: SurveyPolicy) -> None:
    row.ended_at = now()
    session.flush()
    _record(session, editor, Did.CLOSED, row, before=changes.snapshot(row, NAMES))


def _wrong(said: Said) -> str:
    if all(getattr(said, name) is None for name in NAMES if name not in ABOUT):
        return "请至少填写一项"
    if said.delay_minutes is not None and not 0 <= said.delay_minutes <= LONGEST_DELAY:
        return "结案后最多等 30 天再回访"
    if said.days_open is not None and not 0 < said.days_open <= LONGEST_OPEN:
        return f"可以回答的天数要在 1 到 {LONGEST_OPEN} 之间"
    if said.hours is not None and not _are_hours(said.hours):
        return "回访时间请填成 09:00-20:00 这样"
    return _wrong_reasons(said.reasons or ())


def _wrong_reasons(reasons: Sequence[str]) -> str:
    if len(reasons) > MOST_REASONS or len(set(reasons)) < len(reasons):
        return f"原因最多 {MOST_REASONS} 条，不能重复"
    if any(len(reason) > REASON for reason in reasons):
        return f"每条原因最多 {REASON} 个字"
    return ""


def _are_hours(text: str) -> bool:
    try:
        start, until = parse_hours(text)
    except ValueError:
        return False
    return start < until


def _record(session: Session, editor: Editor, did: Did, row: SurveyPolicy, **facts: dict[str, Any]) -> None:
    entry = Entry(did, "survey_policies", row.id, "回访规则", row.area_id, **facts)
    changes.record(session, editor, [entry])
