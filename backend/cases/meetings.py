"""Tea meetings and reception days (书记茶话会, 领导接访): who came, what they raised, what became of it."""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session, joinedload

from backend.cases import leaders, service, staff
from backend.cases.meeting_models import Attendee, Matter, Meeting, MeetingKind
from backend.cases.models import REPORT_LENGTH, Case, Channel
from backend.cases.service import Actor
from backend.cases.staff import Visit
from backend.cases.workflow import Action, Given
from backend.errors import Conflict, Forbidden, Invalid, NotFound
from backend.places.models import Area, Post
from backend.places.roles import Role
from backend.places.scope import COLUMNS, roles_over, visible
from backend.times import local, now

RECORDERS = frozenset(
    {Role.SECRETARY, Role.INFORMATION_OFFICER, Role.DISPATCHER, Role.SUPERVISOR, Role.LEADER}
)
KIND_LABELS = {MeetingKind.TEA: "书记茶话会", MeetingKind.RECEPTION: "领导接访"}
LONGEST_TITLE, LONGEST_NAME, LONGEST_ANSWER = 60, 30, 500  # characters
UNKNOWN = "没有找到这次会议"
NO_HOST = "主持人应当是这个地点或它上级的书记、领导，请从提示里选"
CLOSED = "这次会议已经结束登记，不能再改"


@dataclass(frozen=True)
class Plan:
    """What is said of a meeting when it is opened; `room` is where exactly, in words."""

    kind: MeetingKind
    place_id: int
    title: str
    host_id: int
    held_at: datetime
    room: str = ""


def open_meeting(session: Session, actor: Actor, plan: Plan) -> Meeting:
    """Begin the record of a meeting at a place of the caller's. The same said twice is one meeting.

    Raises Invalid (a title that is empty or too long, a host who leads nothing there), NotFound or Forbidden.
    """
    area = session.get(Area, plan.place_id)
    if area is None or area.closed_at is not None:
        raise NotFound("没有这个地点，请重新选一个")
    title = plan.title.strip()
    if not title or len(title) > LONGEST_TITLE:
        raise Invalid(f"请给会议起个名称，最多 {LONGEST_TITLE} 个字")
    meeting = Meeting(place_id=area.id, **{column: getattr(area, column) for column in COLUMNS.values()})
    if not _is_recorder(actor, meeting):
        raise Forbidden("这个地点不归您负责，请换一个您负责的地点")
    if plan.host_id not in leaders.words(leaders.over(session, area)):
        raise Invalid(NO_HOST)
    session.execute(sa.select(Area.id).where(Area.id == area.id).with_for_update(key_share=True))
    if (known := _same(session, actor, plan, title)) is not None:
        return known
    meeting.kind, meeting.title, meeting.where = plan.kind, title, plan.room.strip()
    meeting.host_id, meeting.officer_id = plan.host_id, actor.officer_id or 0
    meeting.held_at = plan.held_at
    session.add(meeting)
    session.flush()
    return meeting


def add_person(session: Session, actor: Actor, meeting_id: int, name: str, phone: str) -> Attendee:
    """Write down who came: found again by the number as in `staff.take`. The same person twice is one.

    Raises Invalid (neither name nor number, no telephone number), NotFound or Conflict (it is closed).
    """
    meeting = _lock(session, actor, meeting_id)
    name, phone = name.strip(), staff.clean_phone(phone)
    if not name and not phone:
        raise Invalid("请填写姓名或电话")
    if len(name) > LONGEST_NAME:
        raise Invalid(f"姓名太长了，最多 {LONGEST_NAME} 个字")
    if not phone and (known := _namesake(session, meeting, name)) is not None:
        return known
    resident_id = staff.person(session, name, phone)
    own = (Attendee.meeting_id == meeting.id) & (Attendee.resident_id == resident_id)
    attendee = session.scalar(sa.select(Attendee).where(own))
    if attendee is None:
        attendee = Attendee(meeting_id=meeting.id, resident_id=resident_id)
        session.add(attendee)
        session.flush()
    return attendee


def raise_matter(
    session: Session,
    actor: Actor,
    meeting_id: int,
    text: str,
    attendee_id: int | None = None,
    words: str = "",
) -> Matter:
    """Write down what somebody raised, with the answer (`words`) if it was settled there and then.

    The same words of the same person twice are one matter. Raises Invalid, NotFound or Conflict.
    """
    meeting, text, words = _lock(session, actor, meeting_id), text.strip(), _checked(words)
    if not text or len(text) > REPORT_LENGTH:
        raise Invalid(f"请写明提出的事，最多 {REPORT_LENGTH} 个字")
    if attendee_id is not None and _attendee(session, attendee_id).meeting_id != meeting.id:
        raise NotFound("没有找到这位参加的人，请重新选")
    same = (Matter.text == text) & Matter.attendee_id.is_not_distinct_from(attendee_id)
    matter = session.scalar(sa.select(Matter).where(Matter.meeting_id == meeting.id, same))
    if matter is None:
        by = {"attendee_id": attendee_id, "officer_id": actor.officer_id}
        matter = Matter(meeting_id=meeting.id, text=text, answer=words or None, **by)
        session.add(matter)
        session.flush()
    return matter


