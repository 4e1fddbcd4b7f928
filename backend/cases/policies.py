"""How long a clock runs here (时限规则): policies, hours and days of work, as each process keeps them.

Every process reads them again after half a minute at the latest: what an administrator changes holds from
then on for clocks that start, and never for those that run.
"""

import logging
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from threading import Lock
from time import monotonic
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from backend import db, times
from backend.cases import duty_rules, worktime
from backend.cases.category_models import Category
from backend.cases.clocks import POLICY, length
from backend.cases.deadline_models import CalendarDay, Clock, Policy
from backend.cases.models import Case
from backend.cases.routing import Chain
from backend.cases.worktime import Hours
from backend.places.models import Area
from backend.places.roles import Level

logger = logging.getLogger(__name__)
KEPT_S = 30.0
AMBER = 50  # percent of a clock that are left when it turns amber, where no policy says otherwise
REST_DAYS = 7  # entered for a year make it a known one: the law has more than ten outside weekends


@dataclass(frozen=True)
class Facts:
    """What the length of a clock depends on."""

    urgent: bool = False
    category_id: int | None = None
    chain: Chain = ()  # the places above, the nearest first
    place_id: int | None = None
    limit: tuple[int, bool] | None = None  # the category's own: hours, and whether of working days


@dataclass(frozen=True)
class Times:
    """A clock that starts now. `is_estimated`: past the last year whose holidays are known."""

    minutes: int
    in_working_time: bool
    amber_at: datetime
    due_at: datetime
    is_estimated: bool = False


@dataclass(frozen=True)
class World:
    """All that the length of a clock depends on beside the case."""

    rules: Mapping[Clock, Sequence[Any]] = field(default_factory=dict)  # rows of policies
    chains: Mapping[int, Chain] = field(default_factory=dict)  # of categories, where a rule names one
    places: Mapping[int, tuple[Level, Chain]] = field(default_factory=dict)  # where a rule asks for them
    hours: Mapping[int, Hours] = field(default_factory=dict)  # of areas that have their own
    days: Mapping[date, bool] = field(default_factory=dict)

    def is_working(self, day: date) -> bool:
        said = self.days.get(day)
        return times.is_working_day(day) if said is None else said

    def is_known(self, year: int) -> bool:
        """Whether the holidays of this year are known, by the State Council's notice or an administrator."""
        if times.is_published(year):
            return True
        return sum(day.year == year and not works for day, works in self.days.items()) >= REST_DAYS

    def hours_of(self, chain: Chain) -> Hours:
        """The hours of the nearest place that has its own."""
        return next((self.hours[place] for place in chain if place in self.hours), worktime.HOURS)


_kept: list[tuple[float, World]] = []
_lock = Lock()


def kept() -> World:
    """What this process knows, at most half a minute old, asked for in a transaction of its own: for who has
    none. Who has one takes `in_force`, or would wait for a second connection while holding the first."""
    return _fresh(None)


def in_force(session: Session) -> World:
    """The same, asked for in this transaction when it has to be."""
    return _fresh(session)


def forget() -> None:
    """Ask again next time: this process has changed something."""
    _kept.clear()


def _fresh(session: Session | None) -> World:
    """While one thread asks, the others go on with what they have; who has nothing yet waits for it, or asks
    in the transaction at hand: whoever is asking may be waiting for the connection that this one holds."""
    known = _kept[:1]
    if known and monotonic() - known[0][0] < KEPT_S:
        return known[0][1]
    if not _lock.acquire(blocking=not known and session is None):
        if known:
            return known[0][1]
        assert session is not None  # who has none waits for the lock
        return read(session)
    try:
        return _ask(session, known[0][1] if known else None)
    finally:
        _lock.release()


def _ask(session: Session | None, old: World | None) -> World:
    try:
        if session is not None:
            world = read(session)
        else:
            with db.transaction() as own:
                world = read(own)
    except SQLAlchemyError:
        if session is not None:
            raise
        logger.warning("policies could not be read; what is known of them goes on")
        return old or World()
    _kept[:] = [(monotonic(), world)]
    return world


def read(session: Session) -> World:
    """What stands in the tables now (three queries; two more where policies name entries or places)."""
    columns = [column for column in Policy.__table__.columns if column.name != "created_at"]
    rows = session.execute(sa.select(*columns).where(Policy.ended_at.is_(None))).all()
    rules: dict[Clock, list[Any]] = defaultdict(list)
    for row in rows:
        rules[row.clock].append(row)
    hours = session.execute(sa.select(Area.id, Area.hours).where(Area.hours.is_not(None)))
    days = session.execute(sa.select(CalendarDay.day, CalendarDay.is_working))
    return World(
        rules,
        duty_rules.category_chains(session) if any(row.category_id for row in rows) else {},
        _places(session) if _need_places(rows) else {},
        {area_id: found for area_id, text in hours if (found := _hours(text))},
        {day: is_working for day, is_working in days},
    )


def _hours(text: str | None) -> Hours | None:
    """Forms check what is typed; what came otherwise and cannot be read must not hold up a report."""
    try:
        return worktime.parse(text or "")
    except ValueError:
        logger.warning("working hours that cannot be read")
        return None


