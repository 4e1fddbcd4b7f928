"""What a street's unit wants left out of a rate: one that waits, and one that was refused."""

from typing import Any

import sqlalchemy as sa

from backend.cases.deadline_models import Decision
from backend.cases.models import Case
from backend.cases.supervision_models import Exclusion, Measure


def add_exclusions(street: Any) -> None:
    numbers, marks, people = street.book["number"], street.marks, street.people
    refused = {"decided_by": people["supervisor"].id, "decision": marks.text("exclusions.decision")}
    for number, state, fields in (
        (numbers[1], Decision.ASKED, {}),
        (numbers[2], Decision.REFUSED, refused),
    ):
        case_id = street.session.scalars(sa.select(Case.id).where(Case.number == number)).one()
        asked = {"reason": marks.text("exclusions.reason"), "asked_by": people["handler"].id}
        row = Exclusion(case_id=case_id, round=1, measure=Measure.RESOLVED, state=state, **asked | fields)
        street.book["exclusion_id"].append(street.add(row).id)
