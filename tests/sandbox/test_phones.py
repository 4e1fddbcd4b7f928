"""The page with the phones, used by hand in a real Chromium."""

import base64
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from playwright.sync_api import Browser, Locator, Page, expect

from tests.sandbox.conftest import TEMPLATES, Account, Api, register
from tests.sandbox.test_templates import send
from tests.sandbox_client import Phone, Sandbox
from wechat_sandbox.chats import FAULT_NOTICE
from wechat_sandbox.drawing import as_bytes, draw_code

pytestmark = pytest.mark.browser


PASTE = """(input, picture) => {
  const bytes = Uint8Array.from(atob(picture), (one) => one.charCodeAt(0));
  const clipboardData = new DataTransfer();
  clipboardData.items.add(new File([bytes], "screen.png", { type: "image/png" }));
  input.dispatchEvent(new ClipboardEvent("paste", { clipboardData, bubbles: true }));
}"""


def scan_text(phone: Locator, text: str) -> None:
    """Paste a code's text into the phone's 扫一扫."""
    phone.locator(".bar .scan").first.click()
    phone.get_by_label("码里的网址或文字").fill(text)
    phone.get_by_role("button", name="打开").click()


@pytest.fixture(scope="module")
def desk(chromium: Browser) -> Iterator[Page]:
    """One tab for all tests: each opens the page in it anew."""
    page = chromium.new_page()
    yield page
    page.close()


@pytest.fixture
def page(desk: Page, sandbox: Sandbox, phone: Phone, api: Api) -> Iterator[Page]:
    """The page on a desk, in a browser that remembers nothing; any error of its scripts fails the test."""
    officer = sandbox.user("officer-1", "赵书记", "社区书记 · 玉兰社区", phone.app_id)
    officer.follow()
    errors: list[Any] = []

    def note(error: Any) -> None:
        errors.append(error)

    desk.on("pageerror", note)
    desk.set_viewport_size({"width": 1440, "height": 900})
    desk.goto(sandbox.url)
    expect(desk.locator(".phone")).to_have_count(2)
    expect(desk.locator(".input").first).to_be_visible()
    yield desk
    desk.evaluate("localStorage.clear()")
    desk.context.clear_cookies()
    desk.goto("about:blank")
    desk.remove_listener("pageerror", note)
    assert errors == []


@pytest.fixture
def left(page: Page) -> Locator:
    """The first phone: the resident's."""
    return page.locator(".desk").nth(0)


@pytest.fixture
def right(page: Page) -> Locator:
    """The second phone: the secretary's."""
    return page.locator(".desk").nth(1)


def test_people_are_grouped_by_role_and_the_first_phone_is_a_residents(left: Locator, right: Locator) -> None:
    assert left.locator(".user optgroup").evaluate_all("all => all.map(one => one.label)") == [
        "居民",
        "社区书记",
    ]
    assert left.locator(".user option:checked").inner_text() == "李阿姨"
    assert right.locator(".user option:checked").inner_text() == "赵书记 · 玉兰社区"


def test_a_text_and_its_reply_become_bubbles(account: Account, left: Locator) -> None:
    account.answer = lambda message: '第一行\n进度：<a href="http://x.test/">点这里</a>'

    left.locator("textarea").fill("楼道灯坏了")
    left.get_by_role("button", name="发送").click()

    expect(left.locator(".user .bubble")).to_have_text("楼道灯坏了")
    expect(left.locator(".account .bubble")).to_have_text("第一行\n进度：点这里")
    expect(left.locator(".account .bubble a")).to_have_attribute("href", "http://x.test/")


def test_text_is_never_taken_for_html(account: Account, left: Locator) -> None:
    account.answer = lambda message: "<img src=x onerror=alert(1)>"

    left.locator("textarea").fill("<b>粗</b>")
    left.locator("textarea").press("Enter")

    expect(left.locator(".user .bubble")).to_have_text("<b>粗</b>")
    expect(left.locator(".account .bubble")).to_have_text("<img src=x onerror=alert(1)>")


def test_addresses_in_a_text_are_links_and_what_follows_them_is_not(account: Account, left: Locator) -> None:
    account.answer = lambda message: (
        "看http://x.test/a?b=1&c=%E4谢谢（https://y.test/#d）。再看 http://z.test/e. "
        'javascript:alert(1) <a href="javascript:alert(2)">点</a> http://w.test/<img src=x onerror=alert(3)>'
    )

    left.locator("textarea").fill("您好")
    left.locator("textarea").press("Enter")

    expect(left.locator(".account .bubble a")).to_have_text(
        ["http://x.test/a?b=1&c=%E4", "https://y.test/#d", "http://z.test/e", "http://w.test/"]
    )
    expect(left.locator(".account .bubble")).to_contain_text('<a href="javascript:alert(2)">点</a>')
    expect(left.locator(".account .bubble")).to_contain_text("<img src=x onerror=alert(3)>")


def test_the_fault_notice_stands_in_the_middle(account: Account, left: Locator) -> None:
    account.answer = lambda message: b"broken"

    left.locator("textarea").fill("您好")
    left.locator("textarea").press("Enter")

    expect(left.locator(".notice")).to_have_text(FAULT_NOTICE)


