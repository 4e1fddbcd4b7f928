"""Reading duty lists (职责清单): which there are, which is in force, what one says."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from backend.cases.duty_names import area_chain
from backend.cases.models import Duty, DutyList, ListState
from backend.errors import NotFound
from backend.places.models import Area
from backend.places.scope import Editor, serves

PAGE = 50


def readable(editor: Editor) -> sa.ColumnElement[bool]:
    """The condition that a list's area (joined) is one where this person works, or lies above it: what holds
    in a street is also what its district says."""
    above = [area_id for post in editor.posts for area_id in area_chain(serves(post))]
    return sa.or_(editor.sees(Area), Area.id.in_(above))


def lists(session: Session, editor: Editor, *, before: int | None = None, limit: int = PAGE) -> list[Any]:
    """The lists this person may read, newest first, as (list, area, number of duties). `before` is an id."""
    size = sa.select(sa.func.count()).where(Duty.list_id == DutyList.id).correlate(DutyList).scalar_subquery()
    query = sa.select(DutyList, Area, size.label("size")).join(Area, Area.id == DutyList.area_id)
    query = query.where(readable(editor)).order_by(DutyList.id.desc()).limit(limit)
    return list(session.execute(query if before is None else query.where(DutyList.id < before)))


def get(session: Session, editor: Editor, list_id: int) -> tuple[DutyList, Area]:
    """A list this person may read, with its area. Raises NotFound."""
    query = sa.select(DutyList, Area).join(Area, Area.id == DutyList.area_id)
    found = session.execute(query.where(DutyList.id == list_id, readable(editor))).one_or_none()
    if found is None:
        raise NotFound("没有这份职责清单，或者不在您的辖区，请从列表里重新打开")
    return found[0], found[1]


def current(session: Session, area_id: int) -> DutyList | None:
    """The list in force for exactly this area."""
    wanted = (DutyList.area_id == area_id) & (DutyList.state == ListState.CURRENT)
    return session.scalars(sa.select(DutyList).where(wanted)).one_or_none()
