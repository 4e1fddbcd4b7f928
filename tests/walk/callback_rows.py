"""Whom a street's desk is to call: one that nobody has taken, then one that the desk has in hand."""

from datetime import timedelta
from typing import Any

import sqlalchemy as sa

from backend.cases.callback_models import CallAttempt, CallbackShare, Heard, PhoneCallback, Why
from backend.cases.survey_models import Survey
from backend.places.scope import COLUMNS
from backend.times import now

DAY = timedelta(days=1)


def add_callbacks(street: Any) -> None:
    street.add(CallbackShare(area_id=street.area.id, percent=10))
    surveys = sa.select(Survey).where(Survey.id.in_(street.book["survey_id"])).order_by(Survey.round.desc())
    held = {"officer_id": street.people["desk"].id, "taken_at": now()}
    for survey, fields in zip(street.session.scalars(surveys).all(), ({}, held), strict=True):
        callback = street.add(_callback(street, survey, **fields))
        street.book["callback_id"].append(callback.id)
        before = {"heard": Heard.NO_ANSWER, "ended_at": now() - DAY, "unmasked_at": now() - DAY}
        said = before if not fields else {"unmasked_at": now()}  # since it was taken
        own = {"callback_id": callback.id, "officer_id": street.people["desk"].id}
        note = street.marks.text("call_attempts.note")
        street.add(CallAttempt(note=note, **own | said))


def _callback(street: Any, survey: Survey, **fields: Any) -> PhoneCallback:
    place = street.areas["station"]
    return PhoneCallback(
        case_id=survey.case_id,
        round=survey.round,
        survey_id=survey.id,
        resident_id=survey.resident_id,
        why=Why.NO_WECHAT,
        place_id=place.id,
        **{column: getattr(place, column) for column in COLUMNS.values()},
        next_at=now() - DAY,
        until_at=now() + DAY,
        **fields,
    )