def test_pictures_voice_and_places_are_sent(account: Account, left: Locator) -> None:
    left.locator(".input .more").click()
    left.get_by_role("button", name="拍一张").click()
    expect(left.locator("img.picture")).to_be_visible()

    left.locator(".tools .voice").click()
    left.get_by_label("识别出来的文字").fill("就在二楼")
    left.get_by_role("button", name="发送语音").click()
    expect(left.locator(".recognised")).to_have_text("就在二楼")

    left.locator(".input .more").click()
    left.get_by_role("button", name="位置", exact=True).click()
    left.get_by_role("button", name="玉兰苑东门（公交站）").click()
    left.get_by_role("button", name="发送位置").click()
    expect(left.locator(".card.location b")).to_have_text("玉兰苑东门（公交站）")

    assert [message.type for message in account.received if message.type != "event"] == [
        "image",
        "voice",
        "location",
    ]


def test_a_card_opens_its_page_signed_in_on_the_phone(
    phone: Phone, api: Api, site: str, page: Page, left: Locator
) -> None:
    send(api, phone, url=f"{site}/mine")

    expect(left.locator(".card.template h3")).to_have_text(str(TEMPLATES[0]["title"]))
    left.get_by_role("button", name="查看详情").click()

    inside = page.frame_locator("iframe").nth(0)
    expect(inside.locator("body")).to_have_text(f"我是 {phone.openid()}")
    left.get_by_role("button", name="返回").click()
    expect(left.locator(".webview")).to_be_hidden()


def test_two_phones_open_one_page_as_two_people(
    sandbox: Sandbox, phone: Phone, api: Api, site: str, page: Page, left: Locator, right: Locator
) -> None:
    officer = sandbox.user("officer-1", "赵书记", "社区书记 · 玉兰社区", phone.app_id)
    for one in (phone, officer):
        send(api, one, url=f"{site}/mine")

    for side in (left, right):
        side.get_by_role("button", name="查看详情").click()

    for number, one in enumerate((phone, officer)):
        inside = page.frame_locator("iframe").nth(number)
        expect(inside.locator("body")).to_have_text(f"我是 {one.openid()}")


def test_a_line_of_a_menu_message_is_tapped(account: Account, phone: Phone, api: Api, left: Locator) -> None:
    menu = {"head_content": "解决了吗？", "list": [{"id": "s1", "content": "解决了"}], "tail_content": ""}
    body = {"touser": phone.openid(), "msgtype": "msgmenu", "msgmenu": menu}
    assert api.post("/cgi-bin/message/custom/send", body)["errcode"] == 0

    left.get_by_role("button", name="解决了").click()

    expect(left.locator(".user .bubble")).to_have_text("解决了")
    assert account.texts() == ["解决了"]


def test_an_address_below_a_menu_message_opens_in_the_phone(
    phone: Phone, api: Api, site: str, page: Page, left: Locator
) -> None:
    tail = f"也可以打开网页：\n{site}/mine"
    menu = {"head_content": "解决了吗？", "list": [{"id": "s1", "content": "解决了"}], "tail_content": tail}
    body = {"touser": phone.openid(), "msgtype": "msgmenu", "msgmenu": menu}
    assert api.post("/cgi-bin/message/custom/send", body)["errcode"] == 0

    left.get_by_role("link", name=f"{site}/mine").click()

    inside = page.frame_locator("iframe").nth(0)
    expect(inside.locator("body")).to_have_text(f"我是 {phone.openid()}")


def test_a_stranger_scans_a_code_from_the_list_and_follows(
    account: Account, phone: Phone, api: Api, page: Page, left: Locator
) -> None:
    body = {"action_name": "QR_LIMIT_STR_SCENE", "action_info": {"scene": {"scene_str": "place-7"}}}
    api.post("/cgi-bin/qrcode/create", body)
    account.answer = lambda message: "您在幸福花园"
    page.clock.install()  # the page looks for such changes every five seconds, by this clock
    page.reload()
    expect(left.locator(".input")).to_be_visible()
    phone.unfollow()

    page.clock.fast_forward(5000)
    expect(left.locator(".stranger")).to_be_visible()
    left.locator(".stranger .scan").click()
    left.get_by_role("button", name="测试号 place-7").click()

    expect(left.locator(".account .bubble")).to_have_text("您在幸福花园")
    expect(left.locator(".input")).to_be_visible()
    assert account.received[-1].scene_id == "place-7"


def test_a_code_is_scanned_from_a_picture(
    sandbox: Sandbox, account: Account, phone: Phone, api: Api, left: Locator, tmp_path: Path
) -> None:
    body = {"action_name": "QR_LIMIT_STR_SCENE", "action_info": {"scene": {"scene_str": "place-9"}}}
    ticket = api.post("/cgi-bin/qrcode/create", body)["ticket"]
    poster = tmp_path / "poster.jpg"
    url = f"{sandbox.url}/cgi-bin/showqrcode"
    poster.write_bytes(requests.get(url, params={"ticket": ticket}, timeout=5).content)
    account.answer = lambda message: f"场景 {message.scene_id}"

    left.locator(".bar .scan").first.click()
    left.locator(".sheet input[type=file]").set_input_files(poster)

    expect(left.locator(".account .bubble")).to_have_text("场景 place-9")


