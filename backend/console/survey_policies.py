"""How surveys are asked (/console/survey-policies): policies of the caller's places, for administrators."""

from collections.abc import Callable
from typing import Any

import sqlalchemy as sa
from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from backend import db
from backend.auth import Who, require
from backend.cases import clock_words, survey_policies, survey_policy_changes
from backend.cases.category_models import Category
from backend.cases.survey_models import Follow, SurveyPolicy
from backend.cases.survey_policy_changes import Line, Said
from backend.cases.workflow import OUTCOME_LABELS, Outcome
from backend.console import choosing
from backend.errors import AppError, Conflict, Forbidden, Invalid, NotFound
from backend.places import naming
from backend.places.models import Area
from backend.places.scope import Editor
from backend.web import people
from backend.web.forms import WrongFields, last_seen, number, sentences_of
from backend.web.words import clean

bp = Blueprint("survey_policies", __name__, url_prefix="/console/survey-policies")

REFUSED = (Invalid, Conflict, NotFound, Forbidden)
URGENCY = {"no": "只管一般", "yes": "只管紧急"}
YES_NO = {"yes": True, "no": False}
ASKED = {"yes": "回访", "no": "不回访"}
REMINDED = {"yes": "没有回答的提醒一次", "no": "不提醒"}
FOLLOW = {Follow.REOPEN.value: "直接重新办理", Follow.REVIEW.value: "先由督查复核"}
SAME = "和上级规则一样"


@bp.get("/")
@require(Who.ADMINISTRATOR)
def index() -> ResponseReturnValue:
    """The list; with `edit`, the form is filled with that policy."""
    chosen = number(request.args.get("edit", ""))
    if chosen is None:
        return _show()
    with db.transaction() as session:
        line = survey_policy_changes.find(session, people.editor(session), chosen)
    return _show(typed=_typed(line), is_open=True)


@bp.post("/")
@require(Who.ADMINISTRATOR)
def put() -> ResponseReturnValue:
    """A policy for surveys from now on, in the place of one about the same."""
    return _do(_put)


@bp.post("/<int:policy_id>/end")
@require(Who.ADMINISTRATOR)
def end(policy_id: int) -> ResponseReturnValue:
    def ended(session: Session, editor: Editor) -> str:
        survey_policy_changes.end(session, editor, policy_id)
        return "已经停用，以后按上级规则回访"

    return _do(ended)


def _do(act: Callable[[Session, Editor], str]) -> ResponseReturnValue:
    """Do what a form says; what is refused comes back in the form."""
    try:
        with db.transaction() as session:
            said = act(session, people.editor(session))
    except REFUSED as error:
        return _show(wrong=sentences_of(error), typed=request.form, is_open=True), error.status
    flash(said, "success")
    return redirect(url_for("survey_policies.index"), 303)


def _show(**shown: Any) -> str:
    with db.transaction() as session:
        editor = people.editor(session)
        rows = survey_policy_changes.lines(session, editor, before=last_seen("before"))
        facts: dict[str, Any] = {
            "rows": [(line, _about(line), _says(line.row)) for line in rows],
            "more": rows[-1].row.id if len(rows) == survey_policy_changes.PAGE else None,
            "areas": choosing.areas(session, editor),
        }
    if "HX-Request" in request.headers and not shown:
        return render_template("desk/survey_policies_rows.html", **facts)
    choices = {"outcomes": OUTCOME_LABELS, "urgency": URGENCY, "asked": ASKED, "reminded": REMINDED}
    facts |= choices | {"follow": FOLLOW, "same": SAME, "usual": _usual(), "wrong": {}, "typed": {}}
    return render_template("desk/survey_policies.html", **({"is_open": False} | facts | shown))


def _about(line: Line) -> str:
    row = line.row
    urgency = "" if row.urgent is None else URGENCY["yes" if row.urgent else "no"]
    outcome = OUTCOME_LABELS[row.outcome] if row.outcome else ""
    return "，".join(filter(None, (line.category or "全部事项", outcome, urgency)))


