"""The record of changes (/console/changes): who did what to places, people and duties, before and after."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from backend import db
from backend.auth import Who, require
from backend.cases.category_models import Category
from backend.cases.clocks import CLOCK_LABELS
from backend.cases.duties import STATE_LABELS
from backend.cases.models import CHANNEL_LABELS
from backend.cases.workflow import OUTCOME_LABELS
from backend.console.survey_policies import FOLLOW
from backend.db import Base
from backend.places import changes
from backend.places.models import Area, Change, Officer, Unit
from backend.places.roles import (
    CARRIER_LABELS,
    DATUM_LABELS,
    FORCE_LABELS,
    LEVEL_LABELS,
    ROLE_LABELS,
    UNIT_LABELS,
)
from backend.times import stamp
from backend.web import people
from backend.web.forms import last_seen

bp = Blueprint("changes", __name__, url_prefix="/console/changes")

SUBJECTS = {
    "areas": "地点",
    "units": "单位",
    "officers": "人员",
    "posts": "岗位",
    "shifts": "值班",
    "place_codes": "二维码",
    "categories": "事件字典",
    "editions": "事件字典",
    "duty_lists": "职责清单",
    "duties": "职责",
    "auto_dispatch": "自动派单",
    "callback_shares": "回访抽样",
    "policies": "时限规则",
    "calendar_days": "工作日历",
    "survey_policies": "回访规则",
}
# What the ids and words of a column stand for.
NAMED: dict[str, tuple[type[Base], Any]] = {
    "parent_id": (Area, Area.name),
    "area_id": (Area, Area.name),
    "unit_id": (Unit, Unit.name),
    "assisting": (Unit, Unit.name),
    "officer_id": (Officer, Officer.name),
    "category_id": (Category, Category.path),
}
BY_SUBJECT = {"units": NAMED["unit_id"], "areas": NAMED["area_id"]}  # of what took their place
WORDS: dict[str, Mapping[Any, str]] = {
    "level": LEVEL_LABELS,
    "kind": UNIT_LABELS,
    "role": ROLE_LABELS,
    "force_kind": FORCE_LABELS,
    "datum": DATUM_LABELS,
    "carrier": CARRIER_LABELS,
    "channel": CHANNEL_LABELS,
    "state": STATE_LABELS,
    "clock": CLOCK_LABELS,
    "outcome": OUTCOME_LABELS,
    "on_unsolved": FOLLOW,
    "on_dissatisfied": FOLLOW,
}
UNSAID = frozenset({"handed", "for_id", "post_id"})  # for the program, or said by the row's name
Names = Mapping[tuple[type[Base], int], str]
Facts = list[tuple[str, str]]


@dataclass(frozen=True)
class Line:
    """A change as it is read."""

    change: Change
    who: str
    what: str
    before: Facts
    after: Facts


@bp.get("/")
@require(Who.ADMINISTRATOR)
def index() -> ResponseReturnValue:
    subject = _subject()
    with db.transaction() as session:
        rows = changes.page(
            session, people.editor(session), before=last_seen("before"), subjects=_alike(subject)
        )
        lines = _lines(session, rows)
    whole = "desk/changes.html" if "HX-Request" not in request.headers else "desk/changes_rows.html"
    more = rows[-1].id if len(rows) == changes.PAGE else None
    return render_template(whole, lines=lines, more=more, subject=subject, subjects=SUBJECTS)


def _subject() -> str:
    """What the record is narrowed to; what is no subject narrows nothing."""
    said = request.args.get("subject", "")
    return said if said in SUBJECTS else ""


def _alike(subject: str) -> list[str] | None:
    """All subjects that have the same name: the dictionary's editions are the dictionary, too."""
    return [key for key, words in SUBJECTS.items() if words == SUBJECTS[subject]] if subject else None


def _lines(session: Session, rows: Sequence[Change]) -> list[Line]:
    """The changes with every id as the name it stands for (a query for each table, however many rows)."""
    names = _names(session, rows)
    return [
        Line(
            change=row,
            who=names.get((Officer, row.officer_id or 0), "命令行"),
            what=changes.DID_LABELS.get(changes.Did(row.action), row.action) + SUBJECTS.get(row.subject, ""),
            before=_facts(row, row.before, names),
            after=_facts(row, row.after, names),
        )
        for row in rows
    ]


def _facts(row: Change, held: Mapping[str, Any], names: Names) -> Facts:
    return [
        (changes.COLUMN_LABELS.get(column, column), _say(row, column, value, names))
        for column, value in held.items()
        if column not in UNSAID
    ]


def _say(row: Change, column: str, value: Any, names: Names) -> str:
    if value is None or value in ("", []):
        return "（空）"
    if isinstance(value, bool):
        return "是" if value else "否"
    if isinstance(value, list):
        return "、".join(_say(row, column, one, names) for one in value)
    if (named := _table(row, column)) is not None and isinstance(value, int):
        return names.get((named[0], value), str(value))
    return WORDS.get(column, {}).get(value) or _moment(str(value))


def _moment(text: str) -> str:
    """A moment of the record as people read it; other words as they are."""
    try:
        return stamp(datetime.fromisoformat(text)) if "T" in text else text
    except ValueError:
        return text


def _table(row: Change, column: str) -> tuple[type[Base], Any] | None:
    return BY_SUBJECT.get(row.subject) if column in ("successor_id", "into") else NAMED.get(column)


def _names(session: Session, rows: Sequence[Change]) -> Names:
    wanted: dict[tuple[type[Base], Any], set[int]] = {
        NAMED["officer_id"]: {row.officer_id or 0 for row in rows}
    }
    for row in rows:
        for column, value in (*row.before.items(), *row.after.items()):
            if (named := _table(row, column)) is not None:
                wanted.setdefault(named, set()).update(_ids(value))
    return {
        (table, found_id): name
        for (table, column), ids in wanted.items()
        for found_id, name in session.execute(sa.select(_id(table), column).where(_id(table).in_(ids)))
    }


def _ids(value: Any) -> Iterable[int]:
    return [one for one in (value if isinstance(value, list) else [value]) if isinstance(one, int)]


def _id(table: type[Base]) -> Any:
    return table.__table__.c.id
