"""Who wants no messages about progress."""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "message_optouts",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("resident_id", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.TIMESTAMP(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["resident_id"], ["residents.id"], name=op.f("fk_message_optouts_resident_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_message_optouts")),
        sa.UniqueConstraint("resident_id", name=op.f("uq_message_optouts_resident_id")),
        if_not_exists=True,
    )


def downgrade() -> None:
    op.drop_table("message_optouts")
