"""Which units an order may bind. Forms offer them and verbs ask for them here, and nowhere else."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy.orm import Session

from backend.cases import dispatch
from backend.cases.dispatch import Choice
from backend.cases.models import Case
from backend.errors import NotFound
from backend.places import queries as places
from backend.places.models import Unit

ELSEWHERE = "有的单位已经停用，或者不管这个地方，请重新选择"


def choice(session: Session, where: Any, cases: Sequence[Case] = ()) -> Choice:
    """The units that an order there may bind, the likely ones first, and what its first case suggests.

    `where` is any row with the columns of areas. They are those to whom one of its cases may go, and all that
    serve where it is.
    """
    found = [dispatch.choice(session, case) for case in cases]
    units = [unit for one in found for unit in one.units]
    every = {unit.id: unit for unit in (*units, *places.units_serving(session, where))}
    return Choice(list(every.values()), found[0].suggested if found else None)


def units(session: Session, where: Any, unit_ids: Sequence[int], cases: Sequence[Case] = ()) -> list[Unit]:
    """These units, if an order there may bind each. Raises NotFound."""
    known = {unit.id: unit for unit in choice(session, where).units}
    if not known.keys() >= set(unit_ids):  # the duty list is asked only where it matters
        known = {unit.id: unit for unit in choice(session, where, cases).units}
    if not known.keys() >= set(unit_ids):
        raise NotFound(ELSEWHERE)
    return [known[unit_id] for unit_id in unit_ids]


def may_lead(session: Session, unit_id: int, case: Case) -> bool:
    """Whether a case may go to this unit with its order."""
    if unit_id in {unit.id for unit in places.units_serving(session, case)}:
        return True
    return unit_id in {unit.id for unit in dispatch.choice(session, case).units}
