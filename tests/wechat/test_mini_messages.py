"""A mini program's messages: what people allow and take back, and what became of what was sent.

WeChat pushes both to the mini program's own address, in XML or in JSON.
"""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from itertools import count

import pytest

from backend.app import create_app
from backend.notify import tasks
from backend.notify.messages import Message
from backend.notify.models import Contact, Delivery
from backend.times import now
from backend.wechat.models import Conversation
from tests.programs import wait_until
from tests.resident.conftest import MiniProgram
from tests.telling import read, tell
from tests.wechat.mini_scene import (
    MINI,
    address,
    both_forms,
    callback,
    connected,
    contact,
    left,
    phone,
    popup,
    program,
    session,
    told,
)
from tests.wechat.pushes import push, send

__all__ = ["address", "callback", "connected", "contact", "phone", "program", "session"]


@both_forms
def test_what_was_allowed_in_the_window_is_sent_and_its_receipt_closes_the_row(
    session, weixin, phone, contact, connected, form
):
    connected(form)
    phone.subscribe_message(["M1"])
    assert left(session, contact.id) == {"M1": (1, False)}
    row = tell(session, contact, Message.CASE_RESOLVED)
    assert (row.channel, row.account) == ("wechat_subscription", MINI)
    wait_until(lambda: read(session, row.id).status is Delivery.RECEIVED)
    assert row.received_at is not None
    assert left(session, contact.id) == {"M1": (0, False)}
    assert {one["status"] for one in weixin.pushes()} == {200}


def test_a_message_that_did_not_arrive_goes_on_up_the_ladder_and_says_why(session, phone, contact, connected):
    connected(status="failed:user block")
    phone.subscribe_message(["M1"])
    row = tell(session, contact, Message.CASE_RESOLVED)
    wait_until(lambda: read(session, row.id).status is Delivery.WAITING)
    row = read(session, row.id)
    lost = {"channel": "wechat_subscription", "why": "对方拒收小程序的消息", "closed": True, "lost": True}
    assert row.rungs[-1] == lost
    assert row.due_at <= now()
    tasks.deliver([row.id])
    assert read(session, row.id).error == "对方没有关注公众号；对方拒收小程序的消息；没有留电话"


def test_a_message_that_the_system_lost_is_sent_again(session, phone, contact, connected):
    connected(status="failed: system failed")
    phone.subscribe_message(["M1"])
    row = tell(session, contact, Message.CASE_RESOLVED)
    wait_until(lambda: read(session, row.id).status is Delivery.WAITING)
    assert read(session, row.id).error == "微信没有送达"


@both_forms
def test_what_is_taken_back_in_the_settings_is_gone(session, phone, contact, connected, form):
    connected(form)
    phone.subscribe_message(["M1", "M2"])
    phone.subscribe_message(["L1"])
    assert left(session, contact.id) == {"L1": (0, True), "M1": (1, False), "M2": (1, False)}
    phone.cancel_subscription(["L1", "M2"])
    assert left(session, contact.id) == {"L1": (0, False), "M1": (1, False), "M2": (0, False)}


@both_forms
def test_consents_are_counted_once_each_and_a_refusal_takes_nothing_back(session, callback, contact, form):
    popup(callback, contact, "M1", "M2", form=form, CreateTime=1_800_000_001)
    popup(callback, contact, "M1", form=form, CreateTime=1_800_000_002)
    popup(callback, contact, "M1", form=form, CreateTime=1_800_000_002)  # the same, delivered once more
    popup(callback, contact, "M1", word="reject", form=form, CreateTime=1_800_000_003)
    popup(callback, contact, "another's", form=form, CreateTime=1_800_000_004)
    assert left(session, contact.id) == {"M1": (2, False), "M2": (1, False)}


@pytest.mark.parametrize("created", [1_800_000_001, "1800000001"])
def test_in_json_the_time_may_be_a_number_or_text(session, callback, contact, created):
    for _ in range(2):
        popup(callback, contact, "M1", form="json", CreateTime=created)
    assert left(session, contact.id) == {"M1": (1, False)}


