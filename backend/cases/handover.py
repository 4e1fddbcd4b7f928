"""Leaving (离岗) and the end of a post: whose cases nobody else would see gets a successor first."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from backend.auth import LoginSession
from backend.cases import workflow
from backend.cases.models import Case
from backend.errors import Conflict, Forbidden, Invalid
from backend.notify import binding, digests, outbox
from backend.notify import service as notify
from backend.notify.models import Delivery, Notification
from backend.notify.troubles import DROPPED, HANDED_ON
from backend.places import changes, officers, posts
from backend.places.changes import Did
from backend.places.models import Officer, Post
from backend.places.posts import Seat, name_of
from backend.places.roles import Role
from backend.places.scope import Editor, covers, is_held, serves, visible
from backend.times import now

# In these roles people take steps, so that a case needs somebody who holds them.
# What comes with a post, and what a case itself gives (roles.py), nobody is given by name. A leader decides
# about reviews: those of whoever leads there, which nobody need be given.
ACTING = frozenset(role for rule in workflow.RULES.values() if rule.target for role in rule.roles) - {
    Role.ARBITER,
    Role.GROUP_MEMBER,
    Role.LEADER,
}
LEADING = frozenset({Role.LEADER, Role.SECRETARY})  # who take charge of cases (包案)
OWN_HEIR = "不能由本人接任，请选择另一位"


@dataclass(frozen=True)
class Staying:
    """What stays behind when a post ends."""

    post: Post
    open_cases: int  # which the post reaches
    others: int  # who hold the same role at the same place, and are there

    @property
    def needs_successor(self) -> bool:
        if self.others:
            return False
        return self.post.role is Role.ADMINISTRATOR or (self.post.role in ACTING and self.open_cases > 0)

    @property
    def sentence(self) -> str:
        """玉兰社区的信息员…"""
        if self.post.role is Role.ADMINISTRATOR:
            return f"“{name_of(self.post)}”没有别人，请指定接任的人"
        return f"“{name_of(self.post)}”没有别人，还有 {self.open_cases} 件没有办完的诉求，请指定接任的人"


def what_stays(session: Session, officer_id: int, at: datetime | None = None) -> list[Staying]:
    """For each post of the officer: the open cases it reaches, and how many others there are."""
    moment = at or now()
    return [_staying(session, post, moment) for post in posts.held_by(session, officer_id, moment)]


def ends(
    session: Session,
    editor: Editor,
    post_id: int,
    until: datetime | None = None,
    successor_id: int | None = None,
) -> Post:
    """End one post, now or at a moment to come, and give it to a successor from then on, if one is named.

    Raises Invalid (their own successor), Conflict while open cases would be left to nobody, and what
    `posts.end` and `posts.give` raise.
    """
    _take_turns(session)
    seen = posts.find(session, post_id)
    editor.must_edit(serves(seen))
    if successor_id == seen.officer_id:
        raise Invalid(OWN_HEIR)
    _lock_people(session, {seen.officer_id, *([successor_id] if successor_id is not None else [])})
    post = posts.locked(session, post_id)  # after the people, as absences.py does
    moment, held_until = until or now(), post.until
    staying = _staying(session, post, moment)
    if staying.needs_successor and successor_id is None:
        raise Conflict(staying.sentence)
    posts.end(session, editor, post_id, until)
    if successor_id is not None:
        _succeed(session, editor, post, successor_id, moment, held_until)
    return post


def leaves(
    session: Session,
    editor: Editor,
    officer_id: int,
    successors: Mapping[int, int],
    at: datetime | None = None,
) -> Officer:
    """The officer leaves for good: posts, turns of duty, logins and the WeChat end; successors get the posts.

    `successors` is who gets a post, by the post's id. Raises NotFound, Forbidden (a post elsewhere; oneself),
    Invalid (a post that is not theirs) or Conflict, which names what would be left to nobody.
    """
    _take_turns(session)
    _lock_people(session, {officer_id, *successors.values()})
    officer = officers.must_administer(session, editor, officer_id)
    if officer_id == editor.officer_id:
        raise Forbidden("不能给自己办理离岗，请由另一位管理员来办")
    moment = at or now()
    stays = what_stays(session, officer_id, moment)
    _check(stays, successors, officer_id)
    _pass_on(session, officer_id, [stay.post for stay in stays], successors, moment)
    _let_go(session, officer_id, [stay.post for stay in stays], successors)
    for stay in stays:
        _end(session, editor, stay.post, successors.get(stay.post.id), moment)
    _shut_out(session, officer_id, moment)
    _write(session, editor, officer, stays, moment)
    return officer


def _take_turns(session: Session) -> None:
    """Two who leave at once would each count on the other."""
    session.execute(sa.text("SELECT pg_advisory_xact_lock(hashtextextended('handover', 0))"))


def _lock_people(session: Session, officer_ids: set[int]) -> None:
    """In the order of their ids, as absences.py does."""
    for officer_id in sorted(officer_ids):
        posts.lock_officer(session, officer_id)


def _staying(session: Session, post: Post, at: datetime) -> Staying:
    is_open = Case.status.in_(workflow.OPEN)
    count = sa.select(sa.func.count()).select_from(Case).where(visible([post], Case), is_open)
    open_cases = session.scalar(count) or 0 if post.role in ACTING else 0
    return Staying(post, open_cases, _others(session, post, at))


def _others(session: Session, post: Post, at: datetime) -> int:
    """Who holds this role here, or administers from above; not who stands in for the one who goes."""
    away = Post.away_since.is_not(None) & sa.literal(at).between(Post.away_since, Post.away_until)
    own = sa.select(Post.id).where(Post.officer_id == post.officer_id)
    there = sa.select(sa.func.count(Post.officer_id.distinct())).where(
        Post.officer_id != post.officer_id,
        Post.role == post.role,
        is_held(at),
        sa.not_(away),
        Post.for_id.is_(None) | Post.for_id.not_in(own),
    )
    return session.scalar(there.where(_same_place(post))) or 0


def _same_place(post: Post) -> sa.ColumnElement[bool]:
    if post.role is Role.ADMINISTRATOR and post.area is not None:
        return Post.area_id.in_([int(area_id) for area_id in post.area.path.split(".")])
    return sa.and_(
        Post.area_id.is_not_distinct_from(post.area_id), Post.unit_id.is_not_distinct_from(post.unit_id)
    )


def _check(stays: Sequence[Staying], successors: Mapping[int, int], officer_id: int) -> None:
    if not set(successors) <= {stay.post.id for stay in stays}:
        raise Invalid("岗位已经有变化，请刷新页面，重新指定接任的人")
    if officer_id in successors.values():
        raise Invalid(OWN_HEIR)
    left = [stay for stay in stays if stay.needs_successor and stay.post.id not in successors]
    if left:
        raise Conflict("；".join(stay.sentence for stay in left))


def _end(session: Session, editor: Editor, post: Post, successor_id: int | None, at: datetime) -> None:
    held_until = post.until
    posts.finish(session, editor, post, at)
    if successor_id is not None:
        _succeed(session, editor, post, successor_id, at, held_until)


def _succeed(
    session: Session, editor: Editor, post: Post, successor_id: int, at: datetime, until: datetime | None
) -> None:
    """The same post for somebody else, for as long as it was to last; what somebody stands in for, too."""
    posts.must_know(session, editor, successor_id)
    theirs = posts.held_by(session, successor_id, at)
    for held in theirs:
        if held.away_since and held.away_until and held.away_since <= at < held.away_until:
            raise Conflict("接任的人正在请假，请选择另一位")
    seat = Seat(post.role, post.area_id, post.unit_id, post.force_kind)
    editor.must_edit(posts.area_of(session, seat))
    begins = _wanting_from(post, theirs, max(at, post.since))
    if begins is not None and (until is None or begins < until):
        posts.put(session, editor, successor_id, seat, since=begins, until=until, for_id=post.for_id)


def _wanting_from(post: Post, theirs: Sequence[Post], begins: datetime) -> datetime | None:
    """From when the successor has to be given the post: not while they hold the same one; None for never."""
    same = [held for held in theirs if _is_same_seat(held, post)] if post.for_id is None else []
    for held in sorted(same, key=lambda held: held.since):
        if held.since <= begins and held.until is None:
            return None
        if held.since <= begins and held.until is not None:
            begins = max(begins, held.until)
    return begins


def _is_same_seat(held: Post, post: Post) -> bool:
    """Whether a colleague holds the role there in their own right, so that nothing has to be given."""
    places = (held.role, held.area_id, held.unit_id) == (post.role, post.area_id, post.unit_id)
    return places and held.for_id is None


def _shut_out(session: Session, officer_id: int, at: datetime) -> None:
    """Whoever left neither gets in nor hears of anything."""
    contacts = binding.release(session, officer_id, at)
    logins = sa.update(LoginSession).where(LoginSession.contact_id.in_(contacts))
    session.execute(logins.where(LoginSession.revoked_at.is_(None)).values(revoked_at=at))


def _pass_on(
    session: Session, officer_id: int, held: Sequence[Post], successors: Mapping[int, int], at: datetime
) -> None:
    """What was still owed about a case is owed to who gets the post that reaches it; the rest is dropped."""
    digests.dissolve(session, officer_id)
    waiting = (Notification.officer_id == officer_id) & (Notification.status == Delivery.WAITING)
    owed = session.scalars(sa.select(Notification).where(waiting).with_for_update()).all()
    numbers = {row.fields.get("number") for row in owed}
    cases = {case.number: case for case in session.scalars(sa.select(Case).where(Case.number.in_(numbers)))}
    for row in owed:
        case = cases.get(row.fields.get("number", ""))
        heirs = {
            successors[post.id] for post in held if post.id in successors and case and covers(post, case)
        }
        if row.created_at < at - outbox.STALE:
            heirs = set()
        key = row.key.removesuffix(f":officer:{officer_id}")
        notify.owe(session, row.message, key, row.fields, officers=sorted(heirs))
        row.status, row.error = Delivery.FAILED, HANDED_ON if heirs else DROPPED
    session.flush()


def _let_go(session: Session, officer_id: int, held: Sequence[Post], successors: Mapping[int, int]) -> None:
    """What they had in hand is its unit's or desk's again; what they took charge of, who leads next has."""
    is_open = Case.status.in_(workflow.OPEN)
    heir = next((successors[p.id] for p in held if p.role in LEADING and p.id in successors), None)
    in_hand, led = (Case.handler_id == officer_id) & is_open, (Case.leader_id == officer_id) & is_open
    in_group = Case.group_ids.contains([officer_id]) & (Case.group_ids != sa.literal_column("'{}'"))
    session.execute(sa.update(Case).where(in_hand).values(handler_id=None))
    session.execute(sa.update(Case).where(led).values(leader_id=heir))
    without = sa.func.array_remove(Case.group_ids, officer_id)
    session.execute(sa.update(Case).where(in_group).values(group_ids=without))


def _write(
    session: Session, editor: Editor, officer: Officer, stays: Sequence[Staying], at: datetime
) -> None:
    before = changes.snapshot(officer, officers.COLUMNS)
    officer.left_at = at
    session.flush()
    home = serves(stays[0].post).id if stays else None
    changes.record(session, editor, [officers.entry(Did.CHANGED, officer, before, home, {})])
