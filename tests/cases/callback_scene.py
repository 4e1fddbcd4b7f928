"""Closed cases whose reporters are to be called: what the tests of telephone callbacks start from."""

from datetime import datetime, time, timedelta

import sqlalchemy as sa

from backend.cases import tasks
from backend.cases.callback_models import PhoneCallback
from backend.cases.survey_models import Survey
from backend.cases.workflow import Action, Status
from backend.places.roles import Role
from backend.times import SHANGHAI
from tests.factories import make_resident

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
PHONE = "13812345678"


def shanghai(day, clock):
    """A moment in November 2026."""
    return datetime.combine(datetime(2026, 11, day).date(), time.fromisoformat(clock), SHANGHAI)  # noqa: DTZ001


def close(scene, at, *, phone=PHONE, **fields):
    """A case that was closed at this moment, of a resident of its own with this number, and its survey."""
    resident = fields.pop("resident", None) or make_resident(scene.session, phone=phone)
    case = scene.case(Status.RESOLVED, **{"resident_id": resident.id} | fields)
    scene.do(case, Action.CLOSE, Role.SYSTEM, at)
    return case, scene.session.scalar(sa.select(Survey).where(Survey.case_id == case.id))


def callbacks_of(session):
    return list(session.scalars(sa.select(PhoneCallback).order_by(PhoneCallback.id)))


def due(scene, at, **fields):
    """The callback about a case that was closed a day before."""
    close(scene, at - DAY, **fields)
    tasks.ask_due(scene.session, at, 100)
    return callbacks_of(scene.session)[-1]
