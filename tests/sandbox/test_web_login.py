"""Signing in: web authorisation of service accounts, log-in of mini programs."""

import base64
import json
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from tests.sandbox.conftest import MINI_ID, MINI_SECRET, Account, Api, register, stable_token
from tests.sandbox.site import APP_ID, authorize_address, exchange
from tests.sandbox_client import Phone, Sandbox, SandboxError


def code_of(phone: Phone, **changes: str) -> str:
    """A fresh code."""
    return parse_qs(urlsplit(phone.authorize(authorize_address(phone.sandbox, **changes))).query)["code"][0]


def test_authorizing_leads_back_with_code_and_state(sandbox: Sandbox, phone: Phone) -> None:
    target = phone.authorize(authorize_address(sandbox))

    query = parse_qs(urlsplit(target).query)
    assert target.startswith("http://x.test/back?a=1&code=")
    assert query["state"] == ["abc123"]


def test_a_code_gives_the_openid_once_as_plain_text(sandbox: Sandbox, phone: Phone) -> None:
    code = code_of(phone)

    first, second = exchange(sandbox, code), exchange(sandbox, code)

    assert first.headers["Content-Type"].startswith("text/plain")
    assert first.json()["openid"] == phone.openid()
    assert first.json()["scope"] == "snsapi_base"
    assert second.json()["errcode"] == 40163
    assert second.json()["errmsg"].startswith("code been used, rid: ")


def test_a_code_lives_five_minutes(sandbox: Sandbox, phone: Phone) -> None:
    code = code_of(phone)
    sandbox.clock(301)

    assert exchange(sandbox, code).json()["errcode"] == 40029


def test_an_unknown_code_and_a_wrong_secret_are_refused(sandbox: Sandbox, phone: Phone) -> None:
    assert exchange(sandbox, "0nothing").json()["errcode"] == 40029
    assert exchange(sandbox, code_of(phone), secret="x").json()["errcode"] == 40125
    assert exchange(sandbox, "").json()["errcode"] == 41008


def test_only_snsapi_userinfo_tells_the_name(sandbox: Sandbox, phone: Phone) -> None:
    base = exchange(sandbox, code_of(phone)).json()
    more = exchange(sandbox, code_of(phone, scope="snsapi_userinfo")).json()

    answers = [
        requests.get(
            f"{sandbox.url}/sns/userinfo",
            params={"access_token": one["access_token"], "openid": one["openid"]},
            timeout=5,
        )
        for one in (base, more)
    ]

    assert answers[0].json()["errcode"] == 48001
    # text/plain without a charset, as on the real platform: who decodes it by the book gets Latin-1.
    assert json.loads(answers[1].content)["nickname"] == "李阿姨"


def test_a_web_token_is_refreshed_and_checked(sandbox: Sandbox, phone: Phone) -> None:
    first = exchange(sandbox, code_of(phone)).json()
    query = {"appid": APP_ID, "grant_type": "refresh_token", "refresh_token": first["refresh_token"]}

    second = requests.get(f"{sandbox.url}/sns/oauth2/refresh_token", params=query, timeout=5).json()
    checked = requests.get(
        f"{sandbox.url}/sns/auth",
        params={"access_token": second["access_token"], "openid": phone.openid()},
        timeout=5,
    ).json()

    assert second["openid"] == phone.openid()
    assert checked["errcode"] == 0


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"appid": "wx0"}, "appid"),
        ({"scope": "snsapi_all"}, "Scope"),
        ({"response_type": "token"}, "response_type"),
        ({"state": "a-b"}, "state"),
        ({"state": "a" * 129}, "state"),
        ({"redirect_uri": "ftp://x"}, "redirect_uri"),
    ],
)
def test_a_wrong_authorize_address_is_refused(
    sandbox: Sandbox, phone: Phone, changes: dict[str, str], sentence: str
) -> None:
    with pytest.raises(SandboxError, match=sentence):
        phone.authorize(authorize_address(sandbox, **changes))


def test_parameters_in_another_order_and_a_missing_fragment_are_refused(
    sandbox: Sandbox, phone: Phone
) -> None:
    swapped = authorize_address(sandbox).replace(f"appid={APP_ID}&", "").replace("#", f"&appid={APP_ID}#")

    with pytest.raises(SandboxError, match="参数顺序"):
        phone.authorize(swapped)
    with pytest.raises(SandboxError, match="wechat_redirect"):
        phone.authorize(authorize_address(sandbox).partition("#")[0])


def test_a_foreign_domain_is_refused_when_domains_are_registered(
    sandbox: Sandbox, account: Account, phone: Phone
) -> None:
    register(sandbox, account, web_domains=["cases.test"])

    with pytest.raises(SandboxError, match="10003"):
        phone.authorize(authorize_address(sandbox))


