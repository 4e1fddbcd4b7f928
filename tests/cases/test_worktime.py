"""Working time, against a slow model that nobody can misread: minute by minute."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backend.cases.worktime import HOURS, add_working, day_minutes, parse, working_between, write
from backend.times import SHANGHAI, is_working_day, local

MINUTE = timedelta(minutes=1)
DAYS = st.sets(st.integers(0, 6), min_size=1).map(lambda days: lambda day: day.weekday() in days)
# Whole minutes from around the Spring Festival of 2026, with its holidays and make-up days.
MOMENTS = st.integers(0, 40 * 24 * 60).map(lambda n: datetime(2026, 1, 30, 16, tzinfo=UTC) + n * MINUTE)


@st.composite
def hours(draw):
    """Some spans of the day, in order, that do not touch."""
    ends = sorted(draw(st.sets(st.integers(0, 24 * 60), min_size=2, max_size=6)))
    return tuple(zip(ends[::2], ends[1::2], strict=False))


def works(moment, spans, is_working):
    """Whether the minute that begins now is one of work."""
    there = local(moment)
    minute = there.hour * 60 + there.minute
    return is_working(there.date()) and any(start <= minute < end for start, end in spans)


def slow_add(moment, minutes, spans, is_working):
    while minutes:
        minutes -= works(moment, spans, is_working)
        moment += MINUTE
    return moment


def slow_between(since, until, spans, is_working):
    count = 0
    while since < until:
        count += works(since, spans, is_working)
        since += MINUTE
    return count * MINUTE


@settings(max_examples=60, deadline=None)
@given(MOMENTS, st.integers(1, 1_500), st.sampled_from([HOURS, ((0, 1440),)]), st.just(is_working_day))
def test_the_end_is_where_counting_every_minute_finds_it(moment, minutes, spans, is_working):
    assert add_working(moment, minutes, spans, is_working) == slow_add(moment, minutes, spans, is_working)


@settings(max_examples=60, deadline=None)
@given(MOMENTS, st.integers(1, 300), hours(), DAYS)
def test_so_it_does_with_any_hours_and_any_days(moment, minutes, spans, is_working):
    minutes = min(minutes, 5 * day_minutes(spans))
    assert add_working(moment, minutes, spans, is_working) == slow_add(moment, minutes, spans, is_working)


@settings(max_examples=60, deadline=None)
@given(MOMENTS, st.integers(0, 14 * 24 * 60), hours(), DAYS)
def test_the_time_between_is_what_counting_every_minute_finds(since, minutes, spans, is_working):
    until = since + minutes * MINUTE
    found = working_between(since, until, spans, is_working)
    assert found == slow_between(since, until, spans, is_working)


@given(MOMENTS, st.integers(0, 59_999_999), st.integers(1, 50_000), st.sampled_from([HOURS, ((540, 1020),)]))
def test_what_is_added_lies_between_also_with_seconds_and_over_years(moment, micros, minutes, spans):
    moment += timedelta(microseconds=micros)
    end = add_working(moment, minutes, spans, is_working_day)
    assert working_between(moment, end, spans, is_working_day) == minutes * MINUTE


@given(MOMENTS, st.integers(1, 5_000), st.integers(1, 5_000))
def test_adding_twice_is_adding_the_sum_and_later_starts_end_no_earlier(moment, first, second):
    end = add_working(moment, first, HOURS, is_working_day)
    assert add_working(end, second, HOURS, is_working_day) == add_working(
        moment, first + second, HOURS, is_working_day
    )
    assert add_working(moment + MINUTE, first, HOURS, is_working_day) >= end


def shanghai(text):
    return datetime.fromisoformat(text).replace(tzinfo=SHANGHAI)


@pytest.mark.parametrize(
    ("start", "minutes", "end"),
    [
        ("2026-11-23 09:00", 60, "2026-11-23 10:00"),
        ("2026-11-23 11:30", 60, "2026-11-23 14:30"),  # over lunch
        ("2026-11-23 17:00", 60, "2026-11-23 18:00"),  # not the next morning
        ("2026-11-23 20:00", 60, "2026-11-24 10:00"),
        ("2026-11-20 17:30", 60, "2026-11-23 09:30"),  # over a weekend
        ("2026-09-30 17:30", 60, "2026-10-08 09:30"),  # over the National Day holiday
        ("2026-10-09 17:30", 60, "2026-10-10 09:30"),  # into a Saturday on which people work
        ("2026-12-31 17:30", 60, "2027-01-01 09:30"),  # a year without a notice yet: by the weekday
    ],
)
def test_working_time_follows_the_notice_of_its_year(start, minutes, end):
    assert add_working(shanghai(start), minutes, HOURS, is_working_day) == shanghai(end)


def test_where_nobody_ever_works_it_says_so_instead_of_counting_for_ever():
    with pytest.raises(ValueError, match="no working time"):
        add_working(shanghai("2026-11-23 09:00"), 1, HOURS, lambda _day: False)


def test_ten_years_are_counted_at_once():
    """A look at the days between, none at their minutes: far below what one statement costs."""
    asked = []

    def is_working(day: date) -> bool:
        asked.append(day)
        return is_working_day(day)

    start = shanghai("2026-11-23 09:00")
    end = add_working(start, 250 * 10 * 420, HOURS, is_working)
    assert 3_490 < len(asked) < 3_510
    assert working_between(start, end, HOURS, is_working_day) == 250 * 10 * 420 * MINUTE


@pytest.mark.parametrize(
    ("text", "spans"),
    [
        ("09:00-12:00 14:00-18:00", HOURS),
        ("09:00-12:00，14:00-18:00", HOURS),
        ("00:00-24:00", ((0, 1440),)),
    ],
)
def test_hours_are_read_and_written(text, spans):
    assert parse(text) == spans
    assert parse(write(spans)) == spans


@pytest.mark.parametrize(
    "text", ["", "9-18", "09:00", "12:00-09:00", "09:00-12:00 11:00-14:00", "09:00-25:00", "早九晚六"]
)
def test_other_hours_are_refused(text):
    with pytest.raises(ValueError):  # noqa: PT011 - which sentence is said is the form's matter
        parse(text)
