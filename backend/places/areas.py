"""Verbs on places: add, change, move, merge, close, reopen; each on the record, each within the scope."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from backend.errors import Conflict, Invalid, NotFound
from backend.places import area_rules as rules
from backend.places import changes, fields, post_ends, tree
from backend.places.changes import Did, Entry, snapshot
from backend.places.fields import Told
from backend.places.models import Area, Change, PlaceCode, Post, Unit
from backend.places.roles import LEVEL_LABELS, Level
from backend.places.scope import COLUMNS, Editor, is_held, lies_in, subtree
from backend.times import now

FIELDS = ("name", "code", "telephone", "latitude", "longitude", "datum")
STATE = ("closed_at", "successor_id")
# The record says which rows went on, so that they can come back. Beyond this they stay where they went.
REMEMBERED = 20_000
MOST = 10_000  # of each kind that are counted, to say what an act touches


@dataclass(frozen=True)
class Touches:
    """What an act on a place and all that lies in it touches: how many of each, MOST for that or more."""

    children: int  # open, right below it
    places: int  # open, anywhere below it
    codes: int  # that have not been revoked
    posts: int  # held now
    units: int  # open
    filed: int  # cases and whatever else is filed at these places

    @property
    def is_nothing(self) -> bool:
        """Whether the place can go without anyone going on with its work."""
        return not (self.places or self.codes or self.posts or self.units or self.filed)


def touches(session: Session, editor: Editor, area_id: int) -> Touches:
    """What moving, merging or closing this place would touch."""
    area = find(session, editor, area_id)
    inside = sa.select(Area.id).where(subtree(area))
    below = inside.where(Area.closed_at.is_(None), Area.id != area.id)
    return Touches(
        children=_count(session, below.where(Area.parent_id == area.id)),
        places=_count(session, below),
        codes=_count(session, _at(PlaceCode.id, PlaceCode.area_id, inside, PlaceCode.revoked_at.is_(None))),
        posts=_count(session, _at(Post.id, Post.area_id, inside, is_held())),
        units=_count(session, _at(Unit.id, Unit.area_id, inside, Unit.closed_at.is_(None))),
        filed=min(MOST, sum(_count(session, _filed(table, area, inside)) for table in tree.filed_tables())),
    )


def find(session: Session, editor: Editor, area_id: int) -> Area:
    """The area, if this person sees it. Raises NotFound."""
    area = session.scalar(sa.select(Area).where(Area.id == area_id, editor.sees(Area)))
    if area is None:
        raise NotFound("没有找到这个地点，可能它不在您的辖区")
    return area


def add(session: Session, editor: Editor, level: Level, parent_id: int | None, said: Told) -> Area:
    """Add a place. Raises Invalid, Conflict for a name or code that is taken, Forbidden, NotFound."""
    tree.lock(session)
    parent = rules.hold(session, parent_id) if parent_id is not None else None
    editor.must_edit(parent)
    rules.must_fit(level, parent)
    rules.must_be_right(session, said, parent_id)
    area = Area(level=level, parent_id=parent_id, path="")
    _write(area, said)
    session.add(area)
    session.flush()
    tree.rebuild(session, [area.id])
    _record(session, editor, Did.ADDED, area, after=snapshot(area, ("level", "parent_id", *FIELDS)))
    return area


def change(session: Session, editor: Editor, area_id: int, said: Told) -> Area:
    """Change what is said of a place. The same again changes nothing."""
    tree.lock(session)
    area = rules.hold(session, area_id)
    editor.must_edit(area)
    rules.must_be_right(session, said, area.parent_id, area)
    before = snapshot(area, FIELDS)
    if said != fields.told(area):
        _write(area, said)
        session.flush()
    _record(session, editor, Did.CHANGED, area, before, snapshot(area, FIELDS))
    return area


def move(session: Session, editor: Editor, area_id: int, to_id: int) -> Area:
    """Hang the place, and all that lies in it, under another one. What is filed there goes with it.

    It is undone by moving it back.
    """
    tree.lock(session)
    area, parent = rules.hold(session, area_id), rules.hold(session, to_id)
    for one in (area, parent):
        editor.must_edit(one)
    if lies_in(parent, area):
        raise Invalid("不能移到自己下面，请选择别的上级")
    rules.must_fit(area.level, parent)
    if area.closed_at is None:
        rules.must_be_free(session, area.name, to_id, area)
    before = snapshot(area, ("parent_id",))
    area.parent_id = to_id
    tree.rebuild(session, [area.id])
    moved = Did.MOVED if before["parent_id"] != to_id else Did.CHANGED  # of which nothing is recorded
    _record(session, editor, moved, area, before, snapshot(area, ("parent_id",)))
    return area


def merge(session: Session, editor: Editor, area_id: int, into_id: int) -> Area:
    """Let a place be part of another of its level: what lies in it, hangs there and is filed there goes on.

    Returns the one that goes on. Namesakes below both are refused: 第一网格 of one community is not that of
    another. `reopen` brings back what was handed over; what lay below is moved back.
    """
    tree.lock(session)
    area, into = rules.hold(session, area_id), rules.hold(session, into_id)
    rules.must_go_on(editor, area, into)
    if area.level is not into.level:
        raise Invalid(f"只能合并到同级的地点，请选择一个{LEVEL_LABELS[area.level]}")
    rules.must_have_no_namesakes(session, area, into)
    children = list(session.scalars(rules.open_children(area)))
    for child in children:
        child.parent_id = into.id
    tree.rebuild(session, [child.id for child in children])
    _shut(session, editor, [area], into, Did.MERGED)
    return into


def close(
    session: Session,
    editor: Editor,
    area_id: int,
    successor_id: int | None,
    *,
    with_places: bool = False,
) -> Area:
    """Close a place; its codes, posts, units and cases go on to the successor, and those of what lies in it.

    Raises Conflict when places below are open and do not go too, or when there is work and no successor.
    """
    tree.lock(session)
    area = rules.hold(session, area_id)
    editor.must_edit(area)
    rules.must_be_open(area)
    found = touches(session, editor, area_id)
    if found.places and not with_places:
        raise Conflict(f"下面还有 {found.places} 个地点在用，请先移走，或者选择一并停用")
    if successor_id is None and not found.is_nothing:
        raise Conflict("这里还有二维码、岗位、单位或诉求，请选择由哪个地点接续")
    successor = rules.hold(session, successor_id) if successor_id is not None else None
    if successor is not None:
        rules.must_go_on(editor, area, successor)
    gone = list(session.scalars(sa.select(Area).where(_below(area), Area.closed_at.is_(None))))
    _shut(session, editor, gone, successor, Did.CLOSED)
    return area


def reopen(session: Session, editor: Editor, area_id: int) -> Area:
    """Open a closed place again, with those below that were closed with it; what went on to the successor
    and has not been moved since comes back."""
    tree.lock(session)
    area = rules.hold(session, area_id)
    editor.must_edit(area)
    if area.closed_at is None:
        raise Conflict("这个地点正在使用，不用恢复")
    if area.parent_id is not None:
        rules.must_be_open(rules.hold(session, area.parent_id), "上级已经停用，请先恢复上级，或把它移到别处")
    rules.must_be_free(session, area.name, area.parent_id, area)
    _bring_back(session, editor, session.scalars(_shut_with(area)).all(), area.successor_id)
    return area


def _shut(session: Session, editor: Editor, gone: Sequence[Area], successor: Area | None, did: Did) -> None:
    before = {area.id: snapshot(area, STATE) for area in gone}
    handed = _hand_over(session, [area.id for area in gone], successor, did) if successor else {}
    moment = now()
    for area in gone:
        area.closed_at, area.successor_id = moment, successor.id if successor else None
    session.flush()
    entries = [
        _entry(did, area, before[area.id], snapshot(area, STATE) | _remembered(handed.get(area.id)))
        for area in gone
    ]
    changes.record(session, editor, entries)


def _hand_over(session: Session, ids: Sequence[int], successor: Area, did: Did) -> dict[int, tree.Handed]:
    """Only in a merger the ground itself becomes the other's."""
    but = () if did is Did.MERGED else ("outlines",)
    try:
        with session.begin_nested():
            handed = tree.hand_over(session, ids, successor.id, but)
    except IntegrityError as error:
        raise Conflict(
            f"“{successor.name}”有同名的单位，或者两边都有在用的职责清单，请先改名、合并或停用其中一个"
        ) from error
    moved = {post_id for rows in handed.values() for post_id in rows.get("posts.area_id", [])}
    post_ends.end_doubles(session, Post.area_id, successor.id, now(), moved)
    return handed


