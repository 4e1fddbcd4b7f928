"""A duty list looked over before it is switched on: twins, gaps, what is no more, past cases tried on it."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from backend.cases import deriving, duties, duty_alikes, duty_rules, routing
from backend.cases.categories import is_leaf
from backend.cases.category_models import Category
from backend.cases.duties import Told
from backend.cases.duty_names import area_chain
from backend.cases.models import Case, Duty, DutyList
from backend.cases.routing import Alike, Chain, Comparison, Decision, Difference, Gap, Index
from backend.cases.routing import Duty as Rule
from backend.errors import Invalid
from backend.places.models import Area
from backend.places.roles import Level
from backend.places.scope import COLUMNS, Editor, subtree
from backend.times import local

MOST = 20_000  # sorts of past cases from which a list is proposed, within a request
SHOWN = 100  # differences that are kept to be looked at
# What two duties for exactly the same have in common.
SAME = (
    sa.func.coalesce(Duty.category_id, 0),
    sa.func.coalesce(Duty.area_id, 0),
    sa.func.coalesce(Duty.channel, ""),
)
HISTORY = (Case.category_id, Case.community_id, Case.subdistrict_id, Case.district_id, Case.unit_id)


@dataclass(frozen=True)
class Check:
    """What is not right with a list. Only `dead` keeps it from being switched on."""

    overlaps: Sequence[tuple[Rule, ...]]
    gaps: Sequence[Gap]
    dead: Sequence[tuple[Rule, str]]


@dataclass(frozen=True)
class Trial:
    """How past cases would have gone: `moves` counts them by the unit before and after (None: nobody)."""

    cases: int
    counts: Comparison
    moves: Sequence[tuple[tuple[int | None, int | None], int]]
    differences: Sequence[Difference] = field(default_factory=list)  # the first SHOWN


def check(session: Session, duty_list: DutyList) -> Check:
    """Twins, gaps and dead duties of a list (gaps as it would be together with the other lists in force)."""
    twins = sa.tuple_(*SAME).in_(
        sa.select(*SAME)
        .where(Duty.list_id == duty_list.id)
        .group_by(*SAME)
        .having(sa.func.count(Duty.unit_id.distinct()) > 1)
    )
    return Check(
        routing.overlaps(duty_rules.load(session, [duty_list.id], twins)),
        gaps(session, duty_list),
        duties.dead_duties(session, duty_list),
    )


def gaps(session: Session, duty_list: DutyList) -> list[Gap]:
    """Leaves of the dictionary for which a case somewhere in the list's area would find no unit.

    Leaves that no duty tells apart share their answer: it is asked once for all of them.
    """
    list_ids = duty_rules.in_force(session, duty_list)
    area = session.get_one(Area, duty_list.area_id)
    alike = _uncertain(session, list_ids, area)
    asked = {each for chain in alike for each in chain}
    about = sa.or_(Duty.category_id.is_(None), Duty.category_id.in_(asked))
    index, places = Index(duty_rules.load(session, list_ids, about)), _places(session, area)
    return [
        Gap(leaf, gap.area_id)
        for chain, same in alike.items()
        for gap in routing.gaps([chain or (0,)], places, index)
        for leaf in same
    ]


def _uncertain(session: Session, list_ids: Sequence[int], area: Area) -> dict[Chain, list[int]]:
    """The leaves for which no duty answers in all of the area, by what of their way up duties name."""
    said = sa.select(Duty.category_id).join(DutyList, DutyList.id == Duty.list_id)
    said = said.where(Duty.list_id.in_(list_ids)).distinct()
    where = sa.func.coalesce(Duty.area_id, DutyList.area_id)
    wide = said.where(Duty.channel.is_(None), where.in_(area_chain(area)))
    named, everywhere = set(session.scalars(said)), set(session.scalars(wide))
    chains = duty_rules.category_chains(session)
    alike: dict[Chain, list[int]] = defaultdict(list)
    leaves = sa.select(Category.id).where(Category.until_id.is_(None), is_leaf()).order_by(Category.path)
    for leaf in session.scalars(leaves):
        if everywhere.isdisjoint((*chains[leaf], None)):
            alike[tuple(each for each in chains[leaf] if each in named)].append(leaf)
    return alike


def try_on_past(session: Session, duty_list: DutyList, since: datetime, until: datetime) -> Trial:
    """How the classified and dispatched cases of this time would have gone, had this list been in force.

    Cases alike are decided alike: they are counted by PostgreSQL, and each sort is decided once.
    """
    chains = duty_rules.category_chains(session)
    old = duty_rules.load(session, duty_rules.in_force(session))
    new = duty_rules.load(session, duty_rules.in_force(session, duty_list))
    seen = duty_alikes.seen_by([*old, *new], chains, *_within(session, duty_list, since, until))
    sorts = session.execute(duty_alikes.sorts(seen)).all()
    past = [Alike(row.first, duty_rules.question(row, chains), row.unit_id, row.cases) for row in sorts]
    counts, differences = routing.compare(Index(old), Index(new), past)
    moves = Counter[tuple[int | None, int | None]]()
    for each in differences:
        moves[_unit(each.before), _unit(each.after)] += each.cases
    keys = {row.first: row.key for row in sorts}
    shown = _one_by_one(session, seen, {keys[each.case_id]: each for each in differences})
    return Trial(sum(row.cases for row in sorts), counts, moves.most_common(), shown)


def _one_by_one(session: Session, seen: sa.Subquery, sorts: dict[str, Difference]) -> list[Difference]:
    """The first SHOWN of the cases that would go elsewhere, each by itself."""
    first = session.execute(duty_alikes.members(seen, list(sorts), SHOWN))
    return [sorts[key]._replace(case_id=case_id, cases=1) for case_id, key in first]


def draft_derived(
    session: Session, editor: Editor, area_id: int, name: str, since: datetime, until: datetime
) -> DutyList:
    """A draft proposed from past cases: who answered for what, where. Raises Invalid where there are none."""
    duty_list = duties.draft(session, editor, area_id, name)
    chains = duty_rules.category_chains(session)
    past = [
        deriving.Past(
            chains[row.category_id], _streets(row), None, row.unit_id, local(row.first).date(),
            local(row.last).date(), row.cases,
        )
        for row in _counted(session, _within(session, duty_list, since, until))
    ]  # fmt: skip
    if not past:
        raise Invalid(
            "没有既归了类又派了单的诉求，推不出职责；请先把诉求归类、派单，或者用“导入导出”导入清单"
        )
    area = session.get_one(Area, area_id)
    told = {each.key: each for each in (_inside(rule, area) for rule in deriving.derive(past))}
    duties.fill(session, duty_list, [_told(rule) for rule in told.values()])
    gone = [rule.id for rule, _ in duties.dead_duties(session, duty_list)]
    session.execute(sa.delete(Duty).where(Duty.id.in_(gone)))
    return duty_list


def _counted(session: Session, within: Sequence[sa.ColumnElement[bool]]) -> Sequence[Any]:
    """These cases by category, community and unit: how many, and when the first and the last came.

    Of more than MOST sorts the commonest: a sort of one case proposes next to nothing and costs as much.
    """
    came = (sa.func.min(Case.discovered_at).label("first"), sa.func.max(Case.discovered_at).label("last"))
    cases, oldest = sa.func.count().label("cases"), sa.func.min(Case.id).label("oldest")
    query = sa.select(*HISTORY, *came, cases, oldest).where(*within).group_by(*HISTORY)
    rows = session.execute(query.order_by(cases.desc(), oldest).limit(MOST)).all()
    return sorted(rows, key=lambda row: row.oldest)


def _streets(row: Any) -> Chain:
    """The way up from a case's community: duties are not told apart any further."""
    above = (row.community_id, row.subdistrict_id, row.district_id)
    return tuple(each for each in above if each is not None)


