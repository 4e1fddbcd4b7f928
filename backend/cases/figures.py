"""The published figures: each rate of a period, with what it was taken of and what was left out.

Months that lie within the period are read as sums, its broken ends as the standings of cases, and what was
written since those were looked at (standings.py) by the formulas themselves: all in one statement, so that it
is what the formulas count at this moment. How the cost grows is in docs/performance.md.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy.orm import Session

from backend.cases import standings
from backend.cases.formulas import FORMULAS, Condition
from backend.cases.models import Case
from backend.cases.standing_models import Standing, StandingSum
from backend.cases.standings import COLUMNS, SUMS, month_of, numbers, standing_now, unlooked_rows
from backend.cases.supervision_models import Measure
from backend.places import scope
from backend.places.models import Area, Post, Unit
from backend.places.roles import Level
from backend.times import SHANGHAI, now

By = Literal["unit", "community"]
Reach = Sequence[Post] | Area
Period = tuple[datetime, datetime]  # from, and until before
MANY = 20_000  # cases to look at: with so many it is quicker to count everything
KEPT_LEVELS = frozenset({Level.DISTRICT, Level.SUBDISTRICT, Level.COMMUNITY})


@dataclass(frozen=True)
class Rate:
    """A rate as it is published: always with what it was taken of, and what was left out."""

    measure: Measure
    numerator: int
    denominator: int
    excluded: int

    @property
    def percent(self) -> str:
        """With one decimal, never rounded up to a hundred; a dash where nothing counts."""
        if not self.denominator:
            return "—"
        return f"{self.numerator * 1000 // self.denominator / 10:.1f}%"


@dataclass(frozen=True)
class Row:
    """The five rates of one unit or community, or (without a name) of all."""

    id: int | None
    name: str
    rates: dict[Measure, Rate]


def total(rows: Sequence[Row]) -> Row:
    """What the rows come to together: every case is in one of them at most."""
    added = {
        measure: Rate(
            measure,
            sum(row.rates[measure].numerator for row in rows),
            sum(row.rates[measure].denominator for row in rows),
            sum(row.rates[measure].excluded for row in rows),
        )
        for measure in FORMULAS
    }
    return Row(None, "", added)


NOBODY = {"unit": "（还没有派单）", "community": "（不在社区里）"}


def rates(
    session: Session,
    reach: Reach,
    since: datetime,
    until: datetime,
    by: By | None = None,
    at: datetime | None = None,
) -> list[Row]:
    """The five rates of what these posts reach, or of an area, from `since` until before `until`.

    Three queries at most. Without `by` one row for all; with it one for each unit or community that counts
    anything, by name.
    """
    period = (since, min(until, at or now()))
    parts = _parts(reach, period, standings.waiting(session, MANY))
    found: dict[int | None, dict[Measure, Rate]] = {} if by else {None: {}}
    for key, measure, *counts in session.execute(_added(parts, by)):
        found.setdefault(key, {})[measure] = Rate(measure, *counts)
    names = _names(session, by, found)
    rows = [Row(key, names.get(key, ""), _complete(row)) for key, row in found.items()]
    return sorted(rows, key=lambda row: (row.id is None, row.name, row.id or 0))


def counted(session: Session, reach: Reach, measure: Measure, since: datetime, until: datetime) -> Any:
    """The ids of the cases that count in one rate in this period, as a query to ask further with."""
    period = (since, until)
    fresh = _live(measure, reach, period)
    if not _is_kept(reach) or standings.waiting(session, MANY) == MANY:
        return sa.select(fresh.subquery().c.case_id)
    own = (Standing.measure == measure, _lies_in(Standing.moment, period), _within(reach, Standing))
    known = sa.select(Standing.case_id).where(*own, Standing.case_id.not_in(standings.unlooked()))
    return known.union_all(sa.select(unlooked_rows(fresh, Case.id).subquery().c.case_id))


def _parts(reach: Reach, period: Period, waiting: int) -> list[sa.Select[Any]]:
    """Rows to be added up, of whatever is quickest with so many cases that wait to be looked at."""
    if waiting == MANY or not _is_kept(reach):
        return [_rows(_live(measure, reach, period)) for measure in FORMULAS]
    return _kept(reach, period) + (_news(reach, period) if waiting else [])


def _is_kept(reach: Reach) -> bool:
    """Whether standings know what is asked for: districts, subdistricts, communities and units. What else
    there is (a grid, a building) is small."""
    if isinstance(reach, Area):
        levels = {reach.level}
    else:
        levels = {post.area.level for post in reach if post.area is not None and post.unit_id is None}
    return levels <= KEPT_LEVELS


def _kept(reach: Reach, period: Period) -> list[sa.Select[Any]]:
    """What was true when each case was looked at."""
    months, ends = _broken(period)
    return [_sums(reach, months), *(_rows(_standing(reach, end)) for end in ends)]


def _news(reach: Reach, period: Period) -> list[sa.Select[Any]]:
    """What the cases that wait were counted as, to be taken away, and what they count as now."""
    stale = unlooked_rows(_standing(reach, period), Standing.case_id)
    fresh = (unlooked_rows(_live(measure, reach, period), Case.id) for measure in FORMULAS)
    return [_rows(stale, -1), *map(_rows, fresh)]


def _standing(reach: Reach, period: Period) -> sa.Select[Any]:
    columns = [getattr(Standing, name) for name in COLUMNS]
    return sa.select(*columns).where(_lies_in(Standing.moment, period), _within(reach, Standing))


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


def _live(measure: Measure, reach: Reach, period: Period) -> sa.Select[Any]:
    within = (_lies_in(FORMULAS[measure].moment, period), _within(reach, Case))
    return standing_now(measure).where(*within)


def _sums(reach: Reach, months: tuple[date, date]) -> sa.Select[Any]:
    lies_in = (StandingSum.month >= months[0]) & (StandingSum.month < months[1])
    sums = _grouped(StandingSum, [getattr(StandingSum, name).label(name) for name in SUMS])
    return sums.where(lies_in, _within(reach, StandingSum))


def _grouped(rows: Any, counts: Sequence[Any]) -> sa.Select[Any]:
    """Each part is added up by itself first: what is put together is then a few lines of each."""
    key = (rows.measure, rows.community_id, rows.unit_id)
    return sa.select(*key, *(sa.func.sum(each).label(each.name) for each in counts)).group_by(*key)


def _rows(found: sa.Select[Any], sign: int = 1) -> sa.Select[Any]:
    rows = found.subquery().c
    return _grouped(rows, numbers(rows, sign))


def _added(parts: Iterable[sa.Select[Any]], by: By | None) -> sa.Select[Any]:
    """What they come to: a line for each measure (of each unit or community) that counts anything."""
    rows = sa.union_all(*parts).subquery().c
    key: Any = rows[f"{by}_id"] if by else sa.null()
    good, kept, excluded = (sa.cast(sa.func.sum(rows[name]), sa.BigInteger) for name in SUMS)
    by_what = [rows.measure, key] if by else [rows.measure]
    return sa.select(key, rows.measure, good, kept, excluded).group_by(*by_what).having(kept + excluded > 0)


def _lies_in(moment: Any, period: Period) -> Condition:
    within: Condition = (moment >= period[0]) & (moment < period[1])
    return within


def _within(reach: Reach, table: Any) -> Condition:
    if not isinstance(reach, Area):
        return scope.visible(reach, table)
    within: Condition = getattr(table, scope.COLUMNS.get(reach.level, "place_id")) == reach.id
    return within


def _names(session: Session, by: By | None, keys: dict[int | None, Any]) -> dict[int | None, str]:
    if by is None:
        return {}
    table = Unit if by == "unit" else Area
    rows = session.execute(sa.select(table.id, table.name).where(table.id.in_([key for key in keys if key])))
    return {None: NOBODY[by]} | {key: name for key, name in rows}


def _complete(found: dict[Measure, Rate]) -> dict[Measure, Rate]:
    return {measure: found.get(measure, Rate(measure, 0, 0, 0)) for measure in FORMULAS}
