"""Keeping standings: whatever was written since is looked at again, case by case, and the months follow.

A mark is taken away in the transaction that looks at its case, so a worker killed on the way leaves it. What
is written while somebody looks has a mark of its own. A run costs what was written since the last one.
"""

from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, insert
from sqlalchemy.orm import Session

from backend import db
from backend.broker import actor
from backend.cases.formulas import FORMULAS, leaves_out
from backend.cases.models import Case
from backend.cases.standing_models import Standing, StandingMark, StandingSum
from backend.cases.supervision_models import Exclusion, Measure
from backend.times import SHANGHAI, local

BATCH = 2_000  # marks
PLACES = ("district_id", "subdistrict_id", "community_id", "unit_id")
COLUMNS = ("case_id", "measure", "moment", "is_good", "is_excluded", *PLACES)
KEY = ("month", "measure", *PLACES)
SUMS = ("good", "counted", "excluded")


@actor("cases")
def keep_standings() -> None:
    """Look again at every case that was written since the last run."""
    done = BATCH
    while done == BATCH:
        with db.transaction() as session:
            done = look_again(session)


def look_again(session: Session, limit: int = BATCH) -> int:
    """Take up to `limit` marks and let the standings of their cases say what is true now. Returns how many
    marks were taken; 0 when somebody else is at it."""
    if not session.scalar(sa.text("SELECT pg_try_advisory_xact_lock(hashtextextended('standings', 0))")):
        return 0
    oldest = sa.select(StandingMark.id).order_by(StandingMark.id).limit(limit)
    taken = sa.delete(StandingMark).where(StandingMark.id.in_(oldest)).returning(StandingMark.case_id)
    marked = session.scalars(taken.execution_options(synchronize_session=False)).all()
    if not marked:
        return 0
    ids = sa.cast(sorted(set(marked)), ARRAY(sa.BigInteger))
    gone = sa.delete(Standing).where(Standing.case_id == sa.any_(ids)).returning(Standing)
    _sum_up(session, gone.cte("gone"), -1)
    for measure in FORMULAS:
        found = standing_now(measure).where(Case.id == sa.any_(ids))
        come = sa.insert(Standing).from_select(COLUMNS, found).returning(Standing)
        _sum_up(session, come.cte("come"), 1)
    return len(marked)


def standing_now(measure: Measure, *columns: Any) -> sa.Select[Any]:
    """How cases count in this rate, by the formula: COLUMNS, or these columns, of each that counts."""
    formula = FORMULAS[measure]
    said = (
        Case.id.label("case_id"),
        sa.literal(measure, Standing.measure.type).label("measure"),
        formula.moment.label("moment"),
        sa.func.coalesce(formula.good, sa.false()).label("is_good"),
        Exclusion.id.is_not(None).label("is_excluded"),
        *(getattr(Case, name) for name in PLACES),
    )
    query = formula.select(*(columns or said)).outerjoin(Exclusion, leaves_out(measure))
    return query.where(formula.moment.is_not(None))


def numbers(rows: Any, sign: int) -> list[sa.Label[int]]:
    """SUMS of one row that has is_good and is_excluded: added, or taken away again."""
    found = (rows.is_good & ~rows.is_excluded, ~rows.is_excluded, rows.is_excluded)
    counts = [sa.case((each, sign), else_=0) for each in found]
    return [each.label(name) for name, each in zip(SUMS, counts, strict=True)]


def month_of(moment: datetime) -> date:
    """The first day of the month in which a moment lies, as Shanghai has it."""
    return local(moment).date().replace(day=1)


def _sum_up(session: Session, rows: sa.CTE, sign: int) -> None:
    """Add these standings to their months (or take them away) in the statement that writes them."""
    there = sa.func.timezone(SHANGHAI.key, rows.c.moment)
    key = [sa.cast(sa.func.date_trunc("month", there), sa.Date), *(rows.c[name] for name in KEY[1:])]
    added = sa.select(*key, *(sa.func.sum(each) for each in numbers(rows.c, sign))).group_by(*key)
    write = insert(StandingSum).from_select([*KEY, *SUMS], added)
    more = {name: getattr(StandingSum, name) + write.excluded[name] for name in SUMS}
    session.execute(write.on_conflict_do_update(index_elements=list(KEY), set_=more))


def marked() -> sa.Select[int]:
    """The ids of the marked cases."""
    return sa.select(StandingMark.case_id).distinct()


def marked_rows(query: sa.Select[Any], case_id: Any) -> sa.Select[Any]:
    """The query's rows of the marked cases, looked up one by one: OFFSET keeps the planner, which cannot
    know how few are marked, from reading all cases instead."""
    marks = marked().subquery()
    rows = query.where(case_id == marks.c.case_id).offset(0).correlate(marks).lateral()
    return sa.select(rows).select_from(marks.join(rows, sa.true()))


def marks_up_to(session: Session, most: int) -> int:
    """How many marks there are, counted no further than `most`."""
    some = sa.select(StandingMark.id).limit(most).subquery()
    return session.scalar(sa.select(sa.func.count()).select_from(some)) or 0
