"""What can be done to an order. The only code that writes the status of an order or of a part."""

from collections.abc import Callable
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session, joinedload, selectinload

from backend.cases.service import Actor
from backend.errors import Conflict, Forbidden, Invalid, NotFound
from backend.orders import alerts, clocks, effects, evidence, reach, under, workflow
from backend.orders.effects import NOTHING, Told
from backend.orders.models import Order, OrderEvent, OrderUnit
from backend.orders.workflow import Action, Given, Need, Overtaken, PartStatus, Rule, Status, Whose
from backend.places.models import Officer
from backend.places.roles import Role
from backend.times import now, spoken

NOT_YOURS = "这张发令单不归您办理"
# Steps that have verbs of their own: what comes with them is not in Told.
ELSEWHERE = {
    Action.DRAFT: "请用起草页面",
    Action.REVISE: "请用起草页面",
    Action.SUPERVISE: "请用督办单的表格",
    Action.ANSWER_SUPERVISION: "请用督办单的表格",
    Action.END_SUPERVISION: "请用督办单的表格",
    Action.SUCCEED: "单位合并以后，任务会自动并过去",
}
DECIDES = (Action.APPROVE, Action.REFUSE)  # on a text, which must be the one that was read


class AlreadyDone(Conflict):
    """The same person has taken this very step before: a second tap."""


def perform(
    session: Session,
    number: str,
    action: Action,
    actor: Actor,
    told: Told = NOTHING,
    *,
    at: datetime | None = None,
) -> Order:
    """Take one step: lock, check, write, add the event, turn the clocks, owe the messages.

    Raises NotFound, Forbidden, Conflict (AlreadyDone for a second tap), Invalid or TooMany, each with a
    Chinese sentence. What stands ELSEWHERE has verbs of its own (drafting, supervising, successions).
    """
    if action in ELSEWHERE:
        raise Invalid(ELSEWHERE[action])
    moment = at or now()
    order = lock(session, number, actor)
    part = _part(order, action, actor, told)
    rule, role = _check(session, order, part, action, actor, told)
    step = write(session, order, action, rule, role, actor, told.note, moment, part)
    _keep(session, order, actor, step, told)
    part = effects.apply(session, order, step, actor, told) or part
    _move(order, part, rule, moment)
    session.flush()
    clocks.turn(session, action, order.parts if part is None else [part], moment)
    session.flush()
    alerts.tell_all(session, order, rule, step, part, moment)
    if action in CASES and (part is None or part.is_lead):
        CASES[action](session, order, actor, moment)
    return order


def lock(session: Session, number: str, actor: Actor) -> Order:
    """The order with its place, parts and units, held until the end. Raises NotFound, Forbidden."""
    return _must_be_theirs(session.scalar(_with_parts(number).with_for_update(of=Order)), actor)


def find(session: Session, number: str, actor: Actor) -> Order:
    """The order with its place, parts and units, to be read. Raises NotFound, Forbidden."""
    return _must_be_theirs(session.scalar(_with_parts(number)), actor)


def _with_parts(number: str) -> sa.Select[Order]:
    loaded = (
        joinedload(Order.place, innerjoin=True),
        joinedload(Order.unit, innerjoin=True),
        selectinload(Order.parts).joinedload(OrderUnit.unit, innerjoin=True),
    )
    wanted = sa.select(Order).where(Order.number == number).options(*loaded)
    return wanted.execution_options(populate_existing=True)


def _must_be_theirs(order: Order | None, actor: Actor) -> Order:
    if order is None:
        raise NotFound("没有找到这张发令单")
    if not reach.is_theirs(actor.posts, order):
        raise Forbidden(NOT_YOURS)
    return order


def _part(order: Order, action: Action, actor: Actor, told: Told) -> OrderUnit | None:
    """The part that the step is about: the one named, the lead's for the answer, else the caller's own."""
    rule = workflow.RULES[action]
    if rule.whose is Whose.LEAD:
        return next(part for part in order.parts if part.is_lead)
    if rule.whose is Whose.ANY:
        return _own_bound(order, actor, told.part_id)
    if told.part_id is not None:
        found = next((part for part in order.parts if part.id == told.part_id), None)
        if found is None:
            raise NotFound("这张发令单里没有这个单位")
        return found if rule.whose is not Whose.ORDER else None
    if rule.whose in reach.OWN_PART:
        own = own_parts(order, actor)
        return next((part for part in own if part.status in rule.parts), own[0] if own else None)
    return None


def _own_bound(order: Order, actor: Actor, part_id: int | None) -> OrderUnit | None:
    """The caller's own part that is still bound: the one named, if it is theirs, else the first."""
    own = own_parts(order, actor)
    bound = [part for part in own if part.status in workflow.BOUND]
    if own and not bound and not reach.roles_over(actor.posts, order):
        raise Forbidden("您单位已经撤出这张发令单，只能查看，不用再补充")
    return next((part for part in bound if part.id == part_id), bound[0] if bound else None)


def own_parts(order: Order, actor: Actor) -> list[OrderUnit]:
    """The parts of the units for which this person works."""
    return [part for part in order.parts if reach.roles_in(actor.posts, order, part)]


