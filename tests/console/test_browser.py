"""The officers' pages in Chromium: readable at both sizes, usable with taps, and without scripts."""

import re

import pytest

from backend.cases import intake
from backend.cases.intake import Report
from backend.cases.models import Channel
from backend.cases.service import Actor, perform
from backend.cases.workflow import Action, Given, Status
from backend.places import scope
from backend.places.roles import Role
from tests.browser import PHONE, is_cut, sign_in
from tests.cases.pictures import drawing, written
from tests.factories import make_community, make_contact, make_officer, make_resident, make_unit

pytestmark = pytest.mark.browser
WORDS = "三号楼楼道里堆满了电动车和纸箱，消防通道都堵住了，已经说了好几次，希望社区管一管" * 3


@pytest.fixture
def case(committed):
    """A case that a unit is working on."""
    community = make_community(committed)
    resident = make_resident(committed)
    report = Report(WORDS, community.id, community.name, Channel.WECHAT, resident_id=resident.id)
    case = intake.open_case(committed, report)
    unit = make_unit(committed, community, name="望溪街道综合行政执法办公室")
    make_unit(committed, community, name="物业服务中心")
    desk = make_officer(committed, Role.INFORMATION_OFFICER, area=community)
    handler = make_officer(committed, Role.HANDLER, unit=unit)
    for officer, action in ((desk, "accept"), (desk, "assign"), (handler, "acknowledge")):
        actor = Actor(officer_id=officer.id, posts=tuple(scope.posts_of(committed, officer.id)))
        perform(committed, case.number, Action(action), actor, Given(unit_id=unit.id))
    committed.commit()
    case.worker = handler
    return case


@pytest.fixture
def handler(case, committed, phone, site):
    """The handler's phone, signed in."""
    sign_in(committed, phone, site, make_contact(committed, officer=case.worker))
    page = phone.new_page()
    page.complaints = []
    page.on("console", lambda message: page.complaints.append(message.text))
    page.on("pageerror", lambda error: page.complaints.append(str(error)))
    return page


def test_an_officer_answers_a_case_with_taps_and_a_photo(handler, case, site, committed):
    handler.goto(f"{site}/console/")
    handler.locator(".case-row").tap()
    handler.get_by_role("radio", name="实际解决").check()
    handler.locator(".card_next").get_by_role("textbox").fill("楼道已经清理干净")
    photo = {"name": "photo.jpg", "mimeType": "image/jpeg", "buffer": written(drawing(1200, 900))}
    handler.locator(".card_next input[type=file]").set_input_files(photo)
    handler.get_by_role("button", name="办结", exact=True).tap()
    handler.get_by_text("办好了：办结").wait_for()
    assert handler.get_by_role("heading", name="办理照片").is_visible()
    committed.refresh(case)
    assert (case.status, case.answer) == (Status.RESOLVED, "楼道已经清理干净")
    assert handler.complaints == []


def test_pages_fit_a_phone_and_a_desk(handler, case, site, committed, desktop):
    sign_in(committed, desktop, site, make_contact(committed, officer=case.worker))
    for page in (handler, desktop.new_page()):
        for address in (
            "/",
            "/console/",
            "/console/?tab=closed",
            f"/console/cases/{case.number}",
            "/nothing",
        ):
            page.goto(site + address)
            assert not is_cut(page), address


def test_a_mouse_reaches_every_tab_of_the_list(case, site, committed, desktop):
    """A finger pushes the row aside; a mouse has nothing to push it with."""
    sign_in(committed, desktop, site, make_contact(committed, officer=case.worker))
    page = desktop.new_page()
    page.goto(f"{site}/console/")
    assert page.locator(".tabs").first.evaluate("row => row.scrollWidth <= row.clientWidth")


def test_everything_that_can_be_tapped_is_large_enough(handler, case, site):
    """44 px is what a thumb hits; a choice is tapped by its whole line."""
    for address in ("/console/", f"/console/cases/{case.number}"):
        handler.goto(site + address)
        for box in handler.locator("a, button, summary, select, textarea, label.choice").all():
            if box.is_visible():
                assert box.bounding_box()["height"] >= 44, (address, box.inner_text())


def test_a_case_can_be_handled_without_scripts(chromium, case, site, committed):
    context = chromium.new_context(viewport=PHONE, java_script_enabled=False)
    sign_in(committed, context, site, make_contact(committed, officer=case.worker))
    page = context.new_page()
    page.goto(f"{site}/console/cases/{case.number}")
    page.get_by_text("退单", exact=True).first.click()
    form = page.locator("details[open]")
    form.get_by_label("建议由哪个单位办").select_option(index=1)
    form.get_by_label("依据的职责").fill("职责清单第 3 条：小区内的路灯归物业")
    form.get_by_label("说明").fill("这是物业的事")
    page.locator("details[open]").get_by_role("button", name="退单").click()
    page.get_by_text("办好了：退单").wait_for()
    context.close()
    committed.refresh(case)
    assert case.status is Status.ACCEPTED


def test_more_cases_come_to_the_same_page(handler, case, site, committed):
    for _ in range(24):
        copy = intake.open_case(
            committed,
            Report("路灯坏了", case.place_id, "玉兰社区", Channel.WECHAT, resident_id=case.resident_id),
        )
        copy.unit_id = case.unit_id
    committed.commit()
    handler.goto(f"{site}/console/?tab=all")
    handler.get_by_role("link", name="更多").tap()
    handler.locator(".case-row").nth(24).wait_for()
    assert re.search(r"tab=all$", handler.url)
    assert handler.get_by_role("link", name="更多").count() == 0
    assert handler.complaints == []
