"""The roster (/console/roster): who is on duty, where nobody is, and the week of one unit or community."""

from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from backend import db, times
from backend.auth import Who, require
from backend.errors import Conflict, Invalid, NotFound
from backend.places import duty, roster
from backend.places.duty import OnDuty, Spot
from backend.places.models import Post
from backend.places.posts import name_of
from backend.places.roles import ROLE_LABELS
from backend.places.roster import Turn
from backend.places.scope import Editor
from backend.times import WEEKDAYS, local, now
from backend.web import people
from backend.web.forms import WrongFields, sentences_of

bp = Blueprint("roster", __name__, url_prefix="/console/roster")

REFUSED = (Invalid, Conflict, NotFound)


@bp.get("/")
@require(Who.OFFICER)
def index() -> ResponseReturnValue:
    """Where somebody should be on duty: the gaps first."""
    with db.transaction() as session:
        found = duty.uncovered(session, people.editor(session))
    people_on = {key: [_answering(one) for one in there] for key, there in found.on_duty.items()}
    return render_template("desk/roster.html", found=found, people_on=people_on, at=now())


@bp.get("/units/<int:spot_id>")
@require(Who.OFFICER)
def unit(spot_id: int) -> ResponseReturnValue:
    return _show(spot_id, is_unit=True)


@bp.get("/areas/<int:spot_id>")
@require(Who.OFFICER)
def area(spot_id: int) -> ResponseReturnValue:
    return _show(spot_id, is_unit=False)


@bp.post("/<any(units, areas):where>/<int:spot_id>/<act>")
@require(Who.OFFICER)
def change(where: str, spot_id: int, act: str) -> ResponseReturnValue:
    """Plan, move or remove turns: for administrators, heads of units, and a community's own desk."""
    if act not in ACTS:
        raise NotFound("没有这种操作，请刷新页面再试")
    is_unit = where == "units"
    try:
        with db.transaction() as session:
            said = ACTS[act](session, people.editor(session))
    except REFUSED as error:
        shown = {"wrong": sentences_of(error), "tried": _tried(act), "typed": request.form}
        return _show(spot_id, is_unit=is_unit, **shown), error.status
    flash(said, "success")
    week = _monday().isoformat()
    return redirect(url_for("roster.unit" if is_unit else "roster.area", spot_id=spot_id, week=week), 303)


def _tried(act: str) -> str:
    return act if act == "plan" else f"shift{request.form.get('shift', '')}"


def _show(spot_id: int, *, is_unit: bool, **shown: Any) -> str:
    with db.transaction() as session:
        editor = people.editor(session)
        spot = duty.find(session, editor, spot_id, is_unit=is_unit)
        return render_template("desk/roster_week.html", **(_week(session, editor, spot) | shown))


def _week(session: Session, editor: Editor, spot: Spot) -> dict[str, Any]:
    monday = _monday()
    rows = duty.week(session, spot, monday)
    days = [monday + timedelta(days=n) for n in range(7)]
    may = {row.post.id: roster.may_plan(editor, row.post) for row in rows}
    return {
        "spot": spot,
        "rows": rows,
        "days": days,
        "weekdays": WEEKDAYS,
        "today": local(now()).date(),
        "gaps": [not any(row.days[n] for row in rows) for n in range(7)],
        "may": may,
        "plannable": [(row.post.id, _called(row.post)) for row in rows if may[row.post.id]],
        "on_duty": _on_duty(session, spot),
        "local": local,
        "roles": ROLE_LABELS,
        "endpoint": "roster.unit" if spot.is_unit else "roster.area",
        "where": "units" if spot.is_unit else "areas",
        "before": (monday - timedelta(days=7)).isoformat(),
        "after": (monday + timedelta(days=7)).isoformat(),
        "week": monday.isoformat(),
        "typed": {},
        "chosen": request.form.getlist("day"),
        "wrong": {},
        "tried": "",
    }


def _on_duty(session: Session, spot: Spot) -> list[OnDuty]:
    if spot.is_unit:
        return duty.on_duty(session, unit_id=spot.id)
    return duty.on_duty(session, area_id=spot.id)


def _called(post: Post) -> str:
    return f"{post.officer.name}（{name_of(post)}）"


def _monday() -> date:
    """The week that is looked at: that of `week`, else this one."""
    try:
        day = times.day(request.values.get("week", ""))
    except ValueError:
        day = local(now()).date()
    return day - timedelta(days=day.weekday())


def _answering(one: OnDuty) -> str:
    return one.officer.name + (f"（代 {one.for_officer.name}）" if one.for_officer else "")


def _plan(session: Session, editor: Editor) -> str:
    post_id, days = request.form.get("post", type=int), request.form.getlist("day", type=int)
    weeks = request.form.get("weeks", 1, type=int)
    missing = {"post": post_id is None and "请选择谁值班", "day": not days and "请至少勾选一天"}
    if any(missing.values()):
        raise WrongFields({field: words for field, words in missing.items() if words})
    since, until = _clock("since"), _clock("until")
    turns = [Turn(day, since, until) for day in sorted(set(days)) if 0 <= day <= 6]
    made = roster.plan(session, editor, int(post_id or 0), _monday(), turns, weeks)
    return f"排好了 {len(made)} 个班次"


def _move(session: Session, editor: Editor) -> str:
    since, until = _moment("since"), _moment("until")
    roster.change(session, editor, request.form.get("shift", 0, type=int), since, until)
    return "班次已经修改"


def _remove(session: Session, editor: Editor) -> str:
    roster.remove(session, editor, request.form.get("shift", 0, type=int))
    return "班次已经取消"


ACTS: dict[str, Callable[[Session, Editor], str]] = {"plan": _plan, "move": _move, "remove": _remove}


def _clock(field: str) -> time:
    try:
        return time.fromisoformat(request.form.get(field, "")).replace(tzinfo=None)
    except ValueError:
        raise WrongFields({field: "请填时间，如 09:00"}) from None


def _moment(field: str) -> datetime:
    try:
        return times.moment(request.form.get(field, ""))
    except ValueError:
        raise WrongFields({field: "请填时间"}) from None
