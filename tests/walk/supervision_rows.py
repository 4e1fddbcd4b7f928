"""What a street's supervisor has asked of its unit, and the street's monthly notices."""

from datetime import date, timedelta
from typing import Any

import sqlalchemy as sa

from backend.cases.models import Case
from backend.cases.supervision_models import MonthlyNotice, Supervised, Supervision
from backend.orders import notice_figures
from backend.times import now

DAY = timedelta(days=1)


def add_supervisions(street: Any) -> None:
    """One that is answered, then one that waits; what the street's unit is asked stands in both."""
    number = sa.select(Case.id).where(Case.number == street.book["number"][2])
    asked = {"case_id": street.session.scalars(number).one(), "unit_id": street.units[0].id}
    asked |= {"officer_id": street.people["supervisor"].id, "due_at": now() + DAY}
    answered = {"state": Supervised.ANSWERED, "answer": street.marks.text("supervisions.answer")}
    answered |= {"answered_by": street.people["handler"].id, "answered_at": now()}
    for fields in (answered, {}):
        row = Supervision(text=street.marks.text("supervisions.text"), **asked | fields)
        street.book["supervision_id"].append(street.add(row).id)


def add_notices(street: Any) -> None:
    """One that is published, then a draft, which is for those alone who command the street."""
    months = {8: ("monthly_notices.words", now()), 9: ("monthly_notices.draft", None)}
    for month, (kind, published_at) in months.items():
        first = date(2026, month, 1)
        row = MonthlyNotice(
            area_id=street.area.id,
            month=first,
            figures=notice_figures.taken(street.session, street.area, first, now()),
            words=street.marks.text(kind),
            officer_id=street.people["supervisor"].id,
            published_at=published_at,
            is_public=published_at is not None,
        )
        street.book["notice_id"].append(street.add(row).id)
