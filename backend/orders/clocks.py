"""The clocks of each unit under an order: which step starts and stops which."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.orm import Session

from backend.cases import clock_ledger, deadlines
from backend.cases.deadline_models import Clock, Deadline
from backend.orders.models import OrderUnit
from backend.orders.workflow import Action

ALL = (Clock.ORDER_ACKNOWLEDGE, Clock.ORDER_ARRIVE, Clock.ORDER_REPORT)
STARTED_BY: dict[Action, tuple[Clock, ...]] = {
    Action.APPROVE: ALL,
    Action.ADD_UNIT: ALL,
    Action.RETURN: (Clock.ORDER_REPORT,),
}
STOPPED_BY: dict[Action, tuple[Clock, ...]] = {
    Action.ACKNOWLEDGE: (Clock.ORDER_ACKNOWLEDGE,),
    Action.ARRIVE: (Clock.ORDER_ARRIVE,),
    Action.REPORT_BACK: ALL,
    Action.ANSWER: ALL,
    Action.WITHDRAW_UNIT: ALL,
    Action.WITHDRAW: ALL,
}


def turn(session: Session, action: Action, parts: Sequence[OrderUnit], at: datetime) -> None:
    """Stop and start the clocks that the step concerns, of these parts; each keeps its nearest deadline."""
    for part in parts:
        if stopped := STOPPED_BY.get(action):
            deadlines.stop_part(session, part.id, stopped, at)
            session.refresh(part, ["due_at"])
        if started := STARTED_BY.get(action):
            deadlines.start_part(session, part, started, at)


def join(session: Session, part: OrderUnit, into: OrderUnit, at: datetime) -> None:
    """Let another part go on with the running clocks of this one; of two alike the sooner runs on."""
    theirs = {row.clock: row for row in _running(session, into)}
    for row in _running(session, part):
        other = theirs.get(row.clock)
        if other is None or row.due_at < other.due_at:
            row.order_unit_id = into.id
            if other is not None:
                other.order_unit_id = part.id
    session.flush()
    deadlines.stop_part(session, part.id, None, at)
    session.refresh(part, ["due_at"])
    deadlines.start_part(session, into, (), at)


def _running(session: Session, part: OrderUnit) -> list[Deadline]:
    return clock_ledger.rows(session, Deadline.order_unit_id == part.id, to_change=True)
