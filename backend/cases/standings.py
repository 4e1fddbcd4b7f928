"""Keeping standings: whatever was written since is looked at again, case by case, and the months follow.

A mark is taken away in the transaction that looks at its case, so a worker killed on the way leaves it. What
is written while somebody looks has a mark of its own. A run costs what was written since the last one.
Opening a case, while somebody waits, leaves no mark: new cases are taken by their ids (StandingProgress).
"""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, insert
from sqlalchemy.orm import Session

from backend import db
from backend.broker import actor
from backend.cases.category_models import Category
from backend.cases.formulas import CATEGORY, FORMULAS, Formula, leaves_out
from backend.cases.models import Case
from backend.cases.standing_models import Standing, StandingMark, StandingProgress, StandingSum
from backend.cases.supervision_models import Exclusion, Measure
from backend.times import SHANGHAI, local, now

BATCH = 2_000  # marks, or new cases
SETTLED = timedelta(minutes=2)  # after which no transaction has an id that it did not commit (db.SETTINGS)
PLACES = ("district_id", "subdistrict_id", "community_id", "unit_id")
COLUMNS = ("case_id", "measure", "moment", "is_good", "is_excluded", "category", "way", *PLACES)
KEY = ("month", "measure", *PLACES)
SUMS = ("good", "counted", "excluded")


@actor("cases")
def keep_standings() -> None:
    """Look again at every case that was written since the last run."""
    done = BATCH
    while done >= BATCH:
        with db.transaction() as session:
            done = look_again(session)


def look_again(session: Session, limit: int = BATCH, at: datetime | None = None) -> int:
    """Take up to `limit` marks and as many new cases, and let the standings of these cases say what is true
    now. Returns how many were taken; 0 when somebody else is at it."""
    if not session.scalar(sa.text("SELECT pg_try_advisory_xact_lock(hashtextextended('standings', 0))")):
        return 0
    taken = [*_marked(session, limit), *_new(session, limit, at or now())]
    if taken:
        _look_at(session, taken)
    return len(taken)


def _marked(session: Session, limit: int) -> Sequence[int]:
    oldest = sa.select(StandingMark.id).order_by(StandingMark.id).limit(limit)
    taken = sa.delete(StandingMark).where(StandingMark.id.in_(oldest)).returning(StandingMark.case_id)
    return session.scalars(taken.execution_options(synchronize_session=False)).all()


def _new(session: Session, limit: int, at: datetime) -> Sequence[int]:
    """The next new cases. A lower id may be committed after a higher one, so the newest id is noted first,
    and what is below it is taken when that has settled."""
    progress = session.get(StandingProgress, 1) or _begin(session, at)
    if progress.case_id == progress.newest_id:
        progress.newest_id = session.scalar(sa.select(sa.func.max(Case.id))) or 0
        progress.noted_at = at
    if at - progress.noted_at < SETTLED:
        return []
    below = (Case.id > progress.case_id, Case.id <= progress.newest_id)
    taken = session.scalars(sa.select(Case.id).where(*below).order_by(Case.id).limit(limit)).all()
    progress.case_id = taken[-1] if len(taken) == limit else progress.newest_id
    return taken


def _begin(session: Session, at: datetime) -> StandingProgress:
    progress = StandingProgress(id=1, case_id=0, newest_id=0, noted_at=at)
    session.add(progress)
    return progress


def _look_at(session: Session, cases: Sequence[int]) -> None:
    ids = sa.cast(sorted(set(cases)), ARRAY(sa.BigInteger))
    gone = sa.delete(Standing).where(Standing.case_id == sa.any_(ids)).returning(Standing)
    _sum_up(session, gone.cte("gone"), -1)
    for measure in FORMULAS:
        found = standing_now(measure).where(Case.id == sa.any_(ids))
        come = sa.insert(Standing).from_select(COLUMNS, found).returning(Standing)
        _sum_up(session, come.cte("come"), 1)


