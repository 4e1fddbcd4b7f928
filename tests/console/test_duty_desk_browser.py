"""The duty desk in Chromium: keys send and select, refreshing takes nothing away, and nothing is cut."""

import os
from datetime import timedelta
from types import SimpleNamespace

import pytest

from backend.cases import arbitration, service
from backend.cases.workflow import Action, Status
from backend.places.roles import Level
from backend.times import now
from tests.browser import is_cut, sign_in
from tests.cases.test_arbitration import dispute
from tests.console.conftest import open_case
from tests.console.test_duty_desk import HOME, actor_of, set_up
from tests.factories import make_area, make_contact

pytestmark = pytest.mark.browser

REPORTS = (
    "玉兰苑三号楼门口店外经营，桌椅摆到人行道上，晚上吵得睡不着，请来管一管",
    "玉兰苑三号楼下店外经营，桌椅占了人行道，老人走路只能下到车道上",
    "地下车库有人给电动车充电，插座已经冒烟了，很危险，请马上来人",
    "小区门口的暴露垃圾三天没人清，夏天味道很大",
)


@pytest.fixture
def scene(committed):
    scene = set_up(committed)
    building = make_area(committed, Level.BUILDING, scene.magnolia, name="玉兰苑三号楼")
    places = (building, building, scene.magnolia, scene.magnolia)
    scene.cases = [
        open_case(committed, place, text, urgent="冒烟" in text)
        for place, text in zip(places, REPORTS, strict=True)
    ]
    service.perform(committed, scene.cases[3].number, Action.CLAIM, actor_of(committed, scene.colleague))
    committed.commit()
    return scene


@pytest.fixture
def enter(committed, site):
    """A page of a browser whose user is this officer; what it complains of fails the test."""
    pages = []

    def sign(context, officer, path=HOME):
        sign_in(committed, context, site, make_contact(committed, officer=officer))
        page = context.new_page()
        page.complaints = []
        page.on("pageerror", lambda error: page.complaints.append(str(error)))
        page.goto(f"{site}{path}")
        pages.append(page)
        return page

    yield sign
    assert [complaint for page in pages for complaint in page.complaints] == []


def photograph(page, name):
    """A picture to look at, for who asks for one."""
    if folder := os.environ.get("PICTURES"):
        page.screenshot(path=f"{folder}/{name}.png", full_page=True)


def numbers(page):
    return page.eval_on_selector_all(".duty", "all => all.map(one => one.dataset.number)")


def refresh(page):
    with page.expect_response("**/desk/cards*") as got:
        page.evaluate("htmx.trigger('#news', 'refresh')")
    page.wait_for_timeout(200)
    return got.value.status


def test_keys_move_send_and_select(committed, desktop, scene, enter):
    page = enter(desktop, scene.desk)
    photograph(page, "desk-1440")
    urgent, *others = numbers(page)
    assert urgent == scene.cases[2].number  # by deadline
    page.keyboard.press("?")
    assert page.locator("#keys").is_visible()
    photograph(page, "keys-1440")
    page.keyboard.press("Escape")
    page.locator("#keys").wait_for(state="hidden")  # what is typed into it is not for the list
    page.keyboard.press("j")
    page.keyboard.press("j")
    assert page.locator(".duty_on").get_attribute("data-number") == others[0]
    page.keyboard.press("k")
    page.keyboard.press("j")
    page.keyboard.press("x")
    assert page.locator("[data-count]").inner_text() == "（1 件）"
    page.keyboard.press("x")
    page.keyboard.press("Enter")
    page.get_by_text("已派给城管办").wait_for()
    assert page.locator(".duty_on").get_attribute("data-number") == others[1]
    page.keyboard.press("2")
    page.get_by_text("已派给城管局").wait_for()
    photograph(page, "sent-1440")
    page.keyboard.press("o")
    page.wait_for_url("**/console/cases/*")
    committed.expire_all()
    assert [case.status for case in scene.cases[:2]] == [Status.ASSIGNED] * 2
    assert [case.unit_id for case in scene.cases[:2]] == [scene.office.id, scene.order.id]


def test_the_selected_are_sent_together(desktop, scene, enter):
    page = enter(desktop, scene.desk)
    for case in (scene.cases[0], scene.cases[3]):
        page.locator(f"[data-number='{case.number}'] [name=picked]").check()
    page.get_by_role("button", name="按建议派出").click()
    page.get_by_text("派出 2 件").wait_for()
    page.locator(f"[data-number='{scene.cases[3].number}']").wait_for(state="detached")
    assert len(numbers(page)) == 2
    photograph(page, "bulk-1440")


@pytest.mark.parametrize("size", ["phone", "desktop"])
def test_what_has_no_suggestion_is_said_before_the_tap(request, committed, scene, enter, size):
    bare = open_case(committed, scene.magnolia, "来看看")  # nor is there one for the third
    page = enter(request.getfixturevalue(size), scene.desk)
    page.locator(f"[value='{bare.number}'][name=picked]").check()
    send = page.get_by_role("button", name="按建议派出")
    assert send.is_disabled()
    page.get_by_label("全选").check()
    assert page.locator("#bare").inner_text() == "其中 2 件没有建议，不会派出，请逐件选单位"
    assert not is_cut(page)
    photograph(page, f"bare-{size}")
    send.click()
    page.get_by_text("勾选的有 2 件没有建议，没有派出").wait_for()
    assert page.get_by_role("heading", name="派出 3 件").is_visible()


