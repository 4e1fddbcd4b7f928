"""Surveys asked in full: reasons, every answer, policies by place and matter, reviews of bad answers."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

TIME = sa.TIMESTAMP(timezone=True)
NOW = sa.text("now()")


def _words(*names: str) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.String(32), nullable=True) for name in names]


def upgrade() -> None:
    """Each step does nothing the second time. Code of before writes surveys without the new columns."""
    op.add_column(
        "surveys",
        sa.Column("reasons", ARRAY(sa.Text()), server_default="{}", nullable=False),
        if_not_exists=True,
    )
    op.add_column("surveys", *_words("via"), if_not_exists=True)
    _add_answers()
    _add_policies()
    _add_reviews()


def _add_answers() -> None:
    op.create_table(
        "survey_answers",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("survey_id", sa.BigInteger(), nullable=False),
        sa.Column("via", sa.String(32), nullable=False),
        sa.Column("officer_id", sa.BigInteger(), nullable=True),
        sa.Column("solved", sa.Boolean(), nullable=True),
        sa.Column("satisfaction", sa.SmallInteger(), nullable=True),
        sa.Column("reasons", ARRAY(sa.Text()), server_default="{}", nullable=False),
        sa.Column("words", sa.Text(), nullable=True),
        sa.Column("is_late", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("created_at", TIME, server_default=NOW, nullable=False),
        sa.ForeignKeyConstraint(
            ["survey_id"], ["surveys.id"], name=op.f("fk_survey_answers_survey_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["officer_id"], ["officers.id"], name=op.f("fk_survey_answers_officer_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_survey_answers")),
        if_not_exists=True,
    )
    op.create_index("ix_survey_answers_survey_id", "survey_answers", ["survey_id"], if_not_exists=True)


def _add_policies() -> None:
    op.create_table(
        "survey_policies",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("area_id", sa.BigInteger(), nullable=True),
        sa.Column("category_id", sa.BigInteger(), nullable=True),
        *_words("outcome"),
        sa.Column("urgent", sa.Boolean(), nullable=True),
        sa.Column("is_asked", sa.Boolean(), nullable=True),
        sa.Column("delay_minutes", sa.BigInteger(), nullable=True),
        sa.Column("hours", sa.Text(), nullable=True),
        sa.Column("days_open", sa.SmallInteger(), nullable=True),
        sa.Column("is_reminded", sa.Boolean(), nullable=True),
        *_words("on_unsolved", "on_dissatisfied"),
        sa.Column("reasons", ARRAY(sa.Text()), nullable=True),
        sa.Column("officer_id", sa.BigInteger(), nullable=True),
        sa.Column("created_at", TIME, server_default=NOW, nullable=False),
        sa.Column("ended_at", TIME, nullable=True),
        sa.CheckConstraint("delay_minutes >= 0", name=op.f("ck_survey_policies_no_earlier")),
        sa.CheckConstraint("days_open > 0", name=op.f("ck_survey_policies_some_days")),
        sa.ForeignKeyConstraint(["area_id"], ["areas.id"], name=op.f("fk_survey_policies_area_id")),
        sa.ForeignKeyConstraint(
            ["category_id"], ["categories.id"], name=op.f("fk_survey_policies_category_id")
        ),
        sa.ForeignKeyConstraint(["officer_id"], ["officers.id"], name=op.f("fk_survey_policies_officer_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_survey_policies")),
        if_not_exists=True,
    )
    op.create_index(
        "ix_survey_policies_what",
        "survey_policies",
        ["area_id", "category_id", "outcome", "urgent"],
        unique=True,
        postgresql_nulls_not_distinct=True,
        postgresql_where=sa.text("ended_at IS NULL"),
        if_not_exists=True,
    )


def _add_reviews() -> None:
    op.create_table(
        "survey_reviews",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("survey_id", sa.BigInteger(), nullable=False),
        sa.Column("case_id", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(32), server_default="open", nullable=False),
        sa.Column("is_leaders", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("complaint", sa.Text(), nullable=False),
        sa.Column("due_at", TIME, nullable=True),
        sa.Column("decided_by", sa.BigInteger(), nullable=True),
        sa.Column("decided_at", TIME, nullable=True),
        sa.Column("decision", sa.Text(), server_default="", nullable=False),
        sa.Column("created_at", TIME, server_default=NOW, nullable=False),
        sa.ForeignKeyConstraint(["survey_id"], ["surveys.id"], name=op.f("fk_survey_reviews_survey_id")),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_survey_reviews_case_id")),
        sa.ForeignKeyConstraint(["decided_by"], ["officers.id"], name=op.f("fk_survey_reviews_decided_by")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_survey_reviews")),
        sa.UniqueConstraint("survey_id", name=op.f("uq_survey_reviews_survey_id")),
        if_not_exists=True,
    )
    op.create_index("ix_survey_reviews_case", "survey_reviews", ["case_id"], if_not_exists=True)
    op.create_index(
        "ix_survey_reviews_open",
        "survey_reviews",
        ["due_at", "id"],
        postgresql_where=sa.text("state = 'open'"),
        if_not_exists=True,
    )
    op.create_index(
        "ix_survey_reviews_state",
        "survey_reviews",
        ["state", sa.text("created_at DESC"), sa.text("id DESC")],
        if_not_exists=True,
    )


def downgrade() -> None:
    for table in ("survey_reviews", "survey_policies", "survey_answers"):
        op.drop_table(table)
    op.drop_column("surveys", "via")
    op.drop_column("surveys", "reasons")
