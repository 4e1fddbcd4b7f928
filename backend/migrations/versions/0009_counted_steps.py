"""The steps that monthly notices count, found by when they were: built while people go on working."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

NAME = "ix_case_events_counted"
COUNTED = "action IN ('urge', 'send_back', 'dispute', 'arbitrate')"


def upgrade() -> None:
    """What a cut-off building of the index has left has the name and is good for nothing: it goes first."""
    with op.get_context().autocommit_block():
        op.execute("SET statement_timeout = 0")  # nobody waits for it
        op.execute("SET lock_timeout = 0")  # nor for what waits here until all who began before have ended
        broken = "SELECT 1 FROM pg_index WHERE indexrelid = to_regclass(:name) AND NOT indisvalid"
        if op.get_bind().scalar(sa.text(broken), {"name": NAME}):
            op.drop_index(NAME, postgresql_concurrently=True)
        op.create_index(
            NAME,
            "case_events",
            ["created_at"],
            postgresql_where=sa.text(COUNTED),
            postgresql_concurrently=True,
            if_not_exists=True,
        )
        op.execute("RESET lock_timeout")
        op.execute("RESET statement_timeout")


def downgrade() -> None:
    op.drop_index(NAME, table_name="case_events")
