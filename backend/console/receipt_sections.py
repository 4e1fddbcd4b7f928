"""The receipt on the page of a case: which seal its latest step has."""

from sqlalchemy.orm import Session

from backend.cases import sealing
from backend.cases.models import Case
from backend.cases.service import Actor
from backend.console.case_forms import Facts, Section


def _receipt(session: Session, case: Case, _actor: Actor) -> Facts | None:
    receipt = sealing.receipt_of(session, case.id)
    return {"receipt": receipt} if receipt else None


SECTIONS: list[Section] = [Section("console/sections/receipt.html", _receipt)]
