"""Places from a table: our own, a list with its parents beside each row, or one column for each level."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from backend.errors import NotFound
from backend.places import area_index, changes, fields, tree
from backend.places.area_index import Node
from backend.places.area_plan import Planner
from backend.places.area_rows import CLOSED, HEADERS, IN_USE, Columns
from backend.places.areas import FIELDS
from backend.places.changes import Did, Entry
from backend.places.imports import Kind, Options, Plan
from backend.places.models import Area
from backend.places.roles import DATUM_LABELS, LEVEL_LABELS
from backend.places.scope import COLUMNS, Editor
from backend.sheets import Sheet


def plan(session: Session, sheet: Sheet, editor: Editor, options: Options) -> Plan:
    """Every row's fate. A blank cell says nothing and changes nothing; places are never moved or closed.

    A place is known by its code, else by its parent and name. Raises Invalid for a sheet of other things.
    """
    columns = Columns(sheet.headers)
    index = area_index.load(session)
    under = index.by_id.get(options.under_id) if options.under_id is not None else None
    if options.under_id is not None and under is None:
        raise NotFound("没有找到所选的上级地点，请重新选择")
    planner = Planner(index, editor, under, makes_parents=columns.is_wide)
    fates = planner.judge(columns.read(sheet.rows))

    def write(session: Session, import_id: int) -> None:
        _write(session, editor, planner, import_id)

    return Plan(fates, write)


def export(session: Session, editor: Editor) -> Iterator[Sequence[Any]]:
    """The places that this person administers, from the top; a position as it was given."""
    index = area_index.load(session)
    own = sa.select(Area).where(editor.edits(Area)).order_by(sa.func.nlevel(Area.path), Area.path)
    for area in session.scalars(own):
        node, said = index.by_id[area.id], fields.told(area)
        parent = node.parent
        has_position = said.latitude is not None
        yield (
            said.code,
            LEVEL_LABELS[area.level],
            said.name,
            parent and parent.code,
            parent and parent.path,
            said.latitude,
            said.longitude,
            DATUM_LABELS[said.datum] if has_position else None,
            said.telephone,
            CLOSED if area.closed_at else IN_USE,
        )


def _write(session: Session, editor: Editor, planner: Planner, import_id: int) -> None:
    added, changed = planner.added, planner.changed
    ids = session.scalars(
        sa.text("SELECT nextval('areas_id_seq') FROM generate_series(1, :n)"), {"n": len(added)}
    )
    for node, area_id in zip(added, ids.all(), strict=True):
        node.id = area_id
    if changed:
        session.execute(sa.update(Area), [{"id": node.id, **node.stored()} for node in changed])
        _read_again(session, {node.id for node in changed})
    if added:  # last, for a name or code that is free only now
        session.execute(sa.insert(Area), [_row(node) for node in added])
    changes.record(session, editor, _entries(added, changed), import_id)


def _row(node: Node) -> dict[str, Any]:
    """What stands in the table, with what follows from the parents."""
    line = list(node.line())
    above = {COLUMNS[one.level]: one.id for one in line if one.level in COLUMNS}
    return {
        "id": node.id,
        "level": node.level,
        "parent_id": node.parent and node.parent.id,
        "path": ".".join(str(one.id) for one in reversed(line)),
        **dict.fromkeys(COLUMNS.values()),
        **above,
        **node.stored(),
    }


def _read_again(session: Session, ids: set[int | None]) -> None:
    for area in [row for row in session.identity_map.values() if isinstance(row, Area) and row.id in ids]:
        session.expire(area, FIELDS)


def _entries(added: Iterable[Node], changed: dict[Node, dict[str, Any]]) -> Iterator[Entry]:
    for node in added:
        after = {"level": node.level, "parent_id": node.parent and node.parent.id, **node.stored()}
        known = {column: value for column, value in after.items() if value is not None}
        yield _entry(Did.ADDED, node, {}, known)
    for node, before in changed.items():
        yield _entry(Did.CHANGED, node, before, node.stored())


def _entry(did: Did, node: Node, before: dict[str, Any], after: dict[str, Any]) -> Entry:
    assert node.id is not None
    return Entry(did, "areas", node.id, node.name, node.id, before, after)


AREAS = Kind("areas", "地点", HEADERS, plan, export, tree.lock)
