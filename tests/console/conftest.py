"""A community with its people and a unit, and clients that are signed in as one of them."""

from types import SimpleNamespace

import pytest
from flask.testing import FlaskClient

from backend import auth
from backend.app import create_app
from backend.places.roles import Role
from tests.browser import add_form_token
from tests.factories import make_community, make_contact, make_officer, make_unit


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
