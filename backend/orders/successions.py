"""A unit ends in another one: where an order names both, the successor goes on with one part.

The part of the unit that ends stays, as withdrawn, with all that it brought and said; what it still owed is
the successor's. Everything else of an ending is places/unit_ends.py's, which this calls.
"""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session, aliased, joinedload, selectinload

from backend.cases.service import Actor
from backend.orders import alerts, clocks, service
from backend.orders.models import Order, OrderUnit
from backend.orders.workflow import BOUND, RULES, Action, PartStatus, Status
from backend.places import unit_ends, units
from backend.places.models import Unit
from backend.places.roles import Role
from backend.places.scope import Editor
from backend.times import now

# What of a part goes to a successor who was withdrawn from the order, and so has nothing of its own there.
COLUMNS = (
    "status",
    "task",
    "handler_id",
    "acknowledged_at",
    "arrived_at",
    "arrived_latitude",
    "arrived_longitude",
    "reported_at",
    "answer",
)


def merge(session: Session, editor: Editor, unit_id: int, into_id: int, at: datetime | None = None) -> Unit:
    """Make one of two units that are the same. Raises as unit_ends.merge does."""
    _join_parts(session, editor, unit_id, into_id, at or now())
    return unit_ends.merge(session, editor, unit_id, into_id, at)


def close(session: Session, editor: Editor, unit_id: int, successor_id: int | None = None) -> Unit:
    """Take a unit out of use, for its successor if there is one. Raises as unit_ends.close does."""
    if successor_id is not None:
        _join_parts(session, editor, unit_id, successor_id, now())
    return unit_ends.close(session, editor, unit_id, successor_id)


def _join_parts(session: Session, editor: Editor, unit_id: int, into_id: int, at: datetime) -> None:
    """In every order that is not over and names both. Raises NotFound and Forbidden as the endings do."""
    units.take_turns(session)
    for one in (unit_id, into_id):
        units.locked(session, editor, one)
    if unit_id == into_id:
        return  # refused by what is called next
    for order in _naming_both(session, unit_id, into_id):
        parts = {part.unit_id: part for part in order.parts}
        part, into = parts[unit_id], parts[into_id]
        if order.status is Status.DRAFTED:
            _join_named(session, part, into)
        elif part.status is not PartStatus.WITHDRAWN:
            _join(session, order, part, into, editor, at)


def _naming_both(session: Session, unit_id: int, into_id: int) -> list[Order]:
    """The orders, held until the transaction ends, with what their messages say."""
    other = aliased(OrderUnit)
    both = (
        sa.select(OrderUnit.order_id)
        .join(other, other.order_id == OrderUnit.order_id)
        .where(OrderUnit.unit_id == unit_id, other.unit_id == into_id)
    )
    loaded = (
        joinedload(Order.place, innerjoin=True),
        selectinload(Order.parts).joinedload(OrderUnit.unit, innerjoin=True),
    )
    going_on = Order.status.in_((Status.DRAFTED, Status.ISSUED))
    query = sa.select(Order).where(Order.id.in_(both), going_on).order_by(Order.id).options(*loaded)
    held = query.with_for_update(of=Order).execution_options(populate_existing=True)
    return list(session.scalars(held))


def _join_named(session: Session, part: OrderUnit, into: OrderUnit) -> None:
    """In a draft nothing has happened to a part: the one that is named twice is named once."""
    task, is_lead = _tasks(into, part), part.is_lead or into.is_lead
    session.execute(sa.delete(OrderUnit).where(OrderUnit.id == part.id))
    session.expunge(part)
    into.task, into.is_lead = task, is_lead
    session.flush()


def _join(
    session: Session, order: Order, part: OrderUnit, into: OrderUnit, editor: Editor, at: datetime
) -> None:
    """The lead stays the lead, the nearer deadline counts, and only what both have done is done."""
    rule, is_lead, status = RULES[Action.SUCCEED], part.is_lead or into.is_lead, part.status
    actor, note = Actor(officer_id=editor.officer_id), f"并入“{into.unit.name}”"
    note += f"，任务：{part.task}" if part.task else ""
    step = service.write(session, order, Action.SUCCEED, rule, Role.ADMINISTRATOR, actor, note, at, part)
    if into.status is PartStatus.WITHDRAWN:
        for name in COLUMNS:
            setattr(into, name, getattr(part, name))
    else:
        _add(into, part)
    part.status, part.is_lead = PartStatus.WITHDRAWN, False
    session.flush()  # an order has one lead at a time
    into.is_lead = is_lead
    session.flush()
    clocks.join(session, part, into, at)
    if status is not PartStatus.REPORTED:
        alerts.tell_all(session, order, rule, step, into, at)


def _add(into: OrderUnit, part: OrderUnit) -> None:
    """The successor stands where the one stands that is less far; what was reported is asked for again."""
    into.status = min(into.status, part.status, key=BOUND.index)
    if into.status is not PartStatus.REPORTED:
        into.reported_at = None
        into.task = _tasks(into, part) if part.status is not PartStatus.REPORTED else into.task
    into.handler_id = into.handler_id or part.handler_id


def _tasks(into: OrderUnit, part: OrderUnit) -> str:
    return "；".join(dict.fromkeys(task for task in (into.task, part.task) if task))
