"""How long each part of the five firsts (五个一) took lately, as the board shows it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Session

from backend.cases import figures
from backend.cases.firsts import INTERVALS, Interval
from backend.cases.models import Case
from backend.cases.supervision_models import Measure
from backend.places.models import Post
from backend.times import span

DAYS = 30
SHARES = (0.5, 0.9)


@dataclass(frozen=True)
class Span:
    """One interval: how many cases have it, within what time half of them did it, and nine of ten."""

    label: str
    count: int
    half: str
    most: str


def lately(session: Session, posts: Sequence[Post], at: datetime) -> list[Span]:
    """Of the cases that were accepted in the last DAYS and count in the published rates, in the order of
    INTERVALS, without those that nobody has (two queries)."""
    ids = figures.counted(session, posts, Measure.RESOLVED, at - timedelta(days=DAYS), at)
    columns = [column for interval in INTERVALS.values() for column in _columns(interval)]
    row = session.execute(sa.select(*columns).where(Case.id.in_(ids))).one()
    found = zip(INTERVALS.values(), row[::2], row[1::2], strict=True)
    return [Span(interval.label, count, *map(span, lengths)) for interval, count, lengths in found if count]


def _columns(interval: Interval) -> tuple[Any, Any]:
    """As Interval.of has it: not where one of the times is missing, or where the end came first."""
    length = getattr(Case, interval.end) - getattr(Case, interval.start)
    shares = sa.func.percentile_disc(sa.cast(SHARES, ARRAY(sa.Float))).within_group(length)
    is_known = length >= timedelta(0)
    if interval.in_first_round:
        is_known &= Case.round == 1
    return sa.func.count().filter(is_known), shares.filter(is_known)
