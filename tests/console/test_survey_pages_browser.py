"""The pages of surveys in Chromium: read and decided on a phone as on a desk, and nothing is cut."""

import os

import pytest

from backend.cases.survey_models import Follow, SurveyPolicy
from backend.places.models import Area
from backend.places.roles import Role
from tests.browser import is_cut, sign_in
from tests.console.test_survey_pages import POLICIES, dissent
from tests.factories import make_contact, make_officer

pytestmark = pytest.mark.browser
WIDTHS = (375, 1440)


@pytest.fixture
def session(committed):
    """What the browser's server reads is committed."""
    return committed


@pytest.fixture
def opened(chromium, site, session):
    contexts = []

    def see(officer, path, width):
        context = chromium.new_context(viewport={"width": width, "height": 900})
        contexts.append(context)
        sign_in(session, context, site, make_contact(session, officer=officer))
        page = context.new_page()
        page.goto(f"{site}{path}")
        return page

    yield see
    for context in contexts:
        context.close()


def keep(page, name):
    if folder := os.environ.get("PICTURES"):
        page.screenshot(path=f"{folder}/{name}.png", full_page=True)


@pytest.mark.parametrize("width", WIDTHS)
def test_a_supervisor_upholds_with_a_reason(session, place, opened, width):
    session.add(SurveyPolicy(area_id=place.community.id, on_unsolved=Follow.REVIEW))
    case, _ = dissent(session, place)
    page = opened(place.supervisor, f"/console/cases/{case.number}", width)
    assert not is_cut(page)
    keep(page, f"review-of-case-{width}")
    page.get_by_role("link", name="去复核").click()
    page.get_by_text("没有解决：灯还是坏的").wait_for()
    page.get_by_text("处理", exact=True).first.click()
    assert not is_cut(page)
    keep(page, f"reviews-{width}")
    page.get_by_label("怎样处理").select_option("维持原结果，向居民说明")
    page.get_by_label("理由").fill("到现场看过，灯是亮的")
    page.get_by_role("button", name="确定").click()
    page.get_by_text("办好了：维持原结果").wait_for()


@pytest.mark.parametrize("width", WIDTHS)
def test_the_policies_of_a_district_are_read_and_edited(session, place, opened, width):
    district = session.get_one(Area, place.community.district_id)
    reasons = ["没有人来", "修了又坏"]
    session.add(SurveyPolicy(area_id=district.id, hours="10:00-18:00", days_open=5, reasons=reasons))
    page = opened(make_officer(session, Role.ADMINISTRATOR, area=district), POLICIES, width)
    page.get_by_role("link", name="修改").click()
    assert page.get_by_label("每天什么时间回访").input_value() == "10:00-18:00"
    assert page.get_by_label("居民可以勾选的原因").input_value() == "没有人来\n修了又坏"
    assert not is_cut(page)
    keep(page, f"policies-{width}")


@pytest.mark.parametrize("typed", ["abc", "12.5", "三百天"])
def test_what_is_no_number_of_days_or_per_cent_says_what_to_fill_in(session, place, opened, typed):
    """And nothing of how long it is."""
    street = session.get_one(Area, place.community.subdistrict_id)
    administrator = make_officer(session, Role.ADMINISTRATOR, area=street)
    fields = {
        POLICIES: ("days", "请填写天数，例如 7"),
        "/console/sample/": ("percent", "请填写 0 到 100 的整数"),
    }
    for path, (field, sentence) in fields.items():
        page = opened(administrator, path, 1440)
        page.evaluate("document.querySelectorAll('main details').forEach((one) => (one.open = true))")
        page.locator(f"main [name={field}]").fill(typed)
        page.locator(f"main form:has([name={field}]) button[type=submit]").click()
        place_of = page.locator(f".field:has([name={field}])")
        place_of.locator(".wrong").wait_for()
        assert place_of.locator(".wrong").inner_text() == sentence
