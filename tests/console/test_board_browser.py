"""The board in Chromium, on a phone and on a desk: readable, tappable, and new by itself."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from backend.cases.supervision_models import Supervision
from backend.times import now
from tests.browser import is_cut, sign_in
from tests.console.board_town import PAST, fill, make_town, open_work, shoot
from tests.factories import make_case, make_contact

pytestmark = pytest.mark.browser


@pytest.fixture
def town(committed):
    return fill(make_town(committed))


@pytest.fixture
def enter(committed, town, site):
    """A page of a browser whose user is the street's supervisor."""

    def sign(context, officer=None):
        sign_in(committed, context, site, make_contact(committed, officer=officer or town.supervisor))
        page = context.new_page()
        page.complaints = []
        page.on("pageerror", lambda error: page.complaints.append(str(error)))
        return page

    return sign


def test_nothing_is_cut_on_a_phone_or_a_desk(phone, desktop, site, enter, committed, town):
    at = now() - timedelta(days=3)
    times = {"accepted_at": at + timedelta(minutes=9), "resolved_at": at + timedelta(days=2)}
    make_case(committed, town.yulan, discovered_at=at, **times)
    committed.commit()
    for name, context in (("phone", phone), ("desk", desktop)):
        page = enter(context)
        for n, path in enumerate(("board/", "board/cases", "board/orders", "supervisions/")):
            page.goto(f"{site}/console/{path}")
            if path == "board/":
                page.get_by_text("近 30 天受理的诉求").wait_for()
            assert not is_cut(page), path
            shoot(page, f"{name}-{n}")
        assert page.complaints == []


def test_on_a_phone_a_number_leads_to_a_case_which_is_supervised_with_words_and_a_tap(
    phone, site, enter, town, committed
):
    page = enter(phone)
    page.goto(f"{site}/console/board/")
    page.locator(".board-tile_calm").first.tap()
    page.locator("summary", has_text="督办").first.tap()
    page.locator(".board-act[open] textarea").fill("请三天内办结，并说明原因")
    shoot(page, "phone-supervise")
    assert not is_cut(page)
    page.locator(".board-act[open] button").tap()
    page.get_by_text("督办单已经发出").wait_for()
    assert (
        committed.scalar(
            sa.select(sa.func.count()).where(Supervision.text.contains("三天内办结")).select_from(Supervision)
        )
        == 1
    )


@pytest.mark.parametrize("happens", ["abort", "fulfill"])
def test_what_cannot_be_fetched_is_a_link_instead(desktop, site, enter, town, happens):
    page = enter(desktop)
    told = {"status": 500} if happens == "fulfill" else {}
    page.route("**/board/spans", lambda route: getattr(route, happens)(**told))
    page.goto(f"{site}/console/board/")
    link = page.get_by_role("link", name="打开五个一用时")
    link.wait_for()
    assert not page.get_by_text("正在算五个一用时").is_visible()
    page.unroute("**/board/spans")
    link.click()
    page.get_by_role("heading", name="五个一用时").first.wait_for()


def test_the_board_renews_itself_without_being_asked(desktop, site, enter, town, committed):
    page = enter(desktop)
    page.clock.install()
    page.goto(f"{site}/console/board/")
    open_work(town, town.yulan, town.city, PAST)
    committed.commit()
    page.clock.run_for(16_000)
    page.locator(".board-tile strong", has_text="8").wait_for()
    assert page.complaints == []
