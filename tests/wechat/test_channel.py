"""Messages on their way to people: which channel is taken, and what their phones show."""

from datetime import timedelta

import pytest

from backend import auth, db
from backend.config import config
from backend.notify import outbox, tasks
from backend.notify.messages import Message
from backend.notify.models import Delivery
from backend.times import now
from backend.wechat.models import Conversation
from tests.accounts import template_id
from tests.factories import make_contact, make_resident
from tests.telling import opened, read, received, tell
from tests.weixin import follower

CHAT, SEND = "/cgi-bin/message/custom/send", "/cgi-bin/message/template/send"


@pytest.fixture
def session(committed):
    return committed


def test_a_resident_in_the_window_is_told_in_the_chat(session, weixin, resident):
    phone, contact = resident
    window = opened(session, phone, contact)
    row = tell(session, contact)
    [message] = received(phone)
    assert message["type"] == "text"
    assert "您反映的事情（编号 261121483920）已经受理" in message["content"]
    assert f'<a href="{config.public_url}/r/cases/261121483920?account=demo">' in message["content"]
    assert (row.status, row.channel, row.account) == (Delivery.SENT, "wechat_chat", "demo")
    session.refresh(window)
    assert window.window_left == 4


def test_a_resident_outside_the_window_gets_a_card(session, weixin, resident):
    phone, contact = resident
    row = tell(session, contact)
    [card] = received(phone)
    assert card["type"] == "template"
    shown = {one["label"]: one["value"] for one in card["card"]["rows"]}
    assert shown == {
        "number": "261121483920", "place": "玉兰社区", "status": "已受理", "time": "2026年11月21日 18:30",
    }  # fmt: skip
    assert card["card"]["url"].endswith("/r/cases/261121483920?account=demo")
    assert row.channel == "wechat_template"
    assert [rung["channel"] for rung in row.rungs] == ["wechat_chat"]
    assert weixin.calls(CHAT) == []


def test_a_survey_in_the_window_can_be_answered_with_one_tap(session, weixin, resident):
    phone, contact = resident
    opened(session, phone, contact)
    tell(session, contact, Message.SURVEY_INVITED, survey="7")
    [menu] = received(phone)
    assert menu["type"] == "msgmenu"
    assert [(line["id"], line["content"]) for line in menu["items"]] == [
        ("survey:7:solved", "1 已解决"),
        ("survey:7:unsolved", "2 没有解决"),
    ]
    token = menu["tail"].split("/r/surveys/")[1].split("?")[0]
    assert auth.unsign("survey", token, timedelta(days=1)) == 7


def test_a_survey_outside_the_window_leads_to_its_page(session, weixin, resident):
    phone, contact = resident
    tell(session, contact, Message.SURVEY_INVITED, survey="7")
    [card] = received(phone)
    token = card["card"]["url"].split("/r/surveys/")[1].split("?")[0]
    assert auth.unsign("survey", token, timedelta(days=1)) == 7


def test_an_officer_gets_a_card_even_in_the_window(session, weixin, officer):
    phone, contact = officer
    opened(session, phone, contact)
    tell(session, contact, Message.CASE_SUBMITTED)
    [card] = received(phone)
    assert card["type"] == "template"
    assert card["card"]["url"] == f"{config.public_url}/console/cases/261121483920?account=demo"


def test_an_officer_whose_template_is_refused_is_told_in_the_chat(session, weixin, officer):
    phone, contact = officer
    opened(session, phone, contact)
    weixin.faults(api=[{"path": SEND, "errcode": 40037}])
    row = tell(session, contact, Message.CASE_SUBMITTED)
    [message] = received(phone)
    assert (
        "新诉求 261121483920\n玉兰社区\n玉兰苑门口的路灯不亮了\n请在今天 20:00前受理。" in message["content"]
    )
    assert (row.status, row.channel) == (Delivery.SENT, "wechat_chat")


