"""The last rung: a person says it by telephone. Importing this registers the channel.

Asking for the call is not telling: the message goes on waiting, and counts as sent once somebody says that
they reached the person. The call stands in the list until it is made, whatever becomes of later attempts;
when the message gets through in another way meanwhile, or is true of its case no more, it need not be made.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from backend.config import config
from backend.db import one_of
from backend.errors import Conflict, Invalid, NotFound
from backend.notify import outbox, telephone_rules, troubles
from backend.notify.channels import Asked, Owed, Refusal, Then, must_not_wake, register
from backend.notify.models import Delivery, Notification
from backend.notify.telephone_models import CallOutcome, TelephoneTask
from backend.places import officers, scope
from backend.places.models import Area, Officer, Post, Resident
from backend.places.roles import Role
from backend.places.scope import COLUMNS, Editor, lies_in, serves
from backend.times import now, spoken

NAME = "telephone"
CALLERS = frozenset({Role.DISPATCHER, Role.INFORMATION_OFFICER, Role.SECRETARY})  # who call
PAGE = 30
LONGEST = 200  # characters of a note
ASKED = "已经请值班人员打电话"
AT_NIGHT = "这时候不给居民打电话，到了可以打的时间再请人打"
NOT_NOW = "现在不给居民打电话，{}起可以打"
NOBODY_ELSE = "除了本人，这里没有别人可以打这个电话"
GONE = "这个电话不用打了：已经打过，或者用别的方式送到了，或者事情有了新的进展"
ENDED = 100  # calls that need not be made any more leave the list with each new one


@dataclass(frozen=True)
class TelephoneLetter:
    """A call that somebody was asked to make."""

    account: str = NAME

    def deliver(self) -> str | None:
        raise Asked(ASKED)

    def settle(self, session: Session, refused: Refusal) -> None:
        """Nothing was sent, so nothing was learnt."""


class Telephone:
    """A task for those on duty where the officer works, or where the resident's matter lies."""

    name = NAME

    def prepare(self, session: Session, owed: Owed) -> TelephoneLetter:
        is_residents = owed.officer_id is None
        if is_residents:
            telephone_rules.must_be_told(owed)
        if not _person(session, owed).phone:
            raise Refusal("没有留电话", Then.NEVER)
        if is_residents:
            telephone_rules.must_be_news(session, owed)
        must_not_wake(owed, AT_NIGHT, config.callback_hours)
        _end_some(session)
        _ask(session, owed)
        return TelephoneLetter()


def _person(session: Session, owed: Owed) -> Officer | Resident:
    if owed.officer_id is not None:
        return session.get_one(Officer, owed.officer_id)
    return session.get_one(Resident, owed.resident_id)


@dataclass(frozen=True)
class Call:
    """One line of the list; name and telephone are whole here, and masked where they are shown. Whom to
    call is either an officer or a resident, whose case has this `number`."""

    task: TelephoneTask
    officer: Officer | None
    resident: Resident | None
    number: str

    @property
    def phone(self) -> str:
        person = self.officer or self.resident
        return (person and person.phone) or ""

    @property
    def opens_at(self) -> datetime | None:
        """From when this telephone may ring; None: now. What officers are called about cannot wait."""
        return telephone_rules.opens(now()) if self.officer is None else None

    @property
    def is_over(self) -> bool:
        """Whether nothing can be done about this call before it may be made."""
        return self.officer is None and telephone_rules.is_over(now())


def waiting(session: Session, posts: Sequence[Post], *, after: int | None = None) -> list[Call]:
    """The calls to be made where these posts are on duty, the longest waiting first; PAGE at most."""
    wanted = _open(posts).order_by(TelephoneTask.id).limit(PAGE)
    if after is not None:
        wanted = wanted.where(TelephoneTask.id > after)
    return [Call(*found) for found in session.execute(wanted)]