def answer(session: Session, actor: Actor, matter_id: int, words: str) -> Matter:
    """Write down the answer that settled a matter at the meeting. Raises Invalid, NotFound or Conflict."""
    matter = _lock_matter(session, actor, matter_id)
    _lock(session, actor, matter.meeting_id)
    if matter.case_id is not None:
        raise Conflict("这件事已经转为诉求，请在诉求里答复")
    if not _checked(words):
        raise Invalid("请写明怎样答复的")
    matter.answer = words.strip()
    return matter


def to_case(
    session: Session,
    actor: Actor,
    matter_id: int,
    *,
    place_id: int | None = None,
    urgent: bool = False,
    at: datetime | None = None,
) -> Case:
    """Make a matter a case of who raised it (转为诉求), at the meeting's place or another of the caller's.

    The same matter again is the same case; also after the meeting. Raises as `staff.take` does, and NotFound.
    """
    matter = _lock_matter(session, actor, matter_id)
    if matter.case_id is not None:
        return session.get_one(Case, matter.case_id)
    meeting = session.get_one(Meeting, matter.meeting_id)
    by = _attendee(session, matter.attendee_id).resident_id if matter.attendee_id else None
    visit = Visit(
        text=matter.text,
        place_id=place_id or meeting.place_id,
        channel=Channel.MEETING,
        urgent=urgent,
        key=f"matter:{matter.id}",
        resident_id=by,
    )
    case = staff.take(session, actor, visit, at)
    service.perform(session, case.number, Action.ADD, actor, Given(note=f"来自{name_of(meeting)}"), at=at)
    matter.case_id = case.id
    session.flush()
    return case


def close(session: Session, actor: Actor, meeting_id: int, at: datetime | None = None) -> Meeting:
    """End the record, once every matter was answered or is a case. Raises Conflict before, or NotFound."""
    meeting = _lock(session, actor, meeting_id)
    is_left = (Matter.meeting_id == meeting.id) & Matter.answer.is_(None) & Matter.case_id.is_(None)
    left = session.scalar(sa.select(sa.func.count(Matter.id)).where(is_left))
    if left:
        raise Conflict(f"还有 {left} 件事没有答复，也没有转为诉求，请先办好再结束")
    meeting.closed_at = at or now()
    return meeting


def name_of(meeting: Meeting) -> str:
    """书记茶话会“冬季第一次”（11月20日）"""
    day = local(meeting.held_at)
    return f"{KIND_LABELS[meeting.kind]}“{meeting.title}”（{day.month}月{day.day}日）"


def seen(posts: tuple[Post, ...]) -> sa.ColumnElement[bool]:
    """The condition that a meeting is one of those whose record these posts may read and keep."""
    return visible([post for post in posts if post.role in RECORDERS], Meeting)


def _is_recorder(actor: Actor, meeting: Meeting) -> bool:
    return actor.officer_id is not None and bool(roles_over(actor.posts, meeting) & RECORDERS)


def _lock(session: Session, actor: Actor, meeting_id: int) -> Meeting:
    """The meeting, held, if it is this person's and its record is open."""
    own = sa.select(Meeting).where(Meeting.id == meeting_id, seen(actor.posts))
    meeting = session.scalar(own.with_for_update().execution_options(populate_existing=True))
    if meeting is None:
        raise NotFound(UNKNOWN)
    if meeting.closed_at is not None:
        raise Conflict(CLOSED)
    return meeting


def _lock_matter(session: Session, actor: Actor, matter_id: int) -> Matter:
    own = sa.select(Matter).join(Meeting, Meeting.id == Matter.meeting_id)
    own = own.where(Matter.id == matter_id, seen(actor.posts)).with_for_update(of=Matter)
    matter = session.scalar(own.execution_options(populate_existing=True))
    if matter is None:
        raise NotFound("没有找到会上提出的这件事")
    return matter


def _same(session: Session, actor: Actor, plan: Plan, title: str) -> Meeting | None:
    own = (Meeting.place_id == plan.place_id) & (Meeting.officer_id == actor.officer_id)
    same = (Meeting.title == title) & (Meeting.held_at == plan.held_at) & (Meeting.kind == plan.kind)
    return session.scalar(sa.select(Meeting).where(own, same).limit(1))


def _attendee(session: Session, attendee_id: int) -> Attendee:
    found = session.get(Attendee, attendee_id)
    if found is None:
        raise NotFound("没有找到这位参加的人，请重新选")
    return found


def _namesake(session: Session, meeting: Meeting, name: str) -> Attendee | None:
    """Who is written down already under this name, without a number: names are sealed, so they are read."""
    there = (
        sa.select(Attendee).where(Attendee.meeting_id == meeting.id).options(joinedload(Attendee.resident))
    )
    without = (one for one in session.scalars(there) if one.resident.phone is None)
    return next((one for one in without if one.resident.name == name), None)


def _checked(words: str) -> str:
    if len(words) > LONGEST_ANSWER:
        raise Invalid(f"答复太长了，最多 {LONGEST_ANSWER} 个字")
    return words.strip()
