"""The tree of places kept whole: what follows from a parent, and what of other tables follows a place.

An area's path and its ancestors' ids follow from its parent; the same ids of a row that is filed at a place
(any table with `place_id`, see scope.py) follow from that place. Both are copies, written here alone.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence

import sqlalchemy as sa
from sqlalchemy.orm import Session

from backend.db import Base
from backend.places.models import Area
from backend.places.scope import COLUMNS

COPIES = ("path", *COLUMNS.values())
Handed = dict[str, list[int]]  # ids of rows by "table.column"

STAYS = frozenset({"areas", "changes"})  # what was once done to a place stays with it

_OWN = ", ".join(
    f"CASE WHEN a.level = '{level}' THEN a.id ELSE {{0}}.{column} END AS {column}"
    for level, column in COLUMNS.items()
)
_REBUILD = sa.text(f"""
    WITH RECURSIVE tree AS (
        SELECT a.id, coalesce(p.path || a.id::text, text2ltree(a.id::text)) AS path, {_OWN.format("p")}
        FROM areas a LEFT JOIN areas p ON p.id = a.parent_id WHERE a.id = ANY(:roots)
        UNION ALL
        SELECT a.id, t.path || a.id::text, {_OWN.format("t")} FROM areas a JOIN tree t ON a.parent_id = t.id)
    UPDATE areas a SET {", ".join(f"{column} = t.{column}" for column in COPIES)}
    FROM tree t WHERE a.id = t.id
        AND ({", ".join(f"a.{c}" for c in COPIES)}) IS DISTINCT FROM ({", ".join(f"t.{c}" for c in COPIES)})
    RETURNING a.id""")


def lock(session: Session) -> None:
    """Make those who change the tree take turns: two moves at once would each build on the other's past."""
    session.execute(sa.text("SELECT pg_advisory_xact_lock(hashtextextended('areas', 0))"))


def rebuild(session: Session, roots: Collection[int]) -> None:
    """Write anew what follows from the parents in the subtrees of these areas, and refile what lies there.

    Only behind `lock`. None of the roots may lie in another one.
    """
    session.flush()
    changed = list(session.scalars(_REBUILD, {"roots": list(roots)}))
    for area in [row for row in session.identity_map.values() if isinstance(row, Area)]:
        session.expire(area, COPIES)
    refile(session, changed)


def refile(session: Session, area_ids: Sequence[int]) -> None:
    """Give every row that is filed at one of these places the ancestors' ids of the place."""
    for table in filed_tables():
        copies = {name: Area.__table__.c[name] for name in COLUMNS.values() if name in table.c}
        differs = sa.tuple_(*(table.c[name] for name in copies)).is_distinct_from(sa.tuple_(*copies.values()))
        session.execute(
            sa.update(table)
            .where(table.c.place_id == Area.id, _is_one_of(table.c.place_id, area_ids), differs)
            .values(copies),
            execution_options={"synchronize_session": False},
        )


def filed_tables() -> Iterator[sa.Table]:
    """The tables whose rows are filed at a place, with copies of the place's ancestors."""
    for table in Base.metadata.sorted_tables:
        if "place_id" in table.c and any(column in table.c for column in COLUMNS.values()):
            yield table


def hand_over(
    session: Session, area_ids: Sequence[int], to_id: int, but: Collection[str] = ()
) -> dict[int, Handed]:
    """Let what points at these areas point at another one, `but` the rows of those tables. Returns which
    rows, by area."""
    handed: dict[int, Handed] = {}
    for column in _pointers(but):
        key, mine = column.table.c.id, _is_one_of(column, area_ids)
        for row_id, area_id in session.execute(sa.select(key, column).where(mine).with_for_update()).all():
            handed.setdefault(area_id, {}).setdefault(str(column), []).append(row_id)
        session.execute(sa.update(column.table).where(mine).values({column: to_id}))
    refile(session, [to_id])
    return handed


def hand_back(session: Session, handed: Mapping[int, Handed], from_id: int) -> None:
    """Let the rows that were handed over point at their areas again, where nobody has moved them since."""
    for column in _pointers():
        pairs = [(row, area_id) for area_id, rows in handed.items() for row in rows.get(str(column), [])]
        if not pairs:
            continue
        rows, areas = (sa.literal(list(ids), sa.ARRAY(sa.BigInteger)) for ids in zip(*pairs, strict=True))
        back = sa.func.unnest(rows, areas).table_valued("row_id", "area_id").render_derived()
        still = (column.table.c.id == back.c.row_id) & (column == from_id)
        session.execute(sa.update(column.table).where(still).values({column: back.c.area_id}))
    refile(session, list(handed))


def _pointers(but: Collection[str] = ()) -> Iterator[sa.Column[int]]:
    """The columns of other tables that point at an area and go on to its successor."""
    for table in Base.metadata.sorted_tables:
        if table.name not in STAYS and table.name not in but:
            keys = (key for key in table.foreign_keys if key.column.table.name == "areas")
            yield from sorted((key.parent for key in keys), key=str)


def _is_one_of(column: sa.ColumnElement[int], ids: Sequence[int]) -> sa.ColumnElement[bool]:
    """One parameter, however many ids."""
    return column == sa.any_(sa.literal(list(ids), sa.ARRAY(sa.BigInteger)))
