"""Orders in a browser: an officer comes from a WeChat message, a supervisor sits at a desk."""

import os
import re
from pathlib import Path

import pytest
import sqlalchemy as sa

from backend.orders.models import Order, OrderUnit
from backend.orders.workflow import Action, PartStatus, Status
from tests.browser import is_cut, sign_in
from tests.factories import make_contact
from tests.orders.scene import AT

pytestmark = pytest.mark.browser
SHOTS = os.environ.get("SHOTS")  # a folder, for who wants to look


@pytest.fixture
def enter(committed_scene, site):
    """A page of a browser whose user is the person of the scene by this key."""

    def sign(context, key):
        contact = make_contact(committed_scene.session, officer=committed_scene.people[key])
        sign_in(committed_scene.session, context, site, contact)
        return context.new_page()

    return sign


def look(page, name):
    assert not is_cut(page), name
    if SHOTS:
        page.screenshot(path=str(Path(SHOTS, f"{name}.png")), full_page=True)


def test_an_order_is_drafted_and_approved_on_a_phone(phone, site, committed_scene, enter):
    page = enter(phone, "secretary")
    page.goto(f"{site}/console/orders/")
    look(page, "list-empty-375")
    page.get_by_role("link", name="起草发令单").tap()
    page.get_by_label("标题").wait_for()
    look(page, "new-375")
    page.get_by_label("标题").fill("清理停车场的非法市场")
    page.get_by_label("要办什么").fill("今天之内清走停车场里的摊位，并值守三天")
    rows = page.locator(".unit-row")
    rows.filter(has_text="区市场监管局").get_by_role("radio").check()
    rows.filter(has_text="区信访局").get_by_role("checkbox").check()
    rows.filter(has_text="区信访局").locator(".unit-task").fill("劝离摊主，做好解释")
    look(page, "new-filled-375")
    page.get_by_role("button", name="交书记批准").tap()
    page.get_by_text("起草好了").wait_for()
    look(page, "order-drafted-375")
    page.get_by_role("button", name="批准发令").tap()
    page.get_by_text("办好了：批准发令").wait_for()
    look(page, "order-issued-375")
    committed_scene.session.expire_all()
    order = committed_scene.session.scalars(sa.select(Order)).one()
    assert (order.status, order.title) == (Status.ISSUED, "清理停车场的非法市场")


def test_a_unit_acts_on_a_phone(phone, site, committed_scene, enter):
    scene = committed_scene
    order = scene.issue()
    scene.session.commit()
    page = enter(phone, "second")
    page.goto(f"{site}/console/orders/{order.number}")
    look(page, "unit-375")
    page.get_by_role("button", name="签收").tap()
    page.get_by_text("办好了：签收").wait_for()
    page.get_by_role("button", name="到场").tap()
    page.get_by_text("办好了：到场").wait_for()
    look(page, "unit-arrived-375")
    page.get_by_label("办了什么、结果怎样").fill("摊主已经劝离")
    page.get_by_role("button", name="反馈").tap()
    page.get_by_text("办好了：反馈").wait_for()
    scene.session.expire_all()
    own = sa.select(OrderUnit).where(OrderUnit.order_id == order.id, OrderUnit.answer == "摊主已经劝离")
    assert scene.session.scalars(own).one().status is PartStatus.REPORTED


def test_a_supervisor_follows_on_a_desk(desktop, site, committed_scene, enter):
    scene = committed_scene
    order = scene.issue(urgent=True)
    scene.draft(title="另一张还没有批准的发令单")
    scene.report_all(order)
    scene.session.commit()
    page = enter(desktop, "supervisor")
    page.goto(f"{site}/console/orders/?tab=all")
    look(page, "list-1440")
    page.get_by_role("link", name="清理停车场").click()
    page.get_by_text("经过", exact=True).wait_for()
    look(page, "order-1440")
    assert page.get_by_text("second办好了").first.is_visible()


def test_the_page_shows_by_itself_what_others_do(desktop, site, committed_scene, enter):
    """Nobody touches the page: it asks when its own time has come, which the test waits for."""
    scene = committed_scene
    order = scene.issue()
    scene.session.commit()
    page = enter(desktop, "secretary")
    page.goto(f"{site}/console/orders/{order.number}")
    every = re.fullmatch(r"every (\d+)s", page.locator("#live").get_attribute("hx-trigger"))
    scene.do(order, Action.ACKNOWLEDGE, "second", at=AT)
    scene.session.commit()
    assert not page.get_by_text("这张发令单有新进展").is_visible()
    page.get_by_text("这张发令单有新进展").wait_for(timeout=(int(every[1]) + 10) * 1000)
