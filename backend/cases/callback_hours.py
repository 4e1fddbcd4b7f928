"""When somebody who could not be reached is called again: at another part of the day, within the hours."""

from collections.abc import Iterator, Sequence
from datetime import date, datetime, time, timedelta

from backend.config import config
from backend.times import SHANGHAI, local, next_within

TRIES = 3  # that do not get through; then nobody calls any more
APART = timedelta(hours=2)  # between two tries at least
DAYS = 7  # that are looked through for a moment
Part = tuple[time, time]
# Morning, afternoon, evening; at noon people rest.
PARTS: tuple[Part, ...] = ((time.min, time(12)), (time(14), time(17, 30)), (time(17, 30), time.max))


def by_day(hours: Part) -> Part:
    """Of the hours in which people may be asked, those in which a telephone may ring; all of these where the
    two have nothing in common."""
    start, end = _within(config.callback_hours, hours)
    return (start, end) if start < end else config.callback_hours


def opens(at: datetime, hours: Part) -> datetime:
    """The first moment from then on at which a telephone may ring, where people may be asked in `hours`."""
    return next_within(at, by_day(hours))


def next_try(at: datetime, tried: Sequence[datetime], hours: Part) -> datetime:
    """The first moment after a try at `at` for the next one: two hours later at the earliest, within the
    day's `hours`, and in a part of the day in which nobody has tried, as long as there is one."""
    open_parts = [part for part in (_within(part, hours) for part in PARTS) if part[0] < part[1]] or [hours]
    fresh = [part for part in open_parts if not any(_is_in(moment, part) for moment in tried)]
    earliest = at + APART
    return next(moment for moment in _moments(earliest, fresh or open_parts) if moment >= earliest)


def _moments(earliest: datetime, parts: Sequence[Part]) -> Iterator[datetime]:
    """In each part of each day from then on, the first moment that is not before `earliest`."""
    today = local(earliest).date()
    for day in (today + timedelta(days=n) for n in range(DAYS)):
        for start, end in parts:
            moment = max(_at(day, start), earliest)
            if moment < _at(day, end):
                yield moment


def _within(part: Part, hours: Part) -> Part:
    return max(part[0], hours[0]), min(part[1], hours[1])


def _is_in(moment: datetime, part: Part) -> bool:
    return part[0] <= local(moment).time() < part[1]


def _at(day: date, clock: time) -> datetime:
    return datetime.combine(day, clock, SHANGHAI)