@both_forms
def test_a_receipt_that_comes_twice_changes_nothing_more(session, phone, contact, callback, form):
    phone.subscribe_message(["M1"])
    popup(callback, contact, "M1")
    row = tell(session, contact, Message.CASE_RESOLVED)
    item = {"TemplateId": "M1", "MsgID": row.provider_id, "ErrorCode": "0", "ErrorStatus": "success"}
    receipt = (contact.openid, "subscribe_msg_sent_event", "SubscribeMsgSentEvent")
    assert callback(*receipt, item, form=form).status_code == 200
    assert read(session, row.id).status is Delivery.RECEIVED
    received = read(session, row.id).received_at
    assert callback(*receipt, item, form=form).text == "success"
    assert read(session, row.id).received_at == received
    assert callback(*receipt, item | {"ErrorStatus": "failed:user block"}, form=form).status_code == 200
    assert read(session, row.id).status is Delivery.RECEIVED


def test_a_receipt_of_the_service_account_is_not_one_of_the_mini_program(
    session, client, phone, contact, callback
):
    """Each numbers its own messages."""
    phone.subscribe_message(["M1"])
    popup(callback, contact, "M1")
    row = tell(session, contact, Message.CASE_RESOLVED)
    item = {"TemplateId": "M1", "MsgID": row.provider_id, "ErrorCode": 0, "ErrorStatus": "success"}
    sent = told("subscribe_msg_sent_event", "SubscribeMsgSentEvent", [item], "xml", {})
    assert send(client, push(sent, contact.openid, "demo")).status_code == 200
    assert read(session, row.id).status is Delivery.SENT


@pytest.fixture
def mini(session, program):
    """Somebody's phone with the mini program open."""
    mini = MiniProgram(create_app(), session)
    session.add(Conversation(contact_id=mini.contact_id))
    session.commit()
    return mini


def say_by_page(mini):
    assert mini.post("/subscriptions", accepted={"M1": "accept", "M2": "reject"})[0] == 204


def test_what_waited_for_a_visit_goes_when_the_page_tells_that_it_is_allowed(session, mini):
    row = tell(session, session.get_one(Contact, mini.contact_id), Message.CASE_RESOLVED)
    assert row.due_at > now() + timedelta(days=300)
    say_by_page(mini)
    assert read(session, row.id).due_at <= now()


@pytest.mark.parametrize("first", ["page", "wechat"])
def test_what_the_page_and_wechat_both_tell_counts_once(session, mini, callback, first):
    contact, seconds = session.get_one(Contact, mini.contact_id), count(1_800_000_001)
    tellers = [
        lambda: say_by_page(mini),
        lambda: popup(callback, contact, "M1", CreateTime=next(seconds)),
    ]
    for tell_of in tellers if first == "page" else tellers[::-1]:
        tell_of()
    assert left(session, contact.id) == {"M1": (1, False)}
    for tell_of in tellers:
        tell_of()
    assert left(session, contact.id) == {"M1": (2, False)}
    say_by_page(mini)  # 总是保持以上选择: WeChat asked nothing, so it tells nothing
    assert left(session, contact.id) == {"M1": (3, False)}


def test_page_and_wechat_telling_at_the_same_moment_count_once(session, mini, program):
    openid, app = session.get_one(Contact, mini.contact_id).openid, create_app()
    session.rollback()

    def tell_of(number):
        if number % 2:
            return say_by_page(mini)
        item = {"TemplateId": "M1", "SubscribeStatusString": "accept", "PopupScene": "0"}
        second = {"CreateTime": 1_800_000_000 + number}
        sent = told("subscribe_msg_popup_event", "SubscribeMsgPopupEvent", [item], "json", second)
        assert send(app.test_client(), push(sent, openid, MINI, form="json")).status_code == 200

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(tell_of, range(16)))
    assert left(session, mini.contact_id) == {"M1": (8, False)}
