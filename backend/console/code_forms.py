"""What the forms of codes bring, read back from what was typed."""

from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session
from werkzeug.datastructures import MultiDict

from backend import times
from backend.cases.category_models import Category
from backend.places.code_changes import Wish
from backend.places.models import PlaceCode
from backend.times import SHANGHAI, local
from backend.web.forms import WrongFields, number
from backend.web.words import clean


def wish(session: Session, form: "MultiDict[str, str]") -> Wish:
    """What the code is to say. Raises WrongFields."""
    return Wish(
        label=clean(form.get("label", "")),
        unit_id=number(form.get("unit", "")),
        category_id=_category(session, clean(form.get("category", ""))),
        expires_at=_end_of(clean(form.get("expires", ""))),
    )


def given(code: PlaceCode, category: Category | None) -> dict[str, object]:
    """What stands in the fields before anybody types."""
    last_day = local(code.expires_at - timedelta(seconds=1)).date() if code.expires_at else ""
    return {
        "label": code.label or "",
        "unit": code.unit_id or "",
        "category": category.path if category else "",
        "expires": last_day,
    }


def _end_of(text: str) -> datetime | None:
    """The midnight after the last day on which the code is good."""
    try:
        day = times.day(text) if text else None
    except ValueError:
        raise WrongFields({"expires": "请填日期，例如 2027-12-31"}) from None
    if day is None:
        return None
    return datetime(day.year, day.month, day.day, tzinfo=SHANGHAI) + timedelta(days=1)


def _category(session: Session, said: str) -> int | None:
    """The living entry that was typed: its code, its whole name, or a name that only one has."""
    if not said:
        return None
    called = sa.or_(Category.code == said, Category.path == said, Category.name == said)
    found = session.scalars(sa.select(Category.id).where(called, Category.until_id.is_(None)).limit(2)).all()
    if len(found) == 1:
        return found[0]
    problem = "有几项都叫这个名字，请从提示里选" if found else "事件字典里没有这一项，请从提示里选，或留空"
    raise WrongFields({"category": problem})
