"""Reading orders the way officers do: what waits for them, what happened, and where each unit stands."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session, contains_eager, joinedload, selectinload
from sqlalchemy.orm.interfaces import ORMOption

from backend.cases.deadline_models import Deadline
from backend.cases.models import Case
from backend.db import one_of
from backend.orders import reach
from backend.orders.models import Order, OrderCase, OrderEvent, OrderPhoto, OrderUnit
from backend.orders.workflow import RULES, UNREPORTED, Action, PartStatus, Status
from backend.places.models import Area, Officer, Post, Unit
from backend.places.roles import ROLE_LABELS, Level, Role
from backend.places.scope import subtree

PAGE = 20
NEVER = datetime(9999, 1, 1, tzinfo=UTC)
_LISTED = (
    joinedload(Order.place, innerjoin=True),
    joinedload(Order.unit, innerjoin=True),
    selectinload(Order.parts).joinedload(OrderUnit.unit, innerjoin=True),
)


@dataclass(frozen=True)
class Step:
    """One line of an order's history, as officers read it."""

    id: int
    at: datetime
    action: Action
    officer_id: int | None
    label: str
    who: str
    note: str
    round: int = 1  # an order has but one; the page shows steps of cases and of orders alike


@dataclass(frozen=True)
class Board:
    """What stands open in an area: orders by status, and the parts of issued ones by colour."""

    drafted: int
    issued: int
    calm: int
    amber: int
    red: int


def orders(
    session: Session,
    posts: Sequence[Post],
    *,
    before: int | None = None,
    statuses: Sequence[Status] = (),
    limit: int = PAGE,
) -> list[Order]:
    """What these posts may see, newest first. `before` is the id of the last row seen."""
    query = sa.select(Order).where(reach.visible(posts)).options(*_LISTED)
    if statuses:
        query = query.where(one_of(Order.status, statuses))
    if before is not None:
        query = query.where(Order.id < before)
    return list(session.scalars(query.order_by(Order.id.desc()).limit(limit)))


def to_approve(
    session: Session, posts: Sequence[Post], *, before: int | None = None, limit: int = PAGE
) -> list[Order]:
    """The drafts that these posts may approve, newest first."""
    approving = [post for post in posts if post.role in RULES[Action.APPROVE].roles]
    return orders(session, approving, before=before, statuses=(Status.DRAFTED,), limit=limit)


def to_do(
    session: Session, posts: Sequence[Post], *, after: tuple[datetime, int] | None = None, limit: int = PAGE
) -> list[OrderUnit]:
    """The parts of these posts' units that are not done, soonest deadline first, each with its order.

    `after` is (due_at or NEVER, id) of the last row seen.
    """
    acting = [post for post in posts if post.role in RULES[Action.ACKNOWLEDGE].roles]
    due_at = sa.func.coalesce(OrderUnit.due_at, sa.literal(NEVER))
    query = (
        sa.select(OrderUnit)
        .join(OrderUnit.order)
        .where(
            reach.own_parts(acting),
            one_of(OrderUnit.status, UNREPORTED),
            one_of(Order.status, (Status.ISSUED,)),
        )
        .options(*_with_order())
    )
    if after is not None:
        query = query.where(sa.tuple_(due_at, OrderUnit.id) > sa.tuple_(*map(sa.literal, after)))
    return list(session.scalars(query.order_by(due_at, OrderUnit.id).limit(limit)))


def _with_order() -> tuple[ORMOption, ...]:
    whole = contains_eager(OrderUnit.order)
    return (
        joinedload(OrderUnit.unit, innerjoin=True),
        whole.joinedload(Order.place, innerjoin=True),
        whole.joinedload(Order.unit, innerjoin=True),
        whole.selectinload(Order.parts).joinedload(OrderUnit.unit, innerjoin=True),
    )


def board(session: Session, posts: Sequence[Post], at: datetime) -> Board:
    """How much stands open where these posts see, in one query over what is open. Cost: what is open."""
    open_orders = (
        sa.select(Order.id, Order.status)
        .where(reach.visible(posts), one_of(Order.status, (Status.DRAFTED, Status.ISSUED)))
        .cte("open_orders")
    )
    tone = _tone(at).subquery()
    counted = sa.select(
        sa.select(sa.func.count()).where(open_orders.c.status == Status.DRAFTED).scalar_subquery(),
        sa.select(sa.func.count()).where(open_orders.c.status == Status.ISSUED).scalar_subquery(),
        *(_parts(open_orders, tone, name) for name in ("calm", "amber", "red")),
    )
    return Board(*session.execute(counted).one())


def _tone(at: datetime) -> sa.Select[tuple[int, str]]:
    """Each running part's colour: that of its clock that stands worst."""
    red, amber = sa.func.bool_or(Deadline.due_at <= at), sa.func.bool_or(Deadline.amber_at <= at)
    return (
        sa.select(
            Deadline.order_unit_id.label("part_id"),
            sa.case((red, "red"), (amber, "amber"), else_="calm").label("tone"),
        )
        .where(Deadline.order_unit_id.is_not(None), Deadline.stopped_at.is_(None))
        .group_by(Deadline.order_unit_id)
    )


