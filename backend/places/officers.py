"""Officers (工作人员): added with a first post, changed, found by exact name, phone or code, and listed."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session, selectinload

from backend.errors import Conflict, Forbidden, Invalid, NotFound
from backend.places import changes, posts
from backend.places.changes import Did, Entry
from backend.places.models import Area, Change, Officer, Post
from backend.places.posts import PLACES, STRANGER, Seat
from backend.places.roles import Role
from backend.places.scope import Editor, lies_in, serves
from backend.privacy import PHONE, blind_index
from backend.times import now

PAGE = 50
LONGEST = 30  # characters of a name or code
COLUMNS = ("code", "name", "phone", "left_at")
NO_PHONE = "电话号码不对，请填手机号，或带区号的固定电话"
ELSEWHERE = "这位工作人员在别处也有岗位，请由管得到全部岗位的上级管理员办理"


@dataclass(frozen=True)
class Person:
    """What is said of an officer."""

    name: str
    phone: str | None = None
    code: str | None = None  # 工号


def add(
    session: Session,
    editor: Editor,
    person: Person,
    seat: Seat,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
) -> Officer:
    """A new officer with a first post, by which they belong to somebody's area.

    Raises Invalid, Conflict (the code is taken; the same name and phone) or what `posts.give` raises.
    """
    take_turns(session)
    person = checked(person)
    _must_be_new(session, person)
    officer = Officer(**values(person))
    session.add(officer)
    session.flush()
    editor.must_edit(posts.area_of(session, seat))
    post = posts.put(session, editor, officer.id, seat, since=since, until=until)
    _record(session, editor, Did.ADDED, officer, {}, serves(post).id)
    return officer


def change(session: Session, editor: Editor, officer_id: int, person: Person) -> Officer:
    """Say otherwise what is said of an officer; a telephone number that is not given stays.

    Raises as `add`, and Forbidden as `must_administer`.
    """
    take_turns(session)
    officer = must_administer(session, editor, officer_id)
    person = checked(replace(person, phone=person.phone or officer.phone))
    _must_be_new(session, person, but=officer.id)
    before = changes.snapshot(officer, COLUMNS)
    is_renamed, is_called_otherwise = officer.name != person.name, officer.phone != person.phone
    for column, value in values(person).items():
        setattr(officer, column, value)
    session.flush()
    what = {"name": is_renamed, "phone": is_called_otherwise}
    also = {f"{column}_changed": True for column, differs in what.items() if differs}  # both are masked
    _record(session, editor, Did.CHANGED, officer, before, _home(session, officer_id), also)
    return officer


def note(session: Session, editor: Editor, officer: Officer, what: Mapping[str, object]) -> None:
    """Write down what was done to an officer beside these tables: their WeChat released."""
    stays = changes.snapshot(officer, COLUMNS)
    _record(session, editor, Did.CHANGED, officer, stays, _home(session, officer.id), what)


def must_administer(session: Session, editor: Editor, officer_id: int) -> Officer:
    """The officer's row, held, if every post of theirs is this person's to administer.

    Otherwise who administers a street could take over the WeChat or the name of someone above them. Raises
    NotFound (unknown to this person), Forbidden (a post elsewhere) or Conflict (has left).
    """
    posts.must_know(session, editor, officer_id)
    officer = posts.lock_officer(session, officer_id)
    if not all(editor.may_edit(serves(post)) for post in posts.held_by(session, officer_id)):
        raise Forbidden(ELSEWHERE)
    return officer


def may_administer(editor: Editor, officer: Officer) -> bool:
    """Whether `must_administer` would let this person: for pages, whose officer has their posts loaded."""
    if editor.is_command_line:
        return True
    ahead = [post for post in officer.posts if post.until is None or post.until > now()]
    known = any(editor.may_edit(serves(post)) for post in officer.posts)
    return known and all(editor.may_edit(serves(post)) for post in ahead)


def find(session: Session, editor: Editor, officer_id: int) -> Officer:
    """The officer with all posts and their places, or NotFound when they work nowhere near this person."""
    wanted = sa.select(Officer).where(Officer.id == officer_id)
    if not editor.is_command_line:
        wanted = wanted.where(
            _has_post(posts.at_areas(editor.sees(Area))) | (Officer.id == editor.officer_id)
        )
    loaded = wanted.options(selectinload(Officer.posts).options(*PLACES))
    officer = session.scalar(loaded, execution_options={"populate_existing": True})
    if officer is None:
        raise NotFound(STRANGER)
    return officer


def page(
    session: Session,
    editor: Editor,
    *,
    search: str = "",
    unit_id: int | None = None,
    role: Role | None = None,
    left: bool = False,
    among: sa.ColumnElement[bool] | None = None,
    after: int | None = None,
    limit: int = PAGE,
) -> list[Officer]:
    """The officers where this person works, with their posts; `after` is the id of the last one seen.

    `search` is a whole name, phone or code: nothing else can be looked up in what is sealed. `among` is a
    condition of the caller's.
    """
    wanted = [Post.unit_id == unit_id] if unit_id is not None else []
    wanted += [Post.role == role] if role is not None else []
    query = sa.select(Officer).where(_works(editor, *wanted, left=left))
    if search.strip():
        query = query.where(is_called(search))
    if among is not None:
        query = query.where(among)
    if after is not None:
        query = query.where(Officer.id > after)
    with_posts = query.options(selectinload(Officer.posts).options(*PLACES))
    found = session.scalars(
        with_posts.order_by(Officer.id).limit(limit), execution_options={"populate_existing": True}
    )
    return list(found)


def _works(editor: Editor, *wanted: sa.ColumnElement[bool], left: bool = False) -> sa.ColumnElement[bool]:
    """Whether an officer has such a post where this person works, or, for `left`, had one."""
    held = sa.true() if left else Post.until.is_(None) | (Post.until > now())
    is_there = Officer.left_at.is_not(None) if left else Officer.left_at.is_(None)
    return is_there & _has_post(held, posts.at_areas(editor.sees(Area)), *wanted)


def record_of(session: Session, officer: Officer, limit: int = PAGE) -> list[Change]:
    """What was done to this officer, whose posts are loaded, newest first."""
    own = (Change.subject == "officers") & (Change.subject_id == officer.id)
    held = (Change.subject == "posts") & Change.subject_id.in_([post.id for post in officer.posts])
    return list(session.scalars(sa.select(Change).where(own | held).order_by(Change.id.desc()).limit(limit)))


def fill_indexes(session: Session) -> int:
    """Make those who were written down without them findable by name and phone. Returns how many."""
    blank = Officer.name_index.is_(None) | (Officer.phone.is_not(None) & Officer.phone_index.is_(None))
    found = session.scalars(sa.select(Officer).where(blank)).all()
    for officer in found:
        officer.name_index = blind_index(plain_name(officer.name))
        officer.phone_index = index_of_phone(officer.phone)
    session.flush()
    return len(found)


def plain_name(name: str) -> str:
    """As names are compared: with single blanks, or none between Chinese characters."""
    words = name.split()
    return (" " if name.isascii() else "").join(words)


def plain_phone(text: str | None) -> str | None:
    """The digits alone, as they are stored and compared. Raises Invalid for what is no telephone number."""
    digits = (text or "").translate(str.maketrans("", "", " -—()（）\t"))
    if not digits:
        return None
    found = PHONE.fullmatch(digits)
    if found is None:
        raise Invalid(NO_PHONE)
    return found.group(1)


def index_of_phone(text: str | None) -> bytes | None:
    try:
        phone = plain_phone(text)
    except Invalid:
        return None
    return blind_index(phone) if phone else None


def checked(person: Person) -> Person:
    """The same, cleaned. Raises Invalid."""
    name, code = plain_name(person.name), (person.code or "").strip() or None
    if not name:
        raise Invalid("请填写姓名")
    if len(name) > LONGEST or len(code or "") > LONGEST:
        raise Invalid(f"姓名和工号最多 {LONGEST} 个字")
    return Person(name, plain_phone(person.phone), code)


def values(person: Person) -> dict[str, object]:
    """The columns of a person who was checked."""
    return {
        "name": person.name,
        "name_index": blind_index(person.name),
        "phone": person.phone,
        "phone_index": blind_index(person.phone) if person.phone else None,
        "code": person.code,
    }


def masked_name(name: str) -> str:
    """周**: the record is not sealed, so that it holds no whole name."""
    return f"{name[:1]}**"


def entry(
    did: Did, officer: Officer, before: Mapping[str, object], area_id: int | None, also: Mapping[str, object]
) -> Entry:
    """A line of the record about this officer."""
    name = masked_name(officer.name) + (f"（{officer.code}）" if officer.code else "")
    after = changes.snapshot(officer, COLUMNS) | dict(also)
    return Entry(did, "officers", officer.id, name, area_id, before, after)


def take_turns(session: Session) -> None:
    """Codes are looked at before they are taken."""
    session.execute(sa.text("SELECT pg_advisory_xact_lock(hashtextextended('officers', 0))"))


def _must_be_new(session: Session, person: Person, but: int | None = None) -> None:
    others = sa.select(Officer.id).where(Officer.id.is_distinct_from(but))
    if person.code and session.execute(others.where(Officer.code == person.code)).first():
        raise Conflict(f"工号“{person.code}”已经有人在用，请核对")
    if person.phone is None:
        return
    same = Officer.name_index == blind_index(person.name), Officer.phone_index == blind_index(person.phone)
    if session.execute(others.where(*same, Officer.left_at.is_(None))).first():
        raise Conflict("已经有同名、同电话的工作人员，请在那一位的页面上增加岗位")


def _has_post(*conditions: sa.ColumnElement[bool]) -> sa.ColumnElement[bool]:
    return Officer.id.in_(sa.select(Post.officer_id).where(*conditions))


def is_called(search: str) -> sa.ColumnElement[bool]:
    """The condition that an officer has exactly this name, code or phone."""
    said = search.strip()
    ways = [Officer.code == said, Officer.name_index == blind_index(plain_name(said))]
    index = index_of_phone(said)
    return sa.or_(*ways, *([Officer.phone_index == index] if index else []))


def _home(session: Session, officer_id: int) -> int | None:
    """The area on whose record it stands: the smallest one around all the posts, else the first one's."""
    areas = [serves(post) for post in posts.held_by(session, officer_id)]
    widest = [area for area in areas if all(lies_in(other, area) for other in areas)]
    return (widest or areas)[0].id if areas else None


def _record(
    session: Session,
    editor: Editor,
    did: Did,
    officer: Officer,
    before: Mapping[str, object],
    area_id: int | None,
    also: Mapping[str, object] | None = None,
) -> None:
    changes.record(session, editor, [entry(did, officer, before, area_id, also or {})])
