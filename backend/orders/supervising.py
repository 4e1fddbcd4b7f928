"""Supervision orders (督办单) of orders and cases alike: the doors for whoever does not know which it is.

What is asked about a case is a step on that case (cases/supervisions.py), what is asked about an order one on
that order, as its table has it. The unit that was asked owes the answer, whatever became of its part since.
"""

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session, joinedload, selectinload

from backend.cases import audience, supervisions
from backend.cases.service import Actor
from backend.cases.supervision_models import Effect, Supervised, Supervision
from backend.cases.supervisions import NOT_FOUND
from backend.errors import Invalid, NotFound
from backend.notify import service as notify
from backend.notify.messages import Message
from backend.orders import alerts, reach, service, workflow
from backend.orders.models import Order, OrderUnit
from backend.orders.workflow import RULES, Action, Given
from backend.places.models import Unit
from backend.places.roles import Role
from backend.times import now

SUPERVISORS = RULES[Action.SUPERVISE].roles


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
    part = _part_of(order, unit_id)
    if part is None:
        raise Invalid("这个单位不在这张发令单里，请选择受令单位")
    role = _check(order, Action.SUPERVISE, reach.roles_over(actor.posts, order), text, part)
    supervisions.check(text, due_at, moment)
    row = supervisions.add(session, actor, part.unit, text, due_at, moment, order_id=order.id)
    note = supervisions.asked(text, due_at)
    _write(session, order, Action.SUPERVISE, role, actor, note, row, moment)
    return row


def answer(
    session: Session, supervision_id: int, actor: Actor, text: str, at: datetime | None = None
) -> Supervision:
    """Answer for the unit that was asked. Raises as cases.supervisions.answer does."""
    if _is_of_case(session, supervision_id):
        return supervisions.answer(session, supervision_id, actor, text, at)
    moment = at or now()
    row, order = _lock(session, supervision_id)
    roles = _roles_asked(actor, row)
    if not roles:
        raise NotFound(NOT_FOUND)
    note = supervisions.checked_answer(row, text)
    role = _check(order, Action.ANSWER_SUPERVISION, roles, note)
    supervisions.put_answer(row, actor, text, moment)
    _write(session, order, Action.ANSWER_SUPERVISION, role, actor, note, row, moment)
    _tell_issuer(session, order, row, moment)
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
    role = _check(order, Action.END_SUPERVISION, reach.roles_over(actor.posts, order), words)
    note = supervisions.checked_end(row, effect, words)
    supervisions.put_end(row, effect, moment)
    _write(session, order, Action.END_SUPERVISION, role, actor, note, row, moment)
    return row


def offered(order: Order, row: Supervision, actor: Actor) -> list[Action]:
    """What this person may do now with a supervision of this order: answer for their unit, or end it."""
    roles = reach.roles_over(actor.posts, order)
    found = workflow.allowed(order.status, None, _roles_asked(actor, row) | roles)
    may = {
        Action.ANSWER_SUPERVISION: row.state is Supervised.OPEN and bool(_roles_asked(actor, row)),
        Action.END_SUPERVISION: row.state is not Supervised.CLOSED and not roles.isdisjoint(SUPERVISORS),
    }
    return [action for action in found if may.get(action)]


def askable(order: Order, actor: Actor) -> list[OrderUnit]:
    """The parts whose units this person may supervise now; the order's parts are loaded."""
    roles = reach.roles_over(actor.posts, order)
    return [
        part
        for part in order.parts
        if Action.SUPERVISE in workflow.allowed(order.status, part.status, roles, is_lead=part.is_lead)
    ]


def remind(session: Session, at: datetime, limit: int) -> int:
    """Tell unit and supervisors of every supervision of an order that is unanswered and can be answered.

    Returns how many were found; about an order that was withdrawn nobody is reminded.
    """
    rows = supervisions.claim_unanswered(session, at, limit, Supervision.order_id)
    orders = {order.id: order for order in session.scalars(_orders([row.order_id for row in rows]))}
    for row in rows:
        order, row.unit = orders[row.order_id or 0], session.get_one(Unit, row.unit_id)
        if order.status in RULES[Action.ANSWER_SUPERVISION].sources:
            told = {*audience.of_unit(session, row.unit_id), *_supervisors(session, order), row.officer_id}
            _owe(session, order, row, Message.ORDER_SUPERVISION_OVERDUE, row.text, told, at)
    return len(rows)


def _check(order: Order, action: Action, roles: set[Role], note: str, part: OrderUnit | None = None) -> Role:
    """In which role the step is taken. Raises Forbidden, Conflict or Invalid as the table says."""
    role = workflow.acting_role(action, roles)
    status, is_lead = (part.status, part.is_lead) if part is not None else (None, False)
    workflow.check(order.status, status, action, role, Given(note=note), is_lead=is_lead)
    return role


def _write(
    session: Session,
    order: Order,
    action: Action,
    role: Role,
    actor: Actor,
    note: str,
    row: Supervision,
    at: datetime,
) -> None:
    """The step in the order's history, and who is told of it; it names the unit that was asked."""
    rule, part = RULES[action], _part_of(order, row.unit_id)
    step = service.write(session, order, action, rule, role, actor, note, at, part)
    step.unit = row.unit
    session.flush()
    alerts.tell_all(session, order, rule, step, part, at)


def _roles_asked(actor: Actor, row: Supervision) -> set[Role]:
    return {post.role for post in actor.posts if post.unit_id is not None and post.unit_id == row.unit_id}


def _part_of(order: Order, unit_id: int) -> OrderUnit | None:
    """The part of the unit that is asked; a successor of one that was asked may have none."""
    return next((part for part in order.parts if part.unit_id == unit_id), None)


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


def _supervisors(session: Session, order: Order) -> list[int]:
    return alerts.officers(session, order, workflow.Audience.SUPERVISORS)


def _tell_issuer(session: Session, order: Order, row: Supervision, at: datetime) -> None:
    """The step has told the supervisors; a leader who issued it hears of the answer, too."""
    if row.officer_id not in _supervisors(session, order):
        message = Message.ORDER_SUPERVISION_ANSWERED
        _owe(session, order, row, message, row.answer or "", {row.officer_id}, at)


def _owe(
    session: Session,
    order: Order,
    row: Supervision,
    message: Message,
    note: str,
    told: set[int],
    at: datetime,
) -> None:
    fields = alerts.fields_of(order, note, at, who=row.unit.name)
    notify.owe(session, message, f"supervision:{row.id}:{message}", fields, officers=sorted(told))
