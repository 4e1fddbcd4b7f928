"""Messages on their way to people: which channel is taken, what their phones show, what is written down."""

from datetime import timedelta

import pytest

from backend import auth, db
from backend.config import config
from backend.notify import grants, outbox, service, tasks
from backend.notify.messages import Message
from backend.notify.models import Delivery, Notification
from backend.places.roles import Role
from backend.times import now
from backend.wechat import accounts, channel
from backend.wechat.models import Conversation
from tests.accounts import template_id
from tests.factories import make_community, make_contact, make_officer, make_resident
from tests.weixin import follower, register

CHAT, SEND = "/cgi-bin/message/custom/send", "/cgi-bin/message/template/send"
FIELDS = {
    "number": "261121483920",
    "place": "玉兰社区",
    "summary": "玉兰苑门口的路灯不亮了",
    "at": "2026-11-21 18:30",
    "until": "今天 20:00",
    "note": "",
    "who": "市政服务中心",
}


@pytest.fixture
def session(committed, weixin):
    return committed


@pytest.fixture
def resident(session, weixin):
    """A resident who follows and has not written: (phone, contact)."""
    return follower(session, weixin, "li")


@pytest.fixture
def officer(session, weixin):
    """An officer whose WeChat is bound: (phone, contact)."""
    someone = make_officer(session, Role.INFORMATION_OFFICER, area=make_community(session))
    return follower(session, weixin, "zhou", officer=someone)


def opened(session, phone, contact, left=5):
    """The person writes: WeChat opens its window, and our ledger says so (the callback's work)."""
    phone.send_text("你好", wait=False)
    row = Conversation(
        contact_id=contact.id, heard_at=now(), window_until=now() + timedelta(hours=48), window_left=left
    )
    session.add(row)
    session.commit()
    return row


def tell(session, contact, message=Message.CASE_ACCEPTED, **fields):
    """Owe a message to the person of a contact and deliver it; the row afterwards."""
    people = (
        {"officers": [contact.officer_id]} if contact.officer_id else {"residents": [contact.resident_id]}
    )
    with db.transaction() as owing:
        [owed] = service.owe(owing, message, f"test:{message}:{fields}", FIELDS | fields, **people)
    tasks.deliver([owed])
    return read(session, owed)


def read(session, owed):
    session.expire_all()
    return session.get_one(Notification, owed)


def received(phone):
    return [message for message in phone.inbox() if message["from"] == "account"]


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
    with db.transaction() as other:
        [owed] = service.owe(other, Message.CASE_ACCEPTED, "k", FIELDS, residents=[contact.resident_id])
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


@pytest.mark.parametrize(
    ("errcode", "status"),
    [(-1, Delivery.WAITING), (45009, Delivery.WAITING), (48001, Delivery.WAITING), (40001, Delivery.WAITING),
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


@pytest.fixture
def mini_program(session, weixin, tmp_path):
    """The account `demo` without templates of its own, with one for its mini program."""
    secret = f'app_secret = "{"a" * 32}"'
    template = 'templates.case_resolved = { id = "M1", status = "phrase3", place = "thing2" }'
    text = config.accounts_file.read_text().replace(secret, f"{secret}\n{template}")
    kept, skipped = [], False
    for line in text.splitlines():
        skipped = line.startswith("[accounts.demo.templates") or (skipped and not line.startswith("["))
        kept += [] if skipped else [line]
    path, before = tmp_path / "accounts.toml", config.wechat_accounts
    path.write_text("\n".join(kept))
    object.__setattr__(config, "wechat_accounts", path)
    accounts.reset()
    register(weixin, accounts.get("demo"))
    yield accounts.get("demo").mini_program
    object.__setattr__(config, "wechat_accounts", before)
    accounts.reset()


@pytest.fixture
def visitor(session, weixin, mini_program):
    phone = weixin.user("li", app_id=mini_program.app_id)
    return phone, make_contact(session, account="demo:mini", openid=phone.openid())


def test_someone_known_by_the_mini_program_gets_the_message_they_allowed(
    session, weixin, visitor, mini_program
):
    phone, contact = visitor
    phone.subscribe_message(["M1"])
    grants.keep(session, contact.id, ["M1"])
    session.commit()
    row = tell(session, contact, Message.CASE_RESOLVED)
    assert (row.status, row.channel, row.account) == (Delivery.SENT, "wechat_subscription", "demo:mini")
    [call] = weixin.calls("/cgi-bin/message/subscribe/send")
    assert call["body"]["page"] == "pages/case/case?number=261121483920"
    assert call["body"]["data"] == {"phrase3": {"value": "待您确认"}, "thing2": {"value": "玉兰社区"}}
    row = tell(session, contact, Message.CASE_RESOLVED, number="261121483921")
    assert (row.status, row.error) == (Delivery.WAITING, "对方没有关注公众号；对方没有在小程序里同意接收")


def test_a_consent_that_could_not_be_used_is_kept(session, weixin, visitor):
    _, contact = visitor
    grants.keep(session, contact.id, ["M1"])
    session.commit()
    weixin.faults(api=[{"path": "/cgi-bin/message/subscribe/send", "errcode": -1}])
    tell(session, contact, Message.CASE_RESOLVED)
    assert grants.spend(session, contact.id, "M1")


def test_without_a_template_and_a_window_the_message_waits_for_the_next_visit(session, weixin, mini_program):
    _, contact = follower(session, weixin, "wang")
    row = tell(session, contact)
    assert row.status is Delivery.WAITING
    assert "公众号没有配置这类消息的模板" in row.error
    assert row.due_at > now() + timedelta(days=365)


def test_every_kind_of_message_reaches_a_resident_and_an_officer(session, weixin, resident, officer):
    for message in Message:
        for _, contact in (resident, officer):
            assert tell(session, contact, message, survey="7").status is Delivery.SENT
    assert len(received(resident[0])) == len(received(officer[0])) == len(Message)
    assert template_id("demo", Message.CASE_URGED) in {
        call["body"]["template_id"] for call in weixin.calls(SEND)
    }
