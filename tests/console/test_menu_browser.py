"""The menu in Chromium for who holds many posts: one line at a desk, a list with headings on a phone."""

import pytest

from backend.console import desk
from backend.places.models import Area, Post
from backend.places.roles import Role
from tests.browser import PHONE, is_cut, sign_in
from tests.console.test_duty_desk_browser import photograph
from tests.factories import make_community, make_contact, make_officer

pytestmark = pytest.mark.browser

LABELS = [label for _, lines in desk.MENU for _, label, _ in lines]
ROLES = (Role.ADMINISTRATOR, Role.SUPERVISOR, Role.DISPATCHER)


@pytest.fixture
def contact(committed):
    """The WeChat of somebody who holds every kind of post in a district."""
    district = committed.get_one(Area, make_community(committed).district_id)
    officer = make_officer(committed, Role.LEADER, area=district, name="高远")
    committed.add_all(Post(officer_id=officer.id, role=role, area_id=district.id) for role in ROLES)
    committed.commit()
    return make_contact(committed, officer=officer)


def opened(committed, context, site, contact):
    sign_in(committed, context, site, contact)
    page = context.new_page()
    page.goto(f"{site}/console/areas/")
    return page


def test_at_a_desk_it_is_one_line_whose_groups_open_one_at_a_time(committed, desktop, site, contact):
    page = opened(committed, desktop, site, contact)
    menu = page.get_by_role("navigation", name="主菜单")
    assert menu.bounding_box()["height"] < 60
    assert not is_cut(page)
    assert menu.get_by_role("link").all_inner_texts() == ["诉求", "发令单"]
    for name in ("监督", "基础资料"):
        menu.locator("summary", has_text=name).click()
        photograph(page, f"menu-1440-{name}")
        assert menu.locator("details[open]").count() == 1
    assert menu.locator("[aria-current=page]").inner_text() == "地点"
    assert not is_cut(page)
    page.get_by_role("heading", name="地点").click()
    assert menu.locator("details[open]").count() == 0


def test_by_keys_a_group_opens_leads_on_and_closes(committed, desktop, site, contact):
    page = opened(committed, desktop, site, contact)
    group = page.locator(".nav-group", has_text="监督")
    group.locator("summary").focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.innerText") == "督查看板"
    page.keyboard.press("Escape")
    assert group.get_attribute("open") is None
    assert page.evaluate("document.activeElement.innerText").startswith("监督")
    page.keyboard.press("Enter")
    for _ in range(6):  # beyond the last of the group
        page.keyboard.press("Tab")
    assert group.get_attribute("open") is None
    group.locator("summary").press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_url("**/console/board/**")


def test_on_a_phone_it_is_a_list_with_headings(committed, phone, site, contact):
    page = opened(committed, phone, site, contact)
    button = page.locator(".nav-fold > summary")
    closed = button.bounding_box()
    button.tap()
    assert button.bounding_box() == closed
    links = page.get_by_role("navigation", name="主菜单").get_by_role("link")
    assert links.all_inner_texts() == LABELS
    assert all(link.is_visible() and link.bounding_box()["height"] >= 44 for link in links.all())
    assert not is_cut(page)
    photograph(page, "menu-375")


def test_without_a_script_a_group_opens_at_a_tap(committed, chromium, site, contact):
    context = chromium.new_context(java_script_enabled=False, viewport=PHONE)
    page = opened(committed, context, site, contact)
    page.locator(".nav-group > summary", has_text="监督").click()
    page.get_by_role("link", name="督办单").click()
    page.wait_for_url("**/console/supervisions/**")
    assert page.title().startswith("督办单")
    context.close()
