"""The form for those who would rather fill in than chat: the place comes from the code that was scanned."""

import secrets

from flask import flash, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from backend import db
from backend.auth import Who, require
from backend.cases.models import Channel
from backend.errors import AppError, NotFound
from backend.resident import reporting, schemas, steps
from backend.resident.contract import checked
from backend.resident.forms import photos_in_form, say_refused
from backend.web import people

FIELDS = ("report", "scene", "address", "phone", "key")


@require(Who.RESIDENT)
def show_form() -> ResponseReturnValue:
    """The form for a place; without one, or with a code that is not known, the places to choose from."""
    return _form({"scene": request.args.get("scene", ""), "key": secrets.token_urlsafe(16)})


def _form(filled: dict[str, str], problem: str = "") -> str:
    with db.transaction() as session:
        try:
            place = reporting.place_of(session, filled["scene"]).name if filled["scene"] else None
        except NotFound as error:
            place, problem = None, f"{error.message}。请在下面选一个地点"
        if place is None:
            places = reporting.choices(session, g.contact_id)
            return render_template("resident/places.html", places=places, problem=problem)
        phone = reporting.phone_of(session, g.resident_id)
    return render_template("resident/report.html", place=place, phone=phone, filled=filled, problem=problem)


@require(Who.RESIDENT)
def submit() -> ResponseReturnValue:
    """Open the case, then add the photos: one that is refused does not cost the report."""
    filled = {name: request.form.get(name, "") for name in FIELDS}
    try:
        number = _open(filled)
    except AppError as error:
        return _form(filled, error.message), error.status
    _, refused = steps.add_photos(number, people.resident(), photos_in_form())
    flash("已经收到您反映的事，进展会在微信里告诉您", "success")
    say_refused(refused)
    return redirect(url_for("resident.case", number=number), 303)


def _open(filled: dict[str, str]) -> str:
    given = checked(schemas.NewCase, lambda: schemas.NewCase.model_validate(filled))
    told = reporting.Told(given.report, given.key, given.scene, given.phone, given.address)
    with db.transaction() as session:
        case, _ = reporting.open_case(session, told, g.contact_id, g.resident_id, Channel.WEB)
        return case.number
