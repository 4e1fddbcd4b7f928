"""Who says 不用通知 hears of progress no more, but still of what wants an answer."""

import pytest
import sqlalchemy as sa

from backend.notify.messages import CATALOGUE, Message
from backend.notify.models import Delivery, MessageOptOut
from backend.notify.optouts import NOT_WANTED, OPTIONAL
from backend.wechat.models import Conversation
from tests.telling import received, tell
from tests.wechat import pushes
from tests.wechat.pushes import push, send
from tests.wechat.pushes import read as read_reply
from tests.weixin import follower

TEMPLATE = "/cgi-bin/message/template/send"


@pytest.fixture
def session(committed):
    return committed


@pytest.fixture
def person(session, weixin, client):
    phone, contact = follower(session, weixin, "li")
    session.add(Conversation(contact_id=contact.id))
    session.commit()
    return phone, contact


def say(client, phone, words):
    return read_reply(send(client, push(pushes.text(words), phone.openid(), "demo")), "demo")


def test_progress_is_not_told_and_says_why(session, weixin, client, person):
    phone, contact = person
    reply = say(client, phone, "不用通知")
    assert "不再发给您" in reply
    assert "恢复通知" in reply
    row = tell(session, contact, Message.CASE_ACCEPTED)
    assert (row.status, row.error, row.attempts) == (Delivery.FAILED, NOT_WANTED, 0)
    assert received(phone) == []
    assert weixin.calls(TEMPLATE) == []


def test_what_wants_an_answer_is_told_all_the_same(session, client, person):
    phone, contact = person
    say(client, phone, "退订")
    row = tell(session, contact, Message.CASE_RESOLVED, note="路灯换好了")
    assert row.status is Delivery.SENT


def test_it_can_be_taken_back_and_said_twice(session, client, person):
    phone, contact = person
    for words in ("不要通知", "退订", "恢复通知", "恢复通知"):
        say(client, phone, words)
    assert tell(session, contact, Message.CASE_ACCEPTED).status is Delivery.SENT
    assert session.scalar(sa.select(sa.func.count()).select_from(MessageOptOut)) == 0


def test_what_others_are_told_does_not_change(session, weixin, client, person):
    phone, _ = person
    say(client, phone, "不用通知")
    _, other = follower(session, weixin, "wang")
    assert tell(session, other, Message.CASE_ACCEPTED).status is Delivery.SENT


def test_only_what_nobody_has_to_answer_can_be_refused():
    assert not any(CATALOGUE[message].urgent for message in OPTIONAL)
    assert all(CATALOGUE[message].link.startswith("/r/") for message in OPTIONAL)
    assert not {Message.CASE_RESOLVED, Message.CASE_ASKED, Message.SURVEY_INVITED} & set(OPTIONAL)
