"""How long a street's clocks run, and what its unit has asked about one of them."""

from datetime import date, timedelta
from typing import Any

import sqlalchemy as sa

from backend.cases.deadline_models import (
    CalendarDay,
    ChangeKind,
    Clock,
    Deadline,
    DeadlineChange,
    Decision,
    Policy,
)
from backend.cases.models import Case


def add_deadlines(street: Any) -> None:
    """Two policies of the street, a request for more time, and a day of rest, which is everybody's."""
    for clock in (Clock.RESOLVE, Clock.ANSWER):
        source = street.marks.text("policies.source")
        row = Policy(clock=clock, area_id=street.area.id, minutes=5_000, source=source)
        street.book["rule_id"].append(street.add(row).id)
    street.book["change_id"].append(_ask(street).id)
    days = street.session.scalar(sa.select(sa.func.count()).select_from(CalendarDay)) or 0
    day = CalendarDay(day=date(2031, 6, 2) + timedelta(days=days), is_working=False, name="设备检修")
    street.book["day_id"].append(street.add(day).id)


def _ask(street: Any) -> DeadlineChange:
    number = sa.select(Case.id).where(Case.number == street.book["number"][1])
    own = sa.select(Deadline).where(Deadline.case_id.in_(number), Deadline.clock == Clock.RESOLVE)
    row = street.session.scalars(own).one()
    asked = {"kind": ChangeKind.EXTEND, "state": Decision.ASKED, "minutes": 60, "due_before": row.due_at}
    asked |= {"reason": street.marks.text("deadline_changes.reason"), "case_id": row.case_id}
    change = DeadlineChange(deadline_id=row.id, asked_by=street.people["handler"].id, **asked)
    return street.add(change)
