"""The mini program logs in with the code that WeChat gives it."""

import pytest
import sqlalchemy as sa

from backend.notify.models import Contact
from backend.wechat import accounts, client, contacts
from tests.factories import make_community
from tests.weixin import platform, weixin

__all__ = ["platform", "weixin"]


@pytest.fixture
def phone(session, weixin):
    """Somebody's phone with the mini program of `demo`."""
    make_community(session)
    return weixin.user("li", app_id=accounts.get("demo").mini_program.app_id)


@pytest.fixture
def login(app, session):
    def post(**body):
        response = app.test_client().post("/api/v1/login", json=body)
        return response.status_code, response.get_json()

    return post


def test_a_code_opens_a_session_of_the_persons_own(app, session, phone, login):
    status, answer = login(code=phone.js_code())
    contact = session.scalars(sa.select(Contact)).one()
    headers = {"Authorization": f"Bearer {answer['token']}"}
    assert status == 200
    assert (contact.account, contact.openid) == ("demo:mini", phone.openid())
    assert answer["expires_at"].endswith("+08:00")
    assert app.test_client().get("/api/v1/cases", headers=headers).get_json() == {"cases": [], "next": None}


def test_the_account_can_be_named(phone, login):
    assert login(code=phone.js_code(), account="demo")[0] == 200
    assert login(code=phone.js_code(), account="mixed")[0] == 404
    assert login(code=phone.js_code(), account="nowhere")[0] == 404


def test_to_log_in_again_is_to_be_the_same_person(session, phone, login):
    first, second = login(code=phone.js_code()), login(code=phone.js_code())
    assert first[1]["token"] != second[1]["token"]
    assert session.scalar(sa.select(sa.func.count(Contact.id))) == 1


def test_whoever_writes_in_chat_finds_their_cases_in_the_mini_program(session, phone, login):
    """Account and mini program belong together at WeChat, so the unionid is the same."""
    account = accounts.get("demo")
    phone.follow(account.app_id)
    unionid = client.user_unionid(account, phone.openid(account.app_id))
    in_chat = contacts.meet(session, "demo", phone.openid(account.app_id), unionid)
    session.commit()
    login(code=phone.js_code())
    people = session.scalars(sa.select(Contact.resident_id)).all()
    assert len(people) == 2
    assert set(people) == {session.get(Contact, in_chat).resident_id}


@pytest.mark.parametrize("body", [{"code": "made-up"}, {"code": "x" * 128}])
def test_a_code_that_wechat_does_not_know_is_refused(phone, login, body):
    status, answer = login(**body)
    assert (status, answer["error"]) == (401, "login_needed")
    assert "微信没有认出" in answer["message"]


def test_a_code_is_good_once(phone, login):
    code = phone.js_code()
    assert login(code=code)[0] == 200
    assert login(code=code)[0] == 401


def test_when_wechat_is_away_it_says_so(weixin, phone, login):
    code = phone.js_code()
    weixin.faults(api=[{"path": "/sns/jscode2session", "errcode": -1}])
    status, answer = login(code=code)
    assert (status, answer["error"]) == (503, "wechat")


@pytest.mark.parametrize("body", [{}, {"code": ""}, {"code": 1}, {"code": "x", "openid": "o1"}])
def test_bad_input_is_refused(phone, login, body):
    assert login(**body)[0] == 422
