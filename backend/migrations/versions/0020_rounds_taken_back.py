"""What the last round of a case had reached, for who changes their mind."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Without a default no row is written: it takes a moment, however many cases there are."""
    column = sa.Column("last_round", postgresql.JSONB(), nullable=True)
    op.add_column("cases", column, if_not_exists=True)


def downgrade() -> None:
    op.drop_column("cases", "last_round")
