"""The published figures: the five firsts (五个一) with their intervals, and each rate by one formula.

Whatever shows one of them (the page of a case, lists, exports, boards, notices) takes it from these tables.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy.orm import Session, aliased

from backend.cases.deadline_models import Clock, Deadline, Decision
from backend.cases.models import Case, Survey, SurveyState
from backend.cases.supervision_models import Exclusion, Measure
from backend.cases.workflow import Status
from backend.places.models import Area, Post, Unit
from backend.places.scope import COLUMNS, visible
from backend.times import now, span

By = Literal["unit", "community"]
Reach = Sequence[Post] | Area
Condition = sa.ColumnElement[bool]


@dataclass(frozen=True)
class First:
    """One of the five times; `column` is a case's own."""

    label: str
    column: str


@dataclass(frozen=True)
class Interval:
    """From one of a case's times to another, in the words of who reads it."""

    label: str
    start: str
    end: str

    def of(self, case: Case) -> timedelta | None:
        """How long it took; None while one of the times is missing, or where the end came first."""
        start, end = getattr(case, self.start), getattr(case, self.end)
        return end - start if start and end and end >= start else None


FIRSTS = (
    First("第一时间发现", "discovered_at"),
    First("第一时间受理", "accepted_at"),
    First("第一时间化解", "resolved_at"),
    First("第一时间确认", "confirmed_at"),
    First("第一时间反馈", "fed_back_at"),
)
# A unit may speak to the resident before it signs, and what is settled on the spot was never with one.
INTERVALS = {
    "accept": Interval("发现到受理", "discovered_at", "accepted_at"),
    "assign": Interval("受理到派单", "accepted_at", "assigned_at"),
    "acknowledge": Interval("派单到签收", "assigned_at", "acknowledged_at"),
    "first_contact": Interval("派单到先行联系", "assigned_at", "first_contact_at"),
    "resolve": Interval("发现到办结", "discovered_at", "resolved_at"),
    "confirm": Interval("办结到确认", "resolved_at", "confirmed_at"),
    "feedback": Interval("办结到反馈", "resolved_at", "fed_back_at"),
}


def times(case: Case) -> list[tuple[str, datetime | None]]:
    """The five times of a case with their labels."""
    return [(first.label, getattr(case, first.column)) for first in FIRSTS]


def lengths(case: Case) -> list[tuple[str, str]]:
    """The intervals of a case that are known, in words."""
    known = [(interval.label, interval.of(case)) for interval in INTERVALS.values()]
    return [(label, span(length)) for label, length in known if length is not None]


# How long it took to each of the firsts; the first of them is where time begins.
_TO = {INTERVALS[name].end: INTERVALS[name] for name in ("accept", "resolve", "confirm", "feedback")}


@dataclass(frozen=True)
class Reached:
    """One of the five firsts where there is room for one line: 受理, whether it was reached, and 5分钟."""

    word: str
    is_reached: bool
    took: str


def firsts(case: Case) -> list[Reached]:
    """Where a case stands in the five firsts: each with how long it took, as far as that is known."""
    return [_reached(case, first) for first in FIRSTS]


def _reached(case: Case, first: First) -> Reached:
    took = _TO[first.column].of(case) if first.column in _TO else None
    word = first.label.removeprefix("第一时间")
    return Reached(word, getattr(case, first.column) is not None, span(took) if took is not None else "")


# What was merged into another case or split from one is counted there, so that no matter counts twice.
IS_COUNTED = Case.master_id.is_(None) & Case.parent_id.is_(None)


def _newest(table: Any, meant: Callable[[Any], Condition]) -> Condition:
    """The condition that a row of a case is meant, and the newest of those that are."""
    other = aliased(table)
    newer = sa.select(other.id).where(other.case_id == table.case_id, meant(other), other.id > table.id)
    return meant(table) & ~newer.exists()


@dataclass(frozen=True)
class Formula:
    """One published rate: of the cases that count in a period, how many are good.

    `rests_on` is the table whose rows it judges, of which `counts` leaves at most one for a case. `moment`
    says in which period a case counts, `round` which of its rounds is judged: an exclusion is for that one.
    """

    label: str
    sentence: str
    moment: Any
    counts: Condition
    good: Condition
    round: Any
    rests_on: Any = None

    def select(self, *what: Any) -> sa.Select[Any]:
        """These columns of the cases that count."""
        query = sa.select(*what).select_from(Case).where(IS_COUNTED, self.counts)
        return query.join(self.rests_on, self.rests_on.case_id == Case.id) if self.rests_on else query


# A clock's fate is known when it stops or when it runs out, whichever comes first. Its `due_at` holds all
# that was granted: pauses and extensions move it. While it is paused it cannot run out.
_FATE = sa.func.least(Deadline.stopped_at, Deadline.due_at)
_KEPT = Deadline.stopped_at.is_not(None) & (Deadline.stopped_at <= Deadline.due_at)
_GOES_ON = Deadline.paused_at.is_(None) | Deadline.stopped_at.is_not(None)
# Who takes a matter back in time owes nobody an answer, and nobody owes them one.
_TAKEN_BACK = (Case.status == Status.WITHDRAWN) & _KEPT
SATISFIED = 4  # of five, and above


def _is(clock: Clock) -> Callable[[Any], Condition]:
    return lambda table: table.clock == clock