def _remembered(handed: tree.Handed | None) -> dict[str, Any]:
    if not handed or sum(map(len, handed.values())) > REMEMBERED:
        return {}
    return {"handed": handed}


def _bring_back(session: Session, editor: Editor, gone: Sequence[Area], successor_id: int | None) -> None:
    before = {area.id: snapshot(area, STATE) for area in gone}
    for area in gone:
        area.closed_at = area.successor_id = None
    session.flush()
    if successor_id is not None:
        tree.hand_back(session, _handed(session, [area.id for area in gone]), successor_id)
    entries = [_entry(Did.REOPENED, area, before[area.id], snapshot(area, STATE)) for area in gone]
    changes.record(session, editor, entries)


def _handed(session: Session, area_ids: Sequence[int]) -> dict[int, tree.Handed]:
    """What went on when each of these areas was closed last."""
    ended = Change.action.in_((Did.CLOSED, Did.MERGED))
    rows = session.execute(
        sa.select(Change.subject_id, Change.after)
        .where(Change.subject == "areas", Change.subject_id.in_(area_ids), ended)
        .order_by(Change.id)  # the latest is kept
    )
    return {area_id: after.get("handed", {}) for area_id, after in rows}


def _shut_with(area: Area) -> sa.Select[Area]:
    """The area and those in it that were closed in the same act, from the top."""
    same = (Area.closed_at == area.closed_at, Area.successor_id.is_not_distinct_from(area.successor_id))
    return sa.select(Area).where(_below(area), *same).order_by(sa.func.nlevel(Area.path), Area.id)


