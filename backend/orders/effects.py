"""What a step changes beyond what its row of the table says; each may refuse the step instead."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from backend.cases import replies
from backend.cases.attachments import Photo
from backend.cases.models import Case
from backend.cases.service import Actor
from backend.cases.workflow import Outcome
from backend.errors import Conflict, Invalid, TooMany
from backend.orders import binding, under
from backend.orders.models import Order, OrderCase, OrderEvent, OrderUnit
from backend.orders.workflow import Action, PartStatus
from backend.places.models import Resident

URGE_EVERY = timedelta(minutes=30)


@dataclass(frozen=True)
class Told:
    """What comes with a step from a page. A position is WGS-84, in degrees; photos lie in the store."""

    note: str = ""
    part_id: int | None = None  # which unit's part; None: the caller's own
    unit_id: int | None = None  # the unit to be added
    task: str = ""  # and what it is to do
    outcome: Outcome | None = None
    latitude: float | None = None
    longitude: float | None = None
    photos: tuple[Photo, ...] = ()
    seen: int | None = None  # the last event that the page showed to whoever decides on a draft


NOTHING = Told()
Effect = Callable[[Session, Order, OrderEvent, Actor, Told], OrderUnit | None]


def apply(session: Session, order: Order, step: OrderEvent, actor: Actor, told: Told) -> OrderUnit | None:
    """Change what this step changes; returns the part that it made, if it made one.

    Raises NotFound, Conflict, Invalid or TooMany.
    """
    effect = EFFECTS.get(step.action)
    return effect(session, order, step, actor, told) if effect else None


def _approve(session: Session, order: Order, step: OrderEvent, actor: Actor, told: Told) -> None:
    order.approved_by, order.approved_at = actor.officer_id, step.created_at


def _add_unit(session: Session, order: Order, step: OrderEvent, actor: Actor, told: Told) -> OrderUnit:
    """A unit joins, or one that was withdrawn is bound again."""
    may = binding.choices(session, under.of_order(session, order))
    unit = binding.units(session, order, [told.unit_id or 0], may.values())[0]
    part = next((one for one in order.parts if one.unit_id == unit.id), None)
    if part is not None and part.status is not PartStatus.WITHDRAWN:
        raise Conflict(f"“{unit.name}”已经在这张发令单里了")
    if part is None:
        part = OrderUnit(order_id=order.id, unit_id=unit.id, unit=unit, created_at=step.created_at)
        order.parts.append(part)
    part.status, part.task = PartStatus.OWED, told.task.strip()
    part.acknowledged_at = part.arrived_at = part.reported_at = part.answer = None
    session.flush()
    step.order_unit_id, step.unit = part.id, unit
    return part


def _acknowledge(session: Session, order: Order, step: OrderEvent, actor: Actor, told: Told) -> None:
    part = _of_step(order, step)
    part.acknowledged_at, part.handler_id = part.acknowledged_at or step.created_at, actor.officer_id


def _arrive(session: Session, order: Order, step: OrderEvent, actor: Actor, told: Told) -> None:
    part = _of_step(order, step)
    if part.arrived_at is None:
        part.arrived_at = step.created_at
        part.arrived_latitude, part.arrived_longitude = told.latitude, told.longitude


def _report_back(session: Session, order: Order, step: OrderEvent, actor: Actor, told: Told) -> None:
    part = _of_step(order, step)
    part.reported_at, part.answer = step.created_at, step.note


def _return(session: Session, order: Order, step: OrderEvent, actor: Actor, told: Told) -> None:
    _of_step(order, step).reported_at = None


def _answer(session: Session, order: Order, step: OrderEvent, actor: Actor, told: Told) -> None:
    check_answer(session, order, step.note)
    _report_back(session, order, step, actor, told)
    order.answer, order.outcome, order.answered_at = step.note, told.outcome, step.created_at


def check_answer(session: Session, order: Order, text: str) -> None:
    """The one place where the public answer is looked at before it goes to every reporter.

    Raises Invalid for one that says nothing, or that names one reporter to the others. What concerns a single
    case is checked when that case is resolved with it.
    """
    if not replies.FILLING.sub("", text):
        raise Invalid("这样的答复看不懂办了什么，请写清楚：做了什么、结果怎样")
    reporters = (
        sa.select(Resident)
        .join(Case, Case.resident_id == Resident.id)
        .join(OrderCase, OrderCase.case_id == Case.id)
        .where(OrderCase.order_id == order.id, Resident.name.is_not(None))
    )
    names = {one.name for one in session.scalars(reporters) if one.name and len(one.name) > 1}
    if said := [name for name in sorted(names) if name in text]:
        raise Invalid(f"答复会发给每一位反映人，请不要写反映人的姓名“{said[0]}”")


def _urge(session: Session, order: Order, step: OrderEvent, actor: Actor, told: Told) -> None:
    if order.urged_at is not None and step.created_at - order.urged_at < URGE_EVERY:
        raise TooMany("刚刚已经催过了，请半小时后再催")
    order.urged, order.urged_at = order.urged + 1, step.created_at


def _of_step(order: Order, step: OrderEvent) -> OrderUnit:
    return next(part for part in order.parts if part.id == step.order_unit_id)


EFFECTS: dict[Action, Effect] = {
    Action.APPROVE: _approve,
    Action.ADD_UNIT: _add_unit,
    Action.ACKNOWLEDGE: _acknowledge,
    Action.ARRIVE: _arrive,
    Action.REPORT_BACK: _report_back,
    Action.RETURN: _return,
    Action.ANSWER: _answer,
    Action.URGE: _urge,
}