def _inside(rule: Rule, area: Area) -> Rule:
    """The rule as one of this area's list: what holds for the area or above it is said of no area."""
    return replace(rule, area_id=None) if rule.area_id in area_chain(area) else rule


def _told(rule: Rule) -> Told:
    return Told(rule.unit_id, rule.category_id, rule.area_id, source=rule.source)


def _places(session: Session, area: Area) -> list[Chain]:
    """The ways up from the area's communities, or its own where it has none."""
    within = sa.select(Area).where(Area.level == Level.COMMUNITY, Area.closed_at.is_(None), subtree(area))
    return [area_chain(each) for each in session.scalars(within.order_by(Area.id)).all() or [area]]


def _within(
    session: Session, duty_list: DutyList, since: datetime, until: datetime
) -> list[sa.ColumnElement[bool]]:
    """The conditions for a case of this time in the list's area that has a category and a unit."""
    area = session.get_one(Area, duty_list.area_id)
    column = getattr(Case, COLUMNS.get(area.level, "place_id"))
    has_both = (Case.category_id.is_not(None), Case.unit_id.is_not(None))
    return [column == area.id, *has_both, Case.discovered_at >= since, Case.discovered_at < until]


def _unit(decision: Decision | None) -> int | None:
    return decision.duty.unit_id if decision else None
