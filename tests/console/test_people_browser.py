"""Units, people and duty in a real Chromium: on a desk and on a phone nothing is cut or complains."""

from datetime import date, time

import pytest
import sqlalchemy as sa
from playwright.sync_api import expect

from backend.auth import LoginSession
from backend.broker import redis_client
from backend.places import officers, roster
from backend.places.models import Area
from backend.places.roles import Role
from backend.places.roster import Turn
from backend.places.scope import COMMAND_LINE, posts_of
from backend.times import now
from tests.browser import PHONE, is_cut, sign_in
from tests.factories import make_community, make_contact, make_officer, make_unit

pytestmark = pytest.mark.browser
MONDAY = date(2030, 1, 7)


@pytest.fixture
def people(committed):
    """The paths of the pages, and an administrator of the district."""
    redis_client().flushall()
    community = make_community(committed)
    unit = make_unit(committed, community, name="望溪街道市政服务中心")
    zhou = make_officer(committed, Role.INFORMATION_OFFICER, area=community, name="周晓岚")
    make_officer(committed, Role.HANDLER, unit=unit, name="陈志")
    district = committed.get_one(Area, community.district_id)
    administrator = make_officer(committed, Role.ADMINISTRATOR, area=district, name="高远")
    post = posts_of(committed, zhou.id)[0]
    roster.plan(committed, COMMAND_LINE, post.id, MONDAY, [Turn(d, time(18), time(9)) for d in range(5)])
    officers.fill_indexes(committed)
    committed.commit()
    week = f"roster/areas/{community.id}?week={MONDAY}"
    paths = ["units/", f"units/{unit.id}", "officers/", f"officers/{zhou.id}", "roster/", week]
    return paths, make_contact(committed, officer=administrator)


def opened(context, address):
    page = context.new_page()
    page.complaints = []
    page.on("console", lambda message: page.complaints.append(message.text))
    page.on("pageerror", lambda error: page.complaints.append(str(error)))
    page.goto(address)
    return page


@pytest.mark.parametrize("screen", ["desktop", "phone"])
def test_nothing_is_cut_and_nothing_complains(request, screen, site, committed, people):
    paths, contact = people
    context = request.getfixturevalue(screen)
    sign_in(committed, context, site, contact)
    for path in paths:
        page = opened(context, f"{site}/console/{path}")
        assert not is_cut(page), path
        assert page.complaints == [], path
        page.close()


def test_on_a_phone_the_menu_stands_apart_at_the_right_edge(phone, site, committed, people):
    paths, contact = people
    sign_in(committed, phone, site, contact)
    for path in paths:
        page = opened(phone, f"{site}/console/{path}")
        words = page.evaluate(
            "const said = new Range(); said.selectNodeContents(document.querySelector('.navbar-brand'));"
            "said.getBoundingClientRect().right"
        )
        button = page.locator(".nav-fold > summary").bounding_box()
        assert button["x"] - words >= 8, path
        assert 0 <= PHONE["width"] - button["x"] - button["width"] <= 16, path
        page.locator(".nav-fold > summary").tap()
        assert not is_cut(page), path
        page.close()


def test_typing_finds_a_person_without_leaving_the_keyboard(desktop, site, committed, people):
    _, contact = people
    sign_in(committed, desktop, site, contact)
    page = opened(desktop, f"{site}/console/officers/")
    page.keyboard.press("/")
    page.keyboard.type("周晓岚")
    expect(page.locator("#found tbody tr")).to_have_count(1)
    assert "周晓岚" in page.inner_text("#found")
    assert page.complaints == []


def test_the_week_is_a_table_on_a_desk_and_a_list_on_a_phone(desktop, phone, site, committed, people):
    paths, contact = people
    for context, shown, hidden in (
        (desktop, ".week-table", ".week-list"),
        (phone, ".week-list", ".week-table"),
    ):
        sign_in(committed, context, site, contact)
        page = opened(context, f"{site}/console/{paths[-1]}")
        assert page.is_visible(shown)
        assert not page.is_visible(hidden)
        page.locator("details.turn > summary:visible").first.click()
        assert not is_cut(page)


def typed_in(page):
    return page.eval_on_selector_all(
        "main form [name]:not([type=hidden])", "all => all.map(one => one.value)"
    )


@pytest.mark.parametrize(
    ("path", "typed", "chosen"),
    [
        (
            "officers/new",
            {"name": "甲某", "phone": "13900000000", "place": "无"},
            {"role": "secretary"},
        ),
        ("units/new", {"name": "某中心", "area": "没有这里", "aliases": "甲、乙"}, {"kind": "department"}),
        ("codes/new", {"place": "没有这里", "label": "东门"}, {"level": "community"}),
    ],
)
def test_a_refused_form_keeps_what_was_typed_also_going_back(
    desktop, site, committed, people, path, typed, chosen
):
    sign_in(committed, desktop, site, people[1])
    committed.execute(sa.update(LoginSession).values(second_factor_at=now()))
    committed.commit()
    page = opened(desktop, f"{site}/console/{path}")
    empty = typed_in(page)
    for name, words in typed.items():
        page.fill(f"main [name={name}]", words)
    for name, value in chosen.items():
        page.select_option(f"main [name={name}]", value)
    filled = typed_in(page)
    page.click("main form button[type=submit]")
    page.wait_for_selector(".wrong")
    assert typed_in(page) == filled
    page.go_back()
    assert typed_in(page) == filled
    page.reload()
    assert typed_in(page) == filled
    page.goto(f"{site}/console/units/")
    page.goto(f"{site}/console/{path}")
    assert typed_in(page) == empty