def _parts(open_orders: sa.CTE, tone: sa.Subquery, name: str) -> sa.ScalarSelect[int]:
    found = (
        sa.select(sa.func.count())
        .select_from(OrderUnit)
        .join(open_orders, open_orders.c.id == OrderUnit.order_id)
        .join(tone, tone.c.part_id == OrderUnit.id)
        .where(tone.c.tone == name)
    )
    return found.scalar_subquery()


def timeline(session: Session, order: Order) -> list[Step]:
    """What happened to an order, oldest first, with names (one query)."""
    rows = session.execute(
        sa.select(OrderEvent, Unit.name, Officer.name)
        .outerjoin(Unit, Unit.id == OrderEvent.unit_id)
        .outerjoin(Officer, Officer.id == OrderEvent.officer_id)
        .where(OrderEvent.order_id == order.id)
        .order_by(OrderEvent.id)
    )
    return [_step(event, unit or "", name or "") for event, unit, name in rows]


# Steps of which the unit is the object, not who acts.
OF_DESK = (
    Action.ADD_UNIT,
    Action.WITHDRAW_UNIT,
    Action.RETURN,
    Action.SUCCEED,
    Action.SUPERVISE,
    Action.END_SUPERVISION,
)


def _step(event: OrderEvent, unit: str, name: str) -> Step:
    """The unit stands with who acts for it, or with what was done to it."""
    label, acts = RULES[event.action].label, event.action not in OF_DESK
    return Step(
        id=event.id,
        at=event.created_at,
        action=event.action,
        officer_id=event.officer_id,
        label=label if acts or not unit else f"{label}：{unit}",
        who=f"{unit if acts and unit else ROLE_LABELS[event.role]} {name}".strip(),
        note=event.note,
    )


def clocks(session: Session, parts: Sequence[OrderUnit]) -> Mapping[int, list[Deadline]]:
    """The clocks of each of these parts by its id, in the order in which they run out (one query)."""
    found: dict[int, list[Deadline]] = defaultdict(list)
    of_parts = sa.select(Deadline).where(Deadline.order_unit_id.in_([part.id for part in parts]))
    for row in session.scalars(of_parts.order_by(Deadline.due_at, Deadline.id)):
        assert row.order_unit_id is not None
        found[row.order_unit_id].append(row)
    return found


def running(rows: Sequence[Deadline]) -> list[Deadline]:
    return [row for row in rows if row.stopped_at is None]


def photos(session: Session, order: Order) -> Mapping[int, list[OrderPhoto]]:
    """What each part's unit has brought, by the part's id (one query)."""
    found: dict[int, list[OrderPhoto]] = defaultdict(list)
    own = sa.select(OrderPhoto).where(OrderPhoto.order_id == order.id).order_by(OrderPhoto.id)
    for photo in session.scalars(own):
        found[photo.order_unit_id].append(photo)
    return found


def cases(session: Session, order: Order) -> list[Case]:
    """The cases under the order, with their units."""
    own = sa.select(Case).join(OrderCase, OrderCase.case_id == Case.id).where(OrderCase.order_id == order.id)
    return list(session.scalars(own.options(joinedload(Case.unit)).order_by(Case.id)))


def drafts_for(roles: set[Role]) -> bool:
    """Whether someone with these roles may draft orders at all."""
    return not roles.isdisjoint(RULES[Action.DRAFT].roles)


def is_bound(part: OrderUnit) -> bool:
    return part.status is not PartStatus.WITHDRAWN


def places(session: Session, posts: Sequence[Post], limit: int = 300) -> list[tuple[int, str]]:
    """The places, as (id, name), for which these posts may draft an order, community by community.

    Who commands more than a community chooses a community, and writes the address.
    """
    areas = [post.area for post in posts if post.role in RULES[Action.DRAFT].roles and post.area is not None]
    is_near = all(area.community_id is not None for area in areas)
    levels = (Level.COMMUNITY, Level.ZONE, Level.GRID, Level.STATION) if is_near else (Level.COMMUNITY,)
    query = (
        sa.select(Area.id, Area.name)
        .where(
            sa.or_(sa.false(), *(subtree(area) for area in areas)),
            Area.level.in_(levels),
            Area.community_id.is_not(None),
            Area.closed_at.is_(None),
        )
        .order_by(Area.path)
    )
    return [(area_id, name) for area_id, name in session.execute(query.limit(limit))]


def of_case(session: Session, case: Case, posts: Sequence[Post]) -> list[Order]:
    """The orders that a case is under, newest first, as far as these posts may see them (one query)."""
    under = sa.select(OrderCase.order_id).where(OrderCase.case_id == case.id)
    query = sa.select(Order).where(Order.id.in_(under), reach.visible(posts)).order_by(Order.id.desc())
    return list(session.scalars(query))
