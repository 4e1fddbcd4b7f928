"""Reading hard cases: those of somebody's scope, the log and people of one, what came of leaders' cases."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import groupby

import sqlalchemy as sa
from sqlalchemy.orm import Session, joinedload

from backend.cases.models import Case, CaseEvent
from backend.cases.service import Actor
from backend.cases.workflow import RULES, Action, Status
from backend.places.models import Officer
from backend.places.scope import visible
from backend.times import local, now

PAGE = 30
LOGGERS = frozenset(RULES[Action.LOG].roles)  # who works on hard cases
DONE = (Status.RESOLVED, Status.CLOSED)
ENDED = (Status.CLOSED, Status.REJECTED, Status.WITHDRAWN)
# Written into the statement, for only then does a partial index over it serve a prepared one.
HARD: sa.ColumnElement[bool] = sa.literal_column(
    "(cases.is_legacy OR cases.marks <> '{}' OR cases.leader_id IS NOT NULL OR cases.group_ids <> '{}')",
    sa.Boolean,
)
# What a list shows: the name of the view, its words, and its condition for this officer.
VIEWS: dict[str, tuple[str, Callable[[int], sa.ColumnElement[bool]]]] = {
    "open": ("没有结案的", lambda me: HARD & Case.status.not_in(ENDED)),
    "mine": ("我包案、我在专班的", lambda me: (Case.leader_id == me) | Case.group_ids.contains([me])),
    "legacy": ("积案", lambda me: HARD & Case.is_legacy.is_(True)),
    "led": ("领导包案", lambda me: HARD & Case.leader_id.is_not(None)),
    "all": ("全部", lambda me: HARD),
}


def is_hard(case: Case) -> bool:
    """`HARD` of a case at hand."""
    return bool(case.is_legacy or case.marks or case.leader_id or case.group_ids)


@dataclass(frozen=True)
class Line:
    """A hard case of a list, with its leader and the last entry of its log, if there are any."""

    case: Case
    leader: str
    logged_at: datetime | None
    note: str
    days: int  # since it was reported, the first one included; until it was closed


@dataclass(frozen=True)
class Day:
    """What was written in the log on one day; `number` counts the days since the case was reported."""

    day: date
    number: int
    entries: Sequence[tuple[datetime, str, str]]  # when, who, what


@dataclass(frozen=True)
class Charge:
    """The cases that one leader has in charge: how many, and how many of them are resolved."""

    leader: str
    taken: int
    resolved: int


def page(
    session: Session, actor: Actor, view: str = "open", before: int | None = None, limit: int = PAGE
) -> list[Line]:
    """The hard cases that this officer may see, newest first, in one query. `before` is the last id seen."""
    me = actor.officer_id or 0
    last = (
        sa.select(CaseEvent.created_at, CaseEvent.note)
        .where(CaseEvent.case_id == Case.id, CaseEvent.action == Action.LOG)
        .order_by(CaseEvent.id.desc())
        .limit(1)
        .lateral()
    )
    query = (
        sa.select(Case, Officer.name, last.c.created_at, last.c.note)
        .outerjoin(Officer, Officer.id == Case.leader_id)
        .outerjoin(last, sa.true())
        .where(_seen(actor), VIEWS[view][1](me))
        .options(joinedload(Case.place), joinedload(Case.unit))
    )
    if before is not None:
        query = query.where(Case.id < before)
    rows = session.execute(query.order_by(Case.id.desc()).limit(limit))
    return [Line(case, name or "", at, note or "", days_of(case)) for case, name, at, note in rows]


def days_of(case: Case, at: datetime | None = None) -> int:
    """The days since the case was reported, the first one included; until it was closed."""
    return _nth(case, case.closed_at or at or now())


def log_of(session: Session, case: Case) -> list[Day]:
    """The working log of a case, day by day, the newest first (one query)."""
    rows = session.execute(
        sa.select(CaseEvent.created_at, Officer.name, CaseEvent.note)
        .outerjoin(Officer, Officer.id == CaseEvent.officer_id)
        .where(CaseEvent.case_id == case.id, CaseEvent.action == Action.LOG)
        .order_by(CaseEvent.created_at.desc(), CaseEvent.id.desc())
    )
    entries = [(at, name or "", note) for at, name, note in rows]
    days = groupby(entries, key=lambda entry: local(entry[0]).date())
    return [Day(day, _nth(case, own[0][0]), own) for day, own in ((day, list(each)) for day, each in days)]


def reviews_of(session: Session, case: Case) -> list[tuple[datetime, str]]:
    """What was found looking back, the newest first."""
    own = (CaseEvent.case_id == case.id) & (CaseEvent.action == Action.REVIEW)
    rows = session.execute(
        sa.select(CaseEvent.created_at, CaseEvent.note).where(own).order_by(CaseEvent.id.desc())
    )
    return [(at, note) for at, note in rows]


def names(session: Session, ids: Sequence[int]) -> list[str]:
    """The names of these officers, in this order."""
    rows = session.execute(sa.select(Officer.id, Officer.name).where(Officer.id.in_(ids)))
    found = {officer_id: name for officer_id, name in rows}
    return [found[one] for one in ids if one in found]


def charges(
    session: Session, actor: Actor, since: datetime | None = None, until: datetime | None = None
) -> list[Charge]:
    """What came of the cases that leaders have in charge, by leader, of those that this officer may see: of
    all, or of those that were put in charge from `since` on and before `until`.

    A case counts for who has it now, and as resolved once it is resolved or closed.
    """
    put = sa.exists().where(CaseEvent.case_id == Case.id, CaseEvent.action == Action.TAKE_CHARGE)
    put = put if since is None else put.where(CaseEvent.created_at >= since)
    put = put if until is None else put.where(CaseEvent.created_at < until)
    is_meant = sa.true() if since is None and until is None else put
    rows = session.execute(
        sa.select(Officer.name, sa.func.count(), sa.func.count().filter(Case.status.in_(DONE)))
        .join(Officer, Officer.id == Case.leader_id)
        .where(Case.leader_id.is_not(None), _seen(actor), is_meant)
        .group_by(Officer.id)
        .order_by(sa.func.count().desc(), Officer.id)
    )
    return [Charge(name, taken, resolved) for name, taken, resolved in rows]


def _seen(actor: Actor) -> sa.ColumnElement[bool]:
    """Who is in the group of a case sees it, wherever their posts are; who holds no post sees nothing."""
    if not actor.posts or actor.officer_id is None:
        return sa.false()
    return visible(actor.posts, Case) | Case.group_ids.contains([actor.officer_id])


def _nth(case: Case, at: datetime) -> int:
    return (local(at).date() - local(case.discovered_at).date()).days + 1
