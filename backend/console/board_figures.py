"""What the board of an area counts and lists (督查看板): open cases and orders, by colour and other marks.

All is asked of open work alone (ix_cases_pending, ix_orders_open): what is done costs the board nothing.
What is counted and what is listed is one condition, so that a number always leads to as many rows.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session, joinedload

from backend.cases.deadline_models import Deadline
from backend.cases.models import Case
from backend.cases.supervision_models import Supervised, Supervision
from backend.cases.workflow import UNSOLVED
from backend.cases.workflow import Status as CaseStatus
from backend.db import one_of
from backend.orders.models import Order, OrderUnit
from backend.orders.workflow import PartStatus, Status
from backend.places.models import Area, Post, Unit
from backend.places.roles import Role
from backend.places.scope import visible

WATCHERS = frozenset({Role.SUPERVISOR, Role.LEADER, Role.DISPATCHER, Role.SECRETARY})
PAGE = 20
OWED = (PartStatus.OWED, PartStatus.ACKNOWLEDGED, PartStatus.ARRIVED)  # by a unit under an order


class Mark(StrEnum):
    """What work counts as. The three colours share out all that is open; the others come on top."""

    RED = "red"  # a clock has run out
    AMBER = "amber"  # a clock has gone past its warning
    CALM = "calm"
    DISPUTED = "disputed"
    SUPERVISED = "supervised"
    URGED = "urged"


MARK_LABELS = {
    Mark.RED: "已超时",
    Mark.AMBER: "快到时限",
    Mark.CALM: "时限内",
    Mark.DISPUTED: "待裁定",
    Mark.SUPERVISED: "督办中",
    Mark.URGED: "被催办",
}
OPEN = "open"  # all of it
Counts = Counter[str]  # by mark, and OPEN


@dataclass
class Row:
    """A line of the board: a community or a unit; id None stands for work that has none yet."""

    id: int | None
    name: str = ""
    cases: Counts = field(default_factory=Counter)
    orders: Counts = field(default_factory=Counter)

    @property
    def trouble(self) -> list[int]:
        """By this the worst comes first."""
        return [-self.cases[mark] - self.orders[mark] for mark in (Mark.RED, Mark.AMBER, OPEN)]


@dataclass
class Board:
    """All that the board shows. Supervisions count until they are ended, also those of closed cases."""

    whole: Row
    communities: list[Row]
    units: list[Row]
    unanswered: int = 0
    late: int = 0  # of these
    answered: int = 0


def board(session: Session, posts: Sequence[Post], at: datetime) -> Board:
    """The figures of what these posts reach, the worst first (six queries, however much there is)."""
    whole, communities, units = Row(None), _Rows(), _Rows()
    for community_id, unit_id, *counts in session.execute(_counts(case_work(posts, at), "community", "unit")):
        for row in (whole, communities[community_id], units[unit_id]):
            row.cases.update(_named(counts))
    for community_id, *counts in session.execute(_counts(order_work(posts, at), "community")):
        for row in (whole, communities[community_id]):
            row.orders.update(_named(counts))
    for unit_id, *counts in session.execute(_counts(part_work(posts, at), "unit")):
        units[unit_id].orders.update(_named(counts))
    supervisions = session.execute(_supervisions(posts, at)).one()
    return Board(
        whole,
        communities.named(session, Area, "不在社区"),
        units.named(session, Unit, "未派单"),
        *supervisions,
    )


class _Rows(dict[int | None, Row]):
    """Lines by the id of what they are about, made as they are asked for."""

    def __missing__(self, row_id: int | None) -> Row:
        self[row_id] = Row(row_id)
        return self[row_id]

    def named(self, session: Session, table: type[Area] | type[Unit], without: str) -> list[Row]:
        """The lines with their names, the worst first (one query)."""
        wanted = sa.select(table.id, table.name).where(table.id.in_([key for key in self if key]))
        names = {row_id: name for row_id, name in session.execute(wanted)}
        for row in self.values():
            row.name = names.get(row.id or 0, without)
        return sorted(self.values(), key=lambda row: (row.trouble, row.name))


def _counts(work: sa.Subquery, *by: str) -> sa.Select[Any]:
    columns: list[Any] = [work.c[f"{name}_id"] for name in by]
    marks: list[Any] = [sa.func.count().filter(work.c[mark]) for mark in Mark]
    return sa.select(*columns, sa.func.count(), *marks).group_by(*columns)


def _named(counts: Sequence[int]) -> dict[str, int]:
    return dict(zip((OPEN, *Mark), counts, strict=True))


def case_work(posts: Sequence[Post], at: datetime) -> sa.Subquery:
    """A row for each open case that these posts reach: id, community_id, unit_id, and each mark."""
    red = _has_passed(Case.due_at, at)
    amber = ~red & _has_warned(Deadline.case_id == Case.id, at)
    own = (visible(posts, Case), one_of(Case.status, UNSOLVED))
    marks = _marks(red, amber, Supervision.case_id == Case.id, Case.urged, Case.status == CaseStatus.DISPUTED)
    return sa.select(Case.id, Case.community_id, Case.unit_id, *marks).where(*own).subquery()


def part_work(posts: Sequence[Post], at: datetime) -> sa.Subquery:
    """A row for each unit that owes something under an order, with the same columns; id is the order's.

    When all have reported and the one answer is missing, the lead owes it.
    """
    owes = OrderUnit.status.in_(OWED)
    red = _has_passed(OrderUnit.due_at, at)
    amber = ~red & _has_warned(Deadline.order_unit_id == OrderUnit.id, at)
    marks = _marks(red, amber, Supervision.order_id == Order.id, Order.urged, sa.false())
    unit = sa.func.coalesce(OrderUnit.unit_id, Order.unit_id).label("unit_id")
    issued = one_of(Order.status, (Status.ISSUED,))
    return (
        sa.select(Order.id, Order.community_id, unit, *marks)
        .outerjoin(OrderUnit, (OrderUnit.order_id == Order.id) & owes)
        .where(visible(posts, Order), issued)
        .subquery()
    )


def order_work(posts: Sequence[Post], at: datetime) -> sa.Subquery:
    """A row for each order, as bad as the worst of its parts."""
    parts = part_work(posts, at)
    red = sa.func.bool_or(parts.c.red)
    amber = ~red & sa.func.bool_or(parts.c.amber)
    others = [sa.func.bool_or(parts.c[mark]).label(mark) for mark in list(Mark)[3:]]
    marks = [red.label(Mark.RED), amber.label(Mark.AMBER), (~red & ~amber).label(Mark.CALM), *others]
    return (
        sa.select(parts.c.id, parts.c.community_id, *marks)
        .group_by(parts.c.id, parts.c.community_id)
        .subquery()
    )


def _marks(
    red: sa.ColumnElement[bool],
    amber: sa.ColumnElement[bool],
    about: sa.ColumnElement[bool],
    urged: Any,
    disputed: sa.ColumnElement[bool],
) -> list[sa.Label[bool]]:
    supervised = sa.select(Supervision.id).where(about, Supervision.state != Supervised.CLOSED).exists()
    found = {
        Mark.RED: red,
        Mark.AMBER: amber,
        Mark.CALM: ~red & ~amber,
        Mark.DISPUTED: disputed,
        Mark.SUPERVISED: supervised,
        Mark.URGED: urged > 0,
    }
    return [found[mark].label(mark) for mark in Mark]


def _has_passed(due_at: Any, at: datetime) -> sa.ColumnElement[bool]:
    return sa.func.coalesce(due_at <= at, sa.false())  # what is paused has no deadline, and is not late


def _has_warned(whose: sa.ColumnElement[bool], at: datetime) -> sa.ColumnElement[bool]:
    runs = (Deadline.stopped_at.is_(None), Deadline.paused_at.is_(None))
    return sa.select(Deadline.id).where(whose, *runs, Deadline.amber_at <= at).exists()


def _supervisions(posts: Sequence[Post], at: datetime) -> sa.Select[Any]:
    unanswered = Supervision.state == Supervised.OPEN
    counts: tuple[Any, ...] = (
        unanswered,
        unanswered & (Supervision.due_at <= at),
        Supervision.state == Supervised.ANSWERED,
    )
    columns: list[Any] = [sa.func.count().filter(each) for each in counts]
    return (
        sa.select(*columns)
        .select_from(Supervision)
        .outerjoin(Case, Case.id == Supervision.case_id)
        .outerjoin(Order, Order.id == Supervision.order_id)
        .where(Supervision.state != Supervised.CLOSED, visible(posts, Case) | visible(posts, Order))
    )


@dataclass(frozen=True)
class Wanted:
    """Which of the board's work is listed: by mark, and of a community or a unit (0: of none)."""

    mark: Mark | None = None
    community_id: int | None = None
    unit_id: int | None = None
    after: int | None = None  # the id of the last row seen

    def of(self, work: sa.Subquery) -> sa.Select[int]:
        """The ids of a page of this work, the oldest first."""
        query = sa.select(work.c.id).distinct()
        if self.mark is not None:
            query = query.where(work.c[self.mark])
        for name, wanted in (("community_id", self.community_id), ("unit_id", self.unit_id)):
            if wanted is not None:
                query = query.where(work.c[name] == wanted if wanted else work.c[name].is_(None))
        if self.after is not None:
            query = query.where(work.c.id > self.after)
        return query.order_by(work.c.id).limit(PAGE)


