"""A community with its people and a unit, and clients that are signed in as one of them."""

import re
from datetime import timedelta
from types import SimpleNamespace

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient

from backend import auth
from backend.app import create_app
from backend.auth import LoginSession
from backend.cases import intake
from backend.cases.intake import Report
from backend.cases.models import CaseEvent, Channel
from backend.cases.service import Actor, perform
from backend.cases.workflow import Action, Given, Outcome
from backend.places.models import Area, Post
from backend.places.roles import Role
from backend.times import local, next_within, now, spoken
from tests.browser import add_form_token
from tests.factories import make_community, make_contact, make_officer, make_resident, make_unit
from tests.settings import set_to
from tests.weixin import platform, weixin

__all__ = ["platform", "weixin"]


@pytest.fixture
def app(session):
    return create_app()


@pytest.fixture
def place(session):
    """玉兰社区, its information officer and dispatcher, and a unit of its street with a handler."""
    community = make_community(session)
    unit = make_unit(session, community, name="望溪街道市政服务中心")
    return SimpleNamespace(
        community=community,
        unit=unit,
        desk=make_officer(session, Role.INFORMATION_OFFICER, area=community, name="李梅"),
        colleague=make_officer(session, Role.INFORMATION_OFFICER, area=community, name="何静"),
        handler=make_officer(session, Role.HANDLER, unit=unit, name="陈志"),
        supervisor=make_officer(session, Role.SUPERVISOR, area=community, name="吴桐"),
    )


@pytest.fixture
def as_officer(app, session):
    """A client signed in as this officer (or as a resident, for None)."""

    def sign_in(officer) -> FlaskClient:
        client = app.test_client()
        add_form_token(client)
        token, _ = auth.start_session(session, make_contact(session, officer=officer).id)
        session.commit()
        client.set_cookie(auth.COOKIE, token)
        return client

    return sign_in


def open_case(session, place, text="玉兰苑门口的路灯不亮了，晚上走路看不清", **fields):
    resident = make_resident(session, phone="13812345678")
    report = Report(text, place.id, place.name, Channel.WECHAT, resident_id=resident.id, **fields)
    case = intake.open_case(session, report)
    session.commit()
    return case


def last_event(session, case):
    return session.scalar(sa.select(sa.func.max(CaseEvent.id)).where(CaseEvent.case_id == case.id))


def tap(client, session, case, action, /, seen=None, **form):
    """Send the form of a step as the page shows it now, or as it was when `seen` was the last event."""
    form["seen"] = str(seen or last_event(session, case))
    return client.post(f"/console/cases/{case.number}/{action}", data=form)


def posts(officer, session):
    return tuple(session.scalars(sa.select(Post).where(Post.officer_id == officer.id)))


def walk(session, case, place, *steps):
    """Take steps as the people whose turn it is."""
    people = {
        Action.ACCEPT: place.desk, Action.ASSIGN: place.desk,
        Action.ACKNOWLEDGE: place.handler, Action.RESOLVE: place.handler,
    }  # fmt: skip
    for action in steps:
        officer = people[action]
        given = Given(note="已换新灯泡", unit_id=place.unit.id, outcome=Outcome.EXPLAINED)
        perform(
            session, case.number, action, Actor(officer_id=officer.id, posts=posts(officer, session)), given
        )
    session.commit()


def asked_again(page):
    """The address that a page asks every 15 seconds, with what it shows."""
    return re.search(r'hx-get="([^"]+\bseen=\w+[^"]*)"', page)[1].replace("&amp;", "&")


def queries_of(call, status=200):
    """The statements that a request sends to the database."""
    statements = []

    def note(_connection, _cursor, statement, *_):
        statements.append(statement)

    sa.event.listen(sa.Engine, "before_cursor_execute", note)
    assert call().status_code == status
    sa.event.remove(sa.Engine, "before_cursor_execute", note)
    return statements


@pytest.fixture
def as_administrator(session, as_officer):
    """A client of an administrator of this area, who has just shown their second factor: the officer is
    `client.officer`."""

    def sign_in(area, name="高远") -> FlaskClient:
        officer = make_officer(session, Role.ADMINISTRATOR, area=area, name=name)
        client = as_officer(officer)
        own = LoginSession.token_hash == auth.hash_token(client.get_cookie(auth.COOKIE).value)
        session.execute(sa.update(LoginSession).where(own).values(second_factor_at=now()))
        session.commit()
        client.officer = officer
        return client

    return sign_in


@pytest.fixture
def night():
    """It is night wherever people are called: the hours begin twelve hours from now, for an hour."""
    begins = (local(now()) + timedelta(hours=12)).replace(minute=0, second=0, microsecond=0)
    hours = (begins.time(), (begins + timedelta(minutes=59)).time())
    with set_to(callback_hours=hours):
        yield spoken(next_within(now(), hours))


@pytest.fixture
def admin_client(session, place, as_administrator):
    """The administrator of the district in which `place` lies."""
    return as_administrator(session.get_one(Area, place.community.district_id))
