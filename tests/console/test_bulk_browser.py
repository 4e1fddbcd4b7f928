"""Ticking cases in Chromium, on a phone and at a desk: counted, all at once, done, and nothing is cut."""

import pytest

from backend.cases.workflow import Status
from tests.browser import is_cut
from tests.console.conftest import open_case
from tests.console.test_duty_desk_browser import enter, photograph, scene

__all__ = ["enter", "scene"]
pytestmark = pytest.mark.browser

LIST = "/console/?tab=waiting"


def bar_of(page):
    return page.locator(".pick-bar").bounding_box()


@pytest.mark.parametrize("size", ["phone", "desktop"])
def test_from_the_list_all_are_accepted_at_once(request, committed, scene, enter, size):
    page = enter(request.getfixturevalue(size), scene.desk, LIST)
    assert page.get_by_role("button", name="批量办理").is_disabled()
    page.locator("[name=picked]").first.check()
    assert page.locator("[data-count]").inner_text() == "（1 件）"
    page.get_by_label("全选本页").check()
    assert page.locator("[data-count]").inner_text() == "（4 件）"
    assert not is_cut(page)
    photograph(page, f"list-{size}")
    bar, first = bar_of(page), page.locator(".pick-row").first.bounding_box()
    if size == "phone":
        assert bar["y"] + bar["height"] == page.viewport_size["height"]
    else:
        assert bar["y"] + bar["height"] <= first["y"]
    page.get_by_role("button", name="批量办理").click()
    page.get_by_role("heading", name="批量办理 4 件").wait_for()
    assert not is_cut(page)
    photograph(page, f"chosen-{size}")
    page.get_by_role("button", name="受理 4 件").click()
    page.get_by_role("heading", name="受理：办好 4 件").wait_for()
    assert not is_cut(page)
    photograph(page, f"fates-{size}")
    committed.expire_all()
    assert {case.status for case in scene.cases} == {Status.ACCEPTED}


@pytest.mark.parametrize("size", ["phone", "desktop"])
def test_from_the_desk_the_ticked_ones_go_into_one(request, committed, scene, enter, size):
    page = enter(request.getfixturevalue(size), scene.desk)
    if size == "desktop":
        page.keyboard.press("a")
    else:
        page.get_by_label("全选").check()
    assert page.locator("[data-count]").inner_text() == "（4 件）"
    assert not is_cut(page)
    photograph(page, f"desk-{size}")
    page.get_by_role("button", name="批量办理").click()
    page.wait_for_url("**/console/bulk/?picked=*")
    page.get_by_text("并案", exact=True).click()
    page.get_by_role("button", name="把其余 3 件并入").click()
    page.get_by_role("heading", name="并案：办好 3 件").wait_for()
    page.get_by_role("link", name="回值班台").click()
    page.wait_for_url("**/console/desk/")
    committed.expire_all()
    assert [case.status for case in scene.cases] == [Status.SUBMITTED] + [Status.MERGED] * 3


def test_without_a_script_one_ticks_and_sends(committed, chromium, site, scene, enter):
    context = chromium.new_context(java_script_enabled=False, viewport={"width": 375, "height": 812})
    new = open_case(committed, scene.magnolia, "井盖松了")
    page = enter(context, scene.desk, LIST)
    assert not page.get_by_label("全选本页").is_visible()
    page.locator(f"[value='{new.number}']").check()
    page.get_by_role("button", name="批量办理").click()
    page.get_by_role("button", name="受理 1 件").click()
    page.get_by_role("heading", name="受理：办好 1 件").wait_for()
    context.close()
