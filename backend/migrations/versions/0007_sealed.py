"""What was done stays: the database refuses to change steps and seals, but for a note that has to go."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

# Emptying a note is what retention needs; of its seal only the salt then goes, and the digest stays.
STAYS = """
CREATE FUNCTION {table}_stay() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND {allowed} THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'rows of {table} are only ever added' USING ERRCODE = 'restrict_violation';
END $$"""
TRIGGER = """
CREATE TRIGGER {table}_stay BEFORE UPDATE OR DELETE ON {table}
FOR EACH ROW EXECUTE FUNCTION {table}_stay()"""
ALLOWED = {
    "case_events": "NEW.note = '' AND to_jsonb(NEW) - 'note' = to_jsonb(OLD) - 'note'",
    "seals": """NEW.salt IS NULL AND OLD.note_digest IS NULL AND NEW.note_digest IS NOT NULL
        AND to_jsonb(NEW) - '{salt,note_digest}'::text[] = to_jsonb(OLD) - '{salt,note_digest}'::text[]""",
}


def upgrade() -> None:
    op.add_column("seals", sa.Column("salt", sa.LargeBinary(), nullable=True))
    op.add_column("seals", sa.Column("note_digest", sa.LargeBinary(), nullable=True))
    for table, allowed in ALLOWED.items():
        op.execute(STAYS.replace("{table}", table).replace("{allowed}", allowed))
        op.execute(TRIGGER.replace("{table}", table))


def downgrade() -> None:
    for table in ALLOWED:
        op.execute(f"DROP TRIGGER {table}_stay ON {table}")
        op.execute(f"DROP FUNCTION {table}_stay()")
    op.drop_column("seals", "note_digest")
    op.drop_column("seals", "salt")
