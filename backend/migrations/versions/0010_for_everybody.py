"""Which monthly notices are for everybody; a unit that takes over another's part of an order succeeds it."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """What was published before was promised to officers alone, and stays theirs.

    A program of before cannot show the few orders in which a unit was succeeded, until it is replaced.
    """
    op.add_column(
        "monthly_notices", sa.Column("is_public", sa.Boolean(), server_default=sa.false(), nullable=False)
    )
    op.execute("UPDATE order_events SET action = 'succeed' WHERE action = 'join'")


def downgrade() -> None:
    op.execute("UPDATE order_events SET action = 'join' WHERE action = 'succeed'")
    op.drop_column("monthly_notices", "is_public")
