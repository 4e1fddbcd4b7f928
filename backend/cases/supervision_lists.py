"""Reading the supervision orders (督办单) of a case. Lists of them all: orders/supervision_lists.py."""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session, aliased

from backend.cases.supervision_models import Supervision
from backend.places.models import Officer, Unit


@dataclass(frozen=True)
class Line:
    """A supervision order as it is read, with the names in it."""

    row: Supervision
    unit: str
    supervisor: str
    answered_by: str | None

    def is_late(self, at: datetime) -> bool:
        """Whether the answer came too late, or should be there by now and is not."""
        return self.row.due_at < (self.row.answered_at or self.row.closed_at or at)


def of_case(session: Session, case_id: int) -> list[Line]:
    """All supervisions of a case, the newest first (one query)."""
    issuer, answerer = aliased(Officer), aliased(Officer)
    rows = session.execute(
        sa.select(Supervision, Unit.name, issuer.name, answerer.name)
        .join(Unit, Unit.id == Supervision.unit_id)
        .join(issuer, issuer.id == Supervision.officer_id)
        .outerjoin(answerer, answerer.id == Supervision.answered_by)
        .where(Supervision.case_id == case_id)
        .order_by(Supervision.id.desc())
    )
    return [Line(*row) for row in rows]
