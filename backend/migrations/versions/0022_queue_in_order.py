"""The queue of messages in its order: what goes next costs what is taken, however much is due."""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

NAME = "ix_notifications_queue"
# What the catalogue called urgent by its kind; what is put off to somebody's next visit can wait.
URGENT = """
    UPDATE notifications SET haste = 1 WHERE status = 'waiting' AND haste = 2 AND due_at < now() + interval '1 day'
        AND message IN ('case_submitted', 'case_assigned', 'case_sent_back', 'case_returned', 'case_urged',
            'case_overdue', 'case_escalated', 'case_delegated', 'case_disputed', 'case_arbitrated',
            'case_unmerged', 'case_replied', 'case_resolved', 'case_asked', 'supervised', 'person_wanted',
            'order_drafted', 'order_refused', 'order_issued', 'order_watched', 'order_returned',
            'order_withdrawn', 'order_urged', 'order_joined', 'order_overdue', 'order_escalated',
            'order_supervised', 'digest')"""
BROKEN = "SELECT 1 FROM pg_index WHERE indexrelid = to_regclass(:name) AND NOT indisvalid"


def upgrade() -> None:
    """What code of before owes meanwhile has the last place in the queue, and goes all the same."""
    op.add_column(
        "notifications",
        sa.Column("haste", sa.SmallInteger(), server_default="2", nullable=False),
        if_not_exists=True,
    )
    with op.get_context().autocommit_block():
        op.execute("SET statement_timeout = 0")  # nobody waits for it
        op.execute("SET lock_timeout = 0")  # nor for what waits here until all who began before have ended
        op.execute("UPDATE notifications SET haste = 0 WHERE status = 'waiting' AND fields->>'urgent' = '1'")
        op.execute(URGENT)
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
