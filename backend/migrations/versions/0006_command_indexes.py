"""Cases found by who has them, clocks by when to look at them: built while people go on working."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

BATCH = 10_000  # clocks that are held at once, for as long as they take to write
PENDING = "status IN ('submitted', 'accepted', 'assigned', 'disputed', 'in_progress')"
WAITING = "status IN ('submitted', 'accepted', 'assigned', 'in_progress')"
IN_HAND = (
    "handler_id IS NOT NULL AND status IN"
    " ('submitted', 'accepted', 'assigned', 'disputed', 'in_progress', 'resolved', 'merged')"
)
HARD = "is_legacy OR marks <> '{}' OR leader_id IS NOT NULL OR group_ids <> '{}'"
DUE = "stopped_at IS NULL AND fired_at IS NULL"
INDEXES: dict[str, tuple[str, list[str], str]] = {
    "ix_cases_hard": ("cases", ["id"], HARD),
    "ix_cases_handler": ("cases", ["handler_id", "id"], IN_HAND),
    "ix_cases_leader": ("cases", ["leader_id", "id"], "leader_id IS NOT NULL"),
    "ix_cases_master": ("cases", ["master_id", "id"], "master_id IS NOT NULL"),
    "ix_cases_parent": ("cases", ["parent_id", "id"], "parent_id IS NOT NULL"),
    "ix_cases_pending": ("cases", ["due_at", "id"], PENDING),
    "ix_cases_replied": ("cases", ["replied_at"], "replied_at IS NOT NULL"),
    "ix_deadlines_next": ("deadlines", ["next_at"], "next_at IS NOT NULL"),
    "ix_deadlines_order_unit": ("deadlines", ["order_unit_id"], "order_unit_id IS NOT NULL"),
}
KEYS = {
    "cases": (
        "fk_cases_handler_id",
        "fk_cases_leader_id",
        "fk_cases_master_id",
        "fk_cases_parent_id",
    ),
    "deadlines": ("fk_deadlines_order_unit_id", "ck_deadlines_case_or_order_unit"),
}
_FILL = sa.text("""
    UPDATE deadlines SET next_at = due_at
    WHERE id BETWEEN :first AND :last AND stopped_at IS NULL AND fired_at IS NULL AND next_at IS NULL""")


def upgrade() -> None:
    """Each step stands by itself and does nothing the second time: a cut leaves nothing to clear up."""
    with op.get_context().autocommit_block():
        op.execute("SET statement_timeout = 0")  # nobody waits for these
        op.execute("SET lock_timeout = 0")  # nor for what waits here until all who began before have ended
        for name, (table, columns, condition) in INDEXES.items():
            _build(name, table, columns, condition)
        _build("ix_cases_group", "cases", ["group_ids"], "group_ids <> '{}'", using="gin")
        op.drop_index("ix_cases_waiting", postgresql_concurrently=True, if_exists=True)
        for table, names in KEYS.items():
            for name in names:
                op.execute(f"ALTER TABLE {table} VALIDATE CONSTRAINT {name}")
        _fill()
        op.drop_index("ix_deadlines_due", postgresql_concurrently=True, if_exists=True)
        op.execute("RESET lock_timeout")
        op.execute("RESET statement_timeout")


def downgrade() -> None:
    op.create_index("ix_deadlines_due", "deadlines", ["due_at"], postgresql_where=sa.text(DUE))
    op.create_index("ix_cases_waiting", "cases", ["due_at", "id"], postgresql_where=sa.text(WAITING))
    op.drop_index("ix_cases_group", table_name="cases")
    for name, (table, _, _) in INDEXES.items():
        op.drop_index(name, table_name=table)


def _build(name: str, table: str, columns: list[str], condition: str, using: str = "btree") -> None:
    """What a cut-off building of the index has left has the name and is good for nothing."""
    broken = "SELECT 1 FROM pg_index WHERE indexrelid = to_regclass(:name) AND NOT indisvalid"
    if op.get_bind().scalar(sa.text(broken), {"name": name}):
        op.drop_index(name, postgresql_concurrently=True)
    op.create_index(
        name,
        table,
        columns,
        postgresql_where=sa.text(condition),
        postgresql_using=using,
        postgresql_concurrently=True,
        if_not_exists=True,
    )


def _fill() -> None:
    """Clocks that run already are looked at when they run out."""
    last = op.get_bind().scalar(sa.text("SELECT max(id) FROM deadlines")) or 0
    for first in range(1, last + 1, BATCH):
        op.get_bind().execute(_FILL, {"first": first, "last": first + BATCH - 1})
