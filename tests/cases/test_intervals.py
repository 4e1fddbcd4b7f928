"""Intervals of shares, against the published examples and against the equation that defines them."""

from math import isclose, sqrt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.cases.intervals import Interval, Z, wilson

SHARES = st.integers(0, 5_000).flatmap(lambda of: st.tuples(st.integers(0, of), st.just(of)))


@pytest.mark.parametrize(
    ("good", "of", "low", "high"),
    [  # Newcombe 1998, Statistics in Medicine 17, table I, method 3
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0, 0.1611),
        (1, 29, 0.0061, 0.1718),
        (5, 10, 0.2366, 0.7634),
    ],
)
def test_the_examples_of_the_literature_come_out_to_the_last_place(good, of, low, high):
    found = wilson(good, of)
    assert (round(found.low, 4), round(found.high, 4)) == (low, high)


@given(SHARES)
def test_an_interval_holds_its_share_and_its_ends_solve_the_score_equation(share):
    good, of = share
    found = wilson(good, of)
    if not of:
        assert found is None
        return
    assert 0 <= found.low <= good / of <= found.high <= 1
    assert found.low < found.high
    for end in (found.low, found.high):
        if 0 < end < 1:
            assert isclose(abs(good / of - end), Z * sqrt(end * (1 - end) / of), rel_tol=1e-6, abs_tol=1e-9)
    other = wilson(of - good, of)
    assert isclose(found.low, 1 - other.high, abs_tol=1e-12)


@given(st.integers(1, 5_000))
def test_none_and_all_touch_the_end_exactly_and_more_of_the_same_are_surer(of):
    none, whole = wilson(0, of), wilson(of, of)
    assert (none.low, whole.high) == (0.0, 1.0)
    assert isclose(none.high, Z * Z / (of + Z * Z))
    assert wilson(0, of + 1).high < none.high


def test_what_is_no_share_has_no_interval_and_words_are_rounded_outwards():
    assert wilson(0, 0) is None
    for good, of in ((-1, 3), (4, 3), (1, 0)):
        with pytest.raises(ValueError, match="no share"):
            wilson(good, of)
    assert Interval(0.23661, 0.76339).words == "23.6%–76.4%"
    assert Interval(0.0, 1.0).words == "0.0%–100.0%"
    assert Interval(0.3, 0.7).words == "30.0%–70.0%"
