"""How each case counts in the published rates is kept, and marked to be looked at again when it is written."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

# Whatever a rate rests on, with the column that names the case. Any write counts: no trigger knows a formula.
WATCHED = {"cases": "id", "deadlines": "case_id", "surveys": "case_id", "exclusions": "case_id"}
MARK = """
CREATE OR REPLACE FUNCTION {table}_mark() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP <> 'INSERT' AND OLD.{column} IS NOT NULL THEN
        INSERT INTO standing_marks (case_id) VALUES (OLD.{column});
    END IF;
    IF TG_OP <> 'DELETE' AND NEW.{column} IS NOT NULL
       AND (TG_OP = 'INSERT' OR NEW.{column} IS DISTINCT FROM OLD.{column}) THEN
        INSERT INTO standing_marks (case_id) VALUES (NEW.{column});
    END IF;
    RETURN NULL;
END $$"""
TRIGGER = """
CREATE OR REPLACE TRIGGER {table}_mark AFTER {on} ON {table}
FOR EACH ROW EXECUTE FUNCTION {table}_mark()"""
ANY = "INSERT OR UPDATE OR DELETE"
# A case comes with its first clock in one statement, while somebody waits: one mark is enough for both.
BUT_THE_FIRST = """
CREATE OR REPLACE TRIGGER deadlines_mark_new AFTER INSERT ON deadlines
FOR EACH ROW WHEN (NEW.clock <> 'accept') EXECUTE FUNCTION deadlines_mark()"""
ENUM = sa.Enum(
    "accepted_in_time",
    "closed_on_time",
    "solved_first_time",
    "resolved",
    "satisfied",
    name="measure",
    native_enum=False,
    length=32,
)


def _places() -> list[sa.Column[int]]:
    names = ("district_id", "subdistrict_id", "community_id", "unit_id")
    return [sa.Column(name, sa.BigInteger(), nullable=True) for name in names]


def upgrade() -> None:
    """Each step does nothing the second time. Marks come last: from the triggers on, none is missed."""
    op.create_table(
        "standing_marks",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("case_id", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_standing_marks")),
        if_not_exists=True,
    )
    op.create_table(
        "standings",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("case_id", sa.BigInteger(), nullable=False),
        sa.Column("measure", ENUM, nullable=False),
        sa.Column("moment", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("is_good", sa.Boolean(), nullable=False),
        sa.Column("is_excluded", sa.Boolean(), nullable=False),
        *_places(),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_standings")),
        sa.UniqueConstraint("case_id", "measure", name=op.f("uq_standings_case_id_measure")),
        if_not_exists=True,
    )
    op.create_index("ix_standings_moment", "standings", ["moment"], if_not_exists=True)
    op.create_table(
        "standing_sums",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("month", sa.Date(), nullable=False),
        sa.Column("measure", ENUM, nullable=False),
        *_places(),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in ("good", "counted", "excluded")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_standing_sums")),
        if_not_exists=True,
    )
    op.create_index(
        "ix_standing_sums_what",
        "standing_sums",
        ["month", "measure", "district_id", "subdistrict_id", "community_id", "unit_id"],
        unique=True,
        postgresql_nulls_not_distinct=True,
        if_not_exists=True,
    )
    for table, column in WATCHED.items():
        op.execute(MARK.replace("{table}", table).replace("{column}", column))
        on = "UPDATE OR DELETE" if table == "deadlines" else ANY
        op.execute(TRIGGER.format(table=table, on=on))
    op.execute(BUT_THE_FIRST)
    with op.get_context().autocommit_block():  # people write cases again while these are marked
        op.execute("SET statement_timeout = 0")
        op.execute("INSERT INTO standing_marks (case_id) SELECT id FROM cases ORDER BY id")
        op.execute("RESET statement_timeout")


def downgrade() -> None:
    op.execute("DROP TRIGGER deadlines_mark_new ON deadlines")
    for table in WATCHED:
        op.execute(f"DROP TRIGGER {table}_mark ON {table}")
        op.execute(f"DROP FUNCTION {table}_mark()")
    for table in ("standing_sums", "standings", "standing_marks"):
        op.drop_table(table)