def test_a_picture_without_a_code_is_said_in_chinese(left: Locator, tmp_path: Path) -> None:
    poster = tmp_path / "poster.png"
    poster.write_bytes(b"no picture")

    left.locator(".bar .scan").first.click()
    left.locator(".sheet input[type=file]").set_input_files(poster)

    expect(left.locator(".toast")).to_be_visible()
    assert not re.search("[A-Za-z]", left.locator(".toast").inner_text())


def test_a_pasted_address_opens_signed_in_and_any_other_text_is_shown(
    page: Page, left: Locator, phone: Phone, site: str
) -> None:
    page.set_viewport_size({"width": 375, "height": 812})
    scan_text(left, "WIFI:S:guest;;")
    expect(left.locator(".sheet .text")).to_have_text("WIFI:S:guest;;")
    left.get_by_role("button", name="关闭").click()

    scan_text(left, f"{site}/mine")

    expect(left.frame_locator("iframe").locator("body")).to_have_text(f"我是 {phone.openid()}")
    assert page.evaluate("document.documentElement.scrollWidth") == 375


def test_a_pasted_picture_is_scanned(left: Locator, phone: Phone, site: str) -> None:
    picture = base64.b64encode(as_bytes(draw_code(f"{site}/mine"), "PNG")).decode()

    left.locator(".bar .scan").first.click()
    left.get_by_label("码里的网址或文字").evaluate(PASTE, picture)

    expect(left.frame_locator("iframe").locator("body")).to_have_text(f"我是 {phone.openid()}")


def test_a_tab_of_its_own_shows_a_persons_web_view(
    desk: Page, sandbox: Sandbox, phone: Phone, site: str
) -> None:
    desk.goto(phone.webview(phone.scan(f"{site}/mine")["open"]))

    expect(desk.locator("body")).to_have_text(f"我是 {phone.openid()}")
    desk.context.clear_cookies()


def test_a_sandbox_that_is_away_is_said_in_chinese(page: Page, left: Locator) -> None:
    page.route("**/control/users/*/send", lambda route: route.abort())

    left.locator("textarea").fill("您好")
    left.locator("textarea").press("Enter")

    expect(left.locator(".toast")).to_contain_text("连不上模拟的微信")
    page.unroute("**/control/users/*/send")


def test_the_platform_stands_still_at_a_tap(sandbox: Sandbox, page: Page) -> None:
    page.get_by_label("平台停摆").check()
    expect(page.get_by_role("status")).to_contain_text("接口都不回答")
    assert sandbox.control("GET", "/outage") == {"is_on": True}
    page.set_viewport_size({"width": 375, "height": 812})
    assert page.evaluate("document.documentElement.scrollWidth") == 375
    page.get_by_label("平台停摆").uncheck()
    expect(page.get_by_role("status")).to_be_hidden()
    assert sandbox.control("GET", "/outage") == {"is_on": False}


def test_the_menu_of_the_account_is_used(page: Page, account: Account, phone: Phone, api: Api) -> None:
    buttons = [{"name": "我的", "sub_button": [{"type": "click", "name": "人工", "key": "human"}]}]
    assert api.post("/cgi-bin/menu/create", {"button": buttons})["errcode"] == 0
    account.answer = lambda message: f"按了 {message.key}"
    page.reload()
    left = page.locator(".desk").nth(0)

    left.get_by_role("button", name="我的").click()
    left.get_by_role("button", name="人工").click()

    expect(left.locator(".account .bubble")).to_have_text("按了 human")


def test_on_a_narrow_screen_the_phones_stand_one_under_the_other(
    page: Page, left: Locator, right: Locator
) -> None:
    page.set_viewport_size({"width": 375, "height": 812})

    first, second = left.bounding_box(), right.bounding_box()
    assert first
    assert second
    assert second["y"] >= first["y"] + first["height"]
    assert page.evaluate("document.documentElement.scrollWidth") == 375


def test_the_choice_of_people_is_remembered(page: Page, left: Locator) -> None:
    left.locator(".user").select_option(label="赵书记 · 玉兰社区")
    page.reload()

    expect(page.locator(".user").first.locator("option:checked")).to_have_text("赵书记 · 玉兰社区")


def test_a_person_starts_in_the_chat_of_an_account_they_follow(
    sandbox: Sandbox, account: Account, page: Page
) -> None:
    register(sandbox, account, app_id="wxsecond", name="第二个号", original_id="gh_second")
    sandbox.user("resident-2", "王大爷", "居民", "wxsecond").follow()
    page.reload()
    left = page.locator(".desk").nth(0)
    expect(left.locator(".account option")).to_have_count(2)

    left.locator(".user").select_option(label="王大爷")

    expect(left.locator(".account option:checked")).to_have_text("第二个号")
    expect(left.locator(".input")).to_be_visible()