def cases(session: Session, posts: Sequence[Post], at: datetime, wanted: Wanted) -> list[Case]:
    """A page of open cases (one query)."""
    listed = (joinedload(Case.place), joinedload(Case.community), joinedload(Case.unit))
    query = sa.select(Case).where(Case.id.in_(wanted.of(case_work(posts, at)))).options(*listed)
    return list(session.scalars(query.order_by(Case.id)))


def orders(session: Session, posts: Sequence[Post], at: datetime, wanted: Wanted) -> list[Order]:
    """A page of issued orders with their units; of a unit, those under which it owes something."""
    work = part_work(posts, at) if wanted.unit_id is not None else order_work(posts, at)
    query = sa.select(Order).where(Order.id.in_(wanted.of(work))).order_by(Order.id)
    parts = sa.orm.selectinload(Order.parts).joinedload(OrderUnit.unit)
    return list(session.scalars(query.options(joinedload(Order.place), parts)))


def supervised(session: Session, case_ids: Iterable[int]) -> dict[int, int]:
    """How many supervisions of each of these cases are not ended (one query)."""
    own = (Supervision.case_id.in_(list(case_ids)), Supervision.state != Supervised.CLOSED)
    counted = sa.select(Supervision.case_id, sa.func.count()).where(*own).group_by(Supervision.case_id)
    return {case_id or 0: count for case_id, count in session.execute(counted)}
