"""Supervision orders (督办单) of orders and cases alike: the doors for whoever does not know which it is.

What is asked about a case is a step on that case (cases/supervisions.py); what is asked about an order stands
in its history as something added.
"""

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session, joinedload, selectinload

from backend.cases import audience, supervisions
from backend.cases.service import Actor
from backend.cases.supervision_models import Effect, Supervised, Supervision
from backend.cases.supervisions import EFFECT_LABELS, NOT_FOUND, STATE_LABELS
from backend.cases.workflow import RULES, UNIT, Action
from backend.errors import Conflict, Forbidden, Invalid, NotFound
from backend.notify import service as notify
from backend.notify.messages import Message
from backend.orders import alerts, reach, service
from backend.orders.models import Order, OrderUnit
from backend.orders.workflow import RULES as ORDER_RULES
from backend.orders.workflow import Action as Act
from backend.orders.workflow import PartStatus, Status
from backend.places.models import Unit
from backend.places.roles import Role
from backend.times import now, stamp

SUPERVISORS = RULES[Action.SUPERVISE].roles
ISSUED_ONLY = "发令单发出以后、办结以前才能督办"


def issue_on_order(
    session: Session,
    number: str,
    actor: Actor,
    unit_id: int,
    text: str,
    due_at: datetime,
    at: datetime | None = None,
) -> Supervision:
    """Ask a unit under an order to answer in writing by `due_at`; it is told at once.

    Raises NotFound and Forbidden for who does not supervise there, Invalid for words, a unit or a time that
    will not do, Conflict for an order that binds nobody and while the unit still owes an answer about it.
    """
    moment = at or now()
    order = service.lock(session, number, actor)
    role = _must_supervise(actor, order)
    if order.status is not Status.ISSUED:
        raise Conflict(ISSUED_ONLY)
    supervisions.check(text, due_at, moment)
    unit = _bound(order, unit_id)
    row = supervisions.add(session, actor, unit, text, due_at, moment, order_id=order.id)
    told = set(audience.of_unit(session, unit.id)) - {actor.officer_id}
    note = f"{row.text}\n请在 {stamp(due_at)} 前答复"
    _note_down(session, order, role, actor, f"督办{unit.name}：{note}", moment)
    _owe(session, order, row, Message.ORDER_SUPERVISED, note, told, moment)
    return row


def answer(
    session: Session, supervision_id: int, actor: Actor, text: str, at: datetime | None = None
) -> Supervision:
    """Answer for the unit that was asked. Raises as cases.supervisions.answer does."""
    if _is_of_case(session, supervision_id):
        return supervisions.answer(session, supervision_id, actor, text, at)
    moment = at or now()
    row, order = _lock(session, supervision_id)
    roles = [post.role for post in actor.posts if post.unit_id == row.unit_id and post.role in UNIT]
    if not roles:
        raise NotFound(NOT_FOUND)
    if row.state is not Supervised.OPEN:
        raise Conflict(f"这张督办单{STATE_LABELS[row.state]}，不用再答复")
    if not text.strip():
        raise Invalid("请填写答复")
    row.state, row.answer = Supervised.ANSWERED, text.strip()
    row.answered_by, row.answered_at = actor.officer_id, moment
    _note_down(session, order, roles[0], actor, f"答复督办：{row.answer}", moment)
    told = _supervisors(session, order, row) - {actor.officer_id}
    _owe(session, order, row, Message.ORDER_SUPERVISION_ANSWERED, row.answer, told, moment)
    return row


