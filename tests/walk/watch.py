"""Whether a street's rows are as they were, and whether anybody else's row points at them now."""

from collections.abc import Iterable

import sqlalchemy as sa

from backend import db

State = dict[str, tuple]
# What was written to each table in this transaction, whoever wrote it (statements, triggers, cascades), and
# also what was taken back since: PostgreSQL counts it.
COUNTED = sa.text("""
    SELECT relname, pg_stat_get_xact_tuples_inserted(oid) + pg_stat_get_xact_tuples_updated(oid)
                    + pg_stat_get_xact_tuples_deleted(oid)
    FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace""")


def last_ids(session) -> dict[str, int]:
    """The last id of every table."""
    tables = db.Base.metadata.sorted_tables
    return {t.name: session.scalar(sa.select(sa.func.coalesce(sa.func.max(t.c.id), 0))) for t in tables}


class Watch:
    """Compares the rows of one street (by their ids, which are in a row) with what they were."""

    def __init__(self, connection: sa.Connection, before: dict[str, int], after: dict[str, int]) -> None:
        self.connection = connection
        self.ranges = {name: (before[name] + 1, last) for name, last in after.items()}
        self.questions = {table.name: self._of(table) for table in db.Base.metadata.sorted_tables}
        self.baseline = self._state(self.questions)
        self.counted = self._count()

    def differences(self) -> set[str]:
        """Tables of which a row of the street was changed, and columns by which others point at one now.

        Looks only into the tables that were written to since the last time: most requests only read.
        """
        counted, self.counted = self.counted, self._count()
        written = [name for name in self.questions if self.counted[name] != counted[name]]
        return {name for name, row in self._state(written).items() if self.baseline[name] != row}

    def _count(self) -> dict[str, int]:
        return dict(tuple(row) for row in self.connection.execute(COUNTED))

    def _state(self, tables: Iterable[str]) -> State:
        statement = " UNION ALL ".join(self.questions[table] for table in tables)
        return (
            {row.name: tuple(row) for row in self.connection.execute(sa.text(statement))} if statement else {}
        )

    def _of(self, table: sa.Table) -> str:
        first, last = self.ranges[table.name]
        rows = f"md5(string_agg(t::text, '|' ORDER BY id) FILTER (WHERE id BETWEEN {first} AND {last}))"
        parts = [f"SELECT '{table.name}' AS name, {rows} AS rows, 0 AS pointing FROM {table.name} t"]
        for column in table.columns:
            target = _target(table.name, column)
            if target is not None:
                low, high = self.ranges[target]
                outside = f"id NOT BETWEEN {first} AND {last} AND {_points(column, low, high)}"
                name = f"{table.name}.{column.name}"
                counted = f"SELECT '{name}', NULL, count(*) FROM {table.name} WHERE {outside}"
                parts.append(counted)
        return " UNION ALL ".join(parts)


# Columns that hold the id of a row without a foreign key (docs/decisions/checked-once.md).
UNCHECKED = {
    "notifications.officer_id": "officers",
    "notifications.resident_id": "residents",
    "case_events.resident_id": "residents",
    "cases.code_id": "place_codes",
    "duties.assisting": "units",
}


def _target(table: str, column: sa.Column) -> str | None:
    keys = [key.column.table.name for key in column.foreign_keys]
    return keys[0] if keys else UNCHECKED.get(f"{table}.{column.name}")


def _points(column: sa.Column, low: int, high: int) -> str:
    if isinstance(column.type, sa.ARRAY):
        return f"EXISTS (SELECT FROM unnest({column.name}) one WHERE one BETWEEN {low} AND {high})"
    return f"{column.name} BETWEEN {low} AND {high}"
