"""Working time (工作时间): minutes that count only while offices work, by hours of the day and working days.

Pure functions. `hours` are the day's working hours in Shanghai, in order, as minutes since midnight.
"""

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise

from backend.times import SHANGHAI, local

Hours = tuple[tuple[int, int], ...]
IsWorking = Callable[[date], bool]

HOURS: Hours = ((9 * 60, 12 * 60), (14 * 60, 18 * 60))  # where no area above says otherwise
MOST_DAYS = 40 * 366  # that are looked through before giving up: no calendar rests so long
DAY = timedelta(days=1)


def parse(text: str) -> Hours:
    """Read "09:00-12:00 14:00-18:00"; "24:00" is the end of the day.

    Raises ValueError on anything else, on hours that overlap or go backwards, and on none.
    """
    spans = tuple(_span(part) for part in text.replace("，", " ").replace(",", " ").split())
    flat = [minute for span in spans for minute in span]
    if not spans or any(later <= earlier for earlier, later in pairwise(flat)):
        raise ValueError("working hours go on in order, like 09:00-12:00 14:00-18:00")
    return spans


def write(hours: Hours) -> str:
    """09:00-12:00 14:00-18:00"""
    return " ".join("-".join(f"{at // 60:02d}:{at % 60:02d}" for at in span) for span in hours)


def day_minutes(hours: Hours) -> int:
    """How long a working day is, in minutes."""
    return sum(end - start for start, end in hours)


def add_working(moment: datetime, minutes: int, hours: Hours, is_working: IsWorking) -> datetime:
    """The moment at which so many working minutes (at least one) have passed.

    What ends with the office's day ends then, not when it opens again.
    Raises ValueError where nobody works for decades.
    """
    return add_span(moment, timedelta(minutes=minutes), hours, is_working)


def add_span(moment: datetime, span: timedelta, hours: Hours, is_working: IsWorking) -> datetime:
    """The same for a length of working time, which is more than nothing."""
    left, whole = span, timedelta(minutes=day_minutes(hours))
    today = local(moment).date()
    for number in range(MOST_DAYS):
        day = today + number * DAY
        if not is_working(day):
            continue
        if number and left > whole:  # a day in between needs no closer look
            left -= whole
            continue
        for start, end in _spans(day, hours):
            begins = max(start, moment)
            if begins < end and left <= end - begins:
                return begins + left
            left -= max(timedelta(0), end - begins)
    raise ValueError("no working time in sight")


def working_between(since: datetime, until: datetime, hours: Hours, is_working: IsWorking) -> timedelta:
    """How much working time lies between two moments; none when the second is not later."""
    if until <= since:
        return timedelta(0)
    first, last = local(since).date(), local(until).date()
    whole = timedelta(minutes=day_minutes(hours))
    found = timedelta(0)
    for number in range((last - first).days + 1):
        day = first + number * DAY
        if not is_working(day):
            continue
        if first < day < last:
            found += whole
            continue
        for start, end in _spans(day, hours):
            found += max(timedelta(0), min(end, until) - max(start, since))
    return found


def _spans(day: date, hours: Hours) -> Iterator[tuple[datetime, datetime]]:
    midnight = datetime.combine(day, time.min, SHANGHAI).astimezone(UTC)  # Shanghai keeps one time all year
    for start, end in hours:
        yield midnight + timedelta(minutes=start), midnight + timedelta(minutes=end)


def _span(text: str) -> tuple[int, int]:
    start, end = text.split("-")
    return _minute(start), _minute(end)


def _minute(text: str) -> int:
    if text == "24:00":
        return 24 * 60
    at = time.fromisoformat(text)
    return at.hour * 60 + at.minute