def test_outside_wechat_there_is_no_authorization(sandbox: Sandbox) -> None:
    answer = requests.get(authorize_address(sandbox), timeout=5)

    assert answer.status_code == 403
    assert answer.text == "请在微信客户端打开链接"


@pytest.fixture
def mini(sandbox: Sandbox) -> Phone:
    """The phone of a person in a mini program of the same Open Platform account."""
    sandbox.app(
        app_id=MINI_ID, app_secret=MINI_SECRET, kind="mini_program", name="小程序", original_id="gh_mini",
        open_platform="city",
        templates=[{"template_id": "M1", "title": "办理进度", "keywords": {"thing1": "事项"}}],
    )  # fmt: skip
    return sandbox.user("resident-1", "李阿姨", "居民", MINI_ID)


def log_in(sandbox: Sandbox, code: str) -> requests.Response:
    """The answer of /sns/jscode2session."""
    query = {
        "appid": MINI_ID, "secret": MINI_SECRET, "js_code": code, "grant_type": "authorization_code",
    }  # fmt: skip
    return requests.get(f"{sandbox.url}/sns/jscode2session", params=query, timeout=5)


def test_a_login_code_gives_openid_and_session_key_once(sandbox: Sandbox, mini: Phone) -> None:
    code = mini.js_code()

    first, second = log_in(sandbox, code), log_in(sandbox, code)

    assert first.headers["Content-Type"].startswith("text/plain")
    assert first.json()["openid"] == mini.openid()
    assert len(base64.b64decode(first.json()["session_key"])) == 16
    assert len(first.json()["unionid"]) == 28
    assert second.json()["errcode"] == 40163


def test_a_web_code_is_no_login_code(sandbox: Sandbox, phone: Phone, mini: Phone) -> None:
    assert log_in(sandbox, code_of(phone)).json()["errcode"] == 40029


def test_account_and_mini_program_know_one_person_by_the_same_unionid(
    sandbox: Sandbox, account: Account, phone: Phone, mini: Phone
) -> None:
    register(sandbox, account, open_platform="city")

    web = exchange(sandbox, code_of(phone)).json()
    program = log_in(sandbox, mini.js_code()).json()

    assert web["unionid"] == program["unionid"]
    assert web["openid"] != program["openid"]


def test_a_phone_number_is_told_once(sandbox: Sandbox, mini: Phone) -> None:
    api = Api(sandbox, stable_token(sandbox, MINI_ID, MINI_SECRET)["access_token"])
    code = mini.phone_code()

    first = api.post("/wxa/business/getuserphonenumber", {"code": code})
    second = api.post("/wxa/business/getuserphonenumber", {"code": code})

    assert first["phone_info"]["purePhoneNumber"].startswith("1990000")
    assert second["errcode"] == 40163


def test_one_acceptance_is_one_subscription_message(sandbox: Sandbox, mini: Phone) -> None:
    api = Api(sandbox, stable_token(sandbox, MINI_ID, MINI_SECRET)["access_token"])
    body: dict[str, Any] = {
        "touser": mini.openid(), "template_id": "M1", "data": {"thing1": {"value": "楼道灯"}},
        "page": "pages/case",
    }  # fmt: skip
    path = "/cgi-bin/message/subscribe/send"

    before = api.post(path, body)["errcode"]
    mini.subscribe_message(["M1"])
    after = [api.post(path, body)["errcode"] for _ in range(2)]
    mini.subscribe_message(["M1"], accept=False)

    assert (before, after) == (43101, [0, 43101])
    assert api.post(path, body)["errcode"] == 43101
    assert mini.tap(mini.inbox()[-1])["mini_program"]["page"] == "pages/case"


def test_a_service_account_sends_subscription_messages_to_non_followers(
    sandbox: Sandbox, account: Account, phone: Phone, api: Api
) -> None:
    phone.subscribe_message(["N1"])
    phone.unfollow()
    data = {"phrase1": {"value": "已办结"}}
    body = {"touser": phone.openid(), "template_id": "N1", "data": data, "page": "http://x.test/1"}

    answer = api.post("/cgi-bin/message/subscribe/bizsend", body)

    assert answer["errcode"] == 0
    assert phone.tap(phone.inbox()[-1]) == {"open": "http://x.test/1"}
    popup = next(one for one in sandbox.pushes() if one["fields"]["Event"] == "subscribe_msg_popup_event")
    assert popup["fields"]["SubscribeMsgPopupEvent"]["List"][0]["SubscribeStatusString"] == "accept"


def test_the_client_opens_a_page_signed_in(sandbox: Sandbox, phone: Phone, site: str) -> None:
    page = phone.open(f"{site}/mine")

    assert page.text == f"我是 {phone.openid()}"
