"""The invented district: the tables in data/, taken in the way an operator takes in their own, once."""

import csv
from datetime import time
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.orm import Session

from backend.cases import duties
from backend.cases.models import DutyList, ListState
from backend.cases.tables import KINDS
from backend.places import imports, roster
from backend.places.codes import make_codes
from backend.places.imports import Options
from backend.places.models import Area, Officer, Post
from backend.places.roles import ROLE_LABELS
from backend.places.scope import COMMAND_LINE
from backend.times import local, now

DATA = Path(__file__).parent / "data"
DISTRICT = "青岚区"
EDITION = "示范 2026 年版"
WEEKS = 8  # for which turns of duty are planned


def load(session: Session) -> bool:
    """Load places, units, people, dictionary, duties and codes. False when the district is there already."""
    if session.scalar(_district()) is not None:
        return False
    for name in ("areas", "units", "officers", "categories"):
        _take_in(session, name, Options(name=EDITION))
    _take_in(session, "duties", Options(under_id=session.scalar(_district()), name=EDITION))
    drafted = session.scalars(sa.select(DutyList.id).where(DutyList.state == ListState.DRAFT)).one()
    duties.switch_on(session, COMMAND_LINE, drafted)
    _plan_duty(session)
    make_codes(session)
    return True


def read(name: str) -> list[dict[str, str]]:
    """The rows of one table in data/."""
    with (DATA / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _take_in(session: Session, name: str, options: Options) -> None:
    file = DATA / f"{name}.csv"
    row = imports.look(session, KINDS[name], file.read_bytes(), file.name, COMMAND_LINE, options)
    imports.apply(session, KINDS[name], row, COMMAND_LINE)


def _plan_duty(session: Session) -> None:
    """The turns of data/roster.csv, which come back every week, for the weeks to come."""
    monday = local(now()).date()
    for row in read("roster"):
        role = next(role for role, label in ROLE_LABELS.items() if label == row["岗位"])
        holder = sa.select(Officer.id).where(Officer.code == row["工号"])
        post_id = session.scalars(
            sa.select(Post.id).where(Post.officer_id.in_(holder), Post.role == role)
        ).one()
        since, until = time.fromisoformat(row["从"]), time.fromisoformat(row["到"])
        turns = [roster.Turn(int(day) - 1, since, until) for day in row["星期"]]
        roster.plan(session, COMMAND_LINE, post_id, monday, turns, WEEKS)


def _district() -> sa.Select[int]:
    return sa.select(Area.id).where(Area.name == DISTRICT, Area.parent_id.is_(None))
