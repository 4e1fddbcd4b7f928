"""Shares of what surveys come to: rounded, reweighed by the sampled silent, with or without an interval."""

import pytest

from backend.cases import survey_figures
from backend.cases.figures import Rate
from backend.cases.intervals import wilson
from backend.cases.supervision_models import Measure

M = Measure


def rate(good, of):
    return Rate(M.SATISFIED, good, of, 0)


def test_the_silent_count_as_the_sampled_of_them_do():
    whole = survey_figures.reweighed(rate(30, 40), rate(5, 10), own=40, others=60)
    spread = wilson(5, 10)
    assert whole.share == pytest.approx(0.4 * 0.75 + 0.6 * 0.5)
    assert whole.interval.low == pytest.approx(0.3 + 0.6 * spread.low)
    assert whole.interval.high == pytest.approx(0.3 + 0.6 * spread.high)
    assert whole.percent == "60.0%"
    assert survey_figures.Whole(0.9999, spread).percent == "99.9%"  # not all, however close
    assert [survey_figures.Whole(n / 1000, spread).percent for n in (570, 586)] == ["57.0%", "58.6%"]
    assert survey_figures.Whole(2 / 3, spread).percent == "66.7%"


def test_without_a_sample_nobody_knows_and_without_silent_ones_nothing_is_reweighed():
    assert survey_figures.reweighed(rate(30, 40), rate(0, 0), own=40, others=60) is None
    assert survey_figures.reweighed(rate(0, 0), rate(5, 10), own=40, others=60) is None
    assert survey_figures.reweighed(rate(0, 0), rate(0, 0), own=0, others=0) is None
    assert survey_figures.reweighed(rate(30, 40), rate(0, 0), own=40, others=0) is None
    assert survey_figures.reweighed(rate(0, 0), rate(5, 10), own=0, others=60).share == 0.5


def test_where_all_the_silent_were_reached_nothing_is_guessed():
    known = survey_figures.reweighed(rate(30, 40), rate(5, 10), own=40, others=10)
    assert (known.percent, known.is_known) == ("70.0%", True)
    assert not survey_figures.reweighed(rate(30, 40), rate(5, 10), own=40, others=11).is_known


def test_few_answers_are_shown_with_their_interval_and_what_is_no_survey_is_not():
    assert rate(9, 10).caution == wilson(9, 10).words
    assert rate(90, 100).caution == rate(0, 0).caution == ""
    assert Rate(M.RESOLVED, 9, 10, 0).caution == ""