def test_the_sixth_message_of_a_window_is_a_card(session, weixin, resident):
    phone, contact = resident
    opened(session, phone, contact)
    for number in range(6):
        tell(session, contact, number=f"26112148392{number}")
    assert [message["type"] for message in received(phone)] == ["text"] * 5 + ["template"]
    assert all(call["errcode"] == 0 for call in weixin.calls(CHAT))  # nobody ran into WeChat's limit


def test_whoever_left_unnoticed_is_told_when_they_come_back(session, weixin, resident):
    phone, contact = resident
    phone.unfollow(wait=False)
    row = tell(session, contact)
    assert (row.status, row.error) == (
        Delivery.WAITING,
        "对方近期没有给公众号发过消息；对方没有关注公众号（43004）；对方没有用过小程序",
    )
    assert row.due_at > now() + timedelta(days=365)
    session.refresh(contact)
    assert not contact.follows
    phone.follow(wait=False)
    contact.follows = True
    session.commit()
    with db.transaction() as back:
        ids = outbox.wake(back, resident_id=contact.resident_id)
    tasks.deliver(ids)
    assert [message["type"] for message in received(phone)] == ["template"]
    assert read(session, row.id).status is Delivery.SENT


def test_nobody_without_wechat_is_called(session, weixin):
    contact = make_contact(session, make_resident(session), follows=False)
    row = tell(session, contact)
    assert row.status is Delivery.WAITING
    assert row.error == "对方没有关注公众号；对方没有用过小程序"
    assert weixin.calls() == []


def test_a_person_with_two_accounts_is_told_where_they_last_wrote(session, weixin):
    person = make_resident(session)
    _, old = follower(session, weixin, "li", account="demo", resident=person)
    phone, recent = follower(session, weixin, "li", account="mixed", resident=person)
    session.add(Conversation(contact_id=old.id, heard_at=now() - timedelta(days=9)))
    session.add(Conversation(contact_id=recent.id, heard_at=now() - timedelta(days=3)))
    session.commit()
    row = tell(session, recent)
    assert row.account == "mixed"
    assert received(phone)[0]["card"]["url"].endswith("?account=mixed")


def test_an_account_that_is_no_longer_served_is_not_used(session, weixin):
    row = tell(session, make_contact(session, account="gone"))
    assert row.error == "对方没有关注公众号；对方没有用过小程序"


def test_what_people_wrote_cannot_become_a_link_in_the_chat(session, weixin, resident):
    phone, contact = resident
    opened(session, phone, contact)
    tell(session, contact, Message.CASE_REJECTED, note='<a href="http://evil.test">退款</a> {number}')
    [message] = received(phone)
    assert message["content"].count("<a ") == 1
    assert "＜a href" in message["content"]
    assert "{number}" in message["content"]


def test_a_very_long_answer_still_fits_the_chat_with_its_link(session, weixin, resident):
    phone, contact = resident
    opened(session, phone, contact)
    tell(session, contact, Message.CASE_RESOLVED, note="已经修好了🙂" * 400)
    [message] = received(phone)
    assert message["content"].endswith("点这里查看</a>")
    assert 1900 < len(message["content"].encode()) <= 2048


def test_a_card_holds_whatever_people_wrote(session, weixin, resident):
    phone, contact = resident
    row = tell(session, contact, place="玉兰苑\n东门🚧" * 9, number="", at="")
    assert row.status is Delivery.SENT
    assert len(received(phone)) == 1


def test_every_kind_of_message_reaches_a_resident_and_an_officer(session, weixin, resident, officer):
    for message in Message:
        for _, contact in (resident, officer):
            assert tell(session, contact, message, survey="7").status is Delivery.SENT
    assert len(received(resident[0])) == len(received(officer[0])) == len(Message)
    assert template_id("demo", Message.CASE_URGED) in {
        call["body"]["template_id"] for call in weixin.calls(SEND)
    }
