"""The page of calls to be made in a real Chromium: on a desk and on a phone nothing is cut or complains."""

import pytest

from backend.broker import redis_client
from backend.notify.messages import Message
from backend.notify.models import Notification
from backend.notify.outbox import NEXT_VISIT
from backend.notify.telephone_models import TelephoneTask
from backend.places.roles import Role
from backend.places.scope import COLUMNS
from backend.times import now
from tests.browser import is_cut, sign_in
from tests.factories import make_community, make_contact, make_officer, make_unit

pytestmark = pytest.mark.browser
WORDS = "【紧急】\n诉求 261121483920 有群众或督查催办，请尽快办理。\n玉兰社区\n玉兰苑东门的路灯不亮了"
WHY = "没有绑定企业微信；对方没有关注公众号；这类消息没有短信模板"


@pytest.fixture
def desk(committed):
    """Who is on duty in the community, with two calls to make."""
    redis_client().flushall()
    community = make_community(committed)
    handler = make_officer(committed, Role.HANDLER, unit=make_unit(committed, community), name="陈志")
    handler.phone = "13912345678"
    where = {column: getattr(community, column) for column in COLUMNS.values()}
    for number in range(2):
        row = Notification(
            key=f"call:{number}", message=Message.CASE_URGED, officer_id=handler.id, due_at=now() + NEXT_VISIT
        )
        committed.add(row)
        committed.flush()
        said = {"words": WORDS, "why": WHY, "tries": number, "tried_at": now()}
        committed.add(TelephoneTask(notification_id=row.id, officer_id=handler.id, **said, **where))
    someone = make_officer(committed, Role.DISPATCHER, area=community, name="岑静雯")
    contact = make_contact(committed, officer=someone)
    committed.commit()
    return contact


@pytest.mark.parametrize("screen", ["desktop", "phone"])
def test_calls_are_made_on_a_desk_and_on_a_phone(request, screen, site, committed, desk):
    context = request.getfixturevalue(screen)
    sign_in(committed, context, site, desk)
    page, complaints = context.new_page(), []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(f"{site}/console/telephone/")
    assert not is_cut(page)
    page.get_by_role("button", name="看号码").first.click()
    page.get_by_role("link", name="13912345678").wait_for()
    assert not is_cut(page)
    page.get_by_label("打得怎么样").first.select_option(label="打通了，已经告诉本人")
    page.get_by_role("button", name="记下").first.click()
    page.get_by_text("本人已经知道").wait_for()
    assert page.get_by_role("button", name="记下").count() == 1
    assert complaints == []
