"""What the page of a message says of one that the mini program sent, of which no receipt has come."""

from datetime import timedelta

import pytest

from backend.notify.messages import Message
from backend.notify.models import Delivery, Notification
from backend.places.roles import Role
from backend.times import now
from tests.factories import make_case, make_officer, make_resident

HOURS_AGO = now() - timedelta(hours=2)
NEVER_COMES = "这个小程序没有开通消息推送，订阅消息送到没有，微信不告诉我们"


@pytest.fixture
def opened(session, place, as_officer):
    """The page of such a message; with the id by which WeChat will name it, if it was to come."""
    client = as_officer(make_officer(session, Role.ADMINISTRATOR, area=place.community))
    case = make_case(session, place.community, resident_id=make_resident(session).id)

    def open_one(provider_id):
        row = Notification(
            key=f"k{provider_id}", message=Message.CASE_RESOLVED, resident_id=case.resident_id,
            fields={"number": case.number, "note": ""}, channel="wechat_subscription", account="demo:mini",
            status=Delivery.SENT, sent_at=HOURS_AGO, due_at=HOURS_AGO, attempts=1, provider_id=provider_id,
        )  # fmt: skip
        session.add(row)
        session.commit()
        return client.get(f"/console/outbox/{row.id}").text, client.get("/console/outbox/?tab=silent").text

    return open_one


def test_that_none_will_come_is_said_and_nobody_waits_for_it(opened):
    page, waited_for = opened(None)
    assert NEVER_COMES in page
    assert "这里没有消息" in waited_for


def test_one_that_should_have_come_is_missed(opened):
    page, waited_for = opened("1")
    assert "小程序订阅消息" in page
    assert "没有开通消息推送" not in page
    assert "这里没有消息" not in waited_for
