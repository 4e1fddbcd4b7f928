"""Browsers that ask to be let in by a scan, and the phone of an officer who scans."""

import re

import pytest
import sqlalchemy as sa

from backend import auth
from backend.auth import LoginTicket
from backend.broker import redis_client
from tests.browser import add_form_token

CHROME = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/122.0.0.0 Safari/537.36"
WEIXIN = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) MicroMessenger/8.0.50"
HTMX = {"HX-Request": "true"}


class Desk:
    """A browser that asks to be let in."""

    def __init__(self, app, wanted="/console/?tab=all"):
        self.client = app.test_client()
        self.client.environ_base["HTTP_USER_AGENT"] = CHROME
        add_form_token(self.client)
        self.page = self.client.get("/console/login", query_string={"next": wanted})
        self.token = re.search(r"/console/login/([^/]+)/state", self.page.text)[1]
        self.path = f"/console/login/{self.token}"
        self.number = re.search(r"核对数字 <strong[^>]*>(\d{4})<", self.page.text)[1]

    def poll(self, seen="waiting"):
        query = {"seen": seen, "next": "/console/?tab=all"}
        return self.client.get(f"{self.path}/state", query_string=query, headers=HTMX)

    def enter(self):
        return self.client.post(f"{self.path}/enter", data={"next": "/console/?tab=all"}, headers=HTMX)


@pytest.fixture
def desk(app, session):
    redis_client().flushall()
    return Desk(app)


@pytest.fixture
def phone(place, as_officer):
    """The phone of 李梅."""
    client = as_officer(place.desk)
    client.environ_base["HTTP_USER_AGENT"] = WEIXIN
    return client


def ticket_of(session, desk):
    wanted = LoginTicket.token_hash == auth.hash_token(desk.token)
    return session.scalar(sa.select(LoginTicket).where(wanted).execution_options(populate_existing=True))
