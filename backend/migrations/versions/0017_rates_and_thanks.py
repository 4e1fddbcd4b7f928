"""Thanks; what answers of surveys are about and how they came is kept with the rates that rest on them."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

WAY = sa.Enum("self", "sampled", "phone", "silent", "open", name="way", native_enum=False, length=32)
KIND = sa.Enum(
    "banner", "letter", "phone", "spoken", "survey", name="thankskind", native_enum=False, length=32
)
READ = [
    "measure",
    "category",
    "way",
    "is_good",
    "is_excluded",
    "district_id",
    "subdistrict_id",
    "community_id",
    "unit_id",
    "case_id",
]
# What a cut-off building of the index has left has the name and is good for nothing.
BROKEN = "SELECT 1 FROM pg_index WHERE indexrelid = to_regclass('ix_surveys_voices') AND NOT indisvalid"
# Whoever was asked is looked at again: from then on the new rates, categories and ways are kept.
MARK = "INSERT INTO standing_marks (case_id) SELECT DISTINCT case_id FROM surveys"


def upgrade() -> None:
    """Each step does nothing the second time; a case that is marked twice is looked at twice."""
    op.create_table(
        "thanks",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("case_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", KIND, nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("words", sa.Text(), server_default="", nullable=False),
        sa.Column("sha256", sa.Text(), nullable=True),
        sa.Column("mime", sa.Text(), nullable=True),
        sa.Column("officer_id", sa.BigInteger(), nullable=True),
        sa.Column("survey_id", sa.BigInteger(), nullable=True),
        sa.Column("struck_by", sa.BigInteger(), nullable=True),
        sa.Column("struck_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("struck_why", sa.Text(), nullable=True),
        sa.Column("created_at", sa.TIMESTAMP(timezone=True), server_default=sa.func.now(), nullable=False),
        sa.CheckConstraint(
            "(officer_id IS NULL) <> (survey_id IS NULL)", name=op.f("ck_thanks_officer_or_survey")
        ),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_thanks_case_id")),
        sa.ForeignKeyConstraint(["officer_id"], ["officers.id"], name=op.f("fk_thanks_officer_id")),
        sa.ForeignKeyConstraint(["struck_by"], ["officers.id"], name=op.f("fk_thanks_struck_by")),
        sa.ForeignKeyConstraint(["survey_id"], ["surveys.id"], name=op.f("fk_thanks_survey_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_thanks")),
        sa.UniqueConstraint("survey_id", name=op.f("uq_thanks_survey_id")),
        if_not_exists=True,
    )
    op.create_index("ix_thanks_case", "thanks", ["case_id"], if_not_exists=True)
    op.create_index("ix_thanks_day", "thanks", ["day"], if_not_exists=True)
    op.add_column(
        "surveys", sa.Column("withdrawn_at", sa.TIMESTAMP(timezone=True), nullable=True), if_not_exists=True
    )
    op.add_column("standings", sa.Column("category", sa.Text(), nullable=True), if_not_exists=True)
    op.add_column("standings", sa.Column("way", WAY, nullable=True), if_not_exists=True)
    with op.get_context().autocommit_block():  # figures are read while this is built; only their job waits
        op.execute("SET statement_timeout = 0")
        op.create_index(
            "ix_standings_surveyed",
            "standings",
            ["moment"],
            postgresql_include=READ,
            postgresql_where=sa.text("measure IN ('responded', 'solved', 'satisfied')"),
            if_not_exists=True,
        )
        op.execute("SET lock_timeout = 0")  # waits for whoever writes surveys just now
        if op.get_bind().scalar(sa.text(BROKEN)):
            op.drop_index("ix_surveys_voices", postgresql_concurrently=True)
        op.create_index(
            "ix_surveys_voices",
            "surveys",
            ["answered_at", "id"],
            postgresql_where=sa.text("solved IS FALSE OR satisfaction <= 2"),
            postgresql_concurrently=True,
            if_not_exists=True,
        )
        op.execute("RESET lock_timeout")
        op.execute(MARK)
        op.execute("RESET statement_timeout")


def downgrade() -> None:
    op.drop_table("thanks")
    op.drop_index("ix_surveys_voices", "surveys")
    op.drop_column("surveys", "withdrawn_at")
    op.execute("DELETE FROM standings WHERE measure IN ('responded', 'solved')")
    op.execute("DELETE FROM standing_sums WHERE measure IN ('responded', 'solved')")
    op.drop_index("ix_standings_surveyed", "standings")
    op.drop_column("standings", "way")
    op.drop_column("standings", "category")
