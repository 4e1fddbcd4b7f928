"""The roster (值班): turns of duty, planned week by week by those who answer for the place."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from itertools import pairwise
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from backend.errors import Conflict, Forbidden, Invalid, NotFound
from backend.places import changes, posts
from backend.places.changes import Did, Entry
from backend.places.models import Post, Shift
from backend.places.roles import Level, Role
from backend.places.scope import Editor, serves
from backend.times import SHANGHAI, local, now, spoken

WEEKS = 26  # that are planned at once, at most
LONGEST = timedelta(hours=24)
COLUMNS = ("post_id", "since", "until")
NOT_YOURS = "值班表由管理员、单位负责人、社区书记或信息员编排"
# Who plans for their own community, besides those who administer it; a unit's head plans for the unit.
PLANNERS = frozenset({Role.ADMINISTRATOR, Role.SECRETARY, Role.INFORMATION_OFFICER})


@dataclass(frozen=True)
class Turn:
    """A turn that comes back every week: the weekday it begins (0 is Monday), from–until in Shanghai.

    One that ends no later than it begins goes on past midnight; from a time to the same time is a whole day.
    """

    weekday: int
    since: time
    until: time


def plan(
    session: Session, editor: Editor, post_id: int, monday: date, turns: Sequence[Turn], weeks: int = 1
) -> list[Shift]:
    """Turns of duty of one post, repeated for `weeks` weeks from the one of `monday` on; those that are over
    by now are left out.

    Raises NotFound, Forbidden, Invalid (no turns, too many weeks) or Conflict (the post is over by then, or a
    turn overlaps another of this post).
    """
    if not turns:
        raise Invalid("请至少填一个班次")
    if not 1 <= weeks <= WEEKS:
        raise Invalid(f"一次可以排 1 到 {WEEKS} 周")
    post = _locked_post(session, editor, post_id)
    first = monday - timedelta(days=monday.weekday())
    wanted = (_span(first + timedelta(weeks=week), turn) for week in range(weeks) for turn in turns)
    spans = sorted(span for span in wanted if span[1] > now())
    if not spans:
        raise Conflict("这些班次都已经过去，请选择以后的日期")
    for one, other in pairwise(spans):
        if other[0] < one[1]:
            raise Conflict(f"{_spoken(one)}和{_spoken(other)}重叠，请改一下时间")
    _must_be_free(session, post, spans)
    shifts = [Shift(post_id=post.id, since=since, until=until) for since, until in spans]
    session.add_all(shifts)
    session.flush()
    _record(session, editor, post, [(Did.ADDED, shift, {}) for shift in shifts])
    return shifts


def change(session: Session, editor: Editor, shift_id: int, since: datetime, until: datetime) -> Shift:
    """Move one turn. Raises NotFound, Forbidden, Invalid (the times) or Conflict as `plan` does."""
    shift, post = _locked(session, editor, shift_id)
    if not timedelta(0) < until - since <= LONGEST:
        raise Invalid("结束时间要晚于开始时间，一个班次最长 24 小时")
    _must_be_free(session, post, [(since, until)], but=shift.id)
    before = changes.snapshot(shift, COLUMNS)
    shift.since, shift.until = since, until
    session.flush()
    _record(session, editor, post, [(Did.CHANGED, shift, before)])
    return shift


def remove(session: Session, editor: Editor, shift_id: int, at: datetime | None = None) -> None:
    """Take a turn out of the roster. One that is on ends now; one that is over stays. Raises as `change`."""
    shift, post = _locked(session, editor, shift_id)
    moment, before = at or now(), changes.snapshot(shift, COLUMNS)
    if shift.until <= moment:
        raise Conflict("这个班次已经过去，不能删除")
    if shift.since < moment:
        shift.until = moment
        session.flush()
        _record(session, editor, post, [(Did.CHANGED, shift, before)])
        return
    session.delete(shift)
    session.flush()
    gone = Entry(Did.REMOVED, "shifts", shift.id, posts.name_of(post), serves(post).id, before)
    changes.record(session, editor, [gone])


def may_plan(editor: Editor, post: Post) -> bool:
    """Whether this person plans the turns of a post, whose places are loaded."""
    if post.unit_id is not None and any(
        own.role is Role.UNIT_HEAD and own.unit_id == post.unit_id for own in editor.posts
    ):
        return True
    area = serves(post)
    if area.level in (Level.DISTRICT, Level.SUBDISTRICT) or post.unit_id is not None:
        return editor.may_edit(area)
    return editor.may_edit(area, PLANNERS)


def _span(monday: date, turn: Turn) -> tuple[datetime, datetime]:
    day = monday + timedelta(days=turn.weekday)
    next_day = day + timedelta(days=turn.until <= turn.since)
    return datetime.combine(day, turn.since, SHANGHAI), datetime.combine(next_day, turn.until, SHANGHAI)


def _spoken(span: tuple[datetime, datetime]) -> str:
    """11月23日（周一）09:00–18:00"""
    since, until = span
    return f"{spoken(since, since - timedelta(days=9))}–{local(until):%H:%M}"


def _locked_post(session: Session, editor: Editor, post_id: int) -> Post:
    """Whoever plans for one post waits for the other: turns that are looked at stay as they are."""
    post = posts.locked(session, post_id)
    if not may_plan(editor, post):
        raise Forbidden(NOT_YOURS)
    return post


def _locked(session: Session, editor: Editor, shift_id: int) -> tuple[Shift, Post]:
    post_id = session.scalar(sa.select(Shift.post_id).where(Shift.id == shift_id))
    if post_id is None:
        raise NotFound("没有这个班次，请刷新页面再看")
    post = _locked_post(session, editor, post_id)
    shift = session.get(Shift, shift_id, with_for_update=True, populate_existing=True)
    if shift is None:
        raise NotFound("没有这个班次，请刷新页面再看")
    return shift, post


def _must_be_free(
    session: Session, post: Post, spans: Sequence[tuple[datetime, datetime]], but: int | None = None
) -> None:
    """The post is held all that time, and has no other turn then (one query)."""
    first, last = spans[0][0], max(until for _, until in spans)
    if spans[0][1] <= post.since or (post.until is not None and last > post.until):
        raise Conflict("这段时间里有一部分不在岗位的起止日期之内，请改一下时间")
    near = sa.select(Shift.since, Shift.until).where(
        Shift.post_id == post.id, Shift.since < last, Shift.until > first, Shift.id.is_distinct_from(but)
    )
    taken = session.execute(near.order_by(Shift.since)).all()
    for since, until in spans:
        for other in taken:
            if other.since < until and other.until > since:
                raise Conflict(f"和已有的班次重叠：{_spoken((other.since, other.until))}，请先删除或改时间")


def _record(
    session: Session, editor: Editor, post: Post, done: Iterable[tuple[Did, Shift, dict[str, Any]]]
) -> None:
    name, area_id = posts.name_of(post), serves(post).id
    changes.record(
        session,
        editor,
        [
            Entry(did, "shifts", shift.id, name, area_id, before, changes.snapshot(shift, COLUMNS))
            for did, shift, before in done
        ],
    )
