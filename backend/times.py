"""Time: stored in UTC, shown in Asia/Shanghai, spoken the way people say it."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import chinese_calendar

SHANGHAI = ZoneInfo("Asia/Shanghai")
WEEKDAYS = "一二三四五六日"
YEARS = range(2000, 2200)  # of days that anybody means; beyond, neither a week nor a zone can be added


def now() -> datetime:
    return datetime.now(UTC)


def local(moment: datetime) -> datetime:
    return moment.astimezone(SHANGHAI)


def day(text: str) -> date:
    """Read "2026-01-31". Raises ValueError on anything else, and on a year that is a slip of the pen."""
    found = date.fromisoformat(text)
    if found.year not in YEARS:
        raise ValueError(f"a day of the year {found.year}")
    return found


def moment(text: str) -> datetime:
    """Read "2026-01-31T18:30", said in Shanghai. Raises ValueError as `day`."""
    found = datetime.fromisoformat(text).replace(tzinfo=SHANGHAI)
    day(found.date().isoformat())
    return found


def stamp(moment: datetime | None) -> str:
    """2026-11-21 18:30, or an empty string."""
    return local(moment).strftime("%Y-%m-%d %H:%M") if moment else ""


def spoken(moment: datetime, at: datetime | None = None) -> str:
    """今天 18:30, 明天 09:00, 11月23日（周一）09:00: how a person would say it at the moment `at`."""
    there, here = local(moment), local(at or now())
    days = (there.date() - here.date()).days
    day = {-1: "昨天", 0: "今天", 1: "明天"}.get(days)
    if day is None:
        day = f"{there.month}月{there.day}日（周{WEEKDAYS[there.weekday()]}）"
    return f"{day} {there:%H:%M}"


def span(length: timedelta) -> str:
    """半小时, 2小时, 2天: a round length of time in words."""
    minutes = int(length.total_seconds() // 60)
    if minutes == 30:
        return "半小时"
    if minutes < 60:
        return f"{minutes}分钟"
    hours = minutes // 60
    return f"{hours}小时" if hours < 48 else f"{hours // 24}天"


def is_working_day(day: date) -> bool:
    """Whether people work on this day in China: by the State Council's notice for its year, with holidays and
    make-up days; by the weekday for years of which there is no notice yet."""
    try:
        return bool(chinese_calendar.is_workday(day))
    except NotImplementedError:
        return day.weekday() < 5


def is_published(year: int) -> bool:
    """Whether the holidays of this year are known to the program."""
    try:
        chinese_calendar.is_workday(date(year, 1, 1))
    except NotImplementedError:
        return False
    return True


def parse_hours(text: str) -> tuple[time, time]:
    """Read "09:00-20:00"; "24:00" is the end of the day. Raises ValueError on anything else, also a zone."""
    start, end = text.split("-")
    return _clock(start), _clock(end)


def _clock(text: str) -> time:
    found = time.max if text.strip() == "24:00" else time.fromisoformat(text.strip())
    if found.tzinfo is not None:
        raise ValueError(f"hours of a zone: {text}")
    return found


def next_within(moment: datetime, hours: tuple[time, time]) -> datetime:
    """The first moment not before `moment` that lies within the day's hours in Shanghai."""
    start, end = hours
    there = local(moment)
    if there.time() < start:
        return datetime.combine(there.date(), start, SHANGHAI)
    if there.time() > end:
        return datetime.combine(there.date() + timedelta(days=1), start, SHANGHAI)
    return moment
