"""Surveys know which unit had done what they ask about, whoever has the case by now.

What code of before asks in the meantime has none, and counts under no unit. Each row that is filled is marked to
be looked at again: until the job has come by, rates of a year are counted slowly.
"""

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None

STEP = 20_000


def upgrade() -> None:
    op.add_column("surveys", sa.Column("unit_id", sa.BigInteger(), nullable=True), if_not_exists=True)
    op.execute("ALTER TABLE surveys DROP CONSTRAINT IF EXISTS fk_surveys_unit_id")
    op.execute(
        "ALTER TABLE surveys ADD CONSTRAINT fk_surveys_unit_id FOREIGN KEY (unit_id) REFERENCES units (id)"
        " NOT VALID"
    )
    with op.get_context().autocommit_block():
        op.execute("SET statement_timeout = 0")  # nobody waits for these
        _fill()
        op.execute("ALTER TABLE surveys VALIDATE CONSTRAINT fk_surveys_unit_id")
        op.execute("RESET statement_timeout")


def _fill() -> None:
    """Until now an answer was counted under the unit that has the case: so it stays for what was asked."""
    last = op.get_bind().scalar(sa.text("SELECT coalesce(max(id), 0) FROM surveys"))
    fill = sa.text(
        "UPDATE surveys s SET unit_id = c.unit_id FROM cases c"
        " WHERE c.id = s.case_id AND s.unit_id IS NULL AND s.id > :first AND s.id <= :first + :step"
    )
    for first in range(0, last, STEP):
        op.get_bind().execute(fill, {"first": first, "step": STEP})


def downgrade() -> None:
    op.drop_column("surveys", "unit_id")