def _need_places(rows: Sequence[Any]) -> bool:
    """A case brings its places along, but not their level; one that is opened now brings nothing."""
    first = (row for row in rows if row.clock is Clock.ACCEPT)
    return any(row.level for row in rows) or any(row.area_id or row.in_working_time for row in first)


def _places(session: Session) -> dict[int, tuple[Level, Chain]]:
    columns = [Area.id.label("place_id"), Area.level]
    columns += [getattr(Area, name) for name in duty_rules.PLACES if name != "place_id"]
    rows = session.execute(sa.select(*columns).where(Area.closed_at.is_(None)))
    return {row.place_id: (row.level, duty_rules.place_chain(row)) for row in rows}


def facts_of(session: Session, case: Case, urgent: bool | None = None) -> Facts:
    """Of a case; `urgent` as if it were."""
    category = session.get(Category, case.category_id) if case.category_id is not None else None
    limit = category and category.resolve_hours and (category.resolve_hours, category.in_working_days)
    return Facts(
        case.urgent if urgent is None else urgent,
        case.category_id,
        duty_rules.place_chain(case),
        case.place_id,
        limit or None,
    )


def facts_of_order(order: Any) -> Facts:
    """Of an order (anything with its place's columns)."""
    return Facts(order.urgent, None, duty_rules.place_chain(order), order.place_id)


def facts_of_place(world: World, place_id: int | None, urgent: bool) -> Facts:
    """Of a case that is opened now: without asking the database."""
    _, chain = world.places.get(place_id or 0, (None, ()))
    return Facts(urgent, None, chain, place_id)


def times_of(world: World, clock: Clock, facts: Facts, at: datetime) -> Times:
    """When a clock that starts now turns amber and runs out."""
    minutes, in_working_time, amber = terms(world, clock, facts)
    if not in_working_time:
        due_at = at + timedelta(minutes=minutes)
        return Times(minutes, False, due_at - timedelta(minutes=minutes) * amber / 100, due_at)
    hours = world.hours_of(facts.chain)
    due_at = worktime.add_working(at, minutes, hours, world.is_working)
    until_amber = max(1, minutes * (100 - amber) // 100)
    amber_at = worktime.add_working(at, until_amber, hours, world.is_working)
    return Times(minutes, True, amber_at, due_at, not world.is_known(times.local(due_at).year))


def terms(world: World, clock: Clock, facts: Facts) -> tuple[int, bool, int]:
    """The minutes of a clock, whether they are working time, and at how many percent left it turns amber.

    The policy that names more wins, in this order: the entry of the dictionary (the nearest above the case's
    own), the area (the nearest around the place), the level of the place, the urgency. An entry's own time
    limit to resolve stands between policies that name an entry and those that do not; an urgent case has
    none. What holds for urgent and others alike never gives an urgent case longer than the table does.
    """
    shortest, rule = _minutes(length(clock, facts.urgent)), _best(world, clock, facts)
    has_limit = facts.limit and clock is Clock.RESOLVE and not facts.urgent
    if facts.limit and has_limit and (rule is None or rule.category_id is None):
        return _limit(world, facts, *facts.limit)
    if rule is None:
        return shortest, POLICY[clock].in_working_time and not facts.urgent, AMBER
    if facts.urgent and rule.urgent is None and rule.minutes >= shortest:
        return shortest, False, rule.amber
    return rule.minutes, rule.in_working_time, rule.amber


def _limit(world: World, facts: Facts, hours: int, in_days: bool) -> tuple[int, bool, int]:
    day = worktime.day_minutes(world.hours_of(facts.chain))
    return (max(1, hours // 24) * day, True, AMBER) if in_days else (hours * 60, False, AMBER)


def _best(world: World, clock: Clock, facts: Facts) -> Any:
    """The policy that names most of the case, or None."""
    ranked = [(rank, row) for row in world.rules.get(clock, ()) if (rank := _rank(world, row, facts))]
    return max(ranked, key=lambda pair: pair[0])[1] if ranked else None


def _rank(world: World, rule: Any, facts: Facts) -> tuple[int, ...] | None:
    """How much of the case the rule names, to be compared; None where it is about something else."""
    own = world.chains.get(facts.category_id or 0, ())
    level, _ = world.places.get(facts.place_id or 0, (None, ()))
    standing = world.chains.get(rule.category_id, (rule.category_id,))[0] if rule.category_id else None
    found = (
        place_in(standing, own),
        place_in(rule.area_id, facts.chain),
        place_in(rule.level, (level,)),
        place_in(rule.urgent, (facts.urgent,)),
    )
    return None if None in found else tuple(each for each in found if each is not None)


def place_in(named: Any, way: Sequence[Any]) -> int | None:
    """The higher, the nearer; 0 where nothing is named, None where it is not on the way."""
    if named is None:
        return 0
    return len(way) - way.index(named) if named in way else None


def _minutes(span: timedelta) -> int:
    return int(span.total_seconds()) // 60