def find(session: Session, editor: Editor, task_id: int) -> Call:
    """A call that this person may make now. Raises NotFound or Conflict."""
    call = _get(session, editor.posts, task_id)
    if call.is_over and call.opens_at:
        raise Conflict(NOT_NOW.format(spoken(call.opens_at)))
    return call


def see(session: Session, editor: Editor, task_id: int) -> str:
    """An officer's whole number, once it is written down who looked; who looks at a resident's stands in the
    record of the case (console/phones.py). Raises NotFound or Conflict."""
    call = _get(session, editor.posts, task_id)
    if call.officer is None:
        raise NotFound("没有这个电话")
    officers.note(session, editor, call.officer, {"seen": "电话"})
    return call.phone


def record(
    session: Session,
    editor: Editor,
    task_id: int,
    outcome: CallOutcome,
    note: str = "",
    at: datetime | None = None,
) -> None:
    """Write down how a call went; the message is told, tried again, or left to their next visit.

    Raises NotFound, Conflict when it need not be made any more, Invalid for too long a note.
    """
    if len(note) > LONGEST:
        raise Invalid(f"说明最多 {LONGEST} 个字")
    task, moment = _get(session, editor.posts, task_id, lock=True).task, at or now()
    task.outcome, task.note, task.tried_at = outcome, note.strip(), moment
    task.tries += 1
    if outcome is CallOutcome.NO_ANSWER:
        return
    task.done_at, task.done_by = moment, editor.officer_id
    if outcome is CallOutcome.TOLD:
        _told(session, task, moment)


def _told(session: Session, task: TelephoneTask, at: datetime) -> None:
    """Without its lease the message goes no further: a worker that has it in hand finds it is another's."""
    told = {"status": Delivery.RECEIVED, "channel": NAME, "account": NAME, "sent_at": at, "received_at": at}
    ends = {"lease_until": None, "held": None, "error": None}
    own = sa.update(Notification).where(Notification.id == task.notification_id)
    session.execute(own.values(told | ends))


def _ask(session: Session, owed: Owed) -> None:
    """Once for a message; asked again after a call that did not reach them, it stands in the list again."""
    values = _where(session, owed) | {"notification_id": owed.id, "officer_id": owed.officer_id}
    values |= {"words": telephone_rules.words_of(owed), "why": telephone_rules.why_of(owed)}
    was_in_vain = TelephoneTask.done_at.is_not(None) & TelephoneTask.outcome.is_distinct_from(
        CallOutcome.TOLD
    )
    again = {"done_at": None, "done_by": None, "outcome": None, "created_at": sa.func.now()}
    asked = insert(TelephoneTask).values(values)
    session.execute(
        asked.on_conflict_do_update(
            index_elements=["notification_id"], set_=values | again, where=was_in_vain
        )
    )


def _end_some(session: Session) -> None:
    """Calls that need not be made any more are read by no poll again. Whoever asks for another ends some, so
    that their number does not grow."""
    over = sa.select(TelephoneTask.id).join(Notification, Notification.id == TelephoneTask.notification_id)
    over = over.where(TelephoneTask.done_at.is_(None), ~_is_needed()).order_by(TelephoneTask.id).limit(ENDED)
    held = over.with_for_update(skip_locked=True, of=TelephoneTask)
    session.execute(
        sa.update(TelephoneTask)
        .where(TelephoneTask.id.in_(held))
        .values(done_at=sa.func.now())
        .execution_options(synchronize_session=False)
    )


def _where(session: Session, owed: Owed) -> dict[str, object]:
    """Where the resident's matter lies, or the officer works on what the message is about. Raises Refusal for
    one who works nowhere, and where nobody knows what place it is."""
    if owed.officer_id is None:
        return _at(_place(session, owed)) | {"unit_id": None}
    held = scope.posts_of(session, owed.officer_id)
    if not held:
        raise Refusal("对方没有岗位，没有人可以打这个电话", Then.NEVER)
    post = _concerned(session, held, owed.fields.get("area"))
    found = _at(serves(post)) | {"unit_id": post.unit_id}
    if any(_calls(one, found) for one in held) and not _calls_another(session, owed.officer_id, found):
        raise Refusal(NOBODY_ELSE, Then.NEVER)
    return found


