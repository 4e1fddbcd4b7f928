"""What we told a resident (/console/told/…): every message owed to them and every answer in the chat about
the case, the latest first."""

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from backend import db
from backend.auth import Who, require
from backend.cases import service
from backend.cases.models import Case
from backend.cases.service import Actor
from backend.cases.survey_models import Survey, SurveyState
from backend.cases.surveys import SATISFACTION
from backend.console import outbox_chat, outbox_lines
from backend.console.outbox_chat import Reply
from backend.console.outbox_scope import NUMBER, WATCHERS, narrowed
from backend.notify.models import Notification
from backend.web import people
from backend.web.forms import last_seen, number
from backend.web.words import clean

bp = Blueprint("told", __name__, url_prefix="/console/told")

PAGE = 20
Row = Notification


@bp.get("/<case_number>")
@require(Who.OFFICER)
def of_case(case_number: str) -> ResponseReturnValue:
    """The messages to the resident about this case; for who watches the area, those about others, too."""
    before, wants_all = last_seen("before"), bool(request.args.get("all"))
    with db.transaction() as session:
        actor = people.officer(session)
        case = service.find(session, clean(case_number), actor)
        rows = _rows(session, case, actor, wants_all=wants_all, before=before)
        facts: dict[str, Any] = {
            "lines": outbox_lines.lines(session, rows),
            "answers": _answers(session, rows),
            "replies": _replies(session, case, rows, before),
        }
    facts |= {"case": case, "is_all": wants_all, "may_all": bool(_watching(actor))}
    facts["more"] = rows[-1].id if len(rows) == PAGE else None
    whole = "desk/told_rows.html" if "HX-Request" in request.headers else "desk/told.html"
    return render_template(whole, **facts)


def _rows(
    session: Session, case: Case, actor: Actor, *, wants_all: bool, before: int | None
) -> list[Notification]:
    if case.resident_id is None:
        return []
    to_them = sa.select(Row).where(Row.resident_id == case.resident_id)
    of_case = to_them.where(NUMBER.in_([case.number]))
    found = narrowed(to_them, _watching(actor)) if wants_all else of_case
    if before is not None:
        found = found.where(Row.id < before)
    return list(session.scalars(found.order_by(Row.id.desc()).limit(PAGE)))


def _replies(
    session: Session, case: Case, rows: Sequence[Notification], before: int | None
) -> list[list[Reply]]:
    """What the chat answered while the messages of this page were owed, by the message that it stands before;
    the last are older than all."""
    if case.resident_id is None:
        return [[]]
    moments = [row.created_at for row in rows]
    last = session.get(Row, before) if before is not None else None
    since = moments[-1] if len(rows) == PAGE else None
    found = outbox_chat.about(session, case, since, last.created_at if last else None)
    return outbox_chat.between(moments, found)


def _watching(actor: Actor) -> list[Any]:
    return [post for post in actor.posts if post.role in WATCHERS]


def _answers(session: Session, rows: Sequence[Notification]) -> Mapping[int, str]:
    """What the resident answered to a survey that was sent, by the message."""
    asked = {row.id: number(str(row.fields.get("survey", ""))) for row in rows}
    wanted = sa.select(Survey).where(Survey.id.in_(set(asked.values()) - {None}))
    given = {survey.id: _answer(survey) for survey in session.scalars(wanted)}
    return {row_id: given.get(survey_id or 0, "") for row_id, survey_id in asked.items()}


def _answer(survey: Survey) -> str:
    if survey.state is not SurveyState.ANSWERED:
        return "还没有回答" if survey.state is not SurveyState.EXPIRED else "没有回答，已经过期"
    solved = "" if survey.solved is None else "已解决" if survey.solved else "没有解决"
    return "，".join(filter(None, (solved, SATISFACTION.get(survey.satisfaction or 0, ""))))
