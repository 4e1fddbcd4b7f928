"""Reviews of bad answers (/console/survey-reviews): what residents did not accept, and what came of it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from backend import db
from backend.auth import Who, require
from backend.cases import survey_decisions, surveys
from backend.cases.survey_decisions import DECISION_LABELS, PAGE, Decision, Line
from backend.cases.survey_models import ReviewState
from backend.cases.survey_reviews import STATE_LABELS
from backend.console import review_rounds
from backend.errors import Conflict, Forbidden, Invalid, NotFound
from backend.times import moment, now
from backend.web import news, people
from backend.web.forms import WrongFields, cursor, number, read_cursor, sentences_of
from backend.web.words import NOTE_LENGTH, clean

bp = Blueprint("survey_reviews", __name__, url_prefix="/console/survey-reviews")

MISSING = {
    "decision": "请选择怎样处理",
    "note": "请写明理由",
    "until": "请填写答复时限，例如 2026-12-01T18:00",
}


@bp.get("/")
@require(Who.OFFICER)
def index() -> ResponseReturnValue:
    """The list, or (to a page that says what it shows) whether there is anything new in it."""
    facts = _facts()
    if news.is_asked():
        return news.answer(facts["seen"], url_for("survey_reviews.index", state=facts["state"]))
    return _list(facts)


@bp.post("/")
@require(Who.OFFICER)
def decide() -> ResponseReturnValue:
    """Decide about the one that the form names; what is refused is said at its row, with what was typed."""
    try:
        decision, words, until = _decided()
        with db.transaction() as session:
            actor, review_id = people.officer(session), number(request.form.get("review", "")) or 0
            survey_decisions.decide(session, review_id, actor, decision, words, until)
    except (Invalid, Conflict, Forbidden) as error:
        return _list(_facts() | {"wrong": sentences_of(error), "typed": request.form}), error.status
    flash(f"办好了：{DECISION_LABELS[decision]}", "success")
    return redirect(url_for("survey_reviews.index"), 303)


def _decided() -> tuple[Decision, str, datetime | None]:
    """What the form says. Raises WrongFields."""
    form, wrong = request.form, {}
    chosen, words, until = (
        form.get("decision", ""),
        clean(form.get("note", "")),
        _moment(form.get("until", "")),
    )
    if chosen not in set(Decision):
        wrong["decision"] = MISSING["decision"]
    if not words or len(words) > NOTE_LENGTH:
        wrong["note"] = f"理由太长了，最多 {NOTE_LENGTH} 个字" if words else MISSING["note"]
    if chosen == Decision.SUPERVISE and until is None:
        wrong["until"] = MISSING["until"]
    if wrong:
        raise WrongFields(wrong)
    return Decision(chosen), words, until


def _moment(text: str) -> datetime | None:
    try:
        return moment(text.strip())
    except ValueError:
        return None


def _list(facts: dict[str, Any]) -> str:
    whole = "desk/survey_reviews_rows.html" if "HX-Request" in request.headers else "desk/survey_reviews.html"
    return render_template(whole, **({"wrong": {}, "typed": {}} | facts))


def _facts() -> dict[str, Any]:
    """A page of the list, and `seen`, by which it is known to be the same."""
    state, after, at = _state(), request.args.get("after", ""), now()
    with db.transaction() as session:
        actor = people.officer(session)
        lines = survey_decisions.page(session, actor, state, read_cursor(after))
        offered = survey_decisions.offered(session, lines, actor)
        rounds = review_rounds.of(session, [line.case.id for line in lines])
    return {
        "lines": lines,
        "offered": offered,
        "rounds": rounds,
        "said": {line.row.id: surveys.in_words(line.row.survey) for line in lines},
        "more": _cursor(lines, state),
        "after": after,
        "at": at,
        "state": state,
        "states": STATE_LABELS,
        "labels": DECISION_LABELS,
        "missing": MISSING,
        "seen": news.print_of([(line.row.id, line.row.state, line.is_late(at)) for line in lines], offered),
    }


def _cursor(lines: Sequence[Line], state: ReviewState) -> str | None:
    if len(lines) < PAGE:
        return None
    last = lines[-1].row
    when = last.due_at if state is ReviewState.OPEN else last.created_at
    return cursor(when, last.id) if when else None


def _state() -> ReviewState:
    """Which the list is narrowed to. Raises NotFound for what is no state."""
    said = request.args.get("state") or ReviewState.OPEN.value
    if said not in set(ReviewState):
        raise NotFound("没有这个分类")
    return ReviewState(said)