def test_what_comes_in_is_marked_and_nothing_is_taken_from_whoever_types(committed, desktop, scene, enter):
    page = enter(desktop, scene.desk)
    card = page.locator(f"[data-number='{scene.cases[0].number}']")
    card.get_by_text("其他单位、加一句话").click()
    card.get_by_label("给单位的话").fill("请今天去")
    picked = page.locator(f"[data-number='{scene.cases[1].number}'] [name=picked]")
    picked.check()
    for case in scene.cases[:2]:
        service.perform(committed, case.number, Action.CLAIM, actor_of(committed, scene.colleague))
    new = open_case(committed, scene.magnolia, "刚刚又有一家店外经营")
    assert refresh(page) == 200
    assert page.locator(f".duty_new[data-number='{new.number}']").is_visible()
    assert card.get_by_label("给单位的话").input_value() == "请今天去"
    assert "duty_moved" in card.get_attribute("class")
    assert picked.is_checked()
    assert page.locator(f"[data-number='{scene.cases[1].number}']").get_by_text("何静已接手").is_visible()
    assert refresh(page) == 204
    photograph(page, "news-1440")


def test_what_a_colleague_sent_is_gone_and_a_new_category_brings_its_unit(committed, desktop, scene, enter):
    page = enter(desktop, scene.desk)
    waste = page.locator(f"[data-number='{scene.cases[3].number}']")
    waste.locator("select[name=category]").select_option(label="暂不归类")
    waste.get_by_text("职责清单没有写由谁负责").wait_for()
    gone = scene.cases[0]
    service.perform(committed, gone.number, Action.REJECT, actor_of(committed, scene.colleague), given_note())
    committed.commit()
    refresh(page)
    assert gone.number not in numbers(page)
    assert len(numbers(page)) == 3


def given_note():
    return service.Given(note="已经有人办了")


def test_on_a_phone_one_taps(committed, phone, scene, enter):
    page = enter(phone, scene.desk)
    assert not is_cut(page)
    photograph(page, "desk-375")
    assert page.get_by_text("附近相似的 1 件").first.is_visible()
    assert page.get_by_role("link", name="并案").first.is_visible()
    page.locator(f"[data-number='{scene.cases[0].number}']").get_by_role("button", name="派给城管办").tap()
    page.get_by_text("已派给城管办").wait_for()
    assert not is_cut(page)


@pytest.fixture
def disputed(committed, scene):
    desk = SimpleNamespace(**vars(scene) | {"desk": actor_of(committed, scene.desk)})
    cases = [
        dispute(committed, desk, at=now() - timedelta(minutes=30), report=REPORTS[n], resident_id=None)
        for n in (0, 1)
    ]
    number, order = cases[1].number, scene.order.id
    arbitration.decide(committed, number, scene.arbiter, order, "店外经营由城管局统一管")
    committed.commit()
    return cases[0]


@pytest.mark.parametrize("size", ["phone", "desktop"])
def test_an_arbiter_decides_and_makes_a_duty(request, scene, disputed, enter, size):
    page = enter(request.getfixturevalue(size), scene.supervisor, f"{HOME}disputes")
    assert not is_cut(page)
    photograph(page, f"disputes-{size}")
    page.get_by_role("button", name="裁定由城管局办理").click()
    page.get_by_text("请写明裁定的理由").wait_for()
    page.get_by_label("裁定理由").fill("店外经营统一由城管局管")
    page.get_by_role("button", name="裁定由城管局办理").click()
    page.get_by_text("已裁定由城管局办理").wait_for()
    page.get_by_role("button", name="写入职责清单").first.click()
    page.get_by_text("”，马上生效").wait_for()
    assert not is_cut(page)
    photograph(page, f"decided-{size}")


def test_new_disputes_come_by_themselves_but_not_under_somebodys_hands(
    committed, desktop, scene, disputed, enter
):
    page = enter(desktop, scene.supervisor, f"{HOME}disputes")
    reason = page.get_by_label("裁定理由").first
    reason.fill("店外经营")
    desk = SimpleNamespace(**vars(scene) | {"desk": actor_of(committed, scene.desk)})
    new = dispute(committed, desk, at=now() - timedelta(minutes=20), report=REPORTS[3], resident_id=None)
    committed.commit()
    page.evaluate("htmx.trigger('#disputes', 'refresh')")
    page.get_by_text("这一页有变化").wait_for()
    assert (reason.input_value(), page.get_by_text(new.number).count()) == ("店外经营", 0)
    reason.fill("")
    reason.blur()
    page.evaluate("htmx.trigger('#disputes', 'refresh')")
    page.get_by_text(new.number).wait_for()
    assert not page.get_by_text("这一页有变化").is_visible()
