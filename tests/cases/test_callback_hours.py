"""When somebody who did not pick up is called again."""

from datetime import time

import pytest

from backend.cases.callback_hours import APART, next_try
from tests.cases.callback_scene import shanghai

HOURS = (time(9), time(20))


@pytest.mark.parametrize(
    ("tried", "again"),
    [
        (["09:30"], "14:00"),  # in the morning: in the afternoon, not at noon
        (["11:50"], "14:00"),
        (["13:00"], "15:00"),  # at noon: two hours later at the earliest
        (["14:30"], "17:30"),
        (["16:30"], "18:30"),
        (["09:30", "14:10"], "17:30"),
        (["17:40"], "09:00 tomorrow"),
        (["14:10", "17:40"], "09:00 tomorrow"),
        (["19:30"], "09:00 tomorrow"),
        (["09:30", "17:40"], "14:00 tomorrow"),
        ([], "14:00"),  # a busy line at ten: as soon as it may be
    ],
)
def test_the_next_try_is_at_another_part_of_the_day(tried, again):
    moments = [shanghai(23, clock) for clock in tried]
    at = moments[-1] if moments else shanghai(23, "10:00")
    clock, _, tomorrow = again.partition(" ")
    assert next_try(at, moments, HOURS) == shanghai(24 if tomorrow else 23, clock)


def test_short_hours_leave_fewer_parts_and_still_two_hours():
    morning = (time(9), time(12))
    at = shanghai(23, "09:10")
    assert next_try(at, [at], morning) == at + APART
    assert next_try(shanghai(23, "10:30"), [shanghai(23, "10:30")], morning) == shanghai(24, "09:00")
    noon = (time(12, 30), time(13, 30))
    assert next_try(shanghai(23, "12:40"), [], noon) == shanghai(24, "12:30")


def test_a_number_tried_in_every_part_is_tried_in_any():
    tried = [shanghai(23, clock) for clock in ("09:30", "14:30", "17:45")]
    assert next_try(shanghai(24, "09:00"), tried, HOURS) == shanghai(24, "11:00")
