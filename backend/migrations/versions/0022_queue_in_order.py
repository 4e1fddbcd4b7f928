"""The queue of messages in its order: what goes next costs what is taken, however much is due."""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

NAME = "ix_notifications_queue"
BROKEN = "SELECT 1 FROM pg_index WHERE indexrelid = to_regclass(:name) AND NOT indisvalid"


def upgrade() -> None:
    """What code of before owes meanwhile has the last place in the queue, and goes all the same."""
    op.add_column(
        "notifications",
        sa.Column("haste", sa.SmallInteger(), server_default="2", nullable=False),
        if_not_exists=True,
    )
    op.execute("UPDATE notifications SET haste = 0 WHERE status = 'waiting' AND fields->>'urgent' = '1'")
    with op.get_context().autocommit_block():
        op.execute("SET statement_timeout = 0")  # nobody waits for it
        op.execute("SET lock_timeout = 0")  # nor for what waits here until all who began before have ended
        _build()
        op.execute("RESET lock_timeout")
        op.execute("RESET statement_timeout")


def _build() -> None:
    """What a cut-off building of the index has left has the name and is good for nothing."""
    if op.get_bind().scalar(sa.text(BROKEN), {"name": NAME}):
        op.drop_index(NAME, postgresql_concurrently=True)
    op.create_index(
        NAME,
        "notifications",
        ["haste", "due_at", "id"],
        postgresql_where=sa.text("status = 'waiting'"),
        postgresql_concurrently=True,
        if_not_exists=True,
    )


def downgrade() -> None:
    op.drop_index(NAME, table_name="notifications")
    op.drop_column("notifications", "haste")
