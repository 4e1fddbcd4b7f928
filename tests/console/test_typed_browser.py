"""What was typed into a form that was not taken, after going back, in a real Chromium."""

import pytest
import sqlalchemy as sa

from backend.auth import LoginSession
from backend.broker import redis_client
from backend.places.models import Area, Post, Unit
from backend.places.roles import Role
from backend.times import now
from tests.browser import sign_in
from tests.factories import make_community, make_contact, make_officer, make_unit

pytestmark = pytest.mark.browser


@pytest.fixture
def community(committed):
    redis_client().flushall()
    return make_community(committed)


@pytest.fixture
def page(desktop, site, committed, community):
    """A page of an administrator of the district, who has just shown their second factor."""
    district = committed.get_one(Area, community.district_id)
    administrator = make_officer(committed, Role.ADMINISTRATOR, area=district, name="高远")
    sign_in(committed, desktop, site, make_contact(committed, officer=administrator))
    committed.execute(sa.update(LoginSession).values(second_factor_at=now()))
    committed.commit()
    return desktop.new_page()


def values(page, field):
    return page.eval_on_selector_all(f"main [name={field}]", "all => all.map(one => one.value)")


def test_of_forms_with_one_address_the_one_that_was_sent_is_filled(page, site, committed, community):
    officer = make_officer(committed, Role.INFORMATION_OFFICER, area=community, name="周晓岚")
    committed.add(Post(officer_id=officer.id, role=Role.SECRETARY, area_id=community.id))
    committed.commit()
    page.goto(f"{site}/console/officers/{officer.id}")
    empty = ["", "", *values(page, "successor")[2:]]
    page.locator("summary", has_text="结束这个岗位").nth(1).click()
    page.locator("main [name=successor]").nth(1).fill("没有这个人")
    page.locator("button", has_text="结束岗位").nth(1).click()
    page.wait_for_selector(".wrong")
    page.go_back()
    assert values(page, "successor") == [empty[0], "没有这个人", *empty[2:]]
    page.reload()
    assert values(page, "successor") == [empty[0], "没有这个人", *empty[2:]]


def test_a_refusal_on_a_page_of_its_own_loses_nothing_but_the_last_assent(page, site, committed, community):
    street = committed.get_one(Area, community.subdistrict_id)
    for office in ("城管办", "综治办"):
        make_unit(committed, street, name=f"望溪街道{office}")
        make_unit(committed, street, name=f"{office}（望溪街道办事处）")
    committed.commit()
    page.goto(f"{site}/console/units/twins")
    second = page.locator("main form").nth(1)
    second.locator("[name=into]").first.check()
    second.locator("[name=sure]").check()
    second.locator("button").click()
    page.wait_for_selector("text=没有办成")
    page.go_back()
    ticked = page.eval_on_selector_all("main :checked", "all => all.map(one => one.name)")
    assert ticked == ["into"]
    assert second.locator("[name=into]").first.is_checked()


def test_only_what_was_changed_comes_back_and_nothing_of_what_was_taken(page, site, committed, community):
    unit = make_unit(committed, community, name="某中心", telephone="0755-1")
    committed.commit()

    def meanwhile(**fields):
        committed.execute(sa.update(Unit).where(Unit.id == unit.id).values(**fields))
        committed.commit()

    def send(area):
        page.fill("main [name=name]", "另一个中心")
        page.fill("main [name=area]", area)
        page.locator("main form", has=page.locator("[name=name]")).locator("button").click()

    page.goto(f"{site}/console/units/{unit.id}")
    page.locator("main [name=name]").evaluate("one => one.closest('details')?.setAttribute('open', '')")
    where = page.input_value("main [name=area]")
    send("没有这里")
    page.wait_for_selector(".wrong")
    meanwhile(telephone="0755-2")
    page.go_back()
    told = [page.input_value(f"main [name={name}]") for name in ("name", "area", "telephone")]
    assert told == ["另一个中心", "没有这里", "0755-2"]
    send(where)
    page.wait_for_selector("text=已经保存")
    meanwhile(name="第三个中心")
    page.reload()
    assert page.input_value("main [name=name]") == "第三个中心"
