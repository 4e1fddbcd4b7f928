"""What WeChat refuses or leaves unanswered: the next channel, a later attempt, or the end with its reason."""

from datetime import timedelta

import pytest

from backend import db
from backend.notify import circuit, outbox, tasks
from backend.notify.messages import Message
from backend.notify.models import Delivery
from backend.times import now
from backend.wechat import channel
from tests.telling import FIELDS, opened, owe, read, received, tell

CHAT, SEND = "/cgi-bin/message/custom/send", "/cgi-bin/message/template/send"


@pytest.fixture
def session(committed):
    return committed


@pytest.mark.parametrize(("errcode", "reason"), [(45015, "允许回复的时间"), (45047, "条数已用完")])
def test_a_window_that_wechat_calls_closed_is_closed_for_us(session, weixin, resident, errcode, reason):
    phone, contact = resident
    window = opened(session, phone, contact)
    weixin.faults(api=[{"path": CHAT, "errcode": errcode}])
    row = tell(session, contact)
    assert [message["type"] for message in received(phone)] == ["template"]
    assert reason in row.rungs[0]["why"]
    assert str(errcode) in row.rungs[0]["why"]
    session.refresh(window)
    assert window.window_left == 0
    tell(session, contact, number="261121483921")
    assert len(weixin.calls(CHAT)) == 1


def test_a_window_opened_anew_meanwhile_stays_open(session, weixin, resident):
    phone, contact = resident
    window = opened(session, phone, contact)
    owed = owe(contact, Message.CASE_ACCEPTED)
    with db.transaction() as other:
        [message] = outbox.claim(other, [owed])
        letter = channel.Chat().prepare(other, message)
    session.refresh(window)
    window.window_until, window.window_left = now() + timedelta(hours=48, seconds=9), 5  # they write again
    session.commit()
    weixin.faults(api=[{"path": CHAT, "errcode": 45047}])
    with pytest.raises(channel.Refusal) as refused:
        letter.deliver()
    with db.transaction() as other:
        letter.settle(other, refused.value)
    session.refresh(window)
    assert window.window_left == 5


def test_a_call_that_surely_had_no_effect_costs_nothing_of_the_window(session, weixin, resident):
    phone, contact = resident
    window = opened(session, phone, contact)
    weixin.faults(api=[{"path": CHAT, "errcode": -1}])
    row = tell(session, contact)
    assert (row.status, row.channel) == (Delivery.WAITING, None)
    session.refresh(window)
    assert window.window_left == 5


def test_a_chat_message_without_an_answer_is_not_written_again_but_sent_as_a_card(session, weixin, resident):
    phone, contact = resident
    opened(session, phone, contact)
    weixin.faults(api=[{"path": CHAT, "times": 1, "close": True, "after": True}])
    row = tell(session, contact)
    assert (row.status, row.channel) == (Delivery.WAITING, "wechat_chat")
    row.due_at = now()
    session.commit()
    tasks.deliver([row.id])
    assert [message["type"] for message in received(phone)] == ["text", "template"]
    assert len(weixin.calls(CHAT)) == 1
    assert read(session, row.id).status is Delivery.SENT


def test_a_card_without_an_answer_is_repeated_and_shown_once(session, weixin, officer):
    phone, contact = officer
    weixin.faults(api=[{"path": SEND, "times": 1, "close": True, "after": True}])
    row = tell(session, contact, Message.CASE_SUBMITTED)
    assert (row.status, row.channel) == (Delivery.WAITING, "wechat_template")
    row.due_at = now()
    session.commit()
    tasks.deliver([row.id])
    assert len(weixin.calls(SEND)) == 2
    assert [message["type"] for message in received(phone)] == ["template"]
    assert read(session, row.id).status is Delivery.SENT


def test_a_card_that_the_platform_finds_wrong_is_final_and_its_text_is_kept(session, weixin, resident):
    _, contact = resident
    weixin.faults(
        api=[{"path": SEND, "errcode": 47003, "errmsg": "argument invalid! data.thing2.value invalid"}]
    )
    row = tell(session, contact)
    assert row.status is Delivery.FAILED
    assert "模板的某一栏填写不符合要求：data.thing2.value（47003）" in row.error
    assert row.fields["summary"] == FIELDS["summary"]


@pytest.mark.parametrize(
    ("errcode", "status"),
    [(-1, Delivery.WAITING), (45011, Delivery.WAITING), (48001, Delivery.WAITING), (40001, Delivery.WAITING),
     (40003, Delivery.FAILED), (987654, Delivery.WAITING)],
)  # fmt: skip
def test_each_refusal_of_a_card_has_its_end(session, weixin, resident, errcode, status):
    _, contact = resident
    weixin.faults(api=[{"path": SEND, "errcode": errcode}])
    row = tell(session, contact)
    assert row.status is status
    assert str(errcode) in row.error
    if status is Delivery.WAITING:
        assert row.due_at < now() + timedelta(minutes=1)


def test_two_calls_for_one_person_at_once_are_no_failure_of_the_account(session, weixin, resident):
    _, contact = resident
    weixin.faults(api=[{"path": SEND, "errcode": 43108}])
    for number in range(circuit.FAILURES + 1):
        row = tell(session, contact, number=f"26112148392{number}")
    assert (row.status, row.attempts) == (Delivery.WAITING, 0)
    assert row.due_at < now() + timedelta(seconds=10)
    assert circuit.stopped() == frozenset()


def test_a_blocked_resident_is_told_in_the_chat_instead(session, weixin, resident):
    phone, contact = resident
    row = tell(session, contact)
    opened(session, phone, contact)
    with db.transaction() as told:
        outbox.receipt(told, "demo", row.provider_id, "failed:user block")
    tasks.deliver([row.id])
    assert [message["type"] for message in received(phone)] == ["template", "text"]
    assert read(session, row.id).channel == "wechat_chat"


def test_a_blocked_resident_without_a_window_ends_with_the_reason(session, weixin, resident):
    _, contact = resident
    row = tell(session, contact)
    with db.transaction() as told:
        outbox.receipt(told, "demo", row.provider_id, "failed:user block")
    tasks.deliver([row.id])
    row = read(session, row.id)
    assert row.status is Delivery.FAILED
    assert "对方拒收公众号的消息" in [rung["why"] for rung in row.rungs]
