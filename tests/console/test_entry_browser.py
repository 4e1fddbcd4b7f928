"""Logging in by scan with two screens: Chromium at the desk, and an officer's WeChat with its web view."""

import os
from pathlib import Path

import pyotp
import pytest
import sqlalchemy as sa

from backend import auth
from backend.auth import LoginTicket
from backend.broker import redis_client
from backend.config import config
from backend.places.roles import Role
from backend.times import now
from backend.wechat import accounts
from tests.browser import DESKTOP, PHONE, is_cut, sign_in
from tests.factories import make_community, make_contact, make_officer
from tests.weixin import platform, weixin

__all__ = ["platform", "weixin"]

pytestmark = pytest.mark.browser


@pytest.fixture
def community(committed):
    redis_client().flushall()
    return make_community(committed)


@pytest.fixture
def public(site):
    """The site, as the QR code and WeChat name it."""
    real = config.public_url
    object.__setattr__(config, "public_url", site)
    yield site
    object.__setattr__(config, "public_url", real)


@pytest.fixture
def screen(desktop, public, community):
    """A page at the desk that asks to be let in."""
    page = desktop.new_page()
    page.complaints = []
    page.on("console", lambda message: page.complaints.append(message.text))
    page.on("pageerror", lambda error: page.complaints.append(str(error)))
    page.goto(f"{public}/console/?tab=all")
    return page


@pytest.fixture
def scan(weixin, committed, community, phone, screen):
    """A function that scans what the screen shows, with the WeChat of such an officer (None: a resident)."""

    def scan(role=Role.SECRETARY, name="周晓岚"):
        officer = make_officer(committed, role, area=community, name=name) if role else None
        weixin_of = weixin.user(name, app_id=accounts.get("demo").app_id)
        weixin_of.follow()
        make_contact(committed, officer=officer, openid=weixin_of.openid())
        picture = screen.get_by_role("img", name="登录二维码").screenshot()
        page = phone.new_page()
        page.goto(weixin_of.webview(weixin_of.scan(picture=picture)["open"]))
        return page

    return scan


def keep(page, name):
    """A picture for whoever looks at the pages, if a folder is named for it."""
    if folder := os.environ.get("PICTURES"):
        page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)


def test_a_scan_and_a_tap_open_the_page_that_was_wanted(screen, scan, public):
    keep(screen, "entry")
    number = screen.locator("strong").inner_text()
    phone = scan()
    keep(phone, "confirm")
    assert not is_cut(phone)
    assert phone.locator("dd strong").inner_text() == number
    screen.get_by_text("周** 已扫码，请在手机上确认").wait_for()
    assert screen.get_by_role("img", name="登录二维码").count() == 0
    keep(screen, "scanned")
    phone.get_by_role("button", name="确认登录").tap()
    phone.get_by_role("heading", name="已确认").wait_for()
    screen.wait_for_url(f"{public}/console/?tab=all")
    assert screen.get_by_role("heading", name="诉求办理").is_visible()
    assert screen.complaints == []


def test_who_did_not_ask_refuses_and_the_screen_offers_a_new_code(screen, scan):
    phone = scan()
    phone.get_by_role("button", name="不是我操作").tap()
    phone.get_by_role("heading", name="已拒绝").wait_for()
    screen.get_by_text("手机上拒绝了这次登录").wait_for()
    screen.get_by_role("link", name="换一个新的二维码").click()
    screen.get_by_role("img", name="登录二维码").wait_for()
    assert "next=/console/?tab%3Dall" in screen.url


def test_a_resident_lets_nobody_in(screen, scan):
    phone = scan(role=None)
    assert phone.get_by_text("这个页面只给已绑定的工作人员使用").is_visible()
    assert phone.get_by_role("button", name="确认登录").count() == 0
    screen.wait_for_timeout(2500)
    assert screen.get_by_role("img", name="登录二维码").is_visible()


def test_a_code_that_has_expired_says_so_and_asks_no_more(screen, committed):
    committed.execute(sa.update(LoginTicket).values(expires_at=now()))
    committed.commit()
    screen.get_by_text("二维码已过期").wait_for()
    asked = []
    screen.on("request", lambda request: asked.append(request.url))
    screen.wait_for_timeout(2500)
    assert asked == []


@pytest.mark.parametrize("size", [PHONE, DESKTOP], ids=["phone", "desk"])
def test_an_administrator_sets_digits_up_and_finds_their_logins(chromium, site, committed, community, size):
    context = chromium.new_context(viewport=size, locale="zh-CN")
    officer = make_officer(committed, Role.ADMINISTRATOR, area=community, name="高远")
    contact = make_contact(committed, officer=officer)
    auth.start_session(committed, contact.id, "电脑 Windows Chrome（网络地址 10.0.0.7）", auth.Via.SCAN)
    sign_in(committed, context, site, contact)
    page = context.new_page()
    page.goto(f"{site}/console/second-factor?next=/console/sessions/")
    keep(page, f"setup-{size['width']}")
    assert not is_cut(page)
    page.get_by_label("六位动态码").fill("12")
    page.get_by_role("button", name="完成设置").click()
    page.get_by_text("动态码是六位数字").wait_for()
    page.get_by_label("六位动态码").fill(pyotp.TOTP(page.locator("code").inner_text()).now())
    page.get_by_role("button", name="完成设置").click()
    page.get_by_text("验证通过").wait_for()
    keep(page, f"sessions-{size['width']}")
    assert not is_cut(page)
    page.get_by_role("row", name="电脑 Windows Chrome").get_by_role("button", name="退出").click()
    page.get_by_text("已退出 1 个登录").wait_for()
    page.goto(f"{site}/console/second-factor")
    keep(page, f"second-{size['width']}")
    assert not is_cut(page)
    context.close()
