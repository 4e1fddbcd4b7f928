"""Moments as people say them, lengths in words, and the hours of the day in Shanghai."""

import re
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.times import (
    SHANGHAI,
    day,
    is_published,
    is_working_day,
    moment,
    next_within,
    parse_hours,
    span,
    spoken,
    stamp,
)

NINE_TO_EIGHT = (time(9), time(20))


def shanghai(text):
    return datetime.fromisoformat(text).replace(tzinfo=SHANGHAI)


@pytest.mark.parametrize(
    ("moment", "said"),
    [
        ("2026-11-21 18:30", "今天 18:30"),
        ("2026-11-21 00:00", "今天 00:00"),
        ("2026-11-22 09:00", "明天 09:00"),
        ("2026-11-20 23:59", "昨天 23:59"),
        ("2026-11-23 09:00", "11月23日（周一）09:00"),
        ("2026-11-19 09:00", "11月19日（周四）09:00"),
        ("2027-01-01 09:00", "1月1日（周五）09:00"),
    ],
)
def test_a_moment_is_said_as_a_person_would(moment, said):
    assert spoken(shanghai(moment), shanghai("2026-11-21 10:00")).replace("） ", "）") == said


def test_the_day_is_shanghais_and_not_the_computers():
    """16:30 in Greenwich is half past midnight in Shanghai: tomorrow already."""
    late = datetime(2026, 11, 21, 16, 30, tzinfo=UTC)
    assert spoken(late, datetime(2026, 11, 21, 15, 0, tzinfo=UTC)) == "明天 00:30"
    assert stamp(late) == "2026-11-22 00:30"
    assert stamp(None) == ""


@pytest.mark.parametrize(
    ("minutes", "said"),
    [
        (1, "1分钟"),
        (5, "5分钟"),
        (30, "半小时"),
        (59, "59分钟"),
        (60, "1小时"),
        (47 * 60, "47小时"),
        (48 * 60, "2天"),
        (7 * 24 * 60, "7天"),
    ],
)
def test_a_length_of_time_is_said_in_words(minutes, said):
    assert span(timedelta(minutes=minutes)) == said


@pytest.mark.parametrize(
    ("moment", "first"),
    [
        ("2026-11-21 08:59", "2026-11-21 09:00"),
        ("2026-11-21 09:00", "2026-11-21 09:00"),
        ("2026-11-21 12:34", "2026-11-21 12:34"),
        ("2026-11-21 20:00", "2026-11-21 20:00"),
        ("2026-11-21 20:01", "2026-11-22 09:00"),
        ("2026-12-31 23:59", "2027-01-01 09:00"),
    ],
)
def test_what_comes_outside_the_hours_waits_for_the_morning(moment, first):
    assert next_within(shanghai(moment), NINE_TO_EIGHT) == shanghai(first)


@given(st.datetimes(datetime(2020, 1, 1), datetime(2040, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001
def test_the_first_moment_within_the_hours_is_within_them_and_soon(moment):
    first = next_within(moment, NINE_TO_EIGHT)
    assert moment <= first <= moment + timedelta(hours=13)
    assert time(9) <= first.astimezone(SHANGHAI).time() <= time(20)
    assert next_within(first, NINE_TO_EIGHT) == first
    assert next_within(moment, parse_hours("00:00-24:00")) == moment


def test_hours_are_read_with_midnight_as_the_end_of_the_day():
    assert parse_hours("09:00-20:00") == NINE_TO_EIGHT
    assert parse_hours("00:00 - 24:00") == (time(0), time.max)


@pytest.mark.parametrize(
    "text", ["", "9-20-21", "25:00-26:00", "morning", "09:00", "09:00+08:00-20:00+08:00"]
)
def test_other_hours_are_refused(text):
    with pytest.raises(ValueError):  # noqa: PT011 - which sentence is said is config's matter
        parse_hours(text)


@pytest.mark.parametrize(
    ("day", "is_working"),
    [
        ("2026-09-24", True),
        ("2026-09-25", False),  # the Mid-Autumn holiday, a Friday
        ("2026-10-10", True),  # a Saturday on which people work
        ("2030-05-31", True),  # no notice yet: by the weekday
        ("2030-06-01", False),
    ],
)
def test_working_days_follow_the_notice_of_their_year(day, is_working):
    found = date.fromisoformat(day)
    assert is_working_day(found) is is_working
    assert is_published(found.year) is (found.year < 2030)


@pytest.mark.parametrize("text", ["9999-12-31", "0001-01-01", "1999-12-31", "2200-01-01", "明天", ""])
def test_a_day_that_nobody_means_is_none(text):
    assert day("2026-11-21") == date(2026, 11, 21)
    for read, said in ((day, text), (moment, f"{text}T09:00")):
        with pytest.raises(ValueError, match=r"day|iso"):
            read(said)


ROOT = Path(__file__).parents[1] / "backend"
# What a time is put into words with, in a page or in code, and a blank between it and the words after it.
FILTER = r"\|\s*(?:stamp|spoken)(?:\([^)]*\))?\s*\}\}"
TIME = rf"{FILTER}|\{{_?(?:stamp|spoken|clock)\([^{{}}]*\)\}}|%H:%M\}}|\{{(?:until|at)\}}"
BLANK = re.compile(rf"(?:{TIME}) (?:\{{\{{ ?\")?(?=[一-龥])")


def test_no_blank_stands_between_a_time_and_the_words_after_it():
    """请在今天 14:30前签收, everywhere alike."""
    found = {
        f"{path.relative_to(ROOT)}: {line.strip()[:80]}"
        for path in (*ROOT.rglob("*.html"), *ROOT.rglob("*.py"))
        for line in path.read_text(encoding="utf-8").splitlines()
        if BLANK.search(line)
    }
    assert found == set()
