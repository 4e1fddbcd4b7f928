"""Closed cases whose reporters are to be called, and a call: where the tests of telephone callbacks start."""

from datetime import datetime, time, timedelta

import pytest
import sqlalchemy as sa

from backend.cases import callbacks, tasks
from backend.cases.callback_models import Heard, PhoneCallback
from backend.cases.callbacks import Told
from backend.cases.models import CaseEvent
from backend.cases.survey_models import Survey
from backend.cases.workflow import Action, Status
from backend.config import config
from backend.notify.messages import Message
from backend.notify.models import Notification
from backend.orders.models import Order, OrderCase
from backend.places.roles import Role
from backend.times import SHANGHAI
from tests.factories import make_contact, make_resident

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
PHONE = "13812345678"
GOOD = Told(Heard.ANSWERED, solved=True, satisfaction=5, words="很快就修好了")
BAD = Told(Heard.ANSWERED, solved=False, words="晚上还是不亮", reasons=("没修好，或又坏了",))
SETTINGS = (
    "survey_hours",
    "callback_hours",
    "survey_delay_minutes",
    "callback_percent",
    "callback_rest_days",
)


def shanghai(day, clock):
    """A moment in November 2026."""
    return datetime.combine(datetime(2026, 11, day).date(), time.fromisoformat(clock), SHANGHAI)  # noqa: DTZ001


TEN = shanghai(23, "10:00")  # a Monday


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


@pytest.fixture(autouse=True)
def settings():
    """Surveys and calls as they are by default; a test may set others."""
    before = {name: getattr(config, name) for name in SETTINGS}
    object.__setattr__(config, "survey_hours", (time(9), time(20)))
    object.__setattr__(config, "survey_delay_minutes", 24 * 60)
    yield lambda name, value: object.__setattr__(config, name, value)
    for name, value in before.items():
        object.__setattr__(config, name, value)


@pytest.fixture
def caller(scene):
    return scene.actor(Role.INFORMATION_OFFICER)


def call(session, callback, actor, told, at=TEN):
    """Take it, see the number, call, and say what came of it."""
    callbacks.take(session, callback.id, actor, at)
    callbacks.dial(session, callback.id, actor, at)
    return callbacks.record(session, callback.id, actor, told, at)


def under_an_order(session, case, **fields):
    """Put the case under an order that asks for a callback."""
    values = {"wants_callback": True, "approved_at": TEN, "number": f"F{case.number}"} | fields
    values |= {"title": "t", "text": "t", "place_id": case.place_id, "unit_id": case.unit_id}
    values |= {"drafted_by": session.scalar(sa.text("SELECT max(id) FROM officers"))}
    order = Order(**values)
    session.add(order)
    session.flush()
    session.add(OrderCase(order_id=order.id, case_id=case.id))
    session.flush()


def asked_in_chat(session):
    invited = Notification.message.in_([Message.SURVEY_INVITED, Message.SURVEY_REMINDED])
    return [row.resident_id for row in session.scalars(sa.select(Notification).where(invited))]


def notes(session, callback):
    own = sa.select(CaseEvent).where(CaseEvent.case_id == callback.case_id)
    own = own.where(CaseEvent.action == Action.CALL_BACK).order_by(CaseEvent.id)
    return [event.note for event in session.scalars(own)]


def silent(scene, count=1):
    """Surveys of people with WeChat that were asked, reminded, and are about to expire."""
    found = []
    for _ in range(count):
        resident = make_resident(scene.session, phone="13800000000")
        make_contact(scene.session, resident)
        found.append(close(scene, TEN - 12 * DAY, resident=resident)[1])
    for at in (TEN - 11 * DAY, TEN - 7 * DAY):
        tasks.ask_due(scene.session, at, 100)
    return found
