"""Subscriptions that last, and what each account's templates really are."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("grants", sa.Column("lasts", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.create_table(
        "template_libraries",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("sort", sa.String(32), nullable=False),
        sa.Column("templates", JSONB(), server_default=sa.text("'[]'"), nullable=False),
        sa.Column("fetched_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("problem", sa.Text(), nullable=True),
        sa.Column("looked_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_template_libraries")),
        sa.UniqueConstraint("account", "sort", name=op.f("uq_template_libraries_account_sort")),
    )


def downgrade() -> None:
    op.drop_table("template_libraries")
    op.drop_column("grants", "lasts")
