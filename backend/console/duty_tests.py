"""A duty list before it counts (/console/duties/…): checked, tried on past cases, switched on.

The other half of these pages is duties.py, which shares the blueprint.
"""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from backend import db
from backend.auth import Who, require
from backend.cases import duties, duty_checks, duty_matrix, duty_queries, duty_rules, duty_switches
from backend.cases.category_models import Category
from backend.cases.duty_checks import Check, Trial
from backend.cases.editions import SEPARATOR
from backend.cases.models import Case, ListState
from backend.cases.routing import Gap
from backend.errors import Conflict
from backend.places.models import Area, Unit
from backend.times import now
from backend.web import people
from backend.web.forms import number

bp = Blueprint("duties", __name__, url_prefix="/console/duties")

TRIAL_DAYS = (30, 90, 365)
FEW = 5  # names of a group of gaps


def until_now(days: int) -> tuple[datetime, datetime]:
    """These last days."""
    moment = now()
    return moment - timedelta(days=days), moment


@bp.get("/<int:list_id>/check")
@require(Who.OFFICER)
def check(list_id: int) -> ResponseReturnValue:
    """Twins, gaps and what is no more."""
    with db.transaction() as session:
        editor = people.editor(session)
        row, area = duty_queries.get(session, editor, list_id)
        found = duty_checks.check(session, row)
        rules = [rule for group in found.overlaps for rule in group] + [rule for rule, _ in found.dead]
        facts = {"row": row, "area": area, "found": found, "name": duty_rules.naming_rules(session, rules)}
        facts |= {"gaps": _grouped(session, found), "scope": duty_matrix.scope_words}
        facts["may_edit"] = editor.may_edit(area) and row.state is ListState.DRAFT
    return render_template("desk/duties_check.html", **facts)


@bp.get("/<int:list_id>/trial")
@require(Who.ADMINISTRATOR)
def trial(list_id: int) -> ResponseReturnValue:
    """How the cases of the last weeks would have gone."""
    chosen = number(request.args.get("days", ""))
    days = chosen if chosen in TRIAL_DAYS else TRIAL_DAYS[0]
    with db.transaction() as session:
        editor = people.editor(session)
        row, area = duty_queries.get(session, editor, list_id)
        editor.must_edit(area)
        found = duty_checks.try_on_past(session, row, *until_now(days))
        facts = _told_of(session, found)
    shown = {"row": row, "area": area, "found": found, "days": days, "choices": TRIAL_DAYS}
    return render_template("desk/duties_trial.html", **shown, **facts)


@bp.get("/<int:list_id>/switch")
@require(Who.ADMINISTRATOR)
def ask(list_id: int) -> ResponseReturnValue:
    return _ask(list_id)


@bp.post("/<int:list_id>/switch")
@require(Who.ADMINISTRATOR)
def switch(list_id: int) -> ResponseReturnValue:
    """Let the list decide from now on. The former one can be switched on again in the same way."""
    try:
        with db.transaction() as session:
            row = duties.switch_on(session, people.editor(session), list_id)
    except Conflict as error:
        return _ask(list_id, wrong=error.message), error.status
    flash(f"“{row.name}”已启用，新的派单建议按它来。要撤回，把原来的那份再启用即可", "success")
    return redirect(url_for("duties.matrix", list_id=list_id), 303)


def _ask(list_id: int, wrong: str = "") -> str:
    with db.transaction() as session:
        editor = people.editor(session)
        row, area = duty_queries.get(session, editor, list_id)
        editor.must_edit(area)
        touched, dead = duty_switches.touches(session, row), duties.dead_duties(session, row)
    return render_template(
        "desk/duties_switch.html", row=row, area=area, touched=touched, dead=dead, wrong=wrong
    )


def _grouped(session: Session, found: Check) -> list[dict[str, Any]]:
    """The gaps by class and place: how many, and the names of a few."""
    paths = _by_id(session, Category.id, Category.path, {gap.category_id for gap in found.gaps})
    areas = _by_id(session, Area.id, Area.name, {gap.area_id for gap in found.gaps})
    groups: dict[tuple[str, int], list[Gap]] = defaultdict(list)
    for gap in found.gaps:
        groups[paths[gap.category_id].split(SEPARATOR)[0], gap.area_id].append(gap)
    return [
        {
            "top": top,
            "area": areas[area_id],
            "count": len(gaps),
            "few": [(gap.category_id, area_id, paths[gap.category_id]) for gap in gaps[:FEW]],
        }
        for (top, area_id), gaps in groups.items()
    ]


def _told_of(session: Session, found: Trial) -> dict[str, Any]:
    """The names of the units that cases would move between, and the numbers of the first of these cases."""
    moved = {unit_id for move, _ in found.moves for unit_id in move} | {
        each.actual for each in found.differences
    }
    cases = [each.case_id for each in found.differences]
    return {
        "units": _by_id(session, Unit.id, Unit.name, moved),
        "numbers": _by_id(session, Case.id, Case.number, cases),
    }


def _by_id(session: Session, key: Any, column: Any, ids: Sequence[int] | set[Any]) -> dict[int, str]:
    wanted = key == sa.any_(sa.literal([each for each in ids if each], sa.ARRAY(sa.BigInteger)))
    return {row_id: value for row_id, value in session.execute(sa.select(key, column).where(wanted))}
