"""The rounds of a case: one begins when it comes back, and is taken back while nobody has worked in it."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from backend.cases import kin
from backend.cases.models import Case, CaseEvent
from backend.cases.workflow import LOOKS, RULES, Action, Outcome, Rule, Status
from backend.places.roles import Role

ONCE = frozenset({"assigned_at", "acknowledged_at", "first_contact_at"})  # in a round the first time counts
TIMES = frozenset(
    {"assigned_at", "acknowledged_at", "first_contact_at", "answered_at"}
    | {"resolved_at", "confirmed_at", "fed_back_at", "closed_at"}
)  # that a case reaches anew in each round
ANSWERING = (Action.RESOLVE, Action.RESOLVE_ON_SPOT, Action.FOLLOW)


def stamp(case: Case, rule: Rule, at: datetime) -> None:
    """Set the time that this row sets."""
    if rule.stamps and not (rule.stamps in ONCE and getattr(case, rule.stamps)):
        setattr(case, rule.stamps, at)


def begin(case: Case) -> None:
    """The next round: what was reached in the last one is only in its steps now."""
    case.round += 1
    for name in TIMES:
        setattr(case, name, None)
    case.outcome = case.arbitrated_at = case.handler_id = case.master_id = None
    case.sent_back = 0


def is_untouched(session: Session, case: Case) -> bool:
    """Whether the resident brought this case back, and nobody but them has done anything since."""
    own = sa.select(CaseEvent.action, CaseEvent.role).where(CaseEvent.case_id == case.id)
    for action, role in session.execute(own.order_by(CaseEvent.id.desc())):
        if action is Action.REOPEN:
            return role is Role.RESIDENT and not kin.members_of(session, case)
        if role is not Role.RESIDENT and action not in LOOKS:
            return False
    return False


def take_back(session: Session, case: Case, at: datetime) -> None:
    """Back to the round before: what it had reached is read from its steps. They do not tell how the unit
    had declared it, and need not: the resident says that it is solved."""
    case.round -= 1
    own = sa.select(CaseEvent).where(CaseEvent.case_id == case.id, CaseEvent.round == case.round)
    for event in session.scalars(own.order_by(CaseEvent.id)):
        _reach(case, event)
    case.outcome = Outcome.SOLVED
    case.closed_at = case.closed_at or at  # of a case that was taken over from elsewhere there are no steps
    case.fed_back_at = case.closed_at


def _reach(case: Case, event: CaseEvent) -> None:
    """What this step had reached. A case that was closed by it was never closed before in this round."""
    rule = RULES[event.action]
    if rule.stamps in TIMES:
        stamp(case, rule, event.created_at)
    if event.action in (*ANSWERING, Action.PROGRESS):
        case.answered_at = case.answered_at or event.created_at
    if event.action in ANSWERING:
        case.handler_id = event.officer_id
    if event.action in (Action.SEND_BACK, Action.DISPUTE):
        case.sent_back += 1
    if event.action is Action.ARBITRATE:
        case.arbitrated_at = event.created_at
    if event.to_status is Status.CLOSED and event.from_status is not Status.CLOSED:
        case.closed_at = case.closed_at or event.created_at
