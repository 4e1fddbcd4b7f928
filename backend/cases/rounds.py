"""The rounds of a case: one begins when it comes back, and is taken back while nobody has worked in it."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from backend.cases import kin
from backend.cases.models import Case, CaseEvent
from backend.cases.workflow import Action, Outcome, Rule
from backend.places.roles import Role

ONCE = frozenset({"assigned_at", "acknowledged_at", "first_contact_at"})  # in a round the first time counts
TIMES = frozenset(
    {"assigned_at", "acknowledged_at", "first_contact_at", "answered_at", "arbitrated_at"}
    | {"resolved_at", "confirmed_at", "fed_back_at", "closed_at"}
)  # that a case reaches anew in each round
FACTS = frozenset({"outcome", "handler_id", "master_id", "sent_back"})  # that it has anew in each round
# Plain SQL: orders know cases, and cases know nothing of orders. A draft leaves no step on the case.
UNDER_ORDER = sa.text("""
    SELECT EXISTS (SELECT FROM order_cases oc JOIN orders o ON o.id = oc.order_id
        WHERE oc.case_id = :case_id AND o.status IN ('drafted', 'issued'))""")


def stamp(case: Case, rule: Rule, at: datetime) -> None:
    """Set the time that this row sets."""
    if rule.stamps and not (rule.stamps in ONCE and getattr(case, rule.stamps)):
        setattr(case, rule.stamps, at)


def begin(case: Case) -> None:
    """The next round: what was reached in the last one is kept beside it, should that round be taken back."""
    times = {name: getattr(case, name) for name in TIMES}
    facts = {name: getattr(case, name) for name in FACTS}
    case.last_round = facts | {name: at and at.isoformat() for name, at in times.items()}
    case.round += 1
    for name in TIMES:
        setattr(case, name, None)
    case.outcome = case.handler_id = case.master_id = None
    case.sent_back = 0


def is_untouched(session: Session, case: Case) -> bool:
    """Whether the resident brought this case back, and nobody but them has done anything since.

    A look at their number counts: a call leaves no other trace, and must not end unseen. So do a member that
    was merged into it and an order drafted from it. Of what came back before rounds were kept nobody knows.
    """
    if case.last_round is None or session.scalar(UNDER_ORDER, {"case_id": case.id}):
        return False
    own = sa.select(CaseEvent.action, CaseEvent.role).where(CaseEvent.case_id == case.id)
    for action, role in session.execute(own.order_by(CaseEvent.id.desc())):
        if role is not Role.RESIDENT:
            return False
        if action is Action.REOPEN:
            return not kin.members_of(session, case)
    return False


def take_back(case: Case, at: datetime) -> None:
    """Back to the round before, as it was kept. What the resident added in the one that is undone, words and
    photos, keeps its number: steps are never rewritten."""
    kept = case.last_round
    assert kept is not None  # or it would not be untouched
    case.round, case.last_round = case.round - 1, None
    for name in TIMES:
        setattr(case, name, kept[name] and datetime.fromisoformat(kept[name]))
    for name in FACTS:
        setattr(case, name, kept[name])
    case.outcome = kept["outcome"] and Outcome(kept["outcome"])
    if case.closed_at is None:  # taken over from elsewhere as it was
        case.closed_at = case.fed_back_at = at
