"""The outbox desk in Chromium, on a phone and on a desk: readable, tappable, and new by itself."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from backend.notify.messages import Message
from backend.notify.models import Delivery, Notification
from backend.notify.outbox import NEXT_VISIT
from backend.places.roles import Role
from backend.times import now
from tests.browser import is_cut, sign_in
from tests.console.board_town import LATER, make_town, open_work, shoot
from tests.factories import make_contact, make_officer, make_resident

pytestmark = pytest.mark.browser
HOUR = timedelta(hours=1)
TROUBLES = ("failed", "visit", "silent", "late")
NO_TEMPLATE = "对方近期没有给公众号发过消息；公众号没有配置这类消息的模板；对方没有在小程序里同意接收"


@pytest.fixture
def town(committed):
    """A case about which eight messages are in trouble, two in each of the four ways."""
    town = make_town(committed)
    town.case = open_work(town, town.yulan, town.city, LATER)
    town.admin = make_officer(committed, Role.ADMINISTRATOR, area=town.street, name="高远")
    resident, at = make_resident(committed, name="王小明", phone="13812345678"), now()
    town.case.resident_id = resident.id
    sent = {"status": Delivery.SENT, "sent_at": at - 2 * HOUR, "channel": "wechat_template"}
    states = (
        {"status": Delivery.FAILED, "attempts": 3, "due_at": at - HOUR, "error": NO_TEMPLATE},
        {"due_at": at + NEXT_VISIT, "error": "对方没有关注公众号"},
        sent | {"provider_id": "7"},
        {"due_at": at - HOUR},
    )
    rungs = [{"channel": "wechat_chat", "why": "对方近期没有给公众号发过消息", "at": "2026-11-20 10:00"}]
    for n, state in enumerate(states):
        for to in ({"resident_id": resident.id}, {"officer_id": town.admin.id}):
            message = Message.CASE_PROGRESS if "resident_id" in to else Message.CASE_URGED
            fields = {"number": town.case.number, "note": "维修队明天上午到", "place": "玉兰社区"}
            row = Notification(
                key=f"k{n}:{message}", message=message, fields=fields, rungs=rungs, **to | state
            )
            committed.add(row)
    for name in ("谷永", "庞德"):
        make_officer(committed, Role.GRID_OFFICER, area=town.yulan, name=name)
    committed.commit()
    return town


@pytest.fixture
def enter(committed, town, site):
    def sign(context):
        sign_in(committed, context, site, make_contact(committed, officer=town.admin))
        page = context.new_page()
        page.complaints = []
        page.on("pageerror", lambda error: page.complaints.append(str(error)))
        return page

    return sign


def test_nothing_is_cut_on_a_phone_or_a_desk(phone, desktop, site, enter, town, committed):
    paths = [f"outbox/?tab={tab}" for tab in TROUBLES]
    paths += [f"outbox/?tab=failed&error={NO_TEMPLATE}", f"told/{town.case.number}?all=1", "messages/", ""]
    paths.append("officers/?unbound=1")
    failed = committed.scalar(sa.select(Notification.id).where(Notification.status == Delivery.FAILED))
    paths.append(f"outbox/{failed}")
    for name, context in (("phone", phone), ("desk", desktop)):
        page = enter(context)
        for n, path in enumerate((*paths, f"cases/{town.case.number}")):
            page.goto(f"{site}/console/{path}")
            assert not is_cut(page), path
            shoot(page, f"{name}-{n}")
        assert page.complaints == []


def test_a_tap_sends_it_again_and_a_reason_ends_another(phone, site, enter, committed):
    page = enter(phone)
    page.goto(f"{site}/console/outbox/")
    page.get_by_role("button", name="重新发送").first.tap()
    page.get_by_text("已重新安排发送 1 条消息").wait_for()
    page.locator("summary", has_text="不再发送").first.tap()
    page.locator(".board-act[open] button").tap()
    page.get_by_text("请写明为什么不再发送").wait_for()
    page.locator(".board-act[open] input[name=reason]").fill("已经当面说过了")
    shoot(page, "phone-give-up")
    page.locator(".board-act[open] button").tap()
    page.get_by_text("已决定不再发送 1 条消息").wait_for()
    left = sa.select(sa.func.count()).where(Notification.status == Delivery.FAILED)
    assert committed.scalar(left.where(Notification.error == NO_TEMPLATE)) == 0