def _check(
    session: Session, order: Order, part: OrderUnit | None, action: Action, actor: Actor, told: Told
) -> tuple[Rule, Role]:
    rule = workflow.RULES[action]
    role = workflow.acting_role(action, reach.roles_for(actor.posts, order, part, rule.whose))
    given = _given(session, order, action, told)
    status = part.status if part is not None else None
    try:
        workflow.check(order.status, status, action, role, given, is_lead=part is not None and part.is_lead)
    except Overtaken as late:
        raise _explained(session, order, part, action, actor, late) from None
    if action in DECIDES and told.seen is not None:
        _must_have_read(session, order, told.seen)
    return rule, role


def _must_have_read(session: Session, order: Order, seen: int) -> None:
    """Raises Conflict when the draft was changed after what whoever decides has read."""
    newer = (OrderEvent.order_id == order.id, OrderEvent.action == Action.REVISE, OrderEvent.id > seen)
    changed = session.execute(
        sa.select(OrderEvent.created_at, Officer.name)
        .outerjoin(Officer, Officer.id == OrderEvent.officer_id)
        .where(*newer)
        .order_by(OrderEvent.id.desc())
        .limit(1)
    ).first()
    if changed is not None:
        at, name = changed
        raise Conflict(f"{name or '有人'}在{spoken(at)}修改过这张发令单，请看过现在的内容再决定")


def _given(session: Session, order: Order, action: Action, told: Told) -> Given:
    rule = workflow.RULES[action]
    owing = [part for part in order.parts if not part.is_lead and part.status in workflow.UNREPORTED]
    asks_proof = Need.PROOF in rule.needs
    return Given(
        note=told.note,
        unit_id=told.unit_id,
        outcome=told.outcome,
        has_proof=asks_proof and (bool(told.photos) or evidence.is_there(session, order.id)),
        unreported=tuple(part.unit.name for part in owing),
    )


def _explained(
    session: Session, order: Order, part: OrderUnit | None, action: Action, actor: Actor, late: Overtaken
) -> Conflict:
    """Who was quicker, and with what; or that it was this very person."""
    last = last_move(session, order, part)
    if last is None:
        return late
    event, name = last
    label = workflow.RULES[event.action].label
    if event.action is action and event.officer_id == actor.officer_id:
        return AlreadyDone(f"“{label}”已经办好了，不用再点")
    return Conflict(f"{name}在{spoken(event.created_at)}已“{label}”。{late.message}")


def last_move(session: Session, order: Order, part: OrderUnit | None) -> tuple[OrderEvent, str] | None:
    """The latest step that moved the order, or this part of it, and the name of who took it."""
    moves = [action for action, rule in workflow.RULES.items() if rule.target]
    of_part = [action for action, rule in workflow.RULES.items() if rule.part_target]
    which: sa.ColumnElement[bool] = OrderEvent.action.in_(moves)
    if part is not None:
        which |= OrderEvent.action.in_(of_part) & (OrderEvent.order_unit_id == part.id)
    found = session.execute(
        sa.select(OrderEvent, Officer.name)
        .outerjoin(Officer, Officer.id == OrderEvent.officer_id)
        .where(OrderEvent.order_id == order.id, which)
        .order_by(OrderEvent.id.desc())
        .limit(1)
    ).first()
    return (found[0], found[1] or "有人") if found else None


def write(
    session: Session,
    order: Order,
    action: Action,
    rule: Rule,
    role: Role,
    actor: Actor,
    note: str,
    at: datetime,
    part: OrderUnit | None = None,
) -> OrderEvent:
    """Add the step to the order's history."""
    status: Status | PartStatus = part.status if part is not None and rule.part_target else order.status
    event = OrderEvent(
        order_id=order.id,
        order_unit_id=part.id if part is not None else None,
        unit=part.unit if part is not None else None,
        action=action,
        role=role,
        officer_id=actor.officer_id,
        from_status=None if action is Action.DRAFT else status,
        to_status=rule.part_target or rule.target or status,
        note=note.strip(),
        created_at=at,
    )
    session.add(event)
    session.flush()
    return event


def _keep(session: Session, order: Order, actor: Actor, step: OrderEvent, told: Told) -> None:
    """Keep the photos of the step with the unit that brought them: never in the evidence of another."""
    part = next((one for one in own_parts(order, actor) if one.id == step.order_unit_id), None)
    if told.photos and part is None:
        raise Invalid("照片由受令单位上传")
    if part is not None:
        evidence.attach(session, part, actor.officer_id, told.photos, step.created_at)


def _move(order: Order, part: OrderUnit | None, rule: Rule, at: datetime) -> None:
    if part is not None and rule.part_target:
        part.status = rule.part_target
    if rule.target is None:
        return
    order.status = rule.target
    if rule.target in (Status.ANSWERED, Status.REFUSED, Status.WITHDRAWN):
        order.ended_at = at


# What becomes of the cases under the order; of a unit's step, the lead's alone counts.
CASES: dict[Action, Callable[[Session, Order, Actor, datetime], None]] = {
    Action.APPROVE: under.assign,
    Action.ACKNOWLEDGE: under.acknowledge,
    Action.ANSWER: under.resolve,
    Action.WITHDRAW: under.release,
}
