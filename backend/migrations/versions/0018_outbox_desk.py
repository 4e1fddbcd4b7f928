"""The outbox desk: messages in trouble found by what they cost, and who decided what about one."""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

# Neither holds a message that is only owed: what comes in pays nothing for them.
INDEXES = {
    "ix_notifications_failed": (["due_at", "id"], "status = 'failed' AND attempts > 0"),
    "ix_notifications_silent": (["sent_at", "id"], "status = 'sent' AND provider_id IS NOT NULL"),
}


def upgrade() -> None:
    """Each step does nothing the second time: a cut leaves nothing to clear up."""
    op.create_table(
        "notification_changes",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("notification_id", sa.BigInteger(), nullable=False),
        sa.Column("officer_id", sa.BigInteger(), nullable=False),
        sa.Column("action", sa.String(length=32), nullable=False),
        sa.Column("channel", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), server_default="", nullable=False),
        sa.Column("created_at", sa.TIMESTAMP(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["notification_id"],
            ["notifications.id"],
            name=op.f("fk_notification_changes_notification_id"),
        ),
        sa.ForeignKeyConstraint(
            ["officer_id"], ["officers.id"], name=op.f("fk_notification_changes_officer_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notification_changes")),
        if_not_exists=True,
    )
    op.create_index(
        op.f("ix_notification_changes_notification_id"),
        "notification_changes",
        ["notification_id"],
        if_not_exists=True,
    )
    with op.get_context().autocommit_block():
        op.execute("SET statement_timeout = 0")  # nobody waits for these
        op.execute("SET lock_timeout = 0")  # nor for what waits here until all who began before have ended
        for name, (columns, condition) in INDEXES.items():
            _build(name, columns, condition)
        op.execute("RESET lock_timeout")
        op.execute("RESET statement_timeout")


def downgrade() -> None:
    for name in INDEXES:
        op.drop_index(name, table_name="notifications")
    op.drop_table("notification_changes")


def _build(name: str, columns: list[str], condition: str) -> None:
    """What a cut-off building of the index has left has the name and is good for nothing."""
    broken = "SELECT 1 FROM pg_index WHERE indexrelid = to_regclass(:name) AND NOT indisvalid"
    if op.get_bind().scalar(sa.text(broken), {"name": name}):
        op.drop_index(name, postgresql_concurrently=True)
    op.create_index(
        name,
        "notifications",
        columns,
        postgresql_where=sa.text(condition),
        postgresql_concurrently=True,
        if_not_exists=True,
    )
