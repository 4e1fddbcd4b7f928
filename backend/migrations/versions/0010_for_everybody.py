"""Which monthly notices are for everybody."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """What was published before was promised to officers alone, and stays theirs."""
    public = sa.Column("is_public", sa.Boolean(), server_default=sa.false(), nullable=False)
    op.add_column("monthly_notices", public)


def downgrade() -> None:
    op.drop_column("monthly_notices", "is_public")
