"""Posters that were asked for: drawn by a worker, one row for each job."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "poster_jobs",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("officer_id", sa.BigInteger(), nullable=False),
        sa.Column("area_id", sa.BigInteger(), nullable=True),
        sa.Column(
            "wanted", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False
        ),
        sa.Column("format", sa.String(32), nullable=False),
        sa.Column("is_zip", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("state", sa.String(32), server_default="waiting", nullable=False),
        sa.Column("done", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("total", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("left_out", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("sha256", sa.Text(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("due_at", sa.TIMESTAMP(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("attempts", sa.SmallInteger(), server_default="0", nullable=False),
        sa.Column("created_at", sa.TIMESTAMP(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["area_id"], ["areas.id"], name=op.f("fk_poster_jobs_area_id")),
        sa.ForeignKeyConstraint(["officer_id"], ["officers.id"], name=op.f("fk_poster_jobs_officer_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_poster_jobs")),
    )
    op.create_index("ix_poster_jobs_officer_id", "poster_jobs", ["officer_id"], unique=False)
    op.create_index(
        "ix_poster_jobs_due",
        "poster_jobs",
        ["due_at"],
        unique=False,
        postgresql_where=sa.text("state IN ('waiting', 'drawing')"),
    )


def downgrade() -> None:
    op.drop_table("poster_jobs")
