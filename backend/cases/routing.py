"""The duty list (职责清单) decides which unit answers: the most specific duty wins, and says why."""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from functools import cache, partial
from itertools import product
from typing import NamedTuple

Chain = tuple[int, ...]  # ids from the leaf up to the top
Key = tuple[int | None, int | None, str | None]  # category, area, channel; None is any
Name = Callable[[str, int | str], str]  # "category", "area", "channel" or "unit", and which one

ANY = {"category": "任何类别", "area": "任何地点"}

DEAD = {
    "unit": "责任单位已停用或不存在，请改为现在的单位",
    "assisting": "协办单位已停用或不存在，请去掉或更换",
    "category": "类别已停用或不存在，请改为现在的类别",
    "area": "地点已停用或不存在，请改为现在的地点",
}


@dataclass(frozen=True)
class Duty:
    """Who answers for a category in an area (and by a channel). None means any; source is a text."""

    id: int
    unit_id: int
    category_id: int | None = None
    area_id: int | None = None
    channel: str | None = None
    assisting: tuple[int, ...] = ()
    source: str = ""

    @property
    def key(self) -> Key:
        return self.category_id, self.area_id, self.channel

    def said(self, name: Name) -> str:
        """路灯 × 望溪街道 → 城管局（三定方案第五条）"""
        source = f"（{self.source}）" if self.source else ""
        return f"{_scope(self, name)} → {name('unit', self.unit_id)}{source}"


class Question(NamedTuple):
    """Whose is a case of this category, in this place, that came this way?"""

    categories: Chain
    areas: Chain
    channel: str | None = None


@dataclass(frozen=True)
class Decision:
    """The duty that decided, and what it beat: the overlapping ones first, then the ever less specific."""

    duty: Duty
    beaten: tuple[Duty, ...] = ()

    @property
    def units(self) -> list[int]:
        """Distinct units, the winner's first: what to suggest as first, second and third choice."""
        return list(dict.fromkeys(duty.unit_id for duty in (self.duty, *self.beaten)))

    @property
    def overlapping(self) -> tuple[Duty, ...]:
        """Duties for exactly the same that name another unit: only their later id made them lose."""
        same = (duty for duty in self.beaten if duty.key == self.duty.key)
        return tuple(duty for duty in same if duty.unit_id != self.duty.unit_id)

    def why(self, name: Name) -> str:
        """One Chinese sentence for the officer who asks."""
        said = [f"按“{_scope(self.duty, name)}”的职责，派给{name('unit', self.duty.unit_id)}"]
        wider = next((duty for duty in self.beaten if duty.key != self.duty.key), None)
        if wider:
            said.append(_against(self.duty, wider, name))
        if self.overlapping:
            others = "、".join(dict.fromkeys(name("unit", duty.unit_id) for duty in self.overlapping))
            said.append(f"同样的职责还写给了{others}，这里按登记在先的，请核对职责清单")
        return "；".join(said)


class Index:
    """Duties by what they are for: deciding looks up the question's own keys and never scans the list."""

    def __init__(self, duties: Iterable[Duty]) -> None:
        by_key: dict[Key, list[Duty]] = defaultdict(list)
        for duty in sorted(duties, key=lambda duty: duty.id):
            by_key[duty.key].append(duty)
        self._by_key = dict(by_key)

    def candidates(self, question: Question) -> Iterator[Duty]:
        """Every duty that covers the question, the most specific first."""
        for key in _keys(question):
            yield from self._by_key.get(key, ())


def decide(index: Index, question: Question) -> Decision | None:
    """The most specific duty wins; None when no duty covers the question.

    Specific means: the deeper category first, among equals the deeper area, among equals the named channel
    before any; what is equal in all three is an overlap, and the lower id wins. What a matter is says more
    about whose it is than where it is, and how it came says least: on a district's real cases of months
    held back, lists derived from the earlier ones named the true unit for 57 % of the cases in this order,
    for 52 % with the area first and for 53 % with the channel first (57 % with channel before area).
    Costs (categories + 1) x (areas + 1) x 2 look-ups.
    """
    covering = tuple(index.candidates(question))
    return Decision(covering[0], covering[1:]) if covering else None


def overlaps(duties: Iterable[Duty]) -> list[tuple[Duty, ...]]:
    """Duties for exactly the same that name different units: each group by id, the winner first."""
    groups: dict[Key, list[Duty]] = defaultdict(list)
    for duty in sorted(duties, key=lambda duty: duty.id):
        groups[duty.key].append(duty)
    return [tuple(group) for group in groups.values() if len({duty.unit_id for duty in group}) > 1]


