"""Telephone callbacks in Chromium, on a phone and on a desk: a call from the list to its result."""

import pytest
import sqlalchemy as sa

from backend.auth import LoginSession
from backend.cases.callback_models import CallbackState, PhoneCallback
from backend.places.roles import Role
from backend.times import now
from tests.browser import is_cut, sign_in
from tests.console.test_callbacks import INDEX, NUMBER, due_callback
from tests.console.test_duty_desk_browser import photograph
from tests.factories import make_community, make_contact, make_officer

pytestmark = pytest.mark.browser


class Place:
    """A community with one who calls."""

    def __init__(self, session):
        self.community = make_community(session)
        self.desk = make_officer(session, Role.INFORMATION_OFFICER, area=self.community, name="李梅")


@pytest.mark.parametrize("size", ["phone", "desktop"])
def test_a_call_from_the_list_to_its_result(request, committed, site, size):
    place, context = Place(committed), request.getfixturevalue(size)
    for text in ("玉兰苑门口的路灯不亮了，晚上走路看不清", "三号楼前的井盖松了，车一过就响，夜里睡不着"):
        due_callback(committed, place, text=text)
    sign_in(committed, context, site, make_contact(committed, officer=place.desk))
    page = context.new_page()
    page.goto(f"{site}{INDEX}")
    assert not is_cut(page)
    photograph(page, f"callbacks-{size}")
    page.get_by_role("button", name="我来打").first.click()
    page.get_by_role("heading", name="怎么说").wait_for()
    assert not page.get_by_role("heading", name="电话打得怎么样").is_visible()  # nobody has called yet
    photograph(page, f"callback-taken-{size}")
    page.get_by_role("button", name="查看号码，打电话").click()
    page.locator(f"a[href='tel:{NUMBER}']").wait_for()
    assert not page.get_by_text("事情真的解决了吗？").nth(1).is_visible()  # asked once they have answered
    page.get_by_label("接通了，答了").check()
    page.get_by_label("没有解决", exact=True).check()
    page.get_by_label("对方的原话").fill("晚上还是一闪一闪的")
    assert not is_cut(page)
    photograph(page, f"callback-{size}")
    page.get_by_role("button", name="记下结果").click()
    page.get_by_text("记好了：接通了，答了").wait_for()
    committed.rollback()
    states = committed.scalars(sa.select(PhoneCallback.state).order_by(PhoneCallback.id)).all()
    assert states == [CallbackState.ANSWERED, CallbackState.WAITING]
    page.goto(f"{site}{INDEX}?view=done")
    assert not is_cut(page)


@pytest.mark.parametrize("size", ["phone", "desktop"])
def test_at_night_it_is_said_when_calling_begins(request, committed, site, size, night):
    place, context = Place(committed), request.getfixturevalue(size)
    callback = due_callback(committed, place)
    sign_in(committed, context, site, make_contact(committed, officer=place.desk))
    page = context.new_page()
    page.goto(f"{site}{INDEX}")
    page.get_by_text(f"现在不打回访电话，{night}起可以打").wait_for()
    assert not is_cut(page)
    photograph(page, f"callbacks-night-{size}")
    page.goto(f"{site}{INDEX}{callback.id}")
    page.get_by_text(f"现在不打回访电话，{night}起可以打").wait_for()
    assert page.get_by_role("button", name="我来打").count() == 0
    assert not is_cut(page)
    photograph(page, f"callback-night-{size}")


@pytest.mark.parametrize("size", ["phone", "desktop"])
def test_how_many_are_drawn_is_said_for_a_place(request, committed, site, size):
    place, context = Place(committed), request.getfixturevalue(size)
    officer = make_officer(committed, Role.ADMINISTRATOR, area=place.community)
    sign_in(committed, context, site, make_contact(committed, officer=officer))
    committed.execute(sa.update(LoginSession).values(second_factor_at=now()))
    committed.commit()
    page = context.new_page()
    page.goto(f"{site}/console/sample/")
    page.get_by_label("地点").fill("玉兰社区")
    page.get_by_label("抽百分之几").fill("10")
    page.get_by_role("button", name="保存").click()
    page.get_by_text("从现在起抽 10% 电话回访").wait_for()
    assert not is_cut(page)
    photograph(page, f"sample-{size}")
