"""Leave (请假): while an officer is away their posts are not alerted; whoever stands in holds them, too."""

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from backend.errors import Conflict, Forbidden, Invalid, NotFound
from backend.places import changes, posts
from backend.places.changes import Did, Entry
from backend.places.models import Area, Post
from backend.places.posts import Seat
from backend.places.roles import Role
from backend.places.scope import Editor, is_held, serves
from backend.times import now, stamp

COLUMNS = ("away_since", "away_until")
NOT_YOURS = "请假由本人或管理员登记"
FAR = "请选择同一个街道（区级岗位：同一个区）里的同事来代班"


def be_away(
    session: Session,
    editor: Editor,
    officer_id: int,
    since: datetime,
    until: datetime,
    substitute_id: int | None = None,
) -> list[Post]:
    """Leave, entered by the officer or by who administers all their posts. Returns the stand-in's posts.

    Raises NotFound, Forbidden, Invalid (times, substitute) or Conflict (leave that overlaps, a substitute who
    is away too, or the officer stands in for somebody then).
    """
    _lock(session, officer_id, substitute_id)
    own = [post for post in posts.held_by(session, officer_id) if post.for_id is None]
    _check(session, editor, officer_id, own)
    if until <= since or until <= now():
        raise Invalid("返岗时间要晚于请假时间，也要晚于现在")
    _must_be_free(session, officer_id, since, until)
    if substitute_id is not None:
        _must_suit(session, editor, officer_id, substitute_id, own, since, until)
    _write(session, editor, own, since, until)
    stand_ins = own if substitute_id is not None else []
    return [_stand_in(session, editor, post, substitute_id, since, until) for post in stand_ins]


def come_back(session: Session, editor: Editor, officer_id: int, at: datetime | None = None) -> None:
    """End or call off the leave: from this moment the posts are alerted, and nobody stands in.

    Raises NotFound, Forbidden or Conflict (not on leave).
    """
    moment = at or now()
    _lock(session, officer_id)
    own = posts.held_by(session, officer_id, moment)
    _check(session, editor, officer_id, own)
    away = [post for post in own if post.away_until is not None and post.away_until > moment]
    if not away:
        raise Conflict("这位工作人员现在没有请假，不用销假")
    for post in away:
        _end_stand_ins(session, editor, post, moment)
    _write(session, editor, away, None, None)


def away(held: Sequence[Post], at: datetime | None = None) -> tuple[datetime, datetime] | None:
    """The leave that is on or ahead, of someone with these posts: from, until."""
    moment = at or now()
    found = [(p.away_since, p.away_until) for p in held if p.away_until and p.away_until > moment]
    since, until = found[0] if found else (None, None)
    return (since, until) if since is not None and until is not None else None


def may_enter(editor: Editor, officer_id: int, own: Sequence[Post]) -> bool:
    """Whether this person may enter leave of the officer who holds these posts."""
    return editor.officer_id == officer_id or all(editor.may_edit(serves(post)) for post in own)


def colleagues(own: Sequence[Post]) -> sa.ColumnElement[bool]:
    """The condition that a post is held by someone near: in the same street, or the same district."""
    near = [serves(post) for post in own]
    around = {(area.subdistrict_id or area.district_id or area.id) for area in near}
    return posts.at_areas(sa.or_(sa.false(), *(_within(area_id) for area_id in around)))


def _within(area_id: int) -> sa.ColumnElement[bool]:
    return sa.or_(Area.id == area_id, Area.subdistrict_id == area_id, Area.district_id == area_id)


def _lock(session: Session, officer_id: int, substitute_id: int | None = None) -> None:
    """Both rows, the smaller id first: two who name each other wait, and do not lock each other out."""
    both = {officer_id} if substitute_id is None else {officer_id, substitute_id}
    for wanted in sorted(both):
        posts.lock_officer(session, wanted)


def _check(session: Session, editor: Editor, officer_id: int, own: Sequence[Post]) -> None:
    if editor.officer_id != officer_id:
        posts.must_know(session, editor, officer_id)
    if not may_enter(editor, officer_id, own):
        raise Forbidden(NOT_YOURS)
    if not own:
        raise Conflict("这位工作人员现在没有岗位，不用请假")


def _must_be_free(session: Session, officer_id: int, since: datetime, until: datetime) -> None:
    for post in posts.held_by(session, officer_id):
        if post.away_until is not None and post.away_until > now():
            raise Conflict(f"已经登记了请假，到{stamp(post.away_until)}为止。请先销假，再重新登记")
        if post.for_id is not None and post.since < until and (post.until is None or post.until > since):
            raise Conflict(f"这段时间正在替别人代班（{posts.name_of(post)}），请先给那边换一位代班的人")


def _must_suit(
    session: Session,
    editor: Editor,
    officer_id: int,
    substitute_id: int,
    own: Sequence[Post],
    since: datetime,
    until: datetime,
) -> None:
    if substitute_id == officer_id:
        raise Invalid("不能由本人代班，请选择另一位")
    near = sa.select(Post.id).where(Post.officer_id == substitute_id, is_held(), colleagues(own))
    if session.execute(near.limit(1)).first() is None:
        raise NotFound(FAR)
    is_given_away = any(post.role is Role.ADMINISTRATOR for post in own)
    if is_given_away and not all(editor.may_edit(serves(post)) for post in own):
        raise Forbidden("管理员岗位请由上级管理员安排代班")
    for post in posts.held_by(session, substitute_id):
        if post.away_since and post.away_until and post.away_since < until and post.away_until > since:
            raise Conflict("代班的人这段时间也请假了，请选择另一位")


def _stand_in(
    session: Session,
    editor: Editor,
    post: Post,
    substitute_id: int | None,
    since: datetime,
    until: datetime,
) -> Post:
    assert substitute_id is not None
    seat = Seat(post.role, post.area_id, post.unit_id, post.force_kind)
    return posts.put(session, editor, substitute_id, seat, since=since, until=until, for_id=post.id)


def _end_stand_ins(session: Session, editor: Editor, post: Post, at: datetime) -> None:
    wanted = sa.select(Post).where(Post.for_id == post.id, Post.until > at).options(*posts.PLACES)
    for stand_in in session.scalars(wanted.with_for_update(of=Post)):
        posts.finish(session, editor, stand_in, at)


def _write(
    session: Session, editor: Editor, own: Sequence[Post], since: datetime | None, until: datetime | None
) -> None:
    entries = []
    for post in own:
        before = changes.snapshot(post, COLUMNS)
        post.away_since, post.away_until = since, until
        after = changes.snapshot(post, COLUMNS)
        area_id = serves(post).id
        entries.append(Entry(Did.CHANGED, "posts", post.id, posts.name_of(post), area_id, before, after))
    session.flush()
    changes.record(session, editor, entries)
