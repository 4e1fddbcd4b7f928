"""WeChat's own button on the pages: signed for their address, allowed with a tap, and missed by nobody."""

import hashlib
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests
import sqlalchemy as sa
from playwright.sync_api import expect

from backend import auth
from backend.app import create_app
from backend.cases.survey_models import Survey, SurveyState
from backend.cases.workflow import Status
from backend.config import config
from backend.notify.messages import Message
from backend.notify.models import Grant
from backend.resident.subscribing import templates_of
from backend.times import now
from backend.web.protection import HEADERS
from backend.wechat import accounts, jssdk, tokens
from backend.wechat.accounts import Template
from backend.wechat.models import Conversation
from tests.browser import add_form_token, is_cut
from tests.factories import make_case, make_community
from tests.settings import set_to
from tests.weixin import follower, platform, register, weixin

__all__ = ["platform", "weixin"]
WEIXIN = {"User-Agent": "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) MicroMessenger/8.0.50"}
TICKETS = "/cgi-bin/ticket/getticket"
NOTICES = {
    Message.CASE_ACCEPTED: Template("N1" * 10, {"status": "phrase3"}),
    Message.CASE_RESOLVED: Template("N2" * 10, {"status": "phrase3"}),
    Message.SURVEY_INVITED: Template("N2" * 10, {"status": "phrase3"}),
}


@pytest.fixture
def session(committed):
    return committed


@pytest.fixture
def account(session, weixin):
    """The account `demo`, whose notices can be allowed."""
    account = accounts.get("demo")
    object.__setattr__(account, "notices", NOTICES)
    register(weixin, account)
    yield account
    accounts.reset()


@pytest.fixture
def survey(session, weixin):
    """Somebody with a phone, asked about a closed case of theirs: (phone, path of the page)."""
    phone, contact = follower(session, weixin, "li")
    session.add(Conversation(contact_id=contact.id))
    case = make_case(session, make_community(session), resident_id=contact.resident_id, status=Status.CLOSED)
    survey = Survey(
        case_id=case.id, round=1, resident_id=contact.resident_id, state=SurveyState.SENT, sent_at=now()
    )
    session.add(survey)
    session.commit()
    return phone, f"/r/surveys/{auth.sign('survey', survey.id)}?account=demo"


@pytest.fixture
def client(session):
    client = create_app().test_client()
    add_form_token(client)
    return client


def test_a_tap_in_wechat_allows_the_notices(session, weixin, account, survey, site, chromium):
    phone, path = survey
    object.__setattr__(account, "token", "tokenOfTheTests0123")
    sealed = {"token": account.token, "aes_key": account.aes_key, "mode": account.mode}
    register(weixin, account, callback_url=f"{site}/wechat/demo", **sealed)
    context = chromium.new_context(viewport={"width": 375, "height": 812}, locale="zh-CN")
    with set_to(public_url=site):
        page = context.new_page()
        page.goto(phone.webview(f"{site}{path}"))
        page.get_by_role("button", name="有进展提醒我").click()
        expect(page.get_by_text("好了，有进展会在微信里告诉您")).to_be_visible()
        assert not is_cut(page)
    context.close()
    found = session.execute(sa.select(Grant.template_id, Grant.left).order_by(Grant.template_id)).all()
    assert [tuple(row) for row in found] == [("N1" * 10, 1), ("N2" * 10, 1)]


def test_a_page_whose_address_is_not_the_signed_one_is_whole_without_the_button(
    weixin, account, survey, site, chromium
):
    phone, path = survey
    context = chromium.new_context(viewport={"width": 375, "height": 812}, locale="zh-CN")
    with set_to(public_url="https://elsewhere.example"):
        page = context.new_page()
        refused = []
        page.on("response", lambda answer: answer.status == 403 and refused.append(answer.text()))
        page.goto(phone.webview(f"{site}{path}"))
        page.wait_for_load_state("networkidle")
        expect(page.get_by_role("button", name="提交评价")).to_be_visible()
        expect(page.locator("#subscribing")).to_be_hidden()
        assert refused == ["config:fail,invalid signature"]
    context.close()


def test_the_signature_is_that_of_the_document(client, account, weixin):
    answer = client.get("/r/subscribing", query_string={"account": "demo", "page": "/r/cases/1?account=demo"})
    told = answer.json["config"]
    token = {"access_token": tokens.get(account), "type": "jsapi"}
    ticket = requests.get(f"{weixin.url}{TICKETS}", params=token, timeout=5).json()["ticket"]
    said = (
        f"jsapi_ticket={ticket}&noncestr={told['nonceStr']}&timestamp={told['timestamp']}"
        f"&url={config.public_url}/r/cases/1?account=demo"
    )
    assert told["signature"] == hashlib.sha1(said.encode(), usedforsecurity=False).hexdigest()
    assert answer.json["templates"] == ["N2" * 10, "N1" * 10]  # first what wants an answer, each once


def test_all_processes_share_one_ticket(account, weixin):
    with ThreadPoolExecutor(8) as pool:
        signed = list(pool.map(lambda n: jssdk.sign(account, f"http://x.example/{n}"), range(16)))
    assert len({one["signature"] for one in signed}) == 16
    assert len(weixin.calls(TICKETS)) == 1


def test_while_wechat_is_away_there_is_no_button_and_the_page_is_whole(client, account, weixin, survey):
    _, path = survey
    weixin.control("PUT", "/outage", {"is_on": True})
    page = client.get(path, headers=WEIXIN)
    assert (page.status_code, "提交评价" in page.text) == (200, True)
    asked = client.get("/r/subscribing", query_string={"account": "demo", "page": path})
    assert (asked.status_code, asked.text) == (204, "")


def test_only_pages_in_wechat_of_an_account_with_notices_let_its_script_in(client, account, survey):
    _, path = survey
    inside = client.get(path, headers=WEIXIN)
    assert 'id="subscribing" hidden' in inside.text
    assert "script-src 'self' https://res.wx.qq.com" in inside.headers["Content-Security-Policy"]
    usual = HEADERS["Content-Security-Policy"]
    work = {"User-Agent": WEIXIN["User-Agent"] + " wxwork/4.1"}
    for headers, address in ((work, path), ({}, path), (WEIXIN, path.replace("demo", "mixed"))):
        page = client.get(address, headers=headers)
        assert "subscribing" not in page.text
        assert page.headers["Content-Security-Policy"] == usual


def test_a_case_page_asks_for_the_account_that_the_person_is_signed_in_by(session, client, account, weixin):
    _, contact = follower(session, weixin, "li")
    case = make_case(session, make_community(session), resident_id=contact.resident_id)
    token, _ = auth.start_session(session, contact.id)
    session.commit()
    client.set_cookie(auth.COOKIE, token)
    page = client.get(f"/r/cases/{case.number}", headers=WEIXIN).text
    assert 'data-ask="/r/subscribing?account=demo"' in page


@pytest.mark.parametrize("page", ["", "/console/", "https://elsewhere.example/r/", "/r/x#y", "/r/ ", "//r/x"])
def test_nothing_but_a_page_of_residents_is_signed(client, account, page):
    asked = client.get("/r/subscribing", query_string={"account": "demo", "page": page})
    assert asked.status_code == 204


def test_what_lasts_is_asked_for_alone(account):
    lasting = NOTICES | {Message.CASE_CLOSED: Template("L1" * 10, {"status": "phrase3"}, lasting=True)}
    object.__setattr__(account, "notices", lasting)
    assert templates_of(account) == ["L1" * 10]
