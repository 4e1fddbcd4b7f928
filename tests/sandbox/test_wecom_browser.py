"""WeCom's cards and text messages on the simulated phones, used by hand in a real Chromium."""

import json
from collections.abc import Iterator

import pytest
import requests
from playwright.sync_api import Browser, Page, expect

from tests.sandbox.conftest import AES_KEY, TOKEN
from tests.sandbox_client import Phone, Sandbox

pytestmark = pytest.mark.browser
CORP, SECRET = "ww0123456789abcdef", "b" * 43
CARD = {
    "card_type": "button_interaction",
    "main_title": {"title": "待签收"},
    "sub_title_text": "玉兰苑东门的路灯不亮了，晚上走路看不清",
    "horizontal_content_list": [{"keyname": "编号", "value": "261121483920"}],
    "card_action": {"type": 1, "url": "http://127.0.0.1:9/c"},
    "task_id": "1-1",
    "button_list": [{"text": "签收", "style": 1, "key": "acknowledge:261121483920"}],
}


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:
    """A tab in which any error of a script fails the test."""
    page, errors = chromium.new_page(viewport={"width": 1440, "height": 900}), []
    page.on("pageerror", lambda error: errors.append(error))
    yield page
    page.close()
    assert errors == []


def test_a_card_is_answered_and_a_text_message_read(sandbox: Sandbox, phone: Phone, page: Page) -> None:
    app = {"app_id": CORP, "agent_id": 7, "app_secret": SECRET, "kind": "work_app", "name": "企业微信"}
    sandbox.app(original_id=CORP, token=TOKEN, aes_key=AES_KEY, callback_url="http://127.0.0.1:9/", **app)
    sandbox.control("POST", f"/users/{phone.user_id}/join", {"app_id": CORP})
    there = {"corpid": CORP, "corpsecret": SECRET}
    token = requests.get(f"{sandbox.url}/cgi-bin/gettoken", params=there, timeout=5).json()["access_token"]
    body = {"touser": phone.key, "agentid": 7, "msgtype": "template_card", "template_card": CARD}
    url = f"{sandbox.url}/cgi-bin/message/send"
    sent = requests.post(url, params={"access_token": token}, json=body, timeout=5).json()
    assert sent["errcode"] == 0, json.dumps(sent, ensure_ascii=False)
    sms = {"sdk_app_id": "1400000000", "sign": "测试", "secret_id": "x", "secret_key": "y", "templates": {}}
    sandbox.control("PUT", "/sms", sms)

    page.goto(sandbox.url)
    mine = page.locator(".phone").first
    mine.get_by_label("公众号").select_option(label="企业微信")
    button = mine.get_by_role("button", name="签收")
    expect(button).to_be_visible()
    expect(mine.locator(".input")).to_be_hidden()
    button.click()
    update = {"agentid": 7, "response_code": sent["response_code"], "button": {"replace_name": "已签收"}}
    url = f"{sandbox.url}/cgi-bin/message/update_template_card"
    assert requests.post(url, params={"access_token": token}, json=update, timeout=5).json()["errcode"] == 0
    expect(mine.get_by_role("button", name="已签收")).to_be_disabled()

    mine.get_by_label("公众号").select_option(label="短信")
    mine.get_by_label("消息").fill("T")
    mine.get_by_role("button", name="发送").click()
    expect(mine.locator(".line-of.user")).to_contain_text("T")