class Gap(NamedTuple):
    """Nobody answers for this category anywhere in this area."""

    category_id: int
    area_id: int


def gaps(leaves: Iterable[Chain], areas: Collection[Chain], index: Index) -> list[Gap]:
    """Where a case would find no unit: each leaf category in each of these areas (communities, as chains).

    A gap is told once, at the highest area that it fills. A duty of one channel alone fills no gap.
    """
    within = _within(areas)
    found = []
    for leaf in leaves:
        missing = {place[0] for place in areas if not _is_covered(index, Question(leaf, place))}
        highest = dict.fromkeys(_highest(place, within, missing) for place in areas if place[0] in missing)
        found += [Gap(leaf[0], area_id) for area_id in highest]
    return found


def dead(
    duties: Iterable[Duty],
    living_units: Collection[int],
    living_categories: Collection[int],
    living_areas: Collection[int],
) -> list[tuple[Duty, str]]:
    """Duties that name what is no more, each with every cure it needs (a Chinese sentence)."""
    found = []
    for duty in duties:
        wrong = {
            "unit": duty.unit_id not in living_units,
            "assisting": any(unit_id not in living_units for unit_id in duty.assisting),
            "category": duty.category_id is not None and duty.category_id not in living_categories,
            "area": duty.area_id is not None and duty.area_id not in living_areas,
        }
        if any(wrong.values()):
            found.append((duty, "；".join(DEAD[part] for part, is_wrong in wrong.items() if is_wrong)))
    return found


class Alike(NamedTuple):
    """Past cases that ask the same and went to the same unit: the first of them, and how many there are."""

    case_id: int
    question: Question
    actual: int
    cases: int = 1


class Difference(NamedTuple):
    """Past cases that the new list sends elsewhere: the first of them, and how many there are."""

    case_id: int
    before: Decision | None
    after: Decision | None
    actual: int
    cases: int = 1


@dataclass
class Comparison:
    """How past cases would have gone. Every case is in one of the first four counts; same counts too
    those that neither list answers. The agreed ones name the unit that it really went to."""

    same: int = 0
    changed: int = 0
    newly_answered: int = 0
    no_longer_answered: int = 0
    agreed_before: int = 0
    agreed_after: int = 0


def compare(old: Index, new: Index, past: Iterable[Alike]) -> tuple[Comparison, list[Difference]]:
    """How would these cases have been routed? Each question is decided once."""
    counts, differences = Comparison(), []
    by_old, by_new = cache(partial(decide, old)), cache(partial(decide, new))
    for case_id, question, actual, cases in past:
        before, after = by_old(question), by_new(question)
        counts.agreed_before += cases * (_unit(before) == actual)
        counts.agreed_after += cases * (_unit(after) == actual)
        change = _change(before, after)
        setattr(counts, change, getattr(counts, change) + cases)
        if change != "same":
            differences.append(Difference(case_id, before, after, actual, cases))
    return counts, differences


def _keys(question: Question) -> Iterator[Key]:
    channels = (question.channel, None) if question.channel else (None,)
    return product((*question.categories, None), (*question.areas, None), channels)


def _scope(duty: Duty, name: Name) -> str:
    """占道经营 × 坑梓街道, and the channel where one is named."""
    parts = [
        ANY["category"] if duty.category_id is None else name("category", duty.category_id),
        ANY["area"] if duty.area_id is None else name("area", duty.area_id),
    ]
    return " × ".join(parts + ([name("channel", duty.channel)] if duty.channel else []))


def _against(duty: Duty, wider: Duty, name: Name) -> str:
    if wider.unit_id == duty.unit_id:
        return f"“{_scope(wider, name)}”的职责也是派给它"
    return f"比“{_scope(wider, name)}”（{name('unit', wider.unit_id)}）更具体"


def _is_covered(index: Index, question: Question) -> bool:
    return next(index.candidates(question), None) is not None


def _within(areas: Iterable[Chain]) -> dict[int, set[int]]:
    """Area → the places in it, itself among them if it is one."""
    within: dict[int, set[int]] = defaultdict(set)
    for place in areas:
        for area_id in place:
            within[area_id].add(place[0])
    return within


def _highest(place: Chain, within: dict[int, set[int]], missing: set[int]) -> int:
    return [area_id for area_id in place if within[area_id] <= missing][-1]


def _unit(decision: Decision | None) -> int | None:
    return decision.duty.unit_id if decision else None


def _change(before: Decision | None, after: Decision | None) -> str:
    if _unit(before) == _unit(after):
        return "same"
    if before is None:
        return "newly_answered"
    return "changed" if after else "no_longer_answered"
