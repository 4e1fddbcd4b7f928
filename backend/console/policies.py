"""Deadlines (/console/policies): how long clocks run where, on which days and at what hours people work."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import sqlalchemy as sa
from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from backend import db, times
from backend.auth import Who, require
from backend.cases import clock_words, policies, policy_changes, worktime
from backend.cases.category_models import Category
from backend.cases.clocks import CLOCK_LABELS, POLICY
from backend.cases.deadline_models import Clock
from backend.cases.policy_changes import Line, Said
from backend.console import choosing
from backend.errors import AppError, Conflict, Forbidden, Invalid, NotFound
from backend.places import naming
from backend.places.models import Area
from backend.places.roles import LEVEL_LABELS, Level
from backend.places.scope import Editor
from backend.web import people
from backend.web.forms import WrongFields, last_seen, number, sentences_of
from backend.web.words import clean

bp = Blueprint("policies", __name__, url_prefix="/console/policies")

REFUSED = (Invalid, Conflict, NotFound, Forbidden)
URGENCY = {"": "一般和紧急", "no": "只管一般", "yes": "只管紧急"}
UNITS = {"minutes": "分钟", "hours": "小时", "days": "天"}
COUNTED = {"": "自然时间", "1": "工作时间"}
PAST_DAYS = 60  # of entered days that are shown


@bp.get("/")
@require(Who.ADMINISTRATOR)
def index() -> ResponseReturnValue:
    return _show()


@bp.post("/")
@require(Who.ADMINISTRATOR)
def add() -> ResponseReturnValue:
    """A new policy, for clocks that start from now on."""
    return _do("rule", _add)


@bp.post("/<int:policy_id>/end")
@require(Who.ADMINISTRATOR)
def end(policy_id: int) -> ResponseReturnValue:
    def ended(session: Session, editor: Editor) -> str:
        policy_changes.end(session, editor, policy_id)
        return "已经停用，正在计时的不受影响"

    return _do("", ended)


@bp.post("/days")
@require(Who.ADMINISTRATOR)
def add_day() -> ResponseReturnValue:
    """A day on which people work or rest against the rule."""
    return _do("day", _add_day)


@bp.post("/days/<int:day_id>/remove")
@require(Who.ADMINISTRATOR)
def remove_day(day_id: int) -> ResponseReturnValue:
    def removed(session: Session, editor: Editor) -> str:
        row = policy_changes.remove_day(session, editor, day_id)
        return f"{row.day} 不再特别安排"

    return _do("", removed)


@bp.post("/hours")
@require(Who.ADMINISTRATOR)
def set_hours() -> ResponseReturnValue:
    """When the offices of an area work."""
    return _do("hours", _set_hours)


def _do(form: str, act: Callable[[Session, Editor], str]) -> ResponseReturnValue:
    """Do what a form of the page says; what is refused comes back in that form."""
    try:
        with db.transaction() as session:
            said = act(session, people.editor(session))
    except REFUSED as error:
        return _show(tried=form, wrong=sentences_of(error), typed=request.form), error.status
    flash(said, "success")
    return redirect(url_for("policies.index"), 303)


def _show(**shown: Any) -> str:
    at, before = times.now(), last_seen("before")
    with db.transaction() as session:
        editor = people.editor(session)
        rows = policy_changes.lines(session, editor, before=before)
        facts: dict[str, Any] = {
            "rows": [(line, *_words(line)) for line in rows],
            "more": rows[-1].row.id if len(rows) == policy_changes.PAGE else None,
            "clocks": CLOCK_LABELS,
        }
        if "HX-Request" in request.headers and not shown:
            return render_template("desk/policies_rows.html", **facts)
        since = times.local(at).date() - timedelta(days=PAST_DAYS)
        facts |= {
            "unknown": policy_changes.unknown_years(session, at),
            "days": policy_changes.days(session, since),
            "weekdays": times.WEEKDAYS,
            "hours": policy_changes.with_hours(session, editor),
            "usual": worktime.write(worktime.HOURS),
            "areas": choosing.areas(session, editor),
            "defaults": _defaults(),
        }
    choices = {"levels": LEVEL_LABELS, "urgency": URGENCY, "units": UNITS, "counted": COUNTED}
    empty: dict[str, Any] = {"tried": "", "wrong": {}, "typed": {}}
    return render_template("desk/policies.html", **(empty | choices | facts | shown))


def _words(line: Line) -> tuple[str, str]:
    """How long, and what for."""
    row = line.row
    length = clock_words.plain(row.minutes, clock_words.DAYLESS if row.in_working_time else clock_words.UNITS)
    level = f"各{LEVEL_LABELS[row.level]}" if row.level else ""
    urgency = "" if row.urgent is None else URGENCY["yes" if row.urgent else "no"]
    what = "，".join(filter(None, (line.category or "全部事项", level, urgency)))
    return f"{length}{'（工作时间）' if row.in_working_time else ''}", what


def _defaults() -> list[tuple[str, str, str]]:
    """What holds where no policy says otherwise: the clock, an ordinary case, an urgent one."""
    found = []
    for clock, terms in POLICY.items():
        normal, urgent = (int(span.total_seconds()) // 60 for span in (terms.normal, terms.urgent))
        mark = "（工作时间）" if terms.in_working_time else ""
        found.append((CLOCK_LABELS[clock], clock_words.plain(normal) + mark, clock_words.plain(urgent)))
    return found


def _add(session: Session, editor: Editor) -> str:
    form = request.form
    area, is_working = _area(session, editor), form.get("counted", "") == "1"
    said = Said(
        clock=_one(Clock, "clock", "请选择是哪一步的时限"),
        minutes=_minutes(area, session, is_working),
        area_id=area.id,
        source=clean(form.get("source", "")),
        level=_one(Level, "level", "没有这种层级") if form.get("level") else None,
        category_id=_category(session, clean(form.get("category", ""))),
        urgent={"yes": True, "no": False}.get(form.get("urgency", "")),
        in_working_time=is_working,
        amber=number(form.get("amber", "")) or policies.AMBER,
    )
    policy_changes.add(session, editor, said)
    return "已经保存，半分钟内对新开始的时限生效"


def _add_day(session: Session, editor: Editor) -> str:
    try:
        day = times.day(clean(request.form.get("day", "")))
    except ValueError:
        raise WrongFields({"day": "请填日期，例如 2027-01-01"}) from None
    is_working = request.form.get("works") == "1"
    policy_changes.add_day(session, editor, day, is_working, clean(request.form.get("name", "")))
    return f"{day} 登记为{'上班' if is_working else '放假'}"


def _set_hours(session: Session, editor: Editor) -> str:
    area = _area(session, editor)
    policy_changes.set_hours(session, editor, area.id, clean(request.form.get("hours", "")))
    return f"{area.name}的工作时间：{area.hours or '和上级一样'}"


def _area(session: Session, editor: Editor) -> Area:
    """The place that was typed; one's own where nothing was."""
    words, own = clean(request.form.get("area", "")), editor.areas()
    if not words and len(own) == 1:
        return own[0]
    try:
        return naming.the_one(session, words, editor)
    except AppError as error:
        raise WrongFields({"area": error.message if words else "请填写哪个区域"}) from None


