"""Which units an order may bind. Forms offer them and verbs ask for them here, and nowhere else."""

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy.orm import Session

from backend.cases import dispatch, duty_rules
from backend.cases.dispatch import Choice
from backend.cases.models import Case
from backend.errors import NotFound
from backend.places import queries as places
from backend.places.models import Unit

ELSEWHERE = "有的单位已经停用，或者不管这个地方，请重新选择"
FACTS = (*duty_rules.PLACES, "channel", "code_id", "category_id")  # all that tells two cases' units apart


def choices(session: Session, cases: Sequence[Case]) -> dict[int, Choice]:
    """To whom each of these cases may go, by its id: asked once for all that are alike."""
    alike = {_facts(case): case for case in cases}
    found = {facts: dispatch.choice(session, case) for facts, case in alike.items()}
    return {case.id: found[_facts(case)] for case in cases}


def _facts(case: Case) -> tuple[Any, ...]:
    return tuple(getattr(case, name) for name in FACTS)


def choice(session: Session, where: Any, of_cases: Iterable[Choice] = ()) -> Choice:
    """The units that an order there may bind, the likely ones first, and what its first case suggests.

    `where` is any row with the columns of areas. They are those to whom one of its cases may go, and all that
    serve where it is.
    """
    found = list(of_cases)
    units = [unit for one in found for unit in one.units]
    every = {unit.id: unit for unit in (*units, *places.units_serving(session, where))}
    return Choice(list(every.values()), found[0].suggested if found else None)


def units(
    session: Session,
    where: Any,
    unit_ids: Sequence[int],
    of_cases: Iterable[Choice] = (),
    named: Sequence[Unit] = (),
) -> list[Unit]:
    """These units, if an order there may bind each, or has `named` it before and it is open.

    Raises NotFound.
    """
    still = [unit for unit in named if unit.closed_at is None]
    known = {unit.id: unit for unit in (*choice(session, where, of_cases).units, *still)}
    if not known.keys() >= set(unit_ids):
        raise NotFound(ELSEWHERE)
    return [known[unit_id] for unit_id in unit_ids]
