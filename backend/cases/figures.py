"""The published figures: each rate of a period, with what it was taken of and what was left out.

Months that lie within the period are read as sums, its broken ends as the standings of cases, and what was
written since those were looked at (standings.py) by the formulas themselves: all in one statement, so that it
is what the formulas count at this moment. How the cost grows is in docs/performance.md.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy.orm import Session

from backend.cases import standings
from backend.cases.formulas import FORMULAS, SURVEYED, Condition
from backend.cases.intervals import SMALL, Interval, percent, wilson
from backend.cases.models import Case
from backend.cases.standing_models import Standing, StandingSum
from backend.cases.standings import (
    COLUMNS,
    SUMS,
    month_of,
    month_of_row,
    numbers,
    standing_now,
    unlooked_rows,
)
from backend.cases.supervision_models import Measure
from backend.db import one_of
from backend.places import scope
from backend.places.models import Area, Post, Unit
from backend.places.roles import Level
from backend.times import SHANGHAI, now

By = Literal["unit", "community", "subdistrict", "month", "category", "way"]
Key = Any  # the id of a unit or area, a month, a word; None where there is none
Reach = Sequence[Post] | Area
Period = tuple[datetime, datetime]  # from, and until before
MANY = 20_000  # cases to look at: with so many it is quicker to count everything
KEPT_LEVELS = frozenset({Level.DISTRICT, Level.SUBDISTRICT, Level.COMMUNITY})


@dataclass(frozen=True)
class Rate:
    """A rate as it is published: always with what it was taken of, and what was left out.

    `is_of_all`: everybody who was asked has answered and counts here, so that nobody is left who might say
    something else. Then there is no interval: it is for what is not known of those who did not answer.
    """

    measure: Measure
    numerator: int
    denominator: int
    excluded: int
    is_of_all: bool = field(default=False, compare=False)

    @property
    def share(self) -> float:
        """Of one; of nothing there is none (ZeroDivisionError)."""
        return self.numerator / self.denominator

    @property
    def percent(self) -> str:
        """As intervals.percent has it; a dash where nothing counts."""
        return percent(self.share) if self.denominator else "—"

    @property
    def interval(self) -> Interval | None:
        return None if self.is_of_all else wilson(self.numerator, self.denominator)

    @property
    def caution(self) -> str:
        """The interval, where residents were asked and few answered (intervals.RULE)."""
        is_small = self.measure in SURVEYED and self.denominator < SMALL
        return self.interval.words if is_small and self.interval else ""


@dataclass(frozen=True)
class Row:
    """The rates of one unit, community, month …, or (without a name) of all."""

    id: Key
    name: str
    rates: dict[Measure, Rate]


def total(rows: Sequence[Row], measures: Collection[Measure] = tuple(FORMULAS)) -> Row:
    """What the rows come to together: every case is in one of them at most."""
    added = {
        measure: Rate(
            measure,
            sum(row.rates[measure].numerator for row in rows),
            sum(row.rates[measure].denominator for row in rows),
            sum(row.rates[measure].excluded for row in rows),
        )
        for measure in measures
    }
    return Row(None, "", _marked(added))


def _marked(found: dict[Measure, Rate]) -> dict[Measure, Rate]:
    """Of the rates of what the same people were asked: which are of all of them (Rate.is_of_all)."""
    asked = found.get(Measure.RESPONDED)
    if asked is None or not asked.denominator or asked.numerator < asked.denominator:
        return found
    surveyed = {key: found[key] for key in SURVEYED if key in found}
    whole = {key for key, rate in surveyed.items() if rate.denominator == asked.denominator}
    return {key: replace(rate, is_of_all=key in whole) for key, rate in found.items()}


NOBODY = {
    "unit": "（没有派给单位）",
    "community": "（不在社区里）",
    "subdistrict": "（不在街道里）",
    "category": "（还没有归类）",
}
NAMED: dict[str, type[Unit] | type[Area]] = {"unit": Unit, "community": Area, "subdistrict": Area}
ANSWERS = frozenset({"category", "way"})  # kept of each case alone, and only of what rests on surveys


def rates(
    session: Session,
    reach: Reach,
    since: datetime,
    until: datetime,
    by: By | None = None,
    at: datetime | None = None,
    measures: Collection[Measure] = tuple(FORMULAS),
) -> list[Row]:
    """These rates of what these posts reach, or of an area, from `since` until before `until`.

    Three queries at most. Without `by` one row for all; with it one for each unit, community … that counts
    anything, by name. By category or way only what rests on surveys is kept (formulas.SURVEYED).
    """
    period = (since, min(until, at or now()))
    asked = Asked(reach, period, by, measures)
    parts = _parts(asked, standings.waiting(session, MANY))
    found: dict[Key, dict[Measure, Rate]] = {} if by else {None: {}}
    for key, measure, *counts in session.execute(_added(parts)):
        found.setdefault(key, {})[measure] = Rate(measure, *counts)
    names = _names(session, by, found)
    whole = {key: _complete(row, measures) for key, row in found.items()}
    # By way those who answered stand apart from those who did not: neither are all who were asked.
    rows = [Row(key, names.get(key, ""), row if by == "way" else _marked(row)) for key, row in whole.items()]
    return sorted(rows, key=lambda row: (row.id is None, row.name, str(row.id)))


@dataclass(frozen=True)
class Asked:
    """What somebody wants to know."""

    reach: Reach
    period: Period
    by: By | None
    measures: Collection[Measure]


def counted(session: Session, reach: Reach, measure: Measure, since: datetime, until: datetime) -> Any:
    """The ids of the cases that count in one rate in this period, as a query to ask further with."""
    period = (since, until)
    fresh = _live(measure, reach, period)
    if not _is_kept(reach) or standings.waiting(session, MANY) == MANY:
        return sa.select(fresh.subquery().c.case_id)
    own = (Standing.measure == measure, _lies_in(Standing.moment, period), _within(reach, Standing))
    known = sa.select(Standing.case_id).where(*own, Standing.case_id.not_in(standings.unlooked()))
    return known.union_all(sa.select(unlooked_rows(fresh, Case.id).subquery().c.case_id))


def _parts(asked: Asked, waiting: int) -> list[sa.Select[Any]]:
    """Rows to be added up, of whatever is quickest with so many cases that wait to be looked at."""
    if waiting == MANY or not _is_kept(asked.reach):
        return [_rows(live, asked.by) for live in _lives(asked)]
    return _kept(asked) + (_news(asked) if waiting else [])


def _is_kept(reach: Reach) -> bool:
    """Whether standings know what is asked for: districts, subdistricts, communities and units. What else
    there is (a grid, a building) is small."""
    if isinstance(reach, Area):
        levels = {reach.level}
    else:
        levels = {post.area.level for post in reach if post.area is not None and post.unit_id is None}
    return levels <= KEPT_LEVELS


def _kept(asked: Asked) -> list[sa.Select[Any]]:
    """What was true when each case was looked at."""
    if asked.by in ANSWERS:
        return [_rows(_standing(asked, asked.period), asked.by)]
    months, ends = _broken(asked.period)
    return [_sums(asked, months), *(_rows(_standing(asked, end), asked.by) for end in ends)]


def _news(asked: Asked) -> list[sa.Select[Any]]:
    """What the cases that wait were counted as, to be taken away, and what they count as now."""
    stale = unlooked_rows(_standing(asked, asked.period), Standing.case_id)
    fresh = [unlooked_rows(live, Case.id) for live in _lives(asked)]
    return [_rows(stale, asked.by, -1), *(_rows(each, asked.by) for each in fresh)]


def _standing(asked: Asked, period: Period) -> sa.Select[Any]:
    columns = [getattr(Standing, name) for name in COLUMNS]
    own = (_lies_in(Standing.moment, period), _within(asked.reach, Standing), _is_asked(asked, Standing))
    return sa.select(*columns).where(*own)


def _is_asked(asked: Asked, table: Any) -> Condition:
    """Written into the statement: only then do partial indexes over the same measures serve it."""
    return one_of(table.measure, asked.measures)


def _broken(period: Period) -> tuple[tuple[date, date], list[Period]]:
    """The months (from, and until before) that lie within a period, and what is left of it at its ends."""
    since, until = period
    first, last = month_of(since), month_of(until)
    if _start(first) < since:
        first = (first + timedelta(days=31)).replace(day=1)
    if first >= last:
        return (last, last), [period]
    ends = [(since, _start(first)), (_start(last), until)]
    return (first, last), [end for end in ends if end[0] < end[1]]


def _start(day: date) -> datetime:
    return datetime.combine(day, time(), SHANGHAI)


def _lives(asked: Asked) -> list[sa.Select[Any]]:
    return [_live(measure, asked.reach, asked.period) for measure in asked.measures]


def _live(measure: Measure, reach: Reach, period: Period) -> sa.Select[Any]:
    formula = FORMULAS[measure]
    within = (_lies_in(formula.moment, period), _within(reach, formula.of))
    return standing_now(measure).where(*within)


def _sums(asked: Asked, months: tuple[date, date]) -> sa.Select[Any]:
    lies_in = (StandingSum.month >= months[0]) & (StandingSum.month < months[1])
    own = (lies_in, _within(asked.reach, StandingSum), _is_asked(asked, StandingSum))
    key = StandingSum.month if asked.by == "month" else _key(StandingSum, asked.by)
    return _grouped(StandingSum, key, [getattr(StandingSum, name).label(name) for name in SUMS]).where(*own)


def _key(rows: Any, by: By | None) -> Any:
    """By what rows are told apart; of all together by nothing."""
    if by is None:
        return sa.null()
    if by == "month":
        return month_of_row(rows)
    return getattr(rows, by if by in ANSWERS else f"{by}_id")


def _grouped(rows: Any, key: Any, counts: Sequence[Any]) -> sa.Select[Any]:
    """Each part is added up by itself first: what is put together is then a few lines of each."""
    sums = (sa.func.sum(each).label(each.name) for each in counts)
    return sa.select(key.label("key"), rows.measure, *sums).group_by(sa.text("key"), rows.measure)


def _rows(found: sa.Select[Any], by: By | None, sign: int = 1) -> sa.Select[Any]:
    rows = found.subquery().c
    return _grouped(rows, _key(rows, by), numbers(rows, sign))


def _added(parts: Iterable[sa.Select[Any]]) -> sa.Select[Any]:
    """What they come to: a line for each measure (of each unit, community …) that counts anything."""
    rows = sa.union_all(*parts).subquery().c
    good, kept, excluded = (sa.cast(sa.func.sum(rows[name]), sa.BigInteger) for name in SUMS)
    found = sa.select(rows.key, rows.measure, good, kept, excluded).group_by(rows.key, rows.measure)
    return found.having(kept + excluded > 0)


def _lies_in(moment: Any, period: Period) -> Condition:
    within: Condition = (moment >= period[0]) & (moment < period[1])
    return within


def _within(reach: Reach, table: Any) -> Condition:
    if not isinstance(reach, Area):
        return scope.visible(reach, table)
    within: Condition = getattr(table, scope.COLUMNS.get(reach.level, "place_id")) == reach.id
    return within


def _names(session: Session, by: By | None, keys: Collection[Key]) -> dict[Key, str]:
    """What the keys are called; months and words say it themselves."""
    if by is None:
        return {}
    nobody: dict[Key, str] = {None: NOBODY.get(by, "")}
    if by not in NAMED:
        return {key: str(key) for key in keys} | nobody
    table = NAMED[by]
    rows = session.execute(sa.select(table.id, table.name).where(table.id.in_([key for key in keys if key])))
    return nobody | {key: name for key, name in rows}


def _complete(found: dict[Measure, Rate], measures: Collection[Measure]) -> dict[Measure, Rate]:
    return {measure: found.get(measure, Rate(measure, 0, 0, 0)) for measure in measures}
