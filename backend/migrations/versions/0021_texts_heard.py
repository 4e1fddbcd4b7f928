"""Text messages that were heard, and numbers on the provider's list, which stand apart from people's own word.

Surveys that wait for a telephone call count in the response rate only once they are over: the kept figures of
those that are open now are reckoned anew. Of a mini program's messages no receipt came until now: none is missed.
"""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "sms_heard",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.LargeBinary(), nullable=False),
        sa.Column("heard_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sms_heard")),
        sa.UniqueConstraint("name", name=op.f("uq_sms_heard_name")),
        sa.Index("ix_sms_heard_heard_at", "heard_at"),
        if_not_exists=True,
    )
    op.create_table(
        "sms_listed",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("phone_index", sa.LargeBinary(), nullable=False),
        sa.Column("refused_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sms_listed")),
        sa.UniqueConstraint("phone_index", name=op.f("uq_sms_listed_phone_index")),
        if_not_exists=True,
    )
    op.execute(
        "INSERT INTO standing_marks (case_id) SELECT DISTINCT s.case_id FROM surveys s"
        " JOIN phone_callbacks c ON c.case_id = s.case_id AND c.round = s.round WHERE s.next_at IS NOT NULL"
    )
    op.execute(
        "UPDATE notifications SET provider_id = NULL WHERE status = 'sent' AND provider_id IS NOT NULL"
        " AND channel = 'wechat_subscription' AND sent_at > now() - interval '30 days'"
    )


def downgrade() -> None:
    op.drop_table("sms_listed")
    op.drop_table("sms_heard")
