"""Cases as a table to take away, with the five times and their intervals, and without residents' names."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session, joinedload

from backend.cases.firsts import FIRSTS, INTERVALS
from backend.cases.intake import summary
from backend.cases.models import CHANNEL_LABELS, Case
from backend.cases.workflow import OUTCOME_LABELS, STATUS_LABELS
from backend.errors import TooLarge
from backend.places.models import Post
from backend.places.scope import visible
from backend.times import stamp

MOST = 20_000  # rows in one file
ABOUT = ("编号", "来源", "状态", "第几次办理", "社区", "责任单位", "事项", "摘要", "结果")
HEADERS = (
    *ABOUT,
    *(first.label for first in FIRSTS),
    *(f"{interval.label}（分钟）" for interval in INTERVALS.values()),
)


def rows(session: Session, posts: Sequence[Post], since: datetime, until: datetime) -> list[tuple[Any, ...]]:
    """What these posts reach of the cases found out from `since` until before `until`, oldest first.

    Raises TooLarge when there are more than MOST: a file that left some out would be taken for whole.
    """
    found = (Case.discovered_at >= since) & (Case.discovered_at < until)
    query = sa.select(Case).where(visible(posts, Case), found).order_by(Case.id).limit(MOST + 1)
    places = (joinedload(Case.community), joinedload(Case.unit), joinedload(Case.category))
    cases = session.scalars(query.options(*places)).all()
    if len(cases) > MOST:
        raise TooLarge(f"这段时间的诉求超过 {MOST} 件，请把时间段缩短，分几次导出")
    return [tuple(_cells(case)) for case in cases]


def _cells(case: Case) -> Iterator[Any]:
    yield from (case.number, CHANNEL_LABELS[case.channel], STATUS_LABELS[case.status], case.round)
    yield case.community.name if case.community else ""
    yield case.unit.name if case.unit else ""
    yield case.category.path if case.category else ""
    yield summary(case.report)
    yield OUTCOME_LABELS[case.outcome] if case.outcome else ""
    yield from (stamp(getattr(case, first.column)) for first in FIRSTS)
    yield from (_minutes(interval.of(case)) for interval in INTERVALS.values())


def _minutes(length: timedelta | None) -> int | str:
    return "" if length is None else int(length.total_seconds() // 60)
