"""WeCom, text messages and calls to be made."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

WHERE = ("place_id", "district_id", "subdistrict_id", "community_id", "zone_id", "grid_id", "unit_id")
OUTCOME = sa.Enum("told", "no_answer", "wrong_number", name="calloutcome", native_enum=False, length=32)


def upgrade() -> None:
    op.create_table(
        "wecom_taps",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("userid", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("response_code", sa.Text(), nullable=False),
        sa.Column("answer", sa.Text()),
        sa.Column("updated_at", sa.TIMESTAMP(timezone=True)),
        sa.Column("created_at", sa.TIMESTAMP(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_wecom_taps")),
        sa.UniqueConstraint("response_code", name=op.f("uq_wecom_taps_response_code")),
    )
    op.create_table(
        "sms_optouts",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("phone_index", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.TIMESTAMP(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sms_optouts")),
        sa.UniqueConstraint("phone_index", name=op.f("uq_sms_optouts_phone_index")),
    )
    op.create_table(
        "telephone_tasks",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("notification_id", sa.BigInteger(), nullable=False),
        sa.Column("officer_id", sa.BigInteger(), nullable=False),
        *(sa.Column(name, sa.BigInteger()) for name in WHERE),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("tries", sa.SmallInteger(), server_default="0", nullable=False),
        sa.Column("tried_at", sa.TIMESTAMP(timezone=True)),
        sa.Column("done_at", sa.TIMESTAMP(timezone=True)),
        sa.Column("done_by", sa.BigInteger()),
        sa.Column("outcome", OUTCOME),
        sa.Column("note", sa.Text(), server_default="", nullable=False),
        sa.Column("created_at", sa.TIMESTAMP(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_telephone_tasks")),
        sa.UniqueConstraint("notification_id", name=op.f("uq_telephone_tasks_notification_id")),
        sa.ForeignKeyConstraint(["officer_id"], ["officers.id"], name=op.f("fk_telephone_tasks_officer_id")),
        sa.ForeignKeyConstraint(["done_by"], ["officers.id"], name=op.f("fk_telephone_tasks_done_by")),
    )
    op.create_index(
        "ix_telephone_tasks_open", "telephone_tasks", ["id"], postgresql_where=sa.text("done_at IS NULL")
    )


def downgrade() -> None:
    op.drop_table("telephone_tasks")
    op.drop_table("sms_optouts")
    op.drop_table("wecom_taps")
