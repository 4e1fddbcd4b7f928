"""Shares in words, with confidence intervals: how far the share of all may lie from that of those counted."""

from dataclasses import dataclass
from math import ceil, floor, sqrt

SMALL = 100  # of fewer, a share is shown with its interval
Z = 1.959963984540054  # the normal distribution's quantile for 95 %
RULE = (
    f"少于 {SMALL} 件的比例，旁边写出 95% 置信区间（Wilson 法）："
    "人数这么少，换一批人来答，比例大约会落在这个范围里。"
)
EXACT = 1e-9  # what is a share of whole numbers is not quite so as a fraction of twos


def percent(share: float) -> str:
    """With one decimal, a half rounded up; a hundred only where it is all of them, however close."""
    tenths = floor(share * 1000 + 0.5 + EXACT)
    return f"{(tenths if share >= 1 - EXACT else min(tenths, 999)) / 10:.1f}%"


@dataclass(frozen=True)
class Interval:
    """From `low` to `high`, both shares between 0 and 1."""

    low: float
    high: float

    @property
    def words(self) -> str:
        """Rounded outwards to a tenth of a per cent, so that what is said holds the whole of it."""
        low, high = floor(round(self.low * 1000, 6)) / 10, ceil(round(self.high * 1000, 6)) / 10
        return f"{low:.1f}%–{high:.1f}%"


def wilson(good: int, of: int) -> Interval | None:
    """The 95 % score interval (Wilson 1927, without correction) of `good` of `of`; None of nothing.

    Raises ValueError for what is no share.
    """
    if not 0 <= good <= of:
        raise ValueError(f"{good} of {of} is no share")
    if not of:
        return None
    share, weight = good / of, Z * Z / of
    middle = (share + weight / 2) / (1 + weight)
    half = Z * sqrt(share * (1 - share) / of + weight / of / 4) / (1 + weight)
    # At both ends the interval touches 0 or 1 exactly, which sums of floats would miss by a hair.
    return Interval(
        0.0 if good == 0 else max(0.0, middle - half), 1.0 if good == of else min(1.0, middle + half)
    )
