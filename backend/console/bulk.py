"""One step on many cases at once (批量办理): what all of the ticked ones allow, and what became of each."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import sqlalchemy as sa
from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session, joinedload
from werkzeug.datastructures import MultiDict

from backend import db
from backend.auth import Who, require
from backend.cases import dispatch, queries, waiting
from backend.cases.intake import summary
from backend.cases.models import Case
from backend.cases.service import Actor
from backend.cases.workflow import DESK, RULES, Action, Need
from backend.console import case_verbs, tasks
from backend.console.offers import Offers, Options
from backend.console.tasks import Task
from backend.errors import AppError, Conflict, Forbidden, Invalid, NotFound, TooMany
from backend.places import queries as places
from backend.places.models import Unit
from backend.web import people
from backend.web.forms import WrongFields, sentences_of
from backend.web.forms import number as read_number
from backend.web.words import clean

bp = Blueprint("bulk", __name__, url_prefix="/console/bulk")

A = Action
# The steps that make sense for many, in the order in which they are offered: none that owes each resident
# words of their own. What a step asks is in its row of the workflow's table.
BULK = (
    A.ACCEPT,
    A.ASSIGN,
    A.ACKNOWLEDGE,
    A.CLAIM,
    A.TAKE,
    A.DELEGATE,
    A.PROGRESS,
    A.MERGE,
    A.URGE,
    A.CLOSE,
)
MOST = 50  # cases at once
REFUSED = (Invalid, Conflict, Forbidden, NotFound, TooMany)
NONE = "没有勾选诉求，请先勾选"
NOT_FOUND = "没有找到这件诉求"
NO_MASTER = "请在勾选的几件里选一件，其余的并入它"


@dataclass(frozen=True)
class Fate:
    """What became of one case: the sentence that says so, whether it is done, and what it was about.

    `wrong` is why what was typed cannot be taken, by field.
    """

    number: str
    said: str
    is_done: bool
    about: str = ""
    wrong: Mapping[str, str] = field(default_factory=dict)


@bp.get("/")
@require(Who.OFFICER)
def choose() -> ResponseReturnValue:
    """The steps that every one of the ticked cases allows, and the cases."""
    return _show(picked(request.args.getlist("picked")))


@bp.post("/")
@require(Who.OFFICER)
def gather() -> ResponseReturnValue:
    """From a form that sends more than ticks: to the address that holds just these, to come back to."""
    numbers = list(picked(request.form.getlist("picked")))
    return redirect(url_for("bulk.choose", picked=numbers), 303)


@bp.post("/<action>")
@require(Who.OFFICER)
def act(action: str) -> ResponseReturnValue:
    """Take the step on each of the cases, each in a transaction of its own, and say what became of each.

    Where what was typed suits none of them, nothing is done and the form is shown again.
    """
    if action not in BULK:
        raise NotFound("没有这种操作")
    marks, step = picked(request.form.getlist("picked")), Action(action)
    try:
        fates = [_taken(number, seen, step) for number, seen in _members(marks, step).items()]
    except WrongFields as error:
        return _show(marks, wrong=sentences_of(error), tried=step, typed=request.form), error.status
    if all(fate.wrong for fate in fates):
        return _show(marks, wrong=fates[0].wrong, tried=step, typed=request.form), Invalid.status
    return render_template("console/bulk_fates.html", fates=fates, label=RULES[step].label, sits=_sits())


def picked(texts: Iterable[str]) -> dict[str, int]:
    """The ticked cases by their numbers, with the last event that the page showed of each (0: none).

    Each text is `number` or `number.seen`. Raises Invalid for none, and for more than MOST.
    """
    parts = (clean(text).split(".") for text in texts)
    found = {number: read_number("".join(seen)) or 0 for number, *seen in parts if number}
    if not found:
        raise Invalid(NONE)
    if len(found) > MOST:
        raise Invalid(f"一次最多办 {MOST} 件，您勾选了 {len(found)} 件，请少选一些，分几次办")
    return found


def pickable(cases: Iterable[Case], actor: Actor) -> set[int]:
    """Those of the cases (ids) for which this officer may take one of these steps. No query."""
    return {case.id for case in cases if _steps(case, actor)}


def joint_tasks(session: Session, cases: Sequence[Case], actor: Actor) -> list[Task]:
    """The forms of the steps that every one of the cases allows, each with what may be chosen for all.

    What they ask is the same for each, so the first stands for all; only the choices are of all of them.
    """
    each = [_steps(case, actor) for case in cases]
    shared = [action for action in BULK if each and all(action in steps for steps in each)]
    if len(cases) == 1:
        shared = [action for action in shared if Need.CASE not in RULES[action].needs]
    if not shared:
        return []
    forms = {task.action: task for task in tasks.tasks(session, cases[0], actor, shared)}
    joint = (_joint(session, cases, forms[action]) for action in shared)
    return [task for task in joint if task is not None]


def _steps(case: Case, actor: Actor) -> set[Action]:
    return {action for action, _ in queries.steps_for(case, actor.roles_over(case)) if action in BULK}


def _joint(session: Session, cases: Sequence[Case], form: Task) -> Task | None:
    """The form for all: only a unit, and only a person, that may have every one of the cases."""
    needs = RULES[form.action].needs
    units = _units(session, cases, form.units) if Need.UNIT in needs else ()
    officers = _officers(session, cases) if Need.OFFICER in needs else ()
    if (Need.UNIT in needs and not units) or (Need.OFFICER in needs and not officers):
        return None
    joint = replace(form, units=units, officers=officers, suggested="", why="")
    return replace(joint, case_label="", takes_photos=False)


def _units(session: Session, cases: Sequence[Case], units: Options) -> Options:
    """Those of the first case's units that may have every other one too.

    Who serves where they are is looked up once for each neighbourhood; whom the code or the duty list names
    beside those, only for a case that one of the units does not serve.
    """
    around = {_around(case): case for case in cases}
    serving = {where: _ids(places.units_serving(session, case)) for where, case in around.items()}
    for case in cases[1:]:
        may = serving[_around(case)]
        if any(unit_id not in may for unit_id, _ in units):
            may = may | _ids(dispatch.choice(session, case).units)
        units = [unit for unit in units if unit[0] in may]
    return units


def _around(case: Case) -> tuple[int | None, ...]:
    return (case.community_id, case.subdistrict_id, case.district_id)


def _ids(units: Iterable[Unit]) -> set[int]:
    return {unit.id for unit in units}


def _officers(session: Session, cases: Sequence[Case]) -> Options:
    """The people who are in every unit that has one of the cases, in the order of the first unit."""
    of_units = {case.unit_id: case for case in cases}
    first, *others = [Offers(session, case).officers for case in of_units.values()]
    shared = set(first).intersection(*others)
    return [one for one in first if one in shared]


def _members(marks: Mapping[str, int], action: Action) -> Mapping[str, int]:
    """The cases on which the step is taken: of those that are merged, all but the one that takes them in.

    Raises WrongFields unless that one is among them.
    """
    if Need.CASE not in RULES[action].needs:
        return marks
    into = clean(request.form.get("case", ""))
    with db.transaction() as session:
        is_theirs = bool(_theirs(session, people.officer(session), {into} & marks.keys()))
    if not is_theirs or len(marks) == 1:
        raise WrongFields({"case": NO_MASTER})
    return {number: seen for number, seen in marks.items() if number != into}


def _taken(number: str, seen: int, action: Action) -> Fate:
    """Take the step on one case as its own page would, and say what became of it."""
    form = MultiDict(request.form)
    form["seen"] = str(seen)
    try:
        with db.transaction() as session:
            actor = people.officer(session)
            case, repeat = tasks.take(session, number, action, actor, form, ())
            about = summary(case.report)
    except REFUSED as error:
        return Fate(number, _why(number, error), is_done=False, wrong=_wrong(error))
    return Fate(number, repeat or "办好了", is_done=True, about=about)


def _why(number: str, error: AppError) -> str:
    """Why the step was refused; of a case that is not theirs nobody learns even that it is there."""
    if isinstance(error, Forbidden | NotFound):
        with db.transaction() as session:
            if not _theirs(session, people.officer(session), {number}):
                return NOT_FOUND
    return error.message


def _wrong(error: AppError) -> dict[str, str]:
    return sentences_of(error) if isinstance(error, Invalid) else {}


def _theirs(session: Session, actor: Actor, numbers: Collection[str]) -> list[Case]:
    """Those of the cases that are this officer's, the oldest first (one query)."""
    shown = (joinedload(to) for to in (Case.place, Case.community, Case.unit))
    named = sa.select(Case).where(Case.number.in_(numbers)).options(*shown).order_by(Case.id)
    return [case for case in session.scalars(named) if actor.roles_over(case)]


def _show(marks: Mapping[str, int], **shown: Any) -> str:
    with db.transaction() as session:
        actor = people.officer(session)
        cases = _theirs(session, actor, marks.keys())
        seen = {case_id: facts.seen for case_id, facts in waiting.facts_of(session, cases).items()}
        joint = joint_tasks(session, cases, actor)
        facts = {"cases": cases, "seen": seen, "tasks": joint, "lacking": len(marks) - len(cases)}
        words = {"missing": case_verbs.MISSING, "typed": MultiDict(), "wrong": {}, "tried": ""}
        return render_template("console/bulk.html", **(facts | words | {"sits": _sits()} | shown))


def _sits() -> bool:
    """Whether the caller finds the duty desk, to go back to."""
    return bool(people.roles() & set(DESK))
