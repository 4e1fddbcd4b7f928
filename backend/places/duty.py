"""Who is on duty: now, in a week, and where nobody is though somebody should be."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session, joinedload

from backend.errors import NotFound
from backend.places import posts
from backend.places.models import Area, Officer, Post, Shift, Unit
from backend.places.roles import Role
from backend.places.scope import Editor, is_held
from backend.times import SHANGHAI, local, now

# Where somebody should be on duty: where cases come in, and where they are worked on.
AT_DESK, AT_WORK = (Role.DISPATCHER, Role.INFORMATION_OFFICER), Role.HANDLER
Key = tuple[bool, int]  # whether it is a unit, and its id


@dataclass(frozen=True)
class OnDuty:
    """Who is on duty: the post, and who answers for it (the stand-in while its holder is away)."""

    shift: Shift
    post: Post
    officer: Officer
    for_officer: Officer | None = None  # in whose place


@dataclass(frozen=True)
class Spot:
    """A unit or an area at which people have duty."""

    id: int
    name: str
    area: Area
    is_unit: bool

    @property
    def key(self) -> Key:
        return self.is_unit, self.id


@dataclass(frozen=True)
class Coverage:
    """Where somebody is on duty at a moment. `empty` has turns of duty, but nobody now; `bare` has none."""

    covered: list[Spot]
    empty: list[Spot]
    bare: list[Spot]
    on_duty: dict[Key, list[OnDuty]] = field(default_factory=dict)  # who, at those that are covered


@dataclass(frozen=True)
class Row:
    """A post's turns in a week, by the day on which they begin."""

    post: Post
    days: tuple[list[Shift], ...]


def on_duty(
    session: Session, at: datetime | None = None, *, area_id: int | None = None, unit_id: int | None = None
) -> list[OnDuty]:
    """Who is on duty at a moment: everywhere, at the posts of one area (not below it), or of one unit.

    While the holder of a post is away, whoever stands in is on duty; nobody, where nobody does (two queries).
    """
    moment = at or now()
    wanted = _shifts().where(Shift.since <= moment, Shift.until > moment)
    if area_id is not None:
        wanted = wanted.where(Post.area_id == area_id)
    if unit_id is not None:
        wanted = wanted.where(Post.unit_id == unit_id)
    shifts = session.scalars(wanted.order_by(Shift.since, Shift.id)).all()
    there = stand_ins(session, [shift.post_id for shift in shifts], moment)
    found = (_answering(shift, there.get(shift.post_id), moment) for shift in shifts)
    return [one for one in found if one is not None]


def week(session: Session, spot: Spot, monday: date) -> list[Row]:
    """Each post that is held at the spot, with its turns on the seven days (two queries)."""
    start = datetime.combine(monday, time.min, SHANGHAI)
    at_spot = Post.unit_id == spot.id if spot.is_unit else Post.area_id == spot.id
    held = sa.select(Post).where(at_spot, is_held(max(start, now())), Post.for_id.is_(None))
    with_people = held.options(*posts.PLACES, joinedload(Post.officer)).order_by(Post.role, Post.id)
    rows = {post.id: Row(post, tuple([] for _ in range(7))) for post in session.scalars(with_people)}
    turns = _shifts().where(Shift.since >= start, Shift.since < start + timedelta(days=7), at_spot)
    for shift in session.scalars(turns.order_by(Shift.since)):
        row = rows.setdefault(shift.post_id, Row(shift.post, tuple([] for _ in range(7))))
        row.days[local(shift.since).weekday()].append(shift)
    return list(rows.values())


def uncovered(session: Session, editor: Editor, at: datetime | None = None) -> Coverage:
    """Where this person works: places with dispatchers or information officers and units with handlers, by
    whether somebody is on duty (five queries, however many there are)."""
    moment = at or now()
    there = spots(session, editor, moment)
    everybody: dict[Key, list[OnDuty]] = {}
    for found in on_duty(session, moment):
        everybody.setdefault(key_of(found.post), []).append(found)
    has_turns = _with_turns(session, moment)
    return Coverage(
        [spot for spot in there if spot.key in everybody],
        [spot for spot in there if spot.key not in everybody and spot.key in has_turns],
        [spot for spot in there if spot.key not in everybody and spot.key not in has_turns],
        {spot.key: everybody[spot.key] for spot in there if spot.key in everybody},
    )


