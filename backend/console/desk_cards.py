"""The cards of the duty desk: a waiting case with everything that decides where it goes."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from backend.cases import category_search, dispatch, similar, waiting
from backend.cases.dispatch import Suggestion
from backend.cases.models import Case
from backend.cases.service import Actor
from backend.cases.similar import Similar
from backend.cases.waiting import Facts
from backend.console import wording
from backend.console.wording import Due
from backend.wechat.understanding import understand

CATEGORIES = 3  # to choose from, of a case that is not filed
ALIKE = 3  # similar cases that are shown


@dataclass(frozen=True)
class Card:
    """A case as the desk shows it. `stamp` changes when something happened to it."""

    case: Case
    facts: Facts
    due: Due | None
    dangers: Sequence[tuple[str, str]]  # the words, and the number to call
    categories: Sequence[tuple[int, str]]  # what it may be about; empty where it is filed
    category_id: int | None  # of these, or the one it is filed under
    suggested: Suggestion | None
    similar: Sequence[Similar]

    @property
    def stamp(self) -> str:
        return f"{self.facts.seen}-{self.facts.photos}"

    @property
    def plan(self) -> str:
        """What one tap would do, for the selected cases: the last event seen, the unit, the category."""
        return plan_of(self.case, self.facts.seen, self.suggested, self.category_id)


def cards(session: Session, actor: Actor, found: Sequence[Case], at: datetime) -> list[Card]:
    """The cards of these cases. Four queries for all of them, and for each card at most nine: what the duty
    list and the dictionary say of it."""
    facts = waiting.facts_of(session, found)
    alike = similar.nearby_each(session, found, actor.posts, ALIKE, at)
    dues = wording.dues(session, found, at)
    return [_card(session, case, facts[case.id], alike[case.id], dues.get(case.id)) for case in found]


def news(found: Sequence[Case], facts: Mapping[int, Facts], at: datetime) -> str:
    """What the first page shows, in short: another text when it has to be drawn again."""
    shown = [(case.number, facts[case.id], wording.due(case, at)) for case in found]
    said = "~".join(f"{number} {one.seen} {one.photos} {due and due.words}" for number, one, due in shown)
    return hashlib.sha256(said.encode()).hexdigest()[:16]


def suggestion(session: Session, case: Case, category_id: int | None) -> Suggestion | None:
    """The unit for a case as if it were filed so."""
    return dispatch.suggest(session, dispatch.as_if(case, category_id))


def categories_of(session: Session, case: Case) -> list[tuple[int, str]]:
    """What a case that is not filed may be about, by the words of its report."""
    if case.category_id is not None:
        return []
    found = category_search.category_suggestions(session, case.report, CATEGORIES)
    return [(one.category.id, one.category.path) for one in found]


def plan_of(case: Case, seen: int, suggested: Suggestion | None, category_id: int | None) -> str:
    if suggested is None:
        return ""
    return f"{case.number}.{seen}.{suggested.unit.id}.{category_id or ''}"


def _card(session: Session, case: Case, facts: Facts, alike: Sequence[Similar], due: Due | None) -> Card:
    choices = categories_of(session, case)
    category_id = case.category_id or (choices[0][0] if choices else None)
    return Card(
        case=case,
        facts=facts,
        due=due,
        dangers=_dangers(case.report),
        categories=choices,
        category_id=category_id,
        suggested=suggestion(session, case, category_id),
        similar=alike,
    )


def _dangers(report: str) -> list[tuple[str, str]]:
    found = [(danger.words.search(report), danger.number) for danger in understand(report).dangers]
    return [(words.group(), number) for words, number in found if words is not None]
