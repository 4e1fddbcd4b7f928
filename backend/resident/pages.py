"""The resident's pages, /r/…: my cases, and one case with what can be done. All routes of /r/ are here."""

from typing import Any

from flask import Blueprint, flash, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from backend import db
from backend.auth import Who, require
from backend.cases import attachments, sealing
from backend.cases.intake import summary
from backend.cases.workflow import Action, Status
from backend.errors import AppError, NotFound
from backend.places import queries
from backend.places.models import Area
from backend.resident import (
    files,
    notices,
    rating,
    report_page,
    schemas,
    shown,
    steps,
    subscribing,
    survey_page,
)
from backend.resident.contract import checked
from backend.resident.forms import say_refused
from backend.resident.wording import DOINGS
from backend.web import people
from backend.web.forms import photos_in_form, sentences_of
from backend.wechat.wording import STATUS_WORDS

ANSWERED = (Status.RESOLVED, Status.CLOSED)

bp = Blueprint("resident", __name__, url_prefix="/r")
bp.add_url_rule("/report", view_func=report_page.show_form)
bp.add_url_rule("/report", view_func=report_page.submit, methods=["POST"])
bp.add_url_rule("/surveys/<token>", view_func=survey_page.ask)
bp.add_url_rule("/surveys/<token>", view_func=survey_page.answer, methods=["POST"])
bp.add_url_rule("/surveys/<token>/late", view_func=survey_page.say_late, methods=["POST"])
bp.add_url_rule("/surveys/<token>/thanks", view_func=survey_page.thank)
bp.add_url_rule("/subscribing", endpoint="subscribing", view_func=subscribing.ask)
bp.add_app_template_global(subscribing.offered, "notices_offered")
bp.add_url_rule("/files/<token>", view_func=files.serve)
bp.add_url_rule("/notices", view_func=notices.months)
bp.add_url_rule("/notices/<int:notice_id>", view_func=notices.month)
bp.add_app_template_filter(summary, "summary")


@bp.get("/")
@require(Who.RESIDENT)
def home() -> ResponseReturnValue:
    """My cases, twenty at a time."""
    with db.transaction() as session:
        cases, following = shown.page_of_cases(session, g.resident_id, request.args.get("before", ""))
        page = {"cases": cases, "following": following, "standing": STATUS_WORDS}
        return render_template("resident/home.html", **page)


@bp.get("/cases/<number>")
@require(Who.RESIDENT)
def case(number: str) -> ResponseReturnValue:
    return _page(number)


def _page(number: str, **tried: Any) -> str:
    """The case's page; with `wrong`, `tried` and `note` after a step that was refused."""
    with db.transaction() as session:
        row = steps.find(session, number, people.resident())
        seen = shown.show_case(session, row)
        place = session.get_one(Area, row.place_id)
        telephone = queries.telephones(session, [place])[place.id]
        survey = rating.link(session, row)
        answer = row.answer if row.status in ANSWERED else None
        page: dict[str, Any] = {
            "receipt": sealing.receipt_of(session, row.id),
            "community_id": row.community_id,
        }
    page |= {"case": seen, "doings": DOINGS, "telephone": telephone, "survey": survey, "answer": answer}
    return render_template("resident/case.html", **({"wrong": {}} | page | tried))


@bp.post("/cases/<number>/<action>")
@require(Who.RESIDENT)
def act(number: str, action: str) -> ResponseReturnValue:
    """Take one step and come back to the page. What was typed is not lost when it is refused."""
    step, note = steps.action_named(action), request.form.get("note", "")
    try:
        refused = _take(number, step, note)
    except NotFound:
        raise
    except AppError as error:
        return _page(number, wrong=sentences_of(error), tried=step, note=note), error.status
    flash(DOINGS[step].done, "success")
    say_refused(refused)
    return redirect(url_for("resident.case", number=number), 303)


def _take(number: str, step: Action, note: str) -> list[str]:
    """The photos are made ready before the case is locked, and only if it is this resident's."""
    words, actor = checked(schemas.Note, lambda: schemas.Note(note=note)).note, people.resident()
    with db.transaction() as session:
        steps.find(session, number, actor)
    brought = attachments.prepare_all(photos_in_form())
    with db.transaction() as session:
        return steps.take_with_photos(session, number, step, actor, words, brought)