def _is_answered(table: Any) -> Condition:
    return sa.and_(table.state == SurveyState.ANSWERED, table.satisfaction.is_not(None))


FORMULAS: dict[Measure, Formula] = {
    Measure.ACCEPTED_IN_TIME: Formula(
        "按时受理率",
        "应受理的诉求里，在受理时限内受理、不予受理或当场办好的占多少。"
        "分母：本期受理时限有了结果（已经处理，或者时限已到）的诉求；时限内自己撤回的不算。",
        _FATE,
        _newest(Deadline, _is(Clock.ACCEPT)) & _GOES_ON & ~_TAKEN_BACK,
        _KEPT,
        Deadline.round,
        Deadline,
    ),
    Measure.CLOSED_ON_TIME: Formula(
        "按期办结率",
        "应办结的诉求里，在办结时限内办结的占多少；批准的延期和挂起已经算进时限。"
        "分母：本期办结时限有了结果（已经办结，或者时限已到）的诉求，重办的按最近一轮算；时限内自己撤回的不算。",
        _FATE,
        _newest(Deadline, _is(Clock.RESOLVE)) & (Deadline.round == Case.round) & _GOES_ON & ~_TAKEN_BACK,
        _KEPT,
        Deadline.round,
        Deadline,
    ),
    Measure.SOLVED_FIRST_TIME: Formula(
        "一次办结率",
        "结案的诉求里，一次办好、没有退回重办过的占多少。分母：本期结案的诉求。",
        Case.closed_at,
        Case.status == Status.CLOSED,
        Case.round == 1,
        Case.round,
    ),
    Measure.RESOLVED: Formula(
        "办结率",
        "受理的诉求里，到现在已经办结（待确认或已结案）的占多少。分母：本期受理的诉求；后来撤回的不算。",
        Case.accepted_at,
        Case.status != Status.WITHDRAWN,
        Case.status.in_([Status.RESOLVED, Status.CLOSED]),
        Case.round,
    ),
    Measure.SATISFIED: Formula(
        "满意率",
        "回访中打了分的诉求里，评为“满意”或“很满意”的占多少。"
        "分母：本期回访打了分的诉求，回访过几次的只算最近一次；没有回复的不算。",
        Survey.answered_at,
        _newest(Survey, _is_answered),
        Survey.satisfaction >= SATISFIED,
        Survey.round,
        Survey,
    ),
}
NEVER_TWICE = "并案的只算主件，拆分的只算原件；剔除的诉求分子分母都不算，单独列出。"


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

    One query for each rate, and one for names. Without `by` one row for all; with it one for each unit or
    community that counts anything, by name.
    """
    period = (since, min(until, at or now()))
    found: dict[int | None, dict[Measure, Rate]] = {} if by else {None: {}}
    for measure, formula in FORMULAS.items():
        for key, rate in _counted(session, measure, formula, reach, period, by):
            found.setdefault(key, {})[measure] = rate
    names = _names(session, by, found)
    rows = [Row(key, names.get(key, ""), _complete(row)) for key, row in found.items()]
    return sorted(rows, key=lambda row: (row.id is None, row.name, row.id or 0))


def _counted(
    session: Session,
    measure: Measure,
    formula: Formula,
    reach: Reach,
    period: tuple[datetime, datetime],
    by: By | None,
) -> list[tuple[int | None, Rate]]:
    key: Any = getattr(Case, f"{by}_id") if by else sa.null()
    kept, count = Exclusion.id.is_(None), sa.func.count()
    query = (
        formula.select(key, count.filter(formula.good, kept), count.filter(kept), count.filter(~kept))
        .outerjoin(Exclusion, _leaves_out(measure, formula))
        .where(_within(reach), formula.moment >= period[0], formula.moment < period[1])
    )
    rows = session.execute(query.group_by(key) if by else query)
    return [(key, Rate(measure, *numbers)) for key, *numbers in rows]


def _leaves_out(measure: Measure, formula: Formula) -> Condition:
    """The condition that an exclusion leaves this case out of this rate, in the round it judges: there is one
    at most (ix_exclusions_case)."""
    own = (Exclusion.case_id == Case.id) & (Exclusion.round == formula.round)
    return sa.and_(own, Exclusion.measure == measure, Exclusion.state == Decision.APPROVED)


def judged_round(session: Session, case: Case, measure: Measure) -> int | None:
    """The round of a case that this rate judges; None while the case does not count in it."""
    formula = FORMULAS[measure]
    found: int | None = session.scalar(formula.select(formula.round).where(Case.id == case.id))
    return found


def _within(reach: Reach) -> Condition:
    if not isinstance(reach, Area):
        return visible(reach, Case)
    column = COLUMNS.get(reach.level, "place_id")
    within: Condition = getattr(Case, column) == reach.id
    return within


def _names(session: Session, by: By | None, keys: dict[int | None, Any]) -> dict[int | None, str]:
    if by is None:
        return {}
    table = Unit if by == "unit" else Area
    rows = session.execute(sa.select(table.id, table.name).where(table.id.in_([key for key in keys if key])))
    return {None: NOBODY[by]} | {key: name for key, name in rows}


def _complete(found: dict[Measure, Rate]) -> dict[Measure, Rate]:
    return {measure: found.get(measure, Rate(measure, 0, 0, 0)) for measure in FORMULAS}
