"""Signing in through the platform's OAuth2, the way a browser inside WeChat does it."""

from concurrent.futures import ThreadPoolExecutor
from urllib.parse import parse_qs, urlsplit

import pytest
import sqlalchemy as sa

from backend import auth, db
from backend.app import create_app
from backend.auth import LoginSession
from backend.notify.models import Contact
from backend.places.models import Resident
from backend.places.roles import Role
from backend.wechat import accounts, contacts
from backend.wechat.login import own_path
from backend.wechat.models import Conversation
from tests.browser import add_form_token
from tests.factories import make_area, make_contact, make_officer
from tests.sandbox_client import USER_AGENT


@pytest.fixture
def visitor(session):
    """A browser inside WeChat."""
    client = create_app().test_client()
    client.environ_base["HTTP_USER_AGENT"] = USER_AGENT
    return client


@pytest.fixture
def person(weixin):
    return weixin.user("li", app_id=accounts.get("demo").app_id)


def local(url):
    """The part of an address that the test client asks for."""
    parts = urlsplit(url)
    return f"{parts.path}?{parts.query}" if parts.query else parts.path


def start(visitor, wanted="/console/", account="demo"):
    """Ask to log in; answers where WeChat is asked."""
    response = visitor.get(f"/wechat/{account}/login", query_string={"next": wanted})
    assert response.status_code == 302
    return response.location


def log_in(visitor, person, wanted="/console/"):
    return visitor.get(local(person.authorize(start(visitor, wanted))))


def test_login_leads_through_wechat_and_back_to_the_page(visitor, person, session):
    officer = make_officer(session, Role.LEADER, area=make_area(session))
    make_contact(session, openid=person.openid(), officer=officer)
    asked = visitor.get("/console/?tab=all")
    assert local(asked.location) == "/wechat/demo/login?next=/console/?tab%3Dall"
    authorize = visitor.get(local(asked.location)).location
    back = visitor.get(local(person.authorize(authorize)))
    assert (back.status_code, back.location) == (302, "/console/?tab=all")
    assert visitor.get(back.location).status_code == 200


def test_wechat_is_asked_silently_with_a_fresh_state(visitor, weixin):
    first, second = (parse_qs(urlsplit(start(visitor)).query) for _ in range(2))
    assert first["scope"] == ["snsapi_base"]
    assert first["redirect_uri"] == ["http://127.0.0.1:8000/wechat/demo/oauth"]
    assert first["state"] != second["state"]
    assert first["state"][0].isalnum()


def test_the_cookie_is_hidden_from_scripts_and_other_sites(visitor, person):
    cookies = log_in(visitor, person).headers.getlist("Set-Cookie")
    [session_cookie] = [cookie for cookie in cookies if cookie.startswith("session=")]
    assert "HttpOnly" in session_cookie
    assert "SameSite=Lax" in session_cookie
    assert "Path=/" in session_cookie


def test_the_token_is_stored_as_a_hash_alone(visitor, person, session):
    log_in(visitor, person)
    token = visitor.get_cookie(auth.COOKIE).value
    assert session.scalar(sa.select(LoginSession.token_hash)) == auth.hash_token(token)


def test_a_code_that_was_used_asks_to_try_again(visitor, person, session):
    back = local(person.authorize(start(visitor)))
    state = parse_qs(urlsplit(back).query)["state"][0]
    visitor.get(back)
    fresh = parse_qs(urlsplit(start(visitor)).query)["state"][0]
    response = visitor.get(back.replace(state, fresh))
    assert response.status_code == 400
    assert "重新进入" in response.text
    assert "/wechat/demo/login?next=/console/" in response.text


def test_a_state_of_another_browser_signs_nobody_in(visitor, person, session):
    """Else a stranger could make a resident act in the stranger's name."""
    back = local(person.authorize(start(create_app().test_client())))
    for client in (visitor, create_app().test_client()):
        if client is visitor:
            start(client)
        response = client.get(back)
        assert response.status_code == 400
        assert client.get_cookie(auth.COOKIE) is None
    assert session.scalar(sa.select(sa.func.count(LoginSession.id))) == 0


def test_a_state_of_another_account_signs_nobody_in(visitor, person):
    back = local(person.authorize(start(visitor)))
    assert visitor.get(back.replace("/demo/", "/mixed/")).status_code == 400


@pytest.mark.parametrize("answer", ["", "&code=", "&code=authdeny"])
def test_a_person_who_says_no_is_told_how_to_come_back(visitor, weixin, answer):
    state = parse_qs(urlsplit(start(visitor, "/r/cases")).query)["state"][0]
    response = visitor.get(f"/wechat/demo/oauth?state={state}{answer}")
    assert response.status_code == 400
    assert "没有得到您的同意" in response.text
    assert "/wechat/demo/login?next=/r/cases" in response.text


