"""The tree of places in Chromium: branches and offers come while one works, on a desk and on a phone."""

import pytest
import sqlalchemy as sa

from backend.auth import LoginSession
from backend.places import area_lists
from backend.places.models import Area
from backend.places.roles import Level, Role
from backend.times import now
from tests.browser import sign_in
from tests.factories import make_area, make_community, make_contact, make_officer

pytestmark = pytest.mark.browser
L = Level


@pytest.fixture
def community(committed):
    return make_community(committed)


@pytest.fixture
def open_page(committed, site, community):
    """A function that opens a page in this browser as the administrator of the district."""
    district = committed.get_one(Area, community.district_id)
    officer = make_officer(committed, Role.ADMINISTRATOR, area=district)
    contact = make_contact(committed, officer=officer)

    def open_page(context, path=""):
        sign_in(committed, context, site, contact)
        committed.execute(sa.update(LoginSession).values(second_factor_at=now()))
        committed.commit()
        page = context.new_page()
        page.complaints = []
        page.on("console", lambda message: page.complaints.append(message.text))
        page.on("pageerror", lambda error: page.complaints.append(str(error)))
        page.goto(f"{site}/console/areas/{path}")
        return page

    return open_page


def test_branches_open_one_by_one_and_go_on(monkeypatch, committed, desktop, community, open_page):
    monkeypatch.setattr(area_lists, "PAGE", 2)
    for number in range(3):
        make_area(committed, L.GRID, community, name=f"第{number}网格")
    page = open_page(desktop)
    for name in ("青岚区", "望溪街道", "玉兰社区"):
        page.locator("summary", has_text=name).click(position={"x": 4, "y": 12})
    page.get_by_role("link", name="第1网格").wait_for()
    page.get_by_role("link", name="更多").click()
    page.get_by_role("link", name="第2网格").wait_for()
    assert page.locator(".places .places .places .places > li").count() == 3
    assert page.complaints == []


def test_a_search_answers_while_one_types_after_a_slash(committed, desktop, community, open_page):
    page = open_page(desktop)
    page.keyboard.press("/")
    page.keyboard.type("玉兰")
    page.locator("td", has_text="青岚区 / 望溪街道").wait_for()
    assert page.complaints == []


def test_a_place_is_moved_on_a_phone_with_the_help_of_what_is_offered(committed, phone, community, open_page):
    street = committed.get_one(Area, community.subdistrict_id)
    other = make_area(committed, L.COMMUNITY, street, name="桂香社区")
    grid = make_area(committed, L.GRID, community, name="一网格")
    page = open_page(phone, f"{grid.id}/move")
    page.locator("[name=to]").press_sequentially("桂香")
    page.locator("#targets option").first.wait_for(state="attached")
    page.locator("[name=to]").fill(page.locator("#targets option").first.get_attribute("value"))
    page.get_by_role("button", name="确定移动").click()
    page.get_by_text("已经移到“桂香社区”下面").wait_for()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert page.complaints == []
    committed.rollback()
    assert committed.get_one(Area, grid.id, populate_existing=True).community_id == other.id
