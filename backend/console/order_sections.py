"""Orders on the page of a case: those that it is under, and the way to draft one from it."""

from sqlalchemy.orm import Session

from backend.cases.models import Case
from backend.cases.service import Actor
from backend.cases.workflow import DESK, UNSOLVED
from backend.cases.workflow import Status as CaseStatus
from backend.console.case_forms import Facts, Section
from backend.orders import queries
from backend.orders.workflow import STATUS_LABELS, Status

SENDABLE = frozenset(UNSOLVED) - {CaseStatus.DISPUTED}  # what is disputed waits for its ruling


def _orders(session: Session, case: Case, actor: Actor) -> Facts | None:
    """Nothing where there is none and the reader may draft none."""
    found = queries.of_case(session, case, actor.posts)
    is_free = not any(order.status in (Status.DRAFTED, Status.ISSUED) for order in found)
    may_draft = is_free and case.status in SENDABLE and not actor.roles_over(case).isdisjoint(DESK)
    if not found and not may_draft:
        return None
    return {"orders": found, "may_draft": may_draft, "labels": STATUS_LABELS}


SECTIONS: list[Section] = [Section("console/sections/orders.html", _orders)]
