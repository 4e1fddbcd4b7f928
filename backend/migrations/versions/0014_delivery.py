"""Delivering in batches: why a message waits, the one in which it went with others, how much a person was told."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

# None of these has an entry for a row that is new: owing a message costs what it did.
INDEXES: dict[str, tuple[list[str], str]] = {
    "ix_notifications_held": (["held", "officer_id"], "held IS NOT NULL AND status = 'waiting'"),
    "ix_notifications_digest": (
        ["sent_at"],
        "digest_id IS NOT NULL AND (status = 'sending' OR status = 'sent'"
        " AND channel IN ('wechat_template', 'wechat_notice', 'sms'))",
    ),
    "ix_notifications_told_officer": (
        ["officer_id", "sent_at"],
        "officer_id IS NOT NULL AND sent_at IS NOT NULL",
    ),
    "ix_notifications_told_resident": (
        ["resident_id", "sent_at"],
        "resident_id IS NOT NULL AND sent_at IS NOT NULL",
    ),
}


def upgrade() -> None:
    """Columns first, which a program of before does not see; then each index, while people go on working."""
    op.execute("ALTER TABLE notifications ADD COLUMN IF NOT EXISTS held VARCHAR(32)")
    op.execute("ALTER TABLE notifications ADD COLUMN IF NOT EXISTS digest_id BIGINT")
    with op.get_context().autocommit_block():
        op.execute("SET statement_timeout = 0")  # nobody waits for these
        op.execute("SET lock_timeout = 0")
        for name, (columns, condition) in INDEXES.items():
            op.drop_index(name, postgresql_concurrently=True, if_exists=True)  # half of one, after a cut
            op.create_index(
                name,
                "notifications",
                columns,
                postgresql_where=sa.text(condition),
                postgresql_concurrently=True,
            )
        op.execute("RESET lock_timeout")
        op.execute("RESET statement_timeout")


def downgrade() -> None:
    for name in INDEXES:
        op.drop_index(name, table_name="notifications")
    op.drop_column("notifications", "digest_id")
    op.drop_column("notifications", "held")
