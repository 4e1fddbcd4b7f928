"""Posts (岗位): which role fits where, given and ended by those who administer the place."""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session, joinedload

from backend.errors import Conflict, Forbidden, Invalid, NotFound
from backend.places import changes, post_ends
from backend.places.changes import Did, Entry
from backend.places.models import Area, Officer, Post, Unit
from backend.places.roles import LEVEL_LABELS, ROLE_LABELS, Force, Level, Role
from backend.places.scope import Editor, is_held, serves
from backend.times import now, stamp

L, R = Level, Role
BROAD = (L.DISTRICT, L.SUBDISTRICT, L.COMMUNITY)
NEAR = (L.COMMUNITY, L.ZONE, L.GRID, L.BUILDING, L.STATION)
# At which areas a role fits: where those who are told look for it (cases/audience.py). Others fit nowhere.
LEVELS: dict[Role, tuple[Level, ...]] = {
    R.SAFETY_OFFICER: NEAR,
    R.GRID_OFFICER: NEAR,
    R.INFORMATION_OFFICER: NEAR,
    R.SECRETARY: (L.COMMUNITY,),
    R.DISPATCHER: (L.DISTRICT, L.SUBDISTRICT),
    R.MEDIATOR: BROAD,
    R.SUPERVISOR: BROAD,
    R.LEADER: BROAD,
    R.ADMINISTRATOR: BROAD,
}
AT_UNITS = (R.HANDLER, R.UNIT_HEAD, R.MEDIATOR, R.LAWYER, R.COUNSELLOR)
GIVEN = tuple(role for role in Role if role in LEVELS or role in AT_UNITS)  # of these there are posts
COLUMNS = ("officer_id", "role", "area_id", "unit_id", "force_kind", "since", "until", "for_id")
STRANGER = "没有这位工作人员，或者不归您管理"
GONE = "这位工作人员已经离岗，不能再安排岗位"


@dataclass(frozen=True)
class Seat:
    """A post that somebody may hold: the role, and either the area or the unit."""

    role: Role
    area_id: int | None = None
    unit_id: int | None = None
    force_kind: Force | None = None


def name_of(post: Post) -> str:
    """信息员 · 玉兰社区"""
    where = post.area or post.unit
    assert where is not None
    return f"{ROLE_LABELS[post.role]} · {where.name}"


def misfit(role: Role, where: Area | Unit) -> str:
    """Why the role does not fit at this area or unit; empty when it does."""
    if isinstance(where, Unit):
        return "" if role in AT_UNITS else f"{ROLE_LABELS[role]}不设在单位里，请选择一个地方"
    if where.level in LEVELS.get(role, ()):
        return ""
    if role not in LEVELS:
        return f"{ROLE_LABELS[role]}设在单位里，请选择一个单位"
    fitting = "、".join(LEVEL_LABELS[level] for level in LEVELS[role])
    return f"{ROLE_LABELS[role]}不能设在{LEVEL_LABELS[where.level]}，请选择{fitting}"


def wrong_force(role: Role, force_kind: Force | None) -> str:
    """Why the kind of community force cannot stand with the role; empty when it can."""
    return "" if force_kind is None or role is R.SAFETY_OFFICER else "只有平安员要选平安员类别，请改为不选"


def give(
    session: Session,
    editor: Editor,
    officer_id: int,
    seat: Seat,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
) -> Post:
    """A post for an officer this person knows, from now unless `since` says otherwise.

    Raises NotFound (officer, place), Forbidden (the place is not theirs), Invalid (the role does not fit, the
    dates) or Conflict (the officer has left, or holds this post at that time).
    """
    lock_officer(session, officer_id)
    must_know(session, editor, officer_id)
    editor.must_edit(area_of(session, seat))
    return put(session, editor, officer_id, seat, since=since, until=until)


def put(
    session: Session,
    editor: Editor,
    officer_id: int,
    seat: Seat,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    for_id: int | None = None,
) -> Post:
    """Write a post down for an officer whose row is held, asking neither whose officer nor whose place it is.

    For who has asked what there is to ask: nobody knows a new officer yet, and the post of a stand-in is
    nobody's to give. Everybody else's verb is `give`. Raises NotFound (the place), Invalid or Conflict.
    """
    where, begins = place(session, seat), since or now()
    if wrong := misfit(seat.role, where) or wrong_force(seat.role, seat.force_kind):
        raise Invalid(wrong)
    if until is not None and until <= begins:
        raise Invalid("结束时间要晚于开始时间，请改一下日期")
    if for_id is None:
        _must_be_free(session, officer_id, seat, begins, until)
    post = Post(officer_id=officer_id, since=begins, until=until, for_id=for_id, **vars(seat))
    session.add(post)
    session.flush()
    post.area, post.unit = (where, None) if isinstance(where, Area) else (None, where)
    _record(session, editor, Did.ADDED, post, {})
    return post


def end(session: Session, editor: Editor, post_id: int, until: datetime | None = None) -> Post:
    """End a post now, or at a moment to come; who stands in for its holder, and its turns of duty, end too.

    Raises NotFound, Forbidden (also for one's own last administration), Invalid (the date) or Conflict.
    Whether somebody goes on with the work is asked before this (cases/handover.py).
    """
    post = locked(session, post_id)
    editor.must_edit(serves(post))
    moment = now()
    if post.until is not None and post.until <= moment:
        raise Conflict("这个岗位已经结束了")
    _must_not_lock_oneself_out(session, editor, post)
    if until is not None and until <= post.since:
        raise Invalid(f"这个岗位从{stamp(post.since)}开始，结束时间要晚于它")
    return finish(session, editor, post, until or moment)


