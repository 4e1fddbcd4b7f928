"""The cases under an order: they go to the lead unit with it, and get its one answer.

Every step on them is a step of their own, taken through cases.service by whoever takes the order's.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from backend.cases import service as cases
from backend.cases.dispatch import Choice
from backend.cases.models import Case
from backend.cases.service import Actor
from backend.cases.workflow import DESK, UNSOLVED, WITH_DESK, Action, Given, Status, allowed
from backend.errors import Conflict, Forbidden, Invalid
from backend.notify.messages import Message
from backend.notify.models import Notification
from backend.orders import binding
from backend.orders.models import Order, OrderCase
from backend.orders.workflow import Status as OrderStatus
from backend.places.models import Unit

MOST = 30  # cases under one order
UNSIGNED = (*WITH_DESK, Status.ASSIGNED)  # what an approval still sends


def find(session: Session, actor: Actor, numbers: Sequence[str]) -> list[Case]:
    """The cases that an order is drafted from, held until the transaction ends.

    Raises NotFound, Forbidden, Conflict or Invalid: not theirs, done with, elsewhere, or under an order.
    """
    if len(numbers) > MOST:
        raise Invalid(f"一张发令单最多带 {MOST} 件诉求")
    found = [cases.lock(session, number, actor) for number in sorted(set(numbers))]
    for case in found:
        if actor.roles_over(case).isdisjoint(DESK):
            raise Forbidden(f"诉求 {case.number} 不归您发令")
        if case.status not in UNSOLVED:
            raise Conflict(f"诉求 {case.number} 已经有结果或者并案了，不能再发令")
    if len({case.community_id for case in found}) > 1:
        raise Conflict("这些诉求不在同一个社区，请分开发令")
    _must_be_free(session, found)
    return found


def check_lead(
    session: Session, found: Sequence[Case], lead_id: int | None, may: Mapping[int, Choice]
) -> None:
    """Raises Conflict for a lead to whom one of the cases cannot go; `may` says to whom each of them may.

    An order neither sends nor answers what another unit has in hand, or what is disputed.
    """
    for case in found:
        if case.status is Status.DISPUTED:
            raise Conflict(f"诉求 {case.number} 正在裁定由谁办理，请等裁定以后再发令")
        if case.status is Status.IN_PROGRESS and case.unit_id != lead_id:
            name = session.get_one(Unit, case.unit_id).name
            raise Conflict(f"诉求 {case.number} 已经由“{name}”办理中，请由它主办，或者先请它办结、退单")
        if lead_id is not None and case.unit_id != lead_id and not _may_have(case, lead_id, may):
            raise Conflict(f"主办单位不管诉求 {case.number} 的地方，请换一个主办，或者请它协办")


def _may_have(case: Case, unit_id: int, may: Mapping[int, Choice]) -> bool:
    return unit_id in {unit.id for unit in may[case.id].units}


def _must_be_free(session: Session, found: Sequence[Case]) -> None:
    taken = (
        sa.select(Case.number, Order.number)
        .join_from(OrderCase, Order, Order.id == OrderCase.order_id)
        .join(Case, Case.id == OrderCase.case_id)
        .where(
            OrderCase.case_id.in_([case.id for case in found]),
            Order.status.in_((OrderStatus.DRAFTED, OrderStatus.ISSUED)),
        )
    )
    for case, order in session.execute(taken.limit(1)):
        raise Conflict(f"诉求 {case} 已经在发令单 {order} 里了")


def of_order(session: Session, order: Order) -> list[Case]:
    """The cases under the order, in the order in which they came."""
    own = sa.select(Case).join(OrderCase).where(OrderCase.order_id == order.id)
    return list(session.scalars(own.order_by(Case.id)))


def assign(session: Session, order: Order, actor: Actor, at: datetime) -> None:
    """Send to the lead unit what still can be sent. Its people are alerted by the order alone.

    Raises Conflict where the lead has come to serve a case no longer since it was drafted.

    What is owed to them for the cases is taken back before anybody can see it: the order's alert says the
    same to the same people, and signing for the order signs for its cases.
    """
    found = of_order(session, order)
    if not found:
        return
    before = session.scalar(sa.select(sa.func.max(Notification.id))) or 0
    may = binding.choices(session, found)
    sent = [case for case in found if _send(session, order, case, actor, at, may)]
    session.execute(
        sa.delete(Notification).where(
            Notification.id > before,
            Notification.message == Message.CASE_ASSIGNED,
            Notification.fields["number"].astext.in_([case.number for case in sent]),
        )
    )


def _send(
    session: Session, order: Order, case: Case, actor: Actor, at: datetime, may: Mapping[int, Choice]
) -> bool:
    if case.status is Status.ASSIGNED and case.unit_id == order.unit_id:
        return False
    if case.status in UNSIGNED and not _may_have(case, order.unit_id, may):
        raise Conflict(f"主办单位已经不管诉求 {case.number} 的地方，请先“修改”发令单，换一个主办，再批准")
    if case.status is Status.SUBMITTED:
        _step(session, case, Action.ACCEPT, actor, Given(), at)
    given = Given(note=f"发令单 {order.number}", unit_id=order.unit_id)
    return _step(session, case, Action.ASSIGN, actor, given, at)


def acknowledge(session: Session, order: Order, actor: Actor, at: datetime) -> None:
    """The lead has signed for the order, and so for its cases."""
    for case in _with_lead(session, order):
        _step(session, case, Action.ACKNOWLEDGE, actor, Given(), at)


def resolve(session: Session, order: Order, actor: Actor, at: datetime) -> None:
    """Give every case the order's answer and outcome; merged members follow their masters by themselves."""
    given = Given(note=order.answer or "", outcome=order.outcome, has_proof=True)
    for case in _with_lead(session, order):
        _step(session, case, Action.ACKNOWLEDGE, actor, Given(), at)  # one that was assigned again meanwhile
        _step(session, case, Action.RESOLVE, actor, given, at)


def release(session: Session, order: Order, actor: Actor, at: datetime) -> None:
    """The order is withdrawn: what the lead has not signed for goes back to the desk."""
    given = Given(note=f"发令单 {order.number} 已撤回")
    for case in _with_lead(session, order) if order.approved_at else ():
        _step(session, case, Action.RETRACT, actor, given, at)


def _with_lead(session: Session, order: Order) -> list[Case]:
    return [case for case in of_order(session, order) if case.unit_id == order.unit_id]


def _step(session: Session, case: Case, action: Action, actor: Actor, given: Given, at: datetime) -> bool:
    """Take the step if the case and this person's posts allow it: a case may have gone its own way."""
    if action not in allowed(case.status, actor.roles_over(case)):
        return False
    cases.perform(session, case.number, action, actor, given, at=at)
    return True
