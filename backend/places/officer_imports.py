"""Tables of officers (人员), taken in and given out: one row is one post, at a place or in a unit."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session, joinedload

from backend.places import area_index, changes, officers, posts
from backend.places.area_index import Index
from backend.places.changes import Did, Entry
from backend.places.imports import Fate, Kind, Options, Plan, RowFate
from backend.places.models import Area, Officer, Post, Unit
from backend.places.officer_plan import Planner, Step
from backend.places.officer_rows import (
    AT,
    CODE,
    FORCE,
    HEADERS,
    NAME,
    PHONE,
    ROLE,
    SINCE,
    UNTIL,
    Line,
    first_day,
    last_day,
    read,
)
from backend.places.roles import FORCE_LABELS, ROLE_LABELS
from backend.places.scope import Editor
from backend.privacy import mask_phone
from backend.sheets import Sheet
from backend.times import now


def plan(session: Session, sheet: Sheet, editor: Editor, options: Options) -> Plan:
    """Every row's fate (a dozen queries, however many rows). A blank cell changes nothing.

    A person is known by the code, else by name and phone; a post by its role and place. No post is ended.
    Raises Invalid for a sheet of other things.
    """
    lines = read(sheet)
    planner = Planner(session, editor, options.under_id)
    steps = [planner.judge(line) for line in lines]

    def write(session: Session, import_id: int) -> None:
        _write(session, editor, steps, import_id)

    return Plan([_fate(step, planner.index) for step in steps], write)


def export(session: Session, editor: Editor) -> Iterator[Sequence[Any]]:
    """The posts that are held, or will be, where this person administers; whole phone numbers."""
    index = area_index.load(session)
    held = sa.select(Post).join(Officer, Officer.id == Post.officer_id)
    held = held.where(posts.at_areas(editor.edits(Area)), Post.for_id.is_(None), Officer.left_at.is_(None))
    held = held.where(Post.until.is_(None) | (Post.until > now())).order_by(Officer.id, Post.id)
    rows = session.scalars(held.options(*posts.PLACES, joinedload(Post.officer)))
    for post in rows:
        person, said = post.officer, _shown(post, post.area or post.unit, index)
        said |= {CODE: person.code or "", NAME: person.name, PHONE: person.phone or ""}
        yield tuple(said[header] for header in HEADERS)


def _fate(step: Step, index: Index) -> RowFate:
    line = step.line
    role = ROLE_LABELS[line.role] if line.role else line.cells[ROLE]
    name = " · ".join(part for part in (line.person.name, role, line.at) if part)
    after = {column: said for column, said in line.cells.items() if said}
    if after.get(PHONE):
        after[PHONE] = mask_phone(line.person.phone or after[PHONE])
    before: dict[str, Any] = {}
    if step.post is not None and step.one is not None and step.one.officer is not None:
        known = step.one.officer
        before = _shown(step.post, step.where, index) | {CODE: known.code or "", NAME: known.name}
        before[PHONE] = mask_phone(known.phone) if known.phone else ""
        after = before | after | {AT: before[AT], ROLE: before[ROLE]}
    return RowFate(line.number, name, step.fate, step.findings, before, after)


def _shown(post: Post, where: Area | Unit | None, index: Index) -> dict[str, str]:
    """What a post is, by our headers; a unit by its code, or by its name below its area's."""
    if isinstance(where, Unit):
        at = where.code or f"{index.by_id[where.area_id].path}/{where.name}"
    else:
        at = index.by_id[post.area_id or 0].path
    return {
        ROLE: ROLE_LABELS[post.role],
        AT: at,
        FORCE: FORCE_LABELS[post.force_kind] if post.force_kind else "",
        SINCE: first_day(post.since),
        UNTIL: last_day(post.until),
    }


def _write(session: Session, editor: Editor, steps: Sequence[Step], import_id: int) -> None:
    taken = [step for step in steps if step.fate in (Fate.ADDED, Fate.CHANGED)]
    entries = [*_write_people(session, taken), *_write_posts(session, taken)]
    changes.record(session, editor, entries, import_id)


def _write_people(session: Session, taken: Sequence[Step]) -> list[Entry]:
    """Add who is new, and change the code or phone of who is not."""
    written: list[tuple[Officer, Did, dict[str, Any], int]] = []
    for step in taken:
        one, where = step.one, step.where
        if one is None or where is None or not (one.officer is None or one.is_changed):
            continue
        before = changes.snapshot(one.officer, officers.COLUMNS) if one.officer is not None else {}
        did = Did.CHANGED if one.officer is not None else Did.ADDED
        officer = one.officer or Officer()
        for column, value in officers.values(one.person).items():
            if value is not None or one.officer is None:
                setattr(officer, column, value)
        one.officer, one.is_changed = officer, False
        session.add(officer)
        written.append((officer, did, before, where.id if isinstance(where, Area) else where.area_id))
    session.flush()
    return [officers.entry(did, officer, before, area_id, {}) for officer, did, before, area_id in written]


def _write_posts(session: Session, taken: Sequence[Step]) -> list[Entry]:
    moment, written = now(), []
    for step in taken:
        if step.one is None or step.one.officer is None or step.where is None:
            continue
        before = changes.snapshot(step.post, posts.COLUMNS) if step.post is not None else {}
        post = step.post or _new(step, step.one.officer.id)
        post.force_kind = step.line.force_kind or post.force_kind
        _set_days(post, step.line, moment)
        session.add(post)
        written.append((step.where, post, before, Did.CHANGED if step.post is not None else Did.ADDED))
    session.flush()
    entries = []
    for where, post, before, did in written:
        name = f"{ROLE_LABELS[post.role]} · {where.name}"
        area_id = where.id if isinstance(where, Area) else where.area_id
        after = changes.snapshot(post, posts.COLUMNS)
        entries.append(Entry(did, "posts", post.id, name, area_id, before, after))
    return entries


def _set_days(post: Post, line: Line, at: datetime) -> None:
    """A day that stays the same leaves the hour as it was."""
    was = post.since
    if was is None or (line.since is not None and first_day(line.since) != first_day(was)):
        post.since = line.since or at
    if line.until is not None and last_day(line.until) != last_day(post.until):
        post.until = line.until


def _new(step: Step, officer_id: int) -> Post:
    assert step.line.role is not None
    is_area = isinstance(step.where, Area)
    assert step.where is not None
    return Post(
        officer_id=officer_id,
        role=step.line.role,
        area_id=step.where.id if is_area else None,
        unit_id=None if is_area else step.where.id,
    )


OFFICERS = Kind("officers", "人员", HEADERS, plan, export, officers.take_turns)
