"""Reading meetings: a page of them, one with its people and matters, and the figures of a time."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session, joinedload

from backend.cases.meeting_models import Attendee, Matter, Meeting, MeetingKind
from backend.cases.meetings import UNKNOWN, seen
from backend.cases.models import Case
from backend.cases.service import Actor
from backend.cases.workflow import Status
from backend.errors import NotFound
from backend.times import SHANGHAI

PAGE = 30
DONE = (Status.RESOLVED, Status.CLOSED)


@dataclass(frozen=True)
class Figures:
    """Of some meetings: how many; people, matters; of these settled there, or cases; of those resolved."""

    meetings: int = 0
    people: int = 0
    matters: int = 0
    settled: int = 0
    cases: int = 0
    resolved: int = 0


def page(
    session: Session,
    actor: Actor,
    *,
    kind: MeetingKind | None = None,
    before: int | None = None,
    limit: int = PAGE,
) -> list[Meeting]:
    """The caller's meetings, the last one opened first, with place and host. `before` is the last id seen."""
    query = sa.select(Meeting).where(seen(actor.posts))
    if kind is not None:
        query = query.where(Meeting.kind == kind)
    if before is not None:
        query = query.where(Meeting.id < before)
    query = query.options(joinedload(Meeting.place), joinedload(Meeting.host))
    return list(session.scalars(query.order_by(Meeting.id.desc()).limit(limit)))


def find(session: Session, actor: Actor, meeting_id: int) -> Meeting:
    """The meeting with its place and host, or NotFound when it is not this person's."""
    query = sa.select(Meeting).where(Meeting.id == meeting_id, seen(actor.posts))
    meeting = session.scalar(query.options(joinedload(Meeting.place), joinedload(Meeting.host)))
    if meeting is None:
        raise NotFound(UNKNOWN)
    return meeting


def people(session: Session, meeting: Meeting) -> Sequence[Attendee]:
    """Who came, in the order in which they were written down."""
    query = sa.select(Attendee).where(Attendee.meeting_id == meeting.id).order_by(Attendee.id)
    return session.scalars(query.options(joinedload(Attendee.resident))).all()


def matters(session: Session, meeting: Meeting) -> Sequence[Matter]:
    """What was raised, in order, each with its case if it became one."""
    query = sa.select(Matter).where(Matter.meeting_id == meeting.id).order_by(Matter.id)
    loaded = query.options(joinedload(Matter.case).joinedload(Case.unit))
    return session.scalars(loaded, execution_options={"populate_existing": True}).all()


def of_each(session: Session, ids: Sequence[int]) -> dict[int, Figures]:
    """The figures of each of these meetings (one query)."""
    rows = session.execute(_counted(Meeting.id.in_(ids)).add_columns(Meeting.id).group_by(Meeting.id))
    return {meeting_id: Figures(*map(int, counted)) for *counted, meeting_id in rows}


def figures(
    session: Session, actor: Actor, since: date, until: date, kind: MeetingKind | None = None
) -> Figures:
    """The figures of the caller's meetings held from one day to another, both included, in Shanghai."""
    within = (Meeting.held_at >= _midnight(since)) & (Meeting.held_at < _midnight(until + timedelta(days=1)))
    of_kind = Meeting.kind == kind if kind is not None else sa.true()
    return Figures(*map(int, session.execute(_counted(seen(actor.posts) & within & of_kind)).one()))


def _counted(wanted: sa.ColumnElement[bool]) -> sa.Select[*tuple[Any, ...]]:
    """A case counts as resolved once its resident has its answer and nobody has brought it back."""
    came = sa.select(sa.func.count(Attendee.id)).where(Attendee.meeting_id == Meeting.id).scalar_subquery()
    raised = (
        sa.select(
            sa.func.count(Matter.id).label("matters"),
            sa.func.count(Matter.id)
            .filter(Matter.answer.is_not(None), Matter.case_id.is_(None))
            .label("settled"),
            sa.func.count(Matter.case_id).label("cases"),
            sa.func.count(Case.id).filter(Case.status.in_(DONE)).label("resolved"),
        )
        .outerjoin(Case, Case.id == Matter.case_id)
        .where(Matter.meeting_id == Meeting.id)
        .lateral()
    )
    sums = (sa.func.coalesce(sa.func.sum(column), 0) for column in (came, *raised.c))
    return (
        sa.select(sa.func.count(Meeting.id), *sums).select_from(Meeting).join(raised, sa.true()).where(wanted)
    )


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time.min, SHANGHAI)
