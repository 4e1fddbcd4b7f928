"""What the forms of officers bring, read back from what was typed."""

from datetime import date, datetime, time, timedelta

from flask import request
from sqlalchemy.orm import Session

from backend import times
from backend.console import choosing
from backend.errors import Invalid
from backend.places import officers, posts
from backend.places.models import Area, Unit
from backend.places.officers import Person
from backend.places.posts import Seat
from backend.places.roles import Force, Role
from backend.places.scope import Editor
from backend.times import SHANGHAI
from backend.web.forms import WrongFields
from backend.web.words import clean


def person() -> Person:
    """Name, phone and code. Raises WrongFields."""
    name, phone, staff_code = (clean(request.form.get(field, "")) for field in ("name", "phone", "code"))
    if not name:
        raise WrongFields({"name": "请填写姓名"})
    try:
        return officers.checked(Person(name, phone, staff_code))
    except Invalid as error:
        raise WrongFields(
            {"phone" if error.message == officers.NO_PHONE else "name": error.message}
        ) from None


def seat(session: Session, editor: Editor) -> Seat:
    """The role and where it is. Raises WrongFields."""
    chosen, where = role(request.form.get("role")), clean(request.form.get("place", ""))
    if chosen is None or not where:
        missing = {"role": chosen is None and "请选择岗位", "place": not where and "请填写地点或单位"}
        raise WrongFields({field: words for field, words in missing.items() if words})
    said = request.form.get("force", "")
    force = Force(said) if said in set(Force) else None
    place = _place(session, editor, chosen, where)
    if wrong := posts.misfit(chosen, place):
        raise WrongFields({"place": wrong})
    if wrong := posts.wrong_force(chosen, force):
        raise WrongFields({"force": wrong})
    area_id, unit_id = (place.id, None) if isinstance(place, Area) else (None, place.id)
    return Seat(chosen, area_id, unit_id, force)


def _place(session: Session, editor: Editor, role: Role, words: str) -> Area | Unit:
    """A unit of this name or code, where the role fits at units; else the area."""
    if role in posts.AT_UNITS:
        unit = choosing.unit_called(session, editor, words, "place")
        if unit is not None:
            return unit
        if role not in posts.LEVELS:
            raise WrongFields({"place": choosing.NO_UNIT})
    return choosing.area_called(session, editor, words, "place")


def days() -> dict[str, datetime | None]:
    """Since the beginning of the first day, until the end of the last one."""
    first, last = _date("since"), _date("until")
    return {
        "since": datetime.combine(first, time.min, SHANGHAI) if first else None,
        "until": datetime.combine(last + timedelta(days=1), time.min, SHANGHAI) if last else None,
    }


def _date(field: str) -> date | None:
    try:
        return times.day(request.form[field]) if request.form.get(field) else None
    except ValueError:
        raise WrongFields({field: "请选择日期"}) from None


def moment(field: str, words: str) -> datetime:
    """A time of the clock in Shanghai. Raises WrongFields with these words."""
    try:
        return times.moment(request.form.get(field, ""))
    except ValueError:
        raise WrongFields({field: words}) from None


def role(text: str | None) -> Role | None:
    """A role of which there are posts."""
    return Role(text) if text in {role.value for role in posts.GIVEN} else None
