"""Fixtures for orders."""

import pytest

from backend import auth
from backend.app import create_app
from tests.browser import add_form_token
from tests.factories import make_contact
from tests.orders.scene import committed_scene, scene

__all__ = ["committed_scene", "scene"]


@pytest.fixture
def app(session):
    return create_app()


@pytest.fixture
def enter(app, scene):
    """A client signed in as the person of the scene by this key."""

    def sign_in(key):
        client = app.test_client()
        add_form_token(client)
        contact = make_contact(scene.session, officer=scene.people[key])
        token, _ = auth.start_session(scene.session, contact.id)
        scene.session.commit()
        client.set_cookie(auth.COOKIE, token)
        return client

    return sign_in