def standing_now(measure: Measure, *columns: Any) -> sa.Select[Any]:
    """How cases count in this rate, by the formula: COLUMNS, or these columns, of each that counts."""
    formula = FORMULAS[measure]
    said = (
        Case.id.label("case_id"),
        sa.literal(measure, Standing.measure.type).label("measure"),
        formula.moment.label("moment"),
        sa.func.coalesce(formula.good, sa.false()).label("is_good"),
        Exclusion.id.is_not(None).label("is_excluded"),
        *_answer(formula),
        *(getattr(formula.of, name).label(name) for name in PLACES),
    )
    query = formula.select(*(columns or said)).outerjoin(Exclusion, leaves_out(measure))
    if formula.way is not None:
        query = query.outerjoin(Category, Category.id == Case.category_id)
    return query.where(formula.moment.is_not(None))


def _answer(formula: Formula) -> list[Any]:
    """What a case is about and how its answer came, where the rate rests on surveys."""
    found = (sa.null(), sa.null()) if formula.way is None else (CATEGORY, formula.way)
    columns = zip(("category", "way"), found, strict=True)
    return [sa.cast(each, getattr(Standing, name).type).label(name) for name, each in columns]


def numbers(rows: Any, sign: int) -> list[sa.Label[int]]:
    """SUMS of one row that has is_good and is_excluded: added, or taken away again."""
    found = (rows.is_good & ~rows.is_excluded, ~rows.is_excluded, rows.is_excluded)
    counts = [sa.case((each, sign), else_=0) for each in found]
    return [each.label(name) for name, each in zip(SUMS, counts, strict=True)]


def month_of(moment: datetime) -> date:
    """The first day of the month in which a moment lies, as Shanghai has it."""
    return local(moment).date().replace(day=1)


def month_of_row(rows: Any) -> sa.ColumnElement[date]:
    """The same of the moment of a row."""
    there = sa.func.timezone(SHANGHAI.key, rows.moment)
    return sa.cast(sa.func.date_trunc("month", there), sa.Date)


def _sum_up(session: Session, rows: sa.CTE, sign: int) -> None:
    """Add these standings to their months (or take them away) in the statement that writes them."""
    key = [month_of_row(rows.c), *(rows.c[name] for name in KEY[1:])]
    added = sa.select(*key, *(sa.func.sum(each) for each in numbers(rows.c, sign))).group_by(*key)
    write = insert(StandingSum).from_select([*KEY, *SUMS], added)
    more = {name: getattr(StandingSum, name) + write.excluded[name] for name in SUMS}
    session.execute(write.on_conflict_do_update(index_elements=list(KEY), set_=more))


LOOKED_UP_TO = sa.func.coalesce(sa.select(StandingProgress.case_id).scalar_subquery(), 0)


def unlooked() -> sa.Select[int]:
    """The ids of the cases that nobody has looked at since they were written: the marked and the new."""
    marked = sa.select(StandingMark.case_id)
    both = marked.union(sa.select(Case.id).where(Case.id > LOOKED_UP_TO)).subquery()
    return sa.select(both.c.case_id)


def unlooked_rows(query: sa.Select[Any], case_id: Any) -> sa.Select[Any]:
    """The query's rows of these cases, looked up one by one: OFFSET keeps the planner, which cannot know how
    few they are, from reading all cases instead."""
    cases = unlooked().subquery()
    rows = query.where(case_id == cases.c.case_id).offset(0).correlate(cases).lateral()
    return sa.select(rows).select_from(cases.join(rows, sa.true()))


def waiting(session: Session, most: int) -> int:
    """How many marks and new cases wait to be looked at, counted no further than `most`."""
    new = sa.select(Case.id).where(Case.id > LOOKED_UP_TO).limit(most)
    some = sa.select(StandingMark.id).limit(most).union_all(new).limit(most).subquery()
    return session.scalar(sa.select(sa.func.count()).select_from(some)) or 0
