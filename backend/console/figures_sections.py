"""The five firsts (五个一) on the page of a case: the five times, and how long each part took."""

from sqlalchemy.orm import Session

from backend.cases import firsts
from backend.cases.models import Case
from backend.cases.service import Actor
from backend.console.case_forms import Facts, Section


def _firsts(_session: Session, case: Case, _actor: Actor) -> Facts | None:
    return {"times": firsts.times(case), "lengths": firsts.lengths(case)}


SECTIONS: list[Section] = [Section("console/sections/firsts.html", _firsts)]
