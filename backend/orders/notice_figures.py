"""The figures of a month (月通报): how orders were carried out, and how cases were; of an area and each unit.

The rates of cases are those of cases/figures.py; those of orders follow the same rule: a clock counts in the
month in which its fate was known, because it was stopped or because it ran out.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session, aliased

from backend.cases import figures, survey_figures
from backend.cases.deadline_models import Clock, Deadline
from backend.cases.formulas import FORMULAS, is_to_call
from backend.cases.models import Case, CaseEvent
from backend.cases.supervision_models import Measure, Supervision
from backend.cases.supervisions import GIVING
from backend.cases.survey_models import Survey
from backend.cases.thanks import counts_in
from backend.cases.thanks_models import Thanks
from backend.cases.workflow import Action
from backend.db import one_of
from backend.orders.models import Order, OrderEvent, OrderUnit
from backend.orders.workflow import Action as OrderAction
from backend.orders.workflow import PartStatus
from backend.places.models import Area, Unit
from backend.places.scope import COLUMNS
from backend.times import SHANGHAI

NOBODY = "（没有单位）"
Numbers = list[int]  # of a rate: how many, of how many, how many left out; of a count: how many
Found = defaultdict[int | None, dict[str, Numbers]]  # by unit; None: what no unit has


@dataclass(frozen=True)
class Period:
    """A month in Shanghai: from `since` until before `until`."""

    since: datetime
    until: datetime

    def holds(self, moment: Any) -> sa.ColumnElement[bool]:
        return sa.and_(moment >= self.since, moment < self.until)


def period(month: date) -> Period:
    """The month that begins on this day."""
    return Period(_midnight(month), _midnight(next_month(month)))


def next_month(month: date) -> date:
    return date(month.year + month.month // 12, month.month % 12 + 1, 1)


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), SHANGHAI)


@dataclass(frozen=True)
class Kept:
    """A rate of a clock that units under an order have."""

    label: str
    sentence: str
    clock: Clock


@dataclass(frozen=True)
class Count:
    """How often something happened; `rows` are (unit_id, id of the thing)."""

    label: str
    sentence: str
    rows: Callable[[Area, Period], sa.Select[Any]]


def _issued(area: Area, month: Period) -> sa.Select[Any]:
    return _orders(area).where(month.holds(Order.approved_at))


def _answered(area: Area, month: Period) -> sa.Select[Any]:
    return _orders(area).where(month.holds(Order.answered_at))


def _orders(area: Area) -> sa.Select[Any]:
    bound = (OrderUnit.order_id == Order.id) & (OrderUnit.status != PartStatus.WITHDRAWN)
    return _columns(OrderUnit.unit_id, Order.id).join(OrderUnit, bound).where(_within(area, Order))


def _events(*actions: Action) -> Callable[[Area, Period], sa.Select[Any]]:
    """Steps on cases, each of the unit that had the case then, or was given it by this very step."""

    def rows(area: Area, month: Period) -> sa.Select[Any]:
        of = (_within(area, Case), one_of(CaseEvent.action, actions), month.holds(CaseEvent.created_at))
        found = _columns(CaseEvent.id, CaseEvent.case_id).join(Case, Case.id == CaseEvent.case_id).where(*of)
        # Whose a case was is asked only of the steps in this area: left to itself, PostgreSQL asks of all.
        steps = found.cte("steps").prefix_with("MATERIALIZED")
        return _columns(_holder_at(steps.c).label("unit_id"), steps.c.id)

    return rows


def _holder_at(step: Any) -> sa.ScalarSelect[Any]:
    """The unit that had the case after this step."""
    given = aliased(CaseEvent)
    before = (given.case_id == step.case_id, given.id <= step.id, one_of(given.action, GIVING))
    return sa.select(given.unit_id).where(*before).order_by(given.id.desc()).limit(1).scalar_subquery()


def _thanked(area: Area, month: Period) -> sa.Select[Any]:
    days = counts_in(month.since.date(), month.until.date())
    return (
        _columns(Case.unit_id, Thanks.id)
        .join(Thanks, Thanks.case_id == Case.id)
        .where(_within(area, Case), days)
    )


def _uncalled(area: Area, month: Period) -> sa.Select[Any]:
    of = (survey_figures.is_unfinished(), is_to_call(Survey), month.holds(Survey.sent_at))
    found = _columns(Survey.unit_id, Survey.id).join(Case, Case.id == Survey.case_id)
    return found.where(_within(area, Case), *of)


def _supervised(area: Area, month: Period) -> sa.Select[Any]:
    return _supervisions(area, month.holds(Supervision.created_at))


def _unanswered(area: Area, month: Period) -> sa.Select[Any]:
    late = Supervision.answered_at.is_(None) | (Supervision.answered_at > Supervision.due_at)
    ended = Supervision.closed_at.is_not(None) & (Supervision.closed_at <= Supervision.due_at)
    return _supervisions(area, month.holds(Supervision.due_at) & late & ~ended)


def _supervisions(area: Area, wanted: sa.ColumnElement[bool]) -> sa.Select[Any]:
    """Of cases and of orders, each found on its own way: one condition over both looks through all cases."""
    own = _columns(Supervision.unit_id, Supervision.id).where(wanted)
    of_cases = own.join(Case, Case.id == Supervision.case_id).where(_within(area, Case))
    of_orders = own.join(Order, Order.id == Supervision.order_id).where(_within(area, Order))
    both = of_cases.union_all(of_orders).subquery()
    return _columns(both.c.unit_id, both.c.id)


def _columns(*columns: Any) -> sa.Select[Any]:
    return sa.select(*columns)


def _within(area: Area, table: Any) -> sa.ColumnElement[bool]:
    own: sa.ColumnElement[bool] = getattr(table, COLUMNS[area.level]) == area.id
    return own


ORDER_RATES: dict[str, Kept] = {
    "order_acknowledged": Kept(
        "按时签收率",
        "受令单位里，在签收时限内签收的占多少。"
        "分母：本月签收时限有了结果（已经签收，或者时限已到）的受令单位；撤回的不算，单位合并以前签收的照算。",
        Clock.ORDER_ACKNOWLEDGE,
    ),
    "order_arrived": Kept("按时到场率", "同上，看到场时限。", Clock.ORDER_ARRIVE),
    "order_reported": Kept("按时反馈率", "同上，看反馈时限。", Clock.ORDER_REPORT),
}
ORDER_COUNTS: dict[str, Count] = {
    "orders_issued": Count("发令单", "本月批准发出的发令单；单位的，是它作为受令单位的。", _issued),
    "orders_answered": Count("发令办结", "本月办结的发令单。", _answered),
}
CASE_COUNTS: dict[str, Count] = {
    "urged": Count("催办", "本月群众和督查催办的次数，算当时承办的单位。", _events(Action.URGE)),
    "supervised": Count("督办", "本月发出的督办单。", _supervised),
    "supervised_late": Count("督办逾期", "本月到期、没有按时答复的督办单。", _unanswered),
    "sent_back": Count("退单", "本月退单的次数，包括提请裁定的。", _events(Action.SEND_BACK, Action.DISPUTE)),
    "arbitrated": Count("裁定", "本月区里裁定的次数，算裁定承办的单位。", _events(Action.ARBITRATE)),
    "thanked": Count("感谢", "本月的锦旗、感谢信、电话和口头感谢，还有居民回访时点的感谢。", _thanked),
    "uncalled": Count(
        survey_figures.UNCALLED,
        "本月发出、要打电话问的回访里，到出通报时还没有答、也没有过期的；没有算进上面的回访答复率。",
        _uncalled,
    ),
}


COUNTS = ORDER_COUNTS | CASE_COUNTS


def columns() -> list[dict[str, str]]:
    """What is published, in its order: key, label and the sentence that says how it is counted."""
    rates = {measure.value: formula for measure, formula in FORMULAS.items()}
    said: dict[str, Any] = ORDER_COUNTS | ORDER_RATES | rates | CASE_COUNTS
    return [{"key": key, "label": each.label, "sentence": each.sentence} for key, each in said.items()]


def taken(session: Session, area: Area, month: date, at: datetime) -> dict[str, Any]:
    """The figures as they are at this moment, with their formulas: what a notice keeps.

    {"columns": …, "whole": {key: numbers}, "units": [{"name": …, "figures": {key: numbers}}]}
    """
    span, whole = period(month), dict[str, Numbers]()
    units: Found = defaultdict(dict)
    for key, count in COUNTS.items():
        rows = count.rows(area, span).subquery()
        _put(whole, units, key, session.execute(_grouped(rows, sa.func.count(rows.c.id.distinct()))))
    for key, kept in ORDER_RATES.items():
        rows = _clocks(kept.clock, area, span, at).subquery()
        good = sa.func.count().filter(rows.c.is_good)
        _put(whole, units, key, session.execute(_grouped(rows, good, sa.func.count(), sa.literal(0))))
    rated = figures.rates(session, area, span.since, span.until, "unit", at)
    whole |= _rates(figures.total(rated))
    for row in rated:
        units[row.id] |= _rates(row)
    return {"columns": columns(), "whole": whole, "units": _named(session, units)}


def _clocks(clock: Clock, area: Area, month: Period, at: datetime) -> sa.Select[Any]:
    """Of the clocks under orders whose fate was known in this month: unit_id, and whether it was kept."""
    fate = sa.func.least(Deadline.stopped_at, Deadline.due_at)
    is_good = sa.func.coalesce(Deadline.stopped_at <= Deadline.due_at, sa.false()).label("is_good")
    return (
        _columns(OrderUnit.unit_id, is_good)
        .join(OrderUnit, OrderUnit.id == Deadline.order_unit_id)
        .join(Order, Order.id == OrderUnit.order_id)
        .where(Deadline.clock == clock, _within(area, Order), month.holds(fate), fate < at)
        .where((OrderUnit.status != PartStatus.WITHDRAWN) | _succeeded_later())
    )


def _succeeded_later() -> sa.ColumnElement[bool]:
    """Whether the unit of a part ended after this clock was stopped: what it did in time or late stands."""
    of_part = (OrderEvent.order_unit_id == OrderUnit.id, OrderEvent.action == OrderAction.SUCCEED)
    return sa.exists().where(*of_part, OrderEvent.created_at > Deadline.stopped_at)


def _grouped(rows: sa.Subquery, *counts: Any) -> sa.Select[Any]:
    """The counts of all rows (is_whole), and of each unit."""
    is_whole = sa.func.grouping(rows.c.unit_id) == 1
    return sa.select(is_whole, rows.c.unit_id, *counts).group_by(sa.func.rollup(rows.c.unit_id))


def _put(whole: dict[str, Numbers], units: Found, key: str, rows: Iterable[Any]) -> None:
    for is_whole, unit_id, *numbers in rows:
        (whole if is_whole else units[unit_id])[key] = numbers


def _rates(row: figures.Row) -> dict[str, Numbers]:
    return {m.value: [rate.numerator, rate.denominator, rate.excluded] for m, rate in row.rates.items()}


def _named(session: Session, units: Found) -> list[dict[str, Any]]:
    """The units with their names as they are now, those without a unit last."""
    wanted = sa.select(Unit.id, Unit.name).where(Unit.id.in_([key for key in units if key]))
    names = {unit_id: name for unit_id, name in session.execute(wanted)}
    none: dict[str, Numbers] = {
        each["key"]: [0] if each["key"] in COUNTS else [0, 0, 0] for each in columns()
    }
    rows = [{"name": names.get(key or 0, NOBODY), "figures": none | found} for key, found in units.items()]
    return sorted(rows, key=lambda row: (row["name"] == NOBODY, row["name"]))


def said(numbers: Numbers) -> tuple[str, str]:
    """A figure in words, and what it was taken of: ("96.5%", "28/29"); a count has nothing beside it."""
    if len(numbers) == 1:
        return str(numbers[0]), ""
    good, of, out = numbers
    left_out = f"，剔除 {out}" if out else ""
    return figures.Rate(Measure.RESOLVED, good, of, out).percent, f"{good}/{of}{left_out}"
