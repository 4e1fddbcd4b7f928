"""What the fields of a step's form offer to choose from: units, places, officers, categories."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from sqlalchemy.orm import Session

from backend.cases import category_search, delegation, dispatch
from backend.cases.category_models import Category
from backend.cases.dispatch import Choice
from backend.cases.models import Case
from backend.places import queries as places

Options = Sequence[tuple[int, str]]


@dataclass
class Offers:
    """What there is to choose from for one case; each is looked up once, however many forms ask for it."""

    session: Session
    case: Case

    @cached_property
    def units(self) -> Choice:
        """Those that may have it, in the order in which they are likely, and what is suggested."""
        if self.case.category_id is None and self.categories:
            category_id, path = self.categories[0]
            return dispatch.guess(self.session, self.case, category_id, path.rpartition(" / ")[2])
        return dispatch.choice(self.session, self.case)

    @cached_property
    def officers(self) -> Options:
        """The people of the unit that has it, who should have it first; with duty and load in words."""
        return [(one.officer_id, one.words) for one in delegation.candidates(self.session, self.case)]

    @cached_property
    def places(self) -> Options:
        """The places of the case's district."""
        if self.case.district_id is None:
            return []
        found = places.choices(self.session, self.case.district_id)
        return [(p.id, p.name if p.path.endswith(p.name) else f"{p.path} / {p.name}") for p in found]

    @cached_property
    def categories(self) -> Options:
        """What the dictionary has for the words of the report, and what the case is filed under already."""
        found = category_search.category_suggestions(self.session, self.case.report)
        filed = self.session.get(Category, self.case.category_id) if self.case.category_id else None
        entries = (filed, *(one.category for one in found))
        living = {one.id: one.path for one in entries if one is not None and one.until_id is None}
        return list(living.items())

    @cached_property
    def rules(self) -> Options:
        """The duties that speak of this case; who sends it back names the one it rests on."""
        return dispatch.rules(self.session, self.case)