def end(
    session: Session,
    supervision_id: int,
    actor: Actor,
    effect: Effect,
    words: str,
    at: datetime | None = None,
) -> Supervision:
    """Say what a supervision brought. Raises as cases.supervisions.end does."""
    if _is_of_case(session, supervision_id):
        return supervisions.end(session, supervision_id, actor, effect, words, at)
    moment = at or now()
    row, order = _lock(session, supervision_id)
    role = _must_supervise(actor, order)
    if row.state is Supervised.CLOSED:
        raise Conflict("这张督办单已经办结了")
    if not words.strip():
        raise Invalid("请写明办结意见")
    row.state, row.effect, row.closed_at = Supervised.CLOSED, effect, moment
    note = f"办结督办{row.unit.name}：{EFFECT_LABELS[effect]}。{words.strip()}"
    _note_down(session, order, role, actor, note, moment)
    return row


def remind(session: Session, at: datetime, limit: int) -> int:
    """Tell unit and supervisors of every supervision of an order that is unanswered. Returns how many."""
    rows = supervisions.claim_unanswered(session, at, limit, Supervision.order_id)
    orders = {order.id: order for order in session.scalars(_orders([row.order_id for row in rows]))}
    for row in rows:
        order, row.unit = orders[row.order_id or 0], session.get_one(Unit, row.unit_id)
        if order.status is Status.WITHDRAWN:
            continue  # its units were told that nothing is left to do
        told = {*audience.of_unit(session, row.unit_id), *_supervisors(session, order, row)}
        _owe(session, order, row, Message.ORDER_SUPERVISION_OVERDUE, row.text, told, at)
    return len(rows)


def _is_of_case(session: Session, supervision_id: int) -> bool:
    """Raises NotFound when there is none."""
    query = sa.select(Supervision.case_id.is_not(None)).where(Supervision.id == supervision_id)
    found = session.scalar(query)
    if found is None:
        raise NotFound(NOT_FOUND)
    return found


def _lock(session: Session, supervision_id: int) -> tuple[Supervision, Order]:
    """The supervision and its order, both held; the order first, as every step holds it."""
    about = sa.select(Supervision.order_id).where(Supervision.id == supervision_id).scalar_subquery()
    order = session.scalars(_orders([about]).with_for_update(of=Order)).one()
    held: dict[str, Any] = {"with_for_update": True, "populate_existing": True}
    row = session.get_one(Supervision, supervision_id, **held)
    row.unit = session.get_one(Unit, row.unit_id)
    return row, order


def _orders(ids: list[Any]) -> sa.Select[Order]:
    """Orders with what their messages say."""
    parts = selectinload(Order.parts).joinedload(OrderUnit.unit, innerjoin=True)
    return sa.select(Order).where(Order.id.in_(ids)).options(joinedload(Order.place, innerjoin=True), parts)


def _must_supervise(actor: Actor, order: Order) -> Role:
    held = [role for role in SUPERVISORS if role in reach.roles_over(actor.posts, order)]
    if not held:
        raise Forbidden("您的岗位不能督办这张发令单")
    return held[0]


def _bound(order: Order, unit_id: int) -> Unit:
    for part in order.parts:
        if part.unit_id == unit_id and part.status is not PartStatus.WITHDRAWN:
            return part.unit
    raise Invalid("这个单位不在这张发令单里，请选择受令单位")


def _note_down(session: Session, order: Order, role: Role, actor: Actor, words: str, at: datetime) -> None:
    """The order's history has it as something added."""
    service.write(session, order, Act.ADD, ORDER_RULES[Act.ADD], role, actor, words, at)


def _supervisors(session: Session, order: Order, row: Supervision) -> set[int]:
    statement = (
        f"SELECT told.officer_id FROM orders c, LATERAL ({audience.SUPERVISORS}) told WHERE c.id = :id"
    )
    return {*session.scalars(sa.text(statement), {"id": order.id}), row.officer_id}


def _owe(
    session: Session,
    order: Order,
    row: Supervision,
    message: Message,
    note: str,
    told: set[Any],
    at: datetime,
) -> None:
    fields = alerts.fields_of(order, note, at, who=row.unit.name)
    notify.owe(session, message, f"supervision:{row.id}:{message}", fields, officers=sorted(told))
