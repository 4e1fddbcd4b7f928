"""Calls to be made to residents, too: whom to call is then the resident of the message."""

from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.alter_column("telephone_tasks", "officer_id", nullable=True)


def downgrade() -> None:
    op.execute("DELETE FROM telephone_tasks WHERE officer_id IS NULL")
    op.alter_column("telephone_tasks", "officer_id", nullable=False)
