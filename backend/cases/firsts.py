"""The five firsts (五个一): the five times of a case, and how long it took from one to another.

Whatever shows them (the page of a case, lists, exports, the board) takes them from these tables.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from backend.cases.models import Case
from backend.times import span


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
    in_first_round: bool = False  # what comes back is not accepted again: there is nothing to count from

    def of(self, case: Case) -> timedelta | None:
        """How long it took; None while one of the times is missing, or where the end came first."""
        start, end = getattr(case, self.start), getattr(case, self.end)
        is_known = start and end and end >= start and not (self.in_first_round and case.round > 1)
        return end - start if is_known else None


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
    "assign": Interval("受理到派单", "accepted_at", "assigned_at", in_first_round=True),
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
