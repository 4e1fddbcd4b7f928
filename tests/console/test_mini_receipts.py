"""What the page of a message says of one that the mini program sent, of which no receipt has come."""

import pytest

from backend.notify.messages import Message
from backend.notify.models import Delivery, Notification
from backend.places.roles import Role
from backend.times import now
from backend.wechat import accounts
from tests.factories import make_case, make_officer, make_resident

NEVER_COMES = "这个小程序没有开通消息推送，订阅消息送到没有，微信不告诉我们"


@pytest.fixture
def opened(session, place, as_officer):
    """The page of such a message."""
    client = as_officer(make_officer(session, Role.ADMINISTRATOR, area=place.community))
    case = make_case(session, place.community, resident_id=make_resident(session).id)
    fields = {"number": case.number, "note": ""}
    sent = {"status": Delivery.SENT, "sent_at": now(), "due_at": now(), "attempts": 1, "provider_id": "1"}
    row = Notification(
        key="k", message=Message.CASE_RESOLVED, fields=fields, resident_id=case.resident_id,
        channel="wechat_subscription", account="demo:mini", **sent,
    )  # fmt: skip
    session.add(row)
    session.commit()
    return lambda: client.get(f"/console/outbox/{row.id}").text


@pytest.fixture
def mini_program():
    yield accounts.get("demo").mini_program
    accounts.reset()


def test_that_none_will_come_is_said_where_the_mini_program_has_no_address_for_it(opened, mini_program):
    assert NEVER_COMES in opened()
    object.__setattr__(mini_program, "token", "testsOnlyTokenOfTheMiniProgram01")
    assert "小程序订阅消息" in opened()
    assert "没有开通消息推送" not in opened()
