"""A duty list as a matrix: entries of the dictionary down, places across, in each cell who answers."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy.orm import Session

from backend.cases import duty_rules
from backend.cases.categories import is_leaf
from backend.cases.category_models import Category
from backend.cases.duty_names import area_chain
from backend.cases.editions import SEPARATOR
from backend.cases.models import Duty, DutyList
from backend.cases.routing import Chain, Decision, Index, Name, Question, decide
from backend.cases.routing import Duty as Rule
from backend.errors import NotFound
from backend.places.models import Area
from backend.places.roles import Level
from backend.places.scope import lies_in, subtree

PAGE = 50
ACROSS = (Level.SUBDISTRICT, Level.COMMUNITY)  # places that stand across: below these duties rarely differ


class Standing(StrEnum):
    """What a cell has to say."""

    OWN = "own"
    INHERITED = "inherited"
    BELOW = "below"  # nothing for the whole, but an answer everywhere in it
    PARTLY = "partly"  # an answer in some of its communities
    NOBODY = "nobody"


@dataclass(frozen=True)
class Cell:
    """Who answers for an entry in a place; its own duty says so, or it is inherited.

    Where nobody does for the place as a whole (None), its communities may still say so each for itself:
    `answered` of these `communities` do.
    """

    area: Area
    decision: Decision | None
    is_own: bool
    answered: int = 0
    communities: int = 0

    @property
    def standing(self) -> Standing:
        if self.decision is not None:
            return Standing.OWN if self.is_own else Standing.INHERITED
        if not self.answered:
            return Standing.NOBODY
        return Standing.BELOW if self.answered == self.communities else Standing.PARTLY


@dataclass(frozen=True)
class Row:
    """A leaf of the dictionary, with a cell for each place."""

    category: Category
    cells: Sequence[Cell]


def place(session: Session, duty_list: DutyList, area_id: int | None) -> Area:
    """The list's area, or one in it. Raises NotFound."""
    own = session.get_one(Area, duty_list.area_id)
    area = session.get(Area, area_id) if area_id else own
    if area is None or not lies_in(area, own):
        raise NotFound("这份清单不管这个地点，请换一个地点，或打开管这里的清单")
    return area


def columns(session: Session, area: Area) -> list[Area]:
    """What stands across: the area as a whole, then the streets or communities in it."""
    below = sa.select(Area).where(Area.parent_id == area.id, Area.closed_at.is_(None), Area.level.in_(ACROSS))
    return [area, *session.scalars(below.order_by(Area.id))]


def rows(
    session: Session,
    duty_list: DutyList,
    top: Category,
    across: Sequence[Area],
    *,
    after: int | None = None,
    limit: int = PAGE,
) -> list[Row]:
    """The leaves of one branch with their cells, by path. `after` is the id of the last leaf seen."""
    leaves = _leaves(session, top, after, limit)
    chains = duty_rules.living_chains(session, [leaf.id for leaf in leaves])
    index = _index(session, duty_list, {each for leaf in leaves for each in chains[leaf.id]})
    places = _communities(session, across[0])
    return [Row(leaf, [_cell(index, chains, leaf, area, places) for area in across]) for leaf in leaves]


def explain(session: Session, duty_list: DutyList, category: Category, area: Area) -> Cell:
    """One cell, with the rule that decided and what it beat."""
    is_living = category.until_id is None
    chains = (
        duty_rules.living_chains(session, [category.id]) if is_living else duty_rules.category_chains(session)
    )
    index = _index(session, duty_list, chains[category.id])
    return _cell(index, chains, category, area, _communities(session, area))


def scope_words(rule: Rule, name: Name) -> str:
    """占道经营 × 望溪街道 · 12345 热线: what a rule is for."""
    what = name("category", rule.category_id) if rule.category_id else "所有事项"
    where = name("area", rule.area_id) if rule.area_id else "所有地方"
    return f"{what} × {where}" + (f" · {name('channel', rule.channel)}" if rule.channel else "")


def naming(session: Session, found: Sequence[Row]) -> Name:
    """What the units in these rows are called."""
    return duty_rules.naming(session, [cell.decision for row in found for cell in row.cells])


def _leaves(session: Session, top: Category, after: int | None, limit: int) -> Sequence[Category]:
    inside = sa.or_(Category.id == top.id, sa.func.starts_with(Category.path, top.path + SEPARATOR))
    query = sa.select(Category).where(Category.until_id.is_(None), is_leaf(), inside)
    if after is not None:
        seen = sa.select(Category.path).where(Category.id == after).scalar_subquery()
        query = query.where(Category.path > seen)
    return session.scalars(query.order_by(Category.path).limit(limit)).all()


def _index(session: Session, duty_list: DutyList, categories: Collection[int]) -> Index:
    """The rules about these entries: of this list, and of those in force beside it."""
    about = sa.or_(Duty.category_id.is_(None), Duty.category_id.in_(categories))
    return Index(duty_rules.load(session, duty_rules.in_force(session, duty_list), about))


def _communities(session: Session, area: Area) -> list[Chain]:
    """The ways up from the communities below the area."""
    living = sa.select(Area).where(Area.level == Level.COMMUNITY, Area.closed_at.is_(None), subtree(area))
    return [area_chain(one) for one in session.scalars(living.where(Area.id != area.id).order_by(Area.id))]


def _cell(
    index: Index, chains: Mapping[int, Chain], leaf: Category, area: Area, communities: Sequence[Chain]
) -> Cell:
    chain = chains[leaf.id]
    decision = decide(index, Question(chain, area_chain(area)))
    if decision is not None:
        return Cell(area, decision, decision.duty.key == (leaf.id, area.id, None))
    below = [place for place in communities if area.id in place[1:]]
    answered = sum(decide(index, Question(chain, place)) is not None for place in below)
    return Cell(area, None, False, answered, len(below))
