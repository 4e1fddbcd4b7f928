"""Supervision orders (/console/supervisions): those in the caller's area, and those to the caller's unit."""

from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from backend import db
from backend.auth import Who, require
from backend.cases.models import Case
from backend.cases.service import Actor
from backend.cases.supervision_models import Supervised, Supervision
from backend.cases.supervisions import EFFECT_LABELS, STATE_LABELS, takes_answers
from backend.cases.workflow import RULES, UNIT, Action
from backend.console import supervision_forms
from backend.errors import Conflict, Invalid, NotFound
from backend.orders import supervising, supervision_lists
from backend.orders.supervision_lists import Line
from backend.orders.workflow import Action as OrderAction
from backend.times import now
from backend.web import news, people
from backend.web.forms import last_seen, sentences_of

bp = Blueprint("supervisions", __name__, url_prefix="/console/supervisions")

TABS = [("", "全部"), *STATE_LABELS.items()]
ANSWER, END = "answer", "end"
OF_ACTION = {OrderAction.ANSWER_SUPERVISION: ANSWER, OrderAction.END_SUPERVISION: END}
STEPS = {
    ANSWER: (supervision_forms.take_answer, "答复好了，督查会收到提醒"),
    END: (supervision_forms.take_end, "这张督办单办结了"),
}


@bp.get("/")
@require(Who.OFFICER)
def index() -> ResponseReturnValue:
    """The list, or (to a page that says what it shows) whether there is anything new in it."""
    facts = _facts()
    if news.is_asked():
        return news.answer(facts["seen"], url_for("supervisions.index", state=facts["state"]))
    return _list(facts)


@bp.post("/<any(answer, end):step>")
@require(Who.OFFICER)
def take(step: str) -> ResponseReturnValue:
    """Answer or end the one that the form names; what is refused is said at its row, with what was typed."""
    act, done = STEPS[step]
    try:
        with db.transaction() as session:
            act(session, people.officer(session), request.form)
    except (Invalid, Conflict) as error:
        shown = {"tried": step, "wrong": sentences_of(error), "typed": request.form}
        return _list(_facts() | shown), error.status
    flash(done, "success")
    return redirect(url_for("supervisions.index", state=_state()), 303)


def _list(facts: dict[str, Any]) -> str:
    whole = "desk/supervisions_rows.html" if "HX-Request" in request.headers else "desk/supervisions.html"
    return render_template(whole, **({"tried": None, "wrong": {}, "typed": {}} | facts))


def _facts() -> dict[str, Any]:
    """A page of the list, and `seen`, by which it is known to be the same."""
    state, before = _state(), last_seen("before")
    with db.transaction() as session:
        actor = people.officer(session)
        lines = supervision_lists.page(session, actor.posts, state=state, before=before)
        facts: dict[str, Any] = {"lines": lines, "offered": _offered(actor, lines)}
        facts["opens"] = {line.row.id for line in lines if line.case and actor.roles_over(line.case)}
    facts |= {"more": lines[-1].row.id if len(lines) == supervision_lists.PAGE else None, "at": now()}
    facts |= {"state": state, "tabs": TABS, "states": STATE_LABELS, "labels": EFFECT_LABELS}
    facts |= {"effects": list(EFFECT_LABELS.items()), "missing": supervision_forms.MISSING}
    shown = [(line.row.id, line.row.state, line.is_late(facts["at"])) for line in lines]
    return facts | {"before": before, "seen": news.print_of(shown, facts["offered"])}


def _offered(actor: Actor, lines: list[Line]) -> dict[int, list[str]]:
    """What the caller may do to each: answer for their unit, end in their area."""
    found: dict[int, list[str]] = {}
    for line in lines:
        if line.order is not None:
            steps = supervising.offered(line.order, line.row, actor)
            found[line.row.id] = [OF_ACTION[step] for step in steps]
        elif line.case is not None:
            found[line.row.id] = _of_case(actor, line.row, line.case)
    return found


def _of_case(actor: Actor, row: Supervision, case: Case) -> list[str]:
    rule, units = RULES[Action.END_SUPERVISION], {post.unit_id for post in actor.posts if post.role in UNIT}
    answers = row.state is Supervised.OPEN and row.unit_id in units and takes_answers(case)
    supervises = not actor.roles_over(case).isdisjoint(rule.roles) and case.status in rule.sources
    ends = supervises and row.state is not Supervised.CLOSED
    return [step for step, may in ((ANSWER, answers), (END, ends)) if may]


def _state() -> Supervised | None:
    """Which the list is narrowed to. Raises NotFound for what is no state."""
    said = request.args.get("state", "")
    if said and said not in set(Supervised):
        raise NotFound("没有这个分类")
    return Supervised(said) if said else None
