"""How the officers' pages say where a case stands: its deadline, whose turn it is, where it came from."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from backend.cases import deadlines
from backend.cases.clock_ledger import asked_until, is_asked
from backend.cases.deadline_models import Clock, Deadline
from backend.cases.deadlines import POLICY, length
from backend.cases.models import Case
from backend.cases.queries import NEXT_STEP
from backend.cases.workflow import RULES, UNIT, Status
from backend.places.roles import ROLE_LABELS, Role
from backend.times import span, spoken

# The clock that people look at while a case is in this status.
CLOCKS = {
    Status.SUBMITTED: Clock.ACCEPT,
    Status.ACCEPTED: Clock.ASSIGN,
    Status.ASSIGNED: Clock.ACKNOWLEDGE,
    Status.DISPUTED: Clock.ARBITRATE,
    Status.IN_PROGRESS: Clock.RESOLVE,
}
AMBER = 1 / 2  # of a clock's length is left


@dataclass(frozen=True)
class Due:
    """A deadline in words. `tone` is calm, amber or red; `until` stays as it is while time goes on."""

    words: str
    tone: str
    until: str = ""


def dues(session: Session, cases: Sequence[Case], at: datetime) -> dict[int, Due | None]:
    """The deadlines of a page of cases, by the case's id (one query)."""
    clocks = deadlines.nearest_clocks(session, [case.id for case in cases])
    return {case.id: due(case, at, clocks.get(case.id)) for case in cases}


def due(case: Case, at: datetime, row: Deadline | None = None) -> Due | None:
    """The deadline that counts now, or None when none runs.

    With `row`, the clock that runs out first, it is exact; without, the clock is the one that a case in this
    status waits for, and it turns amber where it would without a policy: good enough for a list.
    """
    if row is not None:
        return _said(row.clock, row.due_at, row.amber_at or row.due_at, at)
    if case.due_at is None or case.status not in CLOCKS:
        return None
    clock = _clock(case)
    return _said(clock, case.due_at, case.due_at - length(clock, case.urgent) * AMBER, at)


def _said(clock: Clock, due_at: datetime, amber_at: datetime, at: datetime) -> Due:
    left = due_at - at
    until = f"{POLICY[clock].label}时限 {spoken(due_at, at)}"
    length_in_words = span(max(abs(left), timedelta(minutes=1)))
    if left <= timedelta(0):
        return Due(f"{until}，已超时{length_in_words}", "red", until)
    return Due(f"{until}，还剩{length_in_words}", "amber" if at >= amber_at else "calm", until)


def _clock(case: Case) -> Clock:
    """A unit that has signed for a case speaks to the resident first."""
    is_silent = case.first_contact_at is None and case.answered_at is None and case.question is None
    if case.status is Status.IN_PROGRESS and is_silent and case.resident_id is not None:
        return Clock.FIRST_CONTACT
    return CLOCKS[case.status]


def turn(case: Case, at: datetime, *, is_readers: bool, is_paused: bool) -> str:
    """Who is to act now, and how: the reader, others of the staff, the resident, or nobody.

    A clock that does not wait for an asked resident leaves the turn with the staff.
    """
    if is_paused and is_asked(case, at):
        return f"等居民回复，到{spoken(asked_until(case), at)}后接着计时"
    if case.status is Status.RESOLVED:
        return "等居民确认；居民一直没有回复的，到期自动结案"
    if case.status not in NEXT_STEP:
        return ""
    rule = RULES[NEXT_STEP[case.status]]
    if is_readers:
        return f"等您{rule.label}"
    if case.unit and set(rule.roles) <= set(UNIT):  # not every unit has each of these roles
        return f"等{case.unit.name}{rule.label}"
    return f"等{_either(rule.roles)}“{rule.label}”"


def _either(roles: tuple[Role, ...]) -> str:
    *others, last = [ROLE_LABELS[role] for role in roles if role is not Role.SYSTEM]
    return f"{'、'.join(others)}或{last}" if others else last