def _calls(post: Post, where: Mapping[str, object]) -> bool:
    at = post.unit_id == where["unit_id"] if post.unit_id else post.area_id in _areas(where)
    return post.role in CALLERS and at


def _calls_another(session: Session, officer_id: int, where: Mapping[str, object]) -> bool:
    """Whether anybody but this officer calls there."""
    in_unit = (Post.unit_id == where["unit_id"]) if where["unit_id"] else sa.false()
    there = in_unit | (Post.unit_id.is_(None) & Post.area_id.in_(_areas(where)))
    others = sa.select(Post.id).where(Post.role.in_(CALLERS), scope.is_held(), Post.officer_id != officer_id)
    return session.scalar(others.where(there).limit(1)) is not None


def _areas(where: Mapping[str, object]) -> list[object]:
    return [area_id for column, area_id in where.items() if column != "unit_id" and area_id]


def _place(session: Session, owed: Owed) -> Area:
    place = session.get(Area, int(owed.fields.get("area") or 0))
    if place is None:
        raise Refusal("没有写明是哪里的事，没有人可以打这个电话", Then.NEVER)
    return place


def _at(area: Area) -> dict[str, object]:
    found: dict[str, object] = {column: getattr(area, column) for column in COLUMNS.values()}
    return found | {"place_id": area.id}


def _concerned(session: Session, held: Sequence[Post], area_id: str | None) -> Post:
    """The post of the smallest area in which this one lies; else, or without one, the first."""
    place = session.get(Area, int(area_id)) if area_id else None
    around = [post for post in held if place is not None and lies_in(place, serves(post))]
    return max(around, key=lambda post: len(serves(post).path.split(".")), default=held[0])


def _open(posts: Sequence[Post]) -> sa.Select[Any]:
    return (
        sa.select(TelephoneTask, Officer, Resident, Notification.fields["number"].astext)
        .join(Notification, Notification.id == TelephoneTask.notification_id)
        .outerjoin(Officer, Officer.id == TelephoneTask.officer_id)
        .outerjoin(Resident, Resident.id == Notification.resident_id)
        .where(TelephoneTask.done_at.is_(None), _is_needed())
        .where(Officer.left_at.is_(None), _is_theirs(posts))
    )


def _is_theirs(posts: Sequence[Post]) -> sa.ColumnElement[bool]:
    """The condition that these posts call there; nobody is asked to call themselves."""
    callers = [post for post in posts if post.role in CALLERS]
    themselves = {post.officer_id for post in posts}
    is_another = TelephoneTask.officer_id.is_(None) | TelephoneTask.officer_id.not_in(themselves)
    return is_another & scope.visible(callers, TelephoneTask)


def _is_needed() -> sa.ColumnElement[bool]:
    """The condition that a call of the last STALE days has still to be made."""
    is_fresh = TelephoneTask.created_at > sa.func.now() - outbox.STALE
    return is_fresh & _is_untold() & telephone_rules.still_true()


def _is_untold() -> sa.ColumnElement[bool]:
    """The condition that the person has not got the message, and it was not ended on purpose."""
    return one_of(Notification.status, [Delivery.WAITING, Delivery.SENDING]) | troubles.ended()


def _get(session: Session, posts: Sequence[Post], task_id: int, *, lock: bool = False) -> Call:
    wanted = _open(posts).where(TelephoneTask.id == task_id)
    both = (TelephoneTask, Notification)  # in the order in which a worker takes them
    found = session.execute(wanted.with_for_update(of=both) if lock else wanted).one_or_none()
    if found is not None:
        return Call(*found)
    known = sa.select(TelephoneTask.id).where(TelephoneTask.id == task_id)
    if session.execute(known.where(_is_theirs(posts))).first() is None:
        raise NotFound("没有这个电话")
    raise Conflict(GONE)


register(Telephone())
