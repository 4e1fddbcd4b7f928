"""Photos of a form are looked at while nobody waits for the case."""

import io

import pytest
import sqlalchemy as sa

from backend import auth
from backend.app import create_app
from backend.cases import content
from backend.cases.models import Attachment
from backend.places.models import Area
from backend.places.roles import Role
from backend.wechat import accounts
from tests.browser import add_form_token
from tests.cases.pictures import jpeg
from tests.factories import make_case, make_community, make_contact, make_officer, make_resident


class Watch:
    """Stands where only one photo is decoded at a time, and looks whether the case's row could be locked."""

    def __init__(self, engine):
        self.engine, self.free = engine, 0

    def __enter__(self):
        with self.engine.begin() as connection:
            rows = connection.execute(sa.text("SELECT id FROM cases FOR UPDATE SKIP LOCKED")).all()
            self.free = len(rows)

    def __exit__(self, *_raised):
        pass


@pytest.fixture
def case(committed):
    accounts.reset()
    community = make_community(committed)
    return make_case(committed, community, resident_id=make_resident(committed).id)


def client_of(session, contact):
    client = create_app().test_client()
    add_form_token(client)
    token, _ = auth.start_session(session, contact.id)
    session.commit()
    client.set_cookie(auth.COOKIE, token)
    return client


@pytest.mark.parametrize("cases", ["/console/cases", "/r/cases"])
def test_others_can_have_the_case_while_a_photo_is_decoded(engine, committed, case, monkeypatch, cases):
    contact = make_contact(committed)
    if cases.startswith("/console"):
        community = committed.get_one(Area, case.place_id)
        officer = make_officer(committed, Role.INFORMATION_OFFICER, area=community)
        contact = make_contact(committed, officer=officer)
    case.resident_id = contact.resident_id
    client = client_of(committed, contact)
    watch = Watch(engine)
    monkeypatch.setattr(content, "_decoding", watch)
    form = {"photos": (io.BytesIO(jpeg()), "a.jpg")}
    assert client.post(f"{cases}/{case.number}/add", data=form).status_code == 303
    assert watch.free == 1
    assert committed.query(Attachment).count() == 1