def spots(session: Session, editor: Editor, at: datetime | None = None) -> list[Spot]:
    """Where somebody should be on duty, of where this person works (two queries)."""
    desks = sa.select(Post.area_id).where(Post.role.in_(AT_DESK), is_held(at))
    areas = sa.select(Area).where(Area.id.in_(desks), editor.sees(Area), Area.closed_at.is_(None))
    workers = sa.select(Post.unit_id).where(Post.role == AT_WORK, is_held(at))
    units = sa.select(Unit).join(Area, Area.id == Unit.area_id).options(joinedload(Unit.area))
    units = units.where(Unit.id.in_(workers), editor.sees(Area), Unit.closed_at.is_(None))
    return [
        *(spot_at(area) for area in session.scalars(areas.order_by(Area.path))),
        *(spot_at(unit) for unit in session.scalars(units.order_by(Area.path, Unit.name))),
    ]


def spot_at(where: Area | Unit) -> Spot:
    """The unit (with its area loaded) or the area as a spot."""
    is_unit = isinstance(where, Unit)
    return Spot(where.id, where.name, where.area if isinstance(where, Unit) else where, is_unit)


def find(session: Session, editor: Editor, spot_id: int, *, is_unit: bool) -> Spot:
    """The unit or area, or NotFound when this person does not work there."""
    query: sa.Select[Unit] | sa.Select[Area]
    if is_unit:
        query = sa.select(Unit).join(Area, Area.id == Unit.area_id).options(joinedload(Unit.area))
        where: Unit | Area | None = session.scalar(query.where(Unit.id == spot_id, editor.sees(Area)))
    else:
        where = session.scalar(sa.select(Area).where(Area.id == spot_id, editor.sees(Area)))
    if where is None:
        raise NotFound("没有这个单位或地方，或者不归您看")
    return spot_at(where)


def stand_ins(session: Session, post_ids: Sequence[int], at: datetime | None = None) -> dict[int, Officer]:
    """Who stands in for the holder of a post, by the post's id."""
    wanted = sa.select(Post).where(Post.for_id.in_(post_ids), is_held(at))
    found = session.scalars(wanted.options(joinedload(Post.officer)))
    return {post.for_id: post.officer for post in found if post.for_id is not None}


def _shifts() -> sa.Select[Shift]:
    loaded = joinedload(Shift.post)
    return (
        sa.select(Shift)
        .join(Post, Post.id == Shift.post_id)
        .options(
            loaded.joinedload(Post.officer),
            loaded.joinedload(Post.area),
            loaded.joinedload(Post.unit).joinedload(Unit.area),
        )
    )


def _answering(shift: Shift, stand_in: Officer | None, at: datetime) -> OnDuty | None:
    post = shift.post
    if post.away_since is None or post.away_until is None or not post.away_since <= at <= post.away_until:
        return OnDuty(shift, post, post.officer)
    return OnDuty(shift, post, stand_in, post.officer) if stand_in is not None else None


def _with_turns(session: Session, at: datetime) -> set[Key]:
    """Where there are turns of duty in the month around this moment: somebody plans them."""
    month = timedelta(days=30)
    around = (Shift.until > at - month) & (Shift.since < at + month)
    rows = (
        sa.select(Post.unit_id, Post.area_id).join(Shift, Shift.post_id == Post.id).where(around).distinct()
    )
    return {(unit_id is not None, unit_id or area_id or 0) for unit_id, area_id in session.execute(rows)}


def key_of(post: Post) -> Key:
    return post.unit_id is not None, post.unit_id or post.area_id or 0
