"""What the tests of leaving start from: who leaves, and who comes after."""

import pytest

from backend.places.roles import Role
from backend.places.scope import posts_of
from tests.factories import make_officer


@pytest.fixture
def officer(session, town):
    return make_officer(session, Role.INFORMATION_OFFICER, area=town.community, name="周晓岚")


@pytest.fixture
def successor(session, town):
    return make_officer(session, Role.SECRETARY, area=town.community, name="方静怡")


def only_post(session, officer):
    [post] = posts_of(session, officer.id)
    return post