def _below(area: Area) -> sa.ColumnElement[bool]:
    """The area itself and all that lies in it."""
    return Area.path.bool_op("<@")(sa.cast(area.path, Area.path.type))


def _at(key: Any, column: Any, inside: sa.Select[int], *conditions: Any) -> sa.Select[Any]:
    return sa.select(key).where(column.in_(inside), *conditions)


def _filed(table: sa.Table, area: Area, inside: sa.Select[int]) -> sa.Select[int]:
    """The rows of a table that are filed in the area: by its own indexed column if there is one."""
    own = COLUMNS.get(area.level, "")
    is_filed = table.c[own] == area.id if own in table.c else table.c.place_id.in_(inside)
    return sa.select(table.c.id).where(is_filed)


def _count(session: Session, query: sa.Select[Any]) -> int:
    return session.scalar(sa.select(sa.func.count()).select_from(query.limit(MOST).subquery())) or 0


def _write(area: Area, said: Told) -> None:
    area.name, area.code, area.telephone, area.datum = said.name, said.code, said.telephone, said.datum
    area.latitude, area.longitude = said.true_position()


def _entry(did: Did, area: Area, before: dict[str, Any], after: dict[str, Any]) -> Entry:
    return Entry(did, "areas", area.id, area.name, area.id, before, after)


def _record(
    session: Session,
    editor: Editor,
    did: Did,
    area: Area,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
) -> None:
    changes.record(session, editor, [_entry(did, area, before or {}, after or {})])
