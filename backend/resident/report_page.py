"""The form for those who would rather fill in than chat: the place comes from the code that was scanned."""

import re
import secrets
from collections.abc import Mapping

from flask import flash, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from backend import db, privacy
from backend.auth import Who, require
from backend.cases import attachments, staff
from backend.cases.models import REPORT_LENGTH, Channel
from backend.errors import AppError
from backend.resident import joining, reporting, schemas, steps
from backend.resident.contract import checked, missing
from backend.resident.forms import say_refused
from backend.web import people
from backend.web.forms import WrongFields, photos_in_form, sentences_of

FIELDS = ("report", "scene", "address", "phone", "key", "same")
NO_PLACE = "请选择地点"

# For the browser: fewer than two letters surely say too little; and what clean_phone takes, once what stands
# BETWEEN is left out. That is a whole text: the looks to either side find nothing there, and Safari before
# 16.4 cannot read them.
ENOUGH = r"[\p{L}\p{N}].*[\p{L}\p{N}]"
PHONE = "^(?:" + re.sub(r"\(\?<?!\\d\)", "", privacy.PHONE.pattern) + ")$"
CHECKS = {  # what macros.html lets the browser say of a field; the server says the same
    "scene": {"missing": NO_PLACE},
    "report": {
        "missing": missing(schemas.NewCase, "report"),
        "most": REPORT_LENGTH,
        "like": ENOUGH,
        "unlike": reporting.TOO_LITTLE,
    },
    "phone": {"most": 20, "without": staff.BETWEEN, "like": PHONE, "unlike": staff.NO_PHONE},
}


@require(Who.RESIDENT)
def show_form() -> ResponseReturnValue:
    """The form for a place; without one, or with a code that is not known, the places to choose from."""
    scene = request.args.get("scene", "")
    with db.transaction() as session:
        if reporting.known_place(session, scene):
            return _form(session, {"scene": scene, "key": secrets.token_urlsafe(16)}, {})
        places = reporting.choices(session, g.contact_id)
    problem = f"{reporting.UNKNOWN}。请在下面选一个地点" if scene else ""
    return render_template("resident/places.html", places=places, problem=problem)


def _form(session: Session, filled: Mapping[str, str], wrong: Mapping[str, str]) -> str:
    """The form as it was filled in; with all places to choose from when its own has gone meanwhile."""
    place = reporting.known_place(session, filled["scene"])
    places = [] if place else reporting.choices(session, g.contact_id)
    code = reporting.scanned(session, filled["scene"])
    return render_template(
        "resident/report.html",
        place=place,
        label=code.label if code else None,
        places=[(other.scene, f"{other.name}（{other.path}）") for other in places],
        phone=reporting.phone_of(session, g.resident_id),
        matters=joining.matters(session, place, g.resident_id, filled.get("same", "")) if place else [],
        filled=filled,
        wrong=wrong,
        checks=CHECKS,
    )


@require(Who.RESIDENT)
def submit() -> ResponseReturnValue:
    """Open the case, then add the photos: one that is refused does not cost the report."""
    filled = {name: request.form.get(name, "") for name in FIELDS}
    try:
        number = _open(filled)
    except AppError as error:
        with db.transaction() as session:
            return _form(session, filled, sentences_of(error)), error.status
    brought = attachments.prepare_all(photos_in_form())
    with db.transaction() as session:
        refused = steps.add_photos(session, number, people.resident(), brought)
    flash("已经收到您反映的事，进展会在微信里告诉您", "success")
    say_refused(refused)
    return redirect(url_for("resident.case", number=number), 303)


def _open(filled: dict[str, str]) -> str:
    given = checked(schemas.NewCase, lambda: schemas.NewCase.model_validate(filled))
    if not given.scene:  # the form always asks for a place; only a program's report may come without
        raise WrongFields({"scene": NO_PLACE})
    same = joining.matter_of(given.same)
    told = reporting.Told(given.report, given.key, given.scene, given.phone, given.address, same=same)
    with db.transaction() as session:
        case, _ = reporting.open_case(session, told, g.contact_id, g.resident_id, Channel.WEB)
        return case.number
