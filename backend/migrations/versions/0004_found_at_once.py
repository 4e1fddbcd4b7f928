"""Cases found by category, code and zone, the record by place: built while people go on working."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

BATCH = 10_000  # cases that are held at once, for as long as they take to write
INDEXES: dict[str, tuple[str, list[str], str | None]] = {
    "ix_cases_category": ("cases", ["category_id", "id"], "category_id IS NOT NULL"),
    "ix_cases_code": ("cases", ["code_id"], "code_id IS NOT NULL"),
    "ix_cases_zone": ("cases", ["zone_id", "id"], "zone_id IS NOT NULL"),
    "ix_changes_area": ("changes", ["area_id", "id"], None),
}
_FILL = sa.text("""
    UPDATE cases c SET zone_id = a.zone_id FROM areas a
    WHERE c.id BETWEEN :first AND :last AND a.id = c.place_id AND c.zone_id IS DISTINCT FROM a.zone_id""")


def upgrade() -> None:
    """Each step stands by itself and does nothing the second time: a cut leaves nothing to clear up."""
    with op.get_context().autocommit_block():
        op.execute("SET statement_timeout = 0")  # nobody waits for these
        op.execute("SET lock_timeout = 0")  # nor for what waits here until all who began before have ended
        for name, (table, columns, condition) in INDEXES.items():
            _build(name, table, columns, condition)
        op.drop_index("ix_changes_area_id", postgresql_concurrently=True, if_exists=True)
        op.execute("RESET lock_timeout")
        op.execute("ALTER TABLE cases VALIDATE CONSTRAINT fk_cases_category_id")
        _fill_zones()
        op.execute("RESET statement_timeout")


def downgrade() -> None:
    op.create_index("ix_changes_area_id", "changes", ["area_id"])
    for name, (table, _, _) in INDEXES.items():
        op.drop_index(name, table_name=table)


def _build(name: str, table: str, columns: list[str], condition: str | None) -> None:
    """What a cut-off building of the index has left has the name and is good for nothing."""
    broken = "SELECT 1 FROM pg_index WHERE indexrelid = to_regclass(:name) AND NOT indisvalid"
    if op.get_bind().scalar(sa.text(broken), {"name": name}):
        op.drop_index(name, postgresql_concurrently=True)
    op.create_index(
        name,
        table,
        columns,
        postgresql_where=None if condition is None else sa.text(condition),
        postgresql_concurrently=True,
        if_not_exists=True,
    )


def _fill_zones() -> None:
    """The zone of what lies in one, for cases that were opened before zones stood on them."""
    last = op.get_bind().scalar(sa.text("SELECT max(id) FROM cases")) or 0
    for first in range(1, last + 1, BATCH):
        op.get_bind().execute(_FILL, {"first": first, "last": first + BATCH - 1})