def _minutes(area: Area, session: Session, is_working: bool) -> int:
    """How long, in the unit that was chosen. A day of work is as long as the area's."""
    many, unit = number(request.form.get("length", "")), request.form.get("unit", "")
    if not many or many > policy_changes.LONGEST or unit not in UNITS:
        raise WrongFields({"length": "请填写时限，例如 48"})
    chain = (area.id, area.community_id, area.subdistrict_id, area.district_id)
    hours = policies.read(session).hours_of(tuple(each for each in chain if each is not None))
    day = worktime.day_minutes(hours) if is_working else 24 * 60
    return many * {"minutes": 1, "hours": 60, "days": day}[unit]


def _one(kind: Any, field: str, missing: str) -> Any:
    """The member of an enumeration that was chosen."""
    value = request.form.get(field, "")
    if value not in set(kind):
        raise WrongFields({field: missing})
    return kind(value)


def _category(session: Session, said: str) -> int | None:
    """The living entry that was typed: its code, its whole name, or a name that only one has."""
    if not said:
        return None
    called = sa.or_(Category.code == said, Category.path == said, Category.name == said)
    found = session.scalars(sa.select(Category.id).where(called, Category.until_id.is_(None)).limit(2)).all()
    if len(found) == 1:
        return found[0]
    problem = (
        "有几项都叫这个名字，请写编码或全称" if found else "事件字典里没有这一项，请写编码或名称，或留空"
    )
    raise WrongFields({"category": problem})