def finish(session: Session, editor: Editor, post: Post, at: datetime) -> Post:
    """Let a post end at this moment, with whatever hangs on it."""
    before = changes.snapshot(post, COLUMNS)
    post.until = max(at, post.since + post_ends.AN_INSTANT)
    session.flush()
    post_ends.end_with(session, post.id, post.until)
    _record(session, editor, Did.CHANGED, post, before)
    return post


def locked(session: Session, post_id: int) -> Post:
    """The post with its place, its row held until the transaction ends. Raises NotFound."""
    return _one(session, _with_place(post_id).with_for_update(of=Post, key_share=True))


def find(session: Session, post_id: int) -> Post:
    """The post with its place, not held, whosever it is. Raises NotFound."""
    return _one(session, _with_place(post_id))


def lock_officer(session: Session, officer_id: int) -> Officer:
    """The officer's row, held until the transaction ends. Raises NotFound, or Conflict for one who left."""
    wanted = {"key_share": True}  # whatever only refers to the officer does not wait
    officer = session.get(Officer, officer_id, with_for_update=wanted, populate_existing=True)
    if officer is None:
        raise NotFound(STRANGER)
    if officer.left_at is not None:
        raise Conflict(GONE)
    return officer


def held_by(session: Session, officer_id: int, at: datetime | None = None) -> list[Post]:
    """The posts that this officer holds or will hold, with their places."""
    ahead = Post.until.is_(None) | (Post.until > (at or now()))
    wanted = sa.select(Post).where(Post.officer_id == officer_id, ahead)
    return list(session.scalars(wanted.options(*PLACES).order_by(Post.id)))


def must_know(session: Session, editor: Editor, officer_id: int) -> None:
    """Raises NotFound for an officer who never had a post in this person's areas."""
    own = sa.select(Post.id).where(Post.officer_id == officer_id, at_areas(editor.edits(Area)))
    if not editor.is_command_line and session.execute(own.limit(1)).first() is None:
        raise NotFound(STRANGER)


def at_areas(condition: sa.ColumnElement[bool]) -> sa.ColumnElement[bool]:
    """The condition that a post is at an area like this, or at a unit that serves one."""
    areas = sa.select(Area.id).where(condition)
    units = sa.select(Unit.id).where(Unit.area_id.in_(areas))
    return Post.area_id.in_(areas) | Post.unit_id.in_(units)


def place(session: Session, seat: Seat) -> Area | Unit:
    """Where the seat is. Raises Invalid for neither or both, NotFound for one that is closed or unknown."""
    if (seat.area_id is None) == (seat.unit_id is None):
        raise Invalid("请选择一个地方或者一个单位")
    where = session.get(Area, seat.area_id) if seat.area_id else _unit(session, seat.unit_id)
    if where is None or where.closed_at is not None:
        raise NotFound("没有这个地方或单位，或者已经停用，请重新选择")
    return where


def area_of(session: Session, seat: Seat) -> Area:
    """The area whose administrators give the seat. Raises as `place`."""
    where = place(session, seat)
    return where if isinstance(where, Area) else where.area


def _with_place(post_id: int) -> sa.Select[Post]:
    return sa.select(Post).where(Post.id == post_id).options(*PLACES)


def _one(session: Session, wanted: sa.Select[Post]) -> Post:
    post = session.scalar(wanted, execution_options={"populate_existing": True})
    if post is None:
        raise NotFound("没有这个岗位，请刷新页面再看")
    return post


def _unit(session: Session, unit_id: int | None) -> Unit | None:
    wanted = sa.select(Unit).where(Unit.id == unit_id).options(joinedload(Unit.area))
    return session.scalar(wanted, execution_options={"populate_existing": True})


PLACES = (joinedload(Post.area), joinedload(Post.unit).joinedload(Unit.area))


def _must_be_free(
    session: Session, officer_id: int, seat: Seat, since: datetime, until: datetime | None
) -> None:
    same = sa.select(Post.id).where(
        Post.officer_id == officer_id,
        Post.role == seat.role,
        Post.area_id.is_not_distinct_from(seat.area_id),
        Post.unit_id.is_not_distinct_from(seat.unit_id),
        Post.for_id.is_(None),
        Post.until.is_(None) | (Post.until > since),
    )
    if until is not None:
        same = same.where(Post.since < until)
    if session.execute(same.limit(1)).first() is not None:
        raise Conflict(f"这位工作人员在这里已经是{ROLE_LABELS[seat.role]}，不用再安排一次")


def _must_not_lock_oneself_out(session: Session, editor: Editor, post: Post) -> None:
    if post.role is not Role.ADMINISTRATOR or post.officer_id != editor.officer_id:
        return
    others = sa.select(Post.id).where(
        Post.officer_id == post.officer_id, Post.role == post.role, Post.id != post.id, is_held()
    )
    if session.execute(others.limit(1)).first() is None:
        raise Forbidden("这是您自己最后一个管理员岗位，请由另一位管理员来结束它")


def _record(session: Session, editor: Editor, did: Did, post: Post, before: dict[str, object]) -> None:
    after = changes.snapshot(post, COLUMNS)
    entry = Entry(did, "posts", post.id, name_of(post), serves(post).id, before, after)
    changes.record(session, editor, [entry])
