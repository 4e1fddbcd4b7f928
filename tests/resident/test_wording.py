"""Residents read a line for every step and every status: one that is missing would break their page."""

from backend.cases.workflow import Action, Status
from backend.resident.wording import NEXT, STEPS


def test_every_step_has_its_line():
    assert set(STEPS) == set(Action)


def test_every_status_says_what_comes_next():
    assert set(NEXT) == set(Status)
