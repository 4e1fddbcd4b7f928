"""The lists of orders: what waits for the reader's unit or approval, and all; deadlines in words."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from backend.cases.clocks import POLICY
from backend.cases.deadline_models import Deadline
from backend.console.wording import Due
from backend.errors import Invalid
from backend.orders import queries
from backend.orders.models import Order, OrderUnit
from backend.orders.workflow import STATUS_LABELS, Status
from backend.places.models import Post
from backend.times import span, spoken
from backend.web.forms import cursor, number, read_cursor

APPROVE, MINE, ALL = "approve", "mine", "all"
TABS = [(MINE, "等我单位办"), (APPROVE, "等我批准"), (ALL, "全部"), *STATUS_LABELS.items()]
GONE = "这一页已经失效，请从头看起"


@dataclass(frozen=True)
class Row:
    """An order in a list; `part` is the one that waits for the reader's unit."""

    order: Order
    part: OrderUnit | None
    due: Due | None


def first_tab(session: Session, posts: Sequence[Post]) -> str:
    """What waits for the reader, if anything does."""
    if queries.to_do(session, posts, limit=1):
        return MINE
    return APPROVE if queries.to_approve(session, posts, limit=1) else ALL


def rows(
    session: Session, posts: Sequence[Post], tab: str, said: str, at: datetime
) -> tuple[list[Row], str | None]:
    """A page of the tab, and where the next begins. What waits comes by deadline, the rest newest first.

    `said` is where this page begins. Raises Invalid for what no page of ours gives.
    """
    if tab == MINE:
        return _waiting(session, posts, said, at)
    before = number(said)
    if said and before is None:
        raise Invalid(GONE)
    if tab == APPROVE:
        found = queries.to_approve(session, posts, before=before)
    else:
        statuses = () if tab == ALL else (Status(tab),)
        found = queries.orders(session, posts, before=before, statuses=statuses)
    clocks = queries.clocks(session, [part for order in found for part in order.parts])
    listed = [Row(order, None, _worst(order, clocks, at)) for order in found]
    return listed, str(found[-1].id) if len(found) == queries.PAGE else None


def _waiting(
    session: Session, posts: Sequence[Post], said: str, at: datetime
) -> tuple[list[Row], str | None]:
    parts = queries.to_do(session, posts, after=read_cursor(said))
    clocks = queries.clocks(session, parts)
    listed = [Row(part.order, part, due(clocks[part.id], at)) for part in parts]
    last = parts[-1] if len(parts) == queries.PAGE else None
    return listed, cursor(last.due_at or queries.NEVER, last.id) if last else None


def due(rows: list[Deadline], at: datetime) -> Due | None:
    """The clock of a part that runs out first, in words and colour; None when none runs."""
    left = queries.running(rows)
    if not left:
        return None
    first = min(left, key=lambda row: row.due_at)
    until = f"{POLICY[first.clock].label}时限 {spoken(first.due_at, at)}"
    length = span(max(abs(first.due_at - at), timedelta(minutes=1)))
    if first.due_at <= at:
        return Due(f"{until}，已超时{length}", "red")
    is_amber = first.amber_at is not None and first.amber_at <= at
    return Due(f"{until}，还剩{length}", "amber" if is_amber else "calm")


def _worst(order: Order, clocks: Mapping[int, list[Deadline]], at: datetime) -> Due | None:
    return due([row for part in order.parts for row in clocks[part.id]], at)