def test_a_platform_that_does_not_answer_is_explained(visitor, person, weixin):
    back = local(person.authorize(start(visitor)))
    weixin.faults(api=[{"path": "/sns/oauth2/access_token", "errcode": -1, "errmsg": "system error"}])
    response = visitor.get(back)
    assert response.status_code == 400
    assert "重新进入" in response.text
    assert ("微信暂时没有回应，请过一会儿再点" in response.text, "没有认出" in response.text) == (True, False)


@pytest.mark.parametrize("fault", [{"http_status": 502}, {"errcode": 40029, "errmsg": "invalid code"}])
def test_only_who_was_not_recognized_is_told_so(visitor, person, weixin, fault):
    """Behind a 502 nobody has looked at the code."""
    back = local(person.authorize(start(visitor)))
    weixin.faults(api=[{"path": "/sns/oauth2/access_token"} | fault])
    page = visitor.get(back).text
    is_away = "http_status" in fault
    said = ("微信暂时没有回应，请过一会儿再点" in page, "微信没有认出这次进入，请再点一次" in page)
    assert said == (is_away, not is_away)


def test_an_unknown_account_is_not_found(visitor):
    assert visitor.get("/wechat/nobody/login").status_code == 404


@pytest.mark.parametrize(
    ("wanted", "allowed"),
    [
        ("/r/cases/261121483920?x=1", "/r/cases/261121483920?x=1"),
        ("", "/"),
        ("https://evil.example/", "/"),
        ("//evil.example/", "/"),
        ("/\\evil.example", "/"),
        ("/\t/evil.example", "/"),
        ("javascript:alert(1)", "/"),
    ],
)
def test_login_leads_to_pages_of_ours_alone(wanted, allowed):
    assert own_path(wanted) == allowed


def test_a_link_made_by_a_stranger_cannot_lead_elsewhere(visitor, person):
    assert log_in(visitor, person, "https://evil.example/").location == "/"


def test_logging_out_revokes_the_session_itself(visitor, person, session):
    log_in(visitor, person)
    token = visitor.get_cookie(auth.COOKIE).value
    add_form_token(visitor)
    response = visitor.post("/wechat/demo/logout")
    assert response.status_code == 200
    stolen = create_app().test_client()
    stolen.set_cookie(auth.COOKIE, token)
    assert stolen.get("/console/").status_code == 302


def test_someone_new_is_met_once_with_a_resident_and_a_conversation(session):
    first = contacts.meet(session, "demo", "o1")
    assert contacts.meet(session, "demo", "o1") == first
    contact = session.get_one(Contact, first)
    assert session.get(Resident, contact.resident_id) is not None
    assert session.scalar(sa.select(sa.func.count()).where(Conversation.contact_id == first)) == 1


def test_one_person_at_two_accounts_is_one_resident_and_one_officer(session):
    officer = make_officer(session, Role.LEADER, area=make_area(session))
    known = make_contact(session, officer=officer, unionid="u1")
    other = session.get_one(Contact, contacts.meet(session, "mixed", "o2", "u1"))
    assert (other.resident_id, other.officer_id) == (known.resident_id, officer.id)
    stranger = session.get_one(Contact, contacts.meet(session, "mixed", "o3", "u2"))
    assert stranger.resident_id != known.resident_id


def test_a_unionid_that_shows_later_is_remembered(session):
    contact_id = contacts.meet(session, "demo", "o1")
    contacts.meet(session, "demo", "o1", "u1")
    assert session.get_one(Contact, contact_id).unionid == "u1"


def test_many_first_meetings_at_one_moment_make_one_contact(committed):
    def meet(number):
        with db.transaction() as session:
            return contacts.meet(session, "demo", "o1", "u1" if number % 2 else None)

    with ThreadPoolExecutor(8) as pool:
        met = set(pool.map(meet, range(16)))
    assert len(met) == 1
    for table in (Contact, Resident, Conversation):
        assert committed.scalar(sa.select(sa.func.count(table.id))) == 1


def test_one_person_seen_first_by_two_accounts_at_one_moment_is_one_resident(committed):
    def meet(account):
        with db.transaction() as session:
            return contacts.meet(session, account, f"o-{account}", "u1")

    with ThreadPoolExecutor(3) as pool:
        met = set(pool.map(meet, ["demo", "mixed", "clear"]))
    assert len(met) == 3
    assert committed.scalar(sa.select(sa.func.count(sa.distinct(Contact.resident_id)))) == 1
