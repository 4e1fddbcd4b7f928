"""The field `place` of a form: the caller's places offered while one types, and the one that was typed."""

from collections.abc import Collection

from flask import render_template, request
from sqlalchemy.orm import Session

from backend import db
from backend.errors import Invalid, NotFound
from backend.places import spots
from backend.places.models import Area
from backend.places.roles import Role
from backend.web import people
from backend.web.forms import WrongFields
from backend.web.words import clean

TYPED = 60  # characters of what is typed that are looked for


def offers(roles: Collection[Role]) -> str:
    """As options, the places over which the caller holds one of the roles, and which may be meant."""
    with db.transaction() as session:
        said = clean(request.args.get("place", ""))[-TYPED:]
        found = spots.offered(session, people.editor(session), roles, said)
    return render_template("desk/offers.html", found=found)


def place(session: Session, roles: Collection[Role]) -> Area:
    """The place that the form names. Raises WrongFields."""
    words = clean(request.form.get("place", ""))
    if not words:
        raise WrongFields({"place": "请填地点"})
    try:
        return spots.named(session, people.editor(session), roles, words)
    except (Invalid, NotFound) as error:
        raise WrongFields({"place": error.message}) from None
