"""Photos are made ready before the case is locked: in the pages of officers and residents, and in the API."""

import io
from concurrent.futures import ThreadPoolExecutor
from time import monotonic, sleep

import pytest
import sqlalchemy as sa

from backend import auth
from backend.app import create_app
from backend.cases.models import Attachment
from backend.places.models import Area
from backend.places.roles import Role
from backend.wechat import accounts
from tests.browser import add_form_token
from tests.cases.pictures import files, jpeg
from tests.factories import make_case, make_community, make_contact, make_officer, make_resident


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
    client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {token}"  # for the API, which takes no cookie
    return client


@pytest.fixture
def contact(committed, case):
    """Someone whose case it is, and who is an officer of the place, too."""
    community = committed.get_one(Area, case.place_id)
    officer = make_officer(committed, Role.INFORMATION_OFFICER, area=community)
    contact = make_contact(committed, officer=officer)
    case.resident_id = contact.resident_id
    return contact


@pytest.mark.parametrize(
    ("address", "field"),
    [
        ("/console/cases/{}/add", "photos"),
        ("/r/cases/{}/add", "photos"),
        ("/api/v1/cases/{}/photos", "photo"),
    ],
)
def test_a_photo_is_made_ready_while_somebody_else_has_the_case(
    engine, committed, case, contact, address, field
):
    client, kept = client_of(committed, contact), files()
    form = {field: (io.BytesIO(jpeg(89 + len(address), 61)), "a.jpg")}
    with ThreadPoolExecutor() as pool:
        with engine.begin() as another:
            another.execute(sa.text("SELECT id FROM cases FOR UPDATE"))
            answer = pool.submit(client.post, address.format(case.number), data=form)
            until = monotonic() + 8  # seconds: before the request gives up waiting for the case
            while files() == kept and monotonic() < until:
                sleep(0.02)
            assert len(files() - kept) == 1
            assert not answer.done()
        assert answer.result().status_code in {201, 303}
    assert committed.query(Attachment).count() == 1
