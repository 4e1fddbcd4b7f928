"""Monthly notices (月通报): a month's figures as they were when they were taken, published for an area.

A published notice is everybody's to read and never changes: no number is replaced in silence, whatever is
corrected later. Those published before there was a page for everybody were promised to officers alone, and
stay theirs.
"""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session, joinedload

from backend.cases import replies
from backend.cases.service import Actor
from backend.cases.supervision_models import MonthlyNotice
from backend.errors import Conflict, Forbidden, Invalid, NotFound
from backend.orders import notice_figures
from backend.places.models import Area, Post
from backend.places.roles import Level, Role
from backend.places.scope import lies_in, serves, subtree
from backend.times import local, now

PAGE = 20
AUTHORS = frozenset({Role.SUPERVISOR})
EDITORS = AUTHORS | {Role.LEADER}  # who reads a draft
LEVELS = (Level.DISTRICT, Level.SUBDISTRICT, Level.COMMUNITY)
WORDS_LENGTH = 2_000
NOT_FOUND = "没有这份月通报"
NOT_YOURS = "月通报由这个区域的督查专员起草和发布"


def areas(actor: Actor) -> list[Area]:
    """The areas of which this person writes the notice."""
    own = [post.area for post in actor.posts if post.role in AUTHORS and post.area is not None]
    return [area for area in own if _has_notices(area)]


def _has_notices(area: Area) -> bool:
    return area.level in LEVELS


def draft(
    session: Session, actor: Actor, area_id: int, month: date, at: datetime | None = None
) -> MonthlyNotice:
    """Take the figures of a month that is over; a draft of it takes them anew and keeps its words.

    `month` is any day of it. Raises Forbidden for who does not supervise there, Invalid for a month that
    goes on, Conflict when its notice is published.
    """
    moment, first = at or now(), month.replace(day=1)
    area = session.get(Area, area_id)
    _must_write(actor, area)
    assert area is not None
    if local(moment).date() < notice_figures.next_month(first):
        raise Invalid("这个月还没有过完，下个月再出通报")
    row = _held(session, area, first, actor)
    row.figures = notice_figures.taken(session, area, first, moment) | {"at": moment.isoformat()}
    row.officer_id = actor.officer_id or row.officer_id
    return row


def _held(session: Session, area: Area, first: date, actor: Actor) -> MonthlyNotice:
    """The draft of this month, made if there is none, and held until the transaction ends."""
    new = {"area_id": area.id, "month": first, "officer_id": actor.officer_id}
    session.execute(insert(MonthlyNotice).values(new).on_conflict_do_nothing())
    own = (MonthlyNotice.area_id == area.id, MonthlyNotice.month == first)
    row = session.scalars(sa.select(MonthlyNotice).where(*own).with_for_update()).one()
    row.area = area
    return _unpublished(row)


def write(session: Session, actor: Actor, notice_id: int, words: str) -> MonthlyNotice:
    """Put the supervisor's words into a draft. Raises NotFound, Forbidden, Conflict, Invalid."""
    row = _own_draft(session, actor, notice_id)
    if len(words) > WORDS_LENGTH:
        raise Invalid(f"通报的话太长了，最多 {WORDS_LENGTH} 个字")
    row.words = words.strip()
    return row


def publish(
    session: Session, actor: Actor, notice_id: int, words: str, at: datetime | None = None
) -> MonthlyNotice:
    """Let everybody read it, residents too, for good.

    Raises as `write` does, and Invalid without words or with numbers of people in them.
    """
    row = write(session, actor, notice_id, words)
    if not row.words:
        raise Invalid("请先写几句通报的话，再发布")
    if replies.IDENTITY.search(row.words) or replies.MOBILE.search(row.words):
        raise Invalid("居民也会看到通报，请不要写手机号和身份证号")
    row.published_at, row.is_public = at or now(), True
    return row


def _own_draft(session: Session, actor: Actor, notice_id: int) -> MonthlyNotice:
    query = sa.select(MonthlyNotice).where(MonthlyNotice.id == notice_id).with_for_update()
    row = session.scalar(query.execution_options(populate_existing=True))
    if row is None:
        raise NotFound(NOT_FOUND)
    row.area = session.get_one(Area, row.area_id)
    _must_write(actor, row.area)
    return _unpublished(row)


def _unpublished(row: MonthlyNotice) -> MonthlyNotice:
    if row.published_at is not None:
        raise Conflict("这个月的通报已经发布，数字和文字不再改动")
    return row


def may_write(actor: Actor, area: Area | None) -> bool:
    """Whether this person writes the notices of this area: they supervise it, or what it lies in."""
    return area is not None and _has_notices(area) and any(lies_in(area, own) for own in areas(actor))


def _must_write(actor: Actor, area: Area | None) -> None:
    if not may_write(actor, area):
        raise Forbidden(NOT_YOURS)


def page(
    session: Session, posts: Sequence[Post], *, before: int | None = None, limit: int = PAGE
) -> list[MonthlyNotice]:
    """The notices that somebody with these posts may read, the newest first (one query)."""
    query = _readable(posts)
    if before is not None:
        query = query.where(MonthlyNotice.id < before)
    return list(session.scalars(query.order_by(MonthlyNotice.id.desc()).limit(limit)))


def find(session: Session, posts: Sequence[Post], notice_id: int) -> MonthlyNotice:
    """A notice with its area. Raises NotFound for one that these posts may not read."""
    row = session.scalar(_readable(posts).where(MonthlyNotice.id == notice_id))
    if row is None:
        raise NotFound(NOT_FOUND)
    return row


def published(
    session: Session, area: Area | None = None, *, before: int | None = None, limit: int = PAGE
) -> list[MonthlyNotice]:
    """What everybody may read, the newest first (one query): all, or those above, of and in an area."""
    query = _public()
    if area is not None:
        above = [int(label) for label in area.path.split(".")]
        query = query.where(Area.id.in_(above) | subtree(area))
    if before is not None:
        query = query.where(MonthlyNotice.id < before)
    return list(session.scalars(query.order_by(MonthlyNotice.id.desc()).limit(limit)))


def find_published(session: Session, notice_id: int) -> MonthlyNotice:
    """A notice for everybody with its area. Raises NotFound for a draft, too, and one for officers alone."""
    row = session.scalar(_public().where(MonthlyNotice.id == notice_id))
    if row is None:
        raise NotFound(NOT_FOUND)
    return row


def _public() -> sa.Select[MonthlyNotice]:
    query = sa.select(MonthlyNotice).join(Area, Area.id == MonthlyNotice.area_id)
    return query.where(MonthlyNotice.is_public).options(joinedload(MonthlyNotice.area))


def _readable(posts: Sequence[Post]) -> sa.Select[MonthlyNotice]:
    """Published: for who works in the area or over it, in a unit, too. A draft: for who commands the area."""
    over = [subtree(serves(post)) for post in posts]
    above = {int(label) for post in posts for label in serves(post).path.split(".")}
    edited = [subtree(post.area) for post in posts if post.role in EDITORS and post.area is not None]
    published = MonthlyNotice.published_at.is_not(None) & sa.or_(Area.id.in_(above), *over)
    own: list[Any] = [published, *edited]
    return (
        sa.select(MonthlyNotice)
        .join(Area, Area.id == MonthlyNotice.area_id)
        .where(sa.or_(sa.false(), *own))
        .options(joinedload(MonthlyNotice.area))
    )