def _says(row: SurveyPolicy) -> list[str]:
    """What a policy says, a line each."""
    delay = row.delay_minutes
    found = (
        row.is_asked is not None and ASKED["yes" if row.is_asked else "no"],
        delay is not None and (f"结案后 {clock_words.plain(delay)}" if delay else "结案后马上回访"),
        row.hours and f"{row.hours} 之间",
        row.days_open and f"{row.days_open:g} 天内可以回答",
        row.is_reminded is not None and REMINDED["yes" if row.is_reminded else "no"],
        row.on_unsolved and f"没有解决：{FOLLOW[row.on_unsolved]}",
        row.on_dissatisfied and f"不满意：{FOLLOW[row.on_dissatisfied]}",
        row.reasons and f"原因：{'、'.join(row.reasons)}",
    )
    return [words for words in found if words]


def _usual() -> list[str]:
    """What holds where no policy says otherwise."""
    terms = survey_policies.usual()
    hours = "-".join("24:00" if hour.second else f"{hour:%H:%M}" for hour in terms.hours)
    facts = vars(terms) | {"hours": hours, "reasons": list(terms.reasons)}
    return _says(SurveyPolicy(**facts))


def _typed(line: Line) -> dict[str, str]:
    """A policy as its form has it."""
    row = line.row
    yes = {True: "yes", False: "no", None: ""}
    return {
        "area": line.area,
        "category": line.category,
        "outcome": row.outcome or "",
        "urgency": yes[row.urgent],
        "asked": yes[row.is_asked],
        "delay": "" if row.delay_minutes is None else f"{row.delay_minutes / 60:g}",
        "hours": row.hours or "",
        "days": str(row.days_open or ""),
        "reminded": yes[row.is_reminded],
        "on_unsolved": row.on_unsolved or "",
        "on_dissatisfied": row.on_dissatisfied or "",
        "why": "\n".join(row.reasons or ()),
    }


def _put(session: Session, editor: Editor) -> str:
    reasons = tuple(filter(None, (line.strip() for line in request.form.get("why", "").splitlines())))
    said = Said(
        area_id=_area(session, editor, _typed_in("area")).id,
        category_id=_category(session, _typed_in("category")),
        outcome=Outcome(outcome) if (outcome := _typed_in("outcome")) in set(Outcome) else None,
        urgent=YES_NO.get(_typed_in("urgency")),
        is_asked=YES_NO.get(_typed_in("asked")),
        delay_minutes=_hours("delay", _typed_in("delay")),
        hours=_typed_in("hours") or None,
        days_open=_days(_typed_in("days")),
        is_reminded=YES_NO.get(_typed_in("reminded")),
        on_unsolved=_follow(_typed_in("on_unsolved")),
        on_dissatisfied=_follow(_typed_in("on_dissatisfied")),
        reasons=reasons or None,
    )
    survey_policy_changes.put(session, editor, said)
    return "已经保存，对以后的回访生效"


def _typed_in(field: str) -> str:
    return clean(request.form.get(field, ""))


def _follow(said: str) -> Follow | None:
    return Follow(said) if said in set(Follow) else None


def _hours(field: str, said: str) -> int | None:
    """Hours in minutes; half hours may be said."""
    if not said:
        return None
    try:
        return round(float(said) * 60) if len(said) < 6 else -1
    except (ValueError, OverflowError):
        raise WrongFields({field: "请填写小时数，例如 24"}) from None


def _days(said: str) -> int | None:
    if said and number(said) is None:
        raise WrongFields({"days": "请填写天数，例如 7"})
    return number(said)


def _area(session: Session, editor: Editor, words: str) -> Area:
    """The place that was typed; one's own where nothing was."""
    own = editor.areas()
    if not words and len(own) == 1:
        return own[0]
    try:
        return naming.the_one(session, words, editor)
    except AppError as error:
        raise WrongFields({"area": error.message if words else "请填写哪个区域"}) from None


def _category(session: Session, said: str) -> int | None:
    """The living entry that was typed: its code, its whole name, or a name that only one has."""
    if not said:
        return None
    called = sa.or_(Category.code == said, Category.path == said, Category.name == said)
    found = session.scalars(sa.select(Category.id).where(called, Category.until_id.is_(None)).limit(2)).all()
    if len(found) != 1:
        raise WrongFields({"category": "事件字典里没有、或者不止一项叫这个，请写编码或全称，或留空"})
    return found[0]
