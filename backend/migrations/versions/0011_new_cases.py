"""Opening a case leaves no mark: new cases are looked at by their ids."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

TRIGGER = """
CREATE OR REPLACE TRIGGER cases_mark AFTER {on} ON cases
FOR EACH ROW EXECUTE FUNCTION cases_mark()"""
# Nobody writes a case meanwhile: each has left its mark, or is newer.
BEGIN_HERE = """
INSERT INTO standing_progress (id, case_id, newest_id, noted_at)
SELECT 1, coalesce(max(id), 0), coalesce(max(id), 0), now() FROM cases"""

MARK_THE_NEW = """
INSERT INTO standing_marks (case_id)
SELECT cases.id FROM cases, standing_progress progress WHERE cases.id > progress.case_id"""


def upgrade() -> None:
    op.create_table(
        "standing_progress",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("case_id", sa.BigInteger(), nullable=False),
        sa.Column("newest_id", sa.BigInteger(), nullable=False),
        sa.Column("noted_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_standing_progress")),
    )
    op.execute(TRIGGER.format(on="UPDATE OR DELETE"))
    op.execute(BEGIN_HERE)


def downgrade() -> None:
    op.execute(TRIGGER.format(on="INSERT OR UPDATE OR DELETE"))
    op.execute(MARK_THE_NEW)
    op.drop_table("standing_progress")
