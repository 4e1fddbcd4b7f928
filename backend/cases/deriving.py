"""A duty list proposed from past cases: for each category and area the unit that answered for most."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from itertools import dropwhile, product
from typing import NamedTuple

from backend.cases.routing import Chain, Duty, Index, Key, Question

HOME = 0.9  # a unit is at home in the smallest area that holds this share of its cases
SHARE = 0.1  # a unit with less of a node than this is no answer for it
SEATS = 2  # levels of areas, from the top, that have offices of their own: district and street
MARGIN = 3  # cases by which a unit must lead to be named where no other office is to be expected


class Past(NamedTuple):
    """Cases that were answered: what, where, by which channel, by which unit; when the first and the last
    came, and how many they are."""

    categories: Chain
    areas: Chain
    channel: str | None
    unit_id: int
    on: date
    last: date | None = None  # the day of the first, unless there are more
    cases: int = 1


@dataclass
class History:
    """What the cases say. A node is a duty's key; an id's chain leads from itself up to the top."""

    days: tuple[date, date]
    counts: dict[Key, Counter[int]] = field(default_factory=lambda: defaultdict(Counter))
    categories: dict[int | None, Chain] = field(default_factory=lambda: {None: ()})
    areas: dict[int | None, Chain] = field(default_factory=lambda: {None: ()})
    homes: dict[int, int | None] = field(default_factory=dict)


def derive(past: Iterable[Past], support: int = 1, by_channel: bool = True) -> list[Duty]:
    """Propose duties, ids from 1, wider ones first; each says in its source which cases it rests on.

    A node is a category (or any) in an area (or anywhere), by_channel also for one channel. Its unit is
    the one that answered for most of its cases; of equals the one with more cases in the next wider nodes.
    A unit at home in one street is not named for the district, where it would be right by chance only.
    A node below the streets, or of one channel, must lead by MARGIN cases over the unit that the same
    category has one area up, or for any channel. A node with fewer cases than support, or whose unit has
    less than SHARE of them, is left to the wider duties, and so is one that only repeats them.

    The defaults were chosen on real cases, by weeks and months held back: single cases help where nothing
    else is known; a list without channels is half as long, names the unit as often first and one time in a
    hundred less among three. Costs for each node a look at every area below it: give chains down to the
    level that duties shall have.
    """
    cases = [case if by_channel else case._replace(channel=None) for case in past]
    if not cases:
        return []
    history = _read(cases)
    duties: list[Duty] = []
    for node in sorted(history.counts, key=lambda node: _depth(history, node)):
        unit_id = _answer(history, node, support)
        if unit_id is not None:
            source = _source(history, node, unit_id)
            duties.append(Duty(len(duties) + 1, unit_id, *node, source=source))
    return [replace(duty, id=number) for number, duty in enumerate(_telling(duties, history), start=1)]


def _read(cases: Sequence[Past]) -> History:
    days = [day for case in cases for day in (case.on, case.last or case.on)]
    history = History((min(days), max(days)))
    for case in cases:
        history.categories |= _chains(case.categories)
        history.areas |= _chains(case.areas)
        channels = (case.channel, None) if case.channel else (None,)
        for node in product((*case.categories, None), (*case.areas, None), channels):
            history.counts[node][case.unit_id] += case.cases
    history.homes = _homes(cases, history)
    return history


def _chains(chain: Chain) -> dict[int | None, Chain]:
    return {chain[start]: chain[start:] for start in range(len(chain))}


def _homes(cases: Sequence[Past], history: History) -> dict[int, int | None]:
    """Unit → the smallest area that holds nearly all its cases; None (anywhere) where no area does."""
    places: dict[int, Counter[int | None]] = defaultdict(Counter)
    for case in cases:
        for area_id in (*case.areas, None):
            places[case.unit_id][area_id] += case.cases
    return {unit_id: _home(found, history) for unit_id, found in places.items()}


def _home(found: Counter[int | None], history: History) -> int | None:
    holding = [area_id for area_id, cases in found.items() if cases >= HOME * found[None]]
    return max(holding, key=lambda area_id: len(history.areas[area_id]))


def _depth(history: History, node: Key) -> int:
    category_id, area_id, channel = node
    return len(history.categories[category_id]) + len(history.areas[area_id]) + (channel is not None)


def _answer(history: History, node: Key, support: int) -> int | None:
    best = _foremost(history, node)
    cases = history.counts[node]
    if best is None or cases.total() < support or cases[best] < SHARE * cases.total():
        return None
    usual = _usual(history, node)
    return None if usual not in (None, best) and cases[best] - cases[usual] < MARGIN else best


def _foremost(history: History, node: Key) -> int | None:
    cases = history.counts[node]
    near = (*history.areas[node[1]], None)
    wider = [history.counts[above] for above in _wider(history, node)]
    return max(
        (unit_id for unit_id in cases if history.homes[unit_id] in near),
        key=lambda unit_id: (cases[unit_id], sum(above[unit_id] for above in wider), -unit_id),
        default=None,
    )


def _usual(history: History, node: Key) -> int | None:
    """Whom the node would go to like its neighbours; None where an office of its own is to be expected."""
    category_id, area_id, channel = node
    if channel is not None:
        return _foremost(history, (category_id, area_id, None))
    chain = history.areas[area_id]
    return _foremost(history, (category_id, _above(chain), None)) if len(chain) > SEATS else None


def _wider(history: History, node: Key) -> Iterator[Key]:
    """The nodes one step up: in category, in area, in channel."""
    category_id, area_id, channel = node
    if category_id is not None:
        yield _above(history.categories[category_id]), area_id, channel
    if area_id is not None:
        yield category_id, _above(history.areas[area_id]), channel
    if channel is not None:
        yield category_id, area_id, None


def _above(chain: Chain) -> int | None:
    return chain[1] if len(chain) > 1 else None


def _source(history: History, node: Key, unit_id: int) -> str:
    first, last = history.days
    cases = history.counts[node]
    share = cases[unit_id] / cases.total()
    return f"由 {first} 至 {last} 的 {cases.total()} 件诉求归纳，其中 {share:.0%} 派给该单位"


def _telling(duties: Sequence[Duty], history: History) -> list[Duty]:
    """Without those that say, in every place and for every channel they cover, what decides after them."""
    index = Index(duties)
    places: dict[int | None, list[Chain]] = defaultdict(list)
    for chain in history.areas.values():
        for area_id in (*chain, None):
            places[area_id].append(chain)
    channels = {channel for _, _, channel in history.counts}

    def repeats(duty: Duty) -> bool:
        categories = history.categories[duty.category_id]
        asked = product(places[duty.area_id], (duty.channel,) if duty.channel else channels)
        return all(_next(index, Question(categories, *way), duty) == duty.unit_id for way in asked)

    return [duty for duty in duties if not repeats(duty)]


def _next(index: Index, question: Question, duty: Duty) -> int | None:
    """Whom the question would go to if neither this duty nor a more specific one were there."""
    candidates = dropwhile(lambda candidate: candidate is not duty, index.candidates(question))
    next(candidates)
    return next((candidate.unit_id for candidate in candidates), None)
