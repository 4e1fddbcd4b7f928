"""What the fields of a step's form offer to choose from: units, places, officers, cases, categories."""

from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.orm import Session

from backend.cases import category_search, delegation, dispatch
from backend.cases.models import Case, Category, Duty
from backend.places import queries as places

Options = Sequence[tuple[int, str]]


@dataclass(frozen=True)
class Units:
    """The units to choose from, first those that are suggested; the first of these, and why it is that."""

    options: Options
    suggested: int | str = ""
    why: str = ""


def units(session: Session, case: Case) -> Units:
    """Those that serve where the case is, in the order in which they are likely."""
    serving = [(unit.id, unit.name) for unit in places.units_serving(session, case)]
    found = dispatch.suggest(session, case)
    if found is None:
        return Units(serving)
    named = [(unit.id, unit.name) for unit in (found.unit, *found.others)]
    return Units(list(dict.fromkeys(named + serving)), found.unit.id, found.why)


def officers(session: Session, case: Case) -> Options:
    """The people of the unit that has the case, who should have it first; with duty and load in words."""
    return [(one.officer_id, one.words) for one in delegation.candidates(session, case)]


def where(session: Session, case: Case) -> Options:
    """The places of the case's district."""
    if case.district_id is None:
        return []
    found = places.choices(session, case.district_id)
    return [(p.id, p.name if p.path.endswith(p.name) else f"{p.path} / {p.name}") for p in found]


def categories(session: Session, case: Case) -> Options:
    """What the dictionary has for the words of the report, and what the case is filed under already."""
    said = [one.category for one in category_search.category_suggestions(session, case.report)]
    filed = session.get(Category, case.category_id) if case.category_id else None
    return list(
        {one.id: one.path for one in (filed, *said) if one is not None and one.until_id is None}.items()
    )


def bases(session: Session, case: Case) -> str:
    """The duty rule by which the case came to its unit; who sends it back says what speaks against."""
    decision = dispatch.route(session, case)
    duty_id = decision.duty.id if decision else None
    return session.scalar(sa.select(Duty.source).where(Duty.id == duty_id)) or ""
