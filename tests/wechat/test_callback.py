"""The address that WeChat calls, over real PostgreSQL: what is accepted, what is refused, what is kept."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa

from backend.app import create_app
from backend.cases.deadline_models import Deadline
from backend.cases.models import Attachment, Case, CaseEvent
from backend.cases.workflow import Action, Status
from backend.notify.models import Contact, Notification
from backend.places.models import Resident
from backend.wechat import accounts, effects
from backend.wechat.models import Conversation, InboundMessage
from tests.wechat import pushes
from tests.wechat.pushes import push, read, send

ALICE, BOB = "o" + "a" * 27, "o" + "b" * 27


def count(session, table):
    session.rollback()
    return session.scalar(sa.select(sa.func.count()).select_from(table))


def scan(client, openid=ALICE, account="demo"):
    return read(send(client, push(pushes.event("SCAN", "yulan"), openid, account)), account)


def say(client, words, openid=ALICE, account="demo"):
    return read(send(client, push(pushes.text(words), openid, account)), account)


def only_case(session):
    session.rollback()
    return session.scalars(sa.select(Case)).one()


def test_wechat_checks_the_address(client):
    token = accounts.get("demo").token
    query = {"timestamp": str(int(time.time())), "nonce": "99", "echostr": "4375120948345356249"}
    query["signature"] = pushes.signature(token, query["timestamp"], query["nonce"])
    response = client.get("/wechat/demo", query_string=query)
    assert (response.status_code, response.text) == (200, "4375120948345356249")
    assert client.get("/wechat/demo", query_string=query | {"signature": "0" * 40}).status_code == 403


@pytest.mark.parametrize("account", ["demo", "mixed", "clear"])
def test_a_scan_and_one_message_make_a_case_in_every_mode(client, committed, account):
    assert "玉兰社区" in scan(client, account=account)
    reply = say(client, "路灯不亮了，晚上很危险", account=account)
    case = only_case(committed)
    assert case.number in reply
    assert (case.status, case.report) == (Status.SUBMITTED, "路灯不亮了，晚上很危险")


def test_a_case_comes_with_its_event_its_deadline_and_the_alert(client, committed, community):
    scan(client)
    say(client, "路灯不亮了")
    case = only_case(committed)
    assert case.community_id == community.id
    assert committed.scalars(sa.select(CaseEvent.action)).all() == [Action.SUBMIT]
    assert min(committed.scalars(sa.select(Deadline.due_at))) == case.due_at
    owed = committed.scalars(sa.select(Notification)).one()
    assert (owed.message, owed.fields["number"]) == ("case_submitted", case.number)


def test_the_same_delivery_again_gets_the_same_reply_and_makes_nothing(client, committed):
    scan(client)
    delivery = push(pushes.text("路灯不亮了"), ALICE)
    first = read(send(client, delivery))
    again = push(pushes.text("路灯不亮了"), ALICE)
    assert [read(send(client, delivery)) for _ in range(3)] == [first] * 3
    assert count(committed, Case) == 1
    assert read(send(client, again)) != first


def test_ten_deliveries_of_one_message_at_the_same_moment_are_one_message(client, committed):
    scan(client)
    app = client.application
    delivery = push(pushes.text("路灯不亮了"), ALICE)
    with ThreadPoolExecutor(10) as pool:
        replies = list(pool.map(lambda _: read(send(app.test_client(), delivery)), range(10)))
    assert len(set(replies)) == 1
    assert count(committed, Case) == 1
    assert count(committed, InboundMessage) == 2


def test_ten_messages_of_one_new_person_at_the_same_moment_are_all_kept(client, committed):
    app = client.application
    sent = [push(pushes.text(f"第{n}件事：垃圾堆在路口三天了没有人来清理"), BOB) for n in range(10)]
    with ThreadPoolExecutor(10) as pool:
        replies = list(pool.map(lambda delivery: read(send(app.test_client(), delivery)), sent))
    assert len(set(replies)) == 10
    assert count(committed, Case) == 10
    assert count(committed, Contact) == count(committed, Resident) == count(committed, Conversation) == 1


def test_two_messages_in_a_row_open_one_case_and_join_it(client, committed):
    scan(client)
    say(client, "路灯不亮了")
    assert "已加到" in say(client, "在三栋门口")
    read(send(client, push(pushes.image("photo-media"), ALICE)))
    committed.rollback()
    notes = committed.scalars(sa.select(CaseEvent.note).order_by(CaseEvent.id)).all()
    assert notes == ["", "在三栋门口", ""]
    kept = committed.scalars(sa.select(Attachment)).one()
    assert kept.source == {"account": "demo", "media_id": "photo-media"}


def test_a_location_tells_where_a_case_is(client, committed, community):
    assert "请问在哪里" in say(client, "路灯不亮了")
    assert only_case(committed).community_id is None
    reply = read(send(client, push(pushes.location(22.697, 114.205, "玉兰苑"), ALICE)))
    assert "玉兰社区" in reply
    assert only_case(committed).community_id == community.id
    assert count(committed, Notification) == 1


def test_a_telephone_number_is_kept_sealed(client, committed):
    scan(client)
    say(client, "路灯不亮了")
    assert "电话已记下" in say(client, "13800000000")
    assert committed.scalars(sa.select(Resident.phone)).one() == "13800000000"
    raw = committed.scalar(sa.text("SELECT phone FROM residents"))
    assert b"13800000000" not in raw
    assert "13800000000" not in str(committed.scalars(sa.select(InboundMessage.content)).all())


def test_urging_twice_is_answered_with_when_to_try_again(client, committed):
    scan(client)
    say(client, "路灯不亮了")
    assert "已替您催办" in say(client, "催办")
    assert "半小时后再催" in say(client, "催办")
    assert only_case(committed).urged == 1


def test_withdrawing_ends_the_case(client, committed):
    scan(client)
    say(client, "路灯不亮了")
    assert "已撤回" in say(client, "撤回")
    assert only_case(committed).status is Status.WITHDRAWN


def test_nobody_sees_anothers_case(client, committed):
    scan(client)
    say(client, "路灯不亮了，住在三栋的李阿姨")
    number = only_case(committed).number
    assert "没有找到" in say(client, number, BOB)
    assert "没有找到" in say(client, f"撤回{number}", BOB)
    assert only_case(committed).status is Status.SUBMITTED


def test_danger_makes_an_urgent_case(client, committed):
    scan(client)
    assert "119" in say(client, "三栋着火了")
    assert only_case(committed).urgent


def test_danger_that_is_told_when_the_case_comes_back_leaves_less_time(client, committed):
    scan(client)
    say(client, "路灯不亮了")
    only_case(committed).status = Status.RESOLVED
    committed.execute(sa.delete(Deadline))
    committed.commit()
    assert "哪里没有解决" in say(client, "没有解决")
    calm = only_case(committed).due_at
    assert "120" in say(client, "有人晕倒了")
    case = only_case(committed)
    assert case.urgent
    assert case.due_at < calm
    assert min(committed.scalars(sa.select(Deadline.due_at))) == case.due_at


def test_what_the_resident_writes_cannot_break_the_reply(client, committed):
    scan(client)
    say(client, "路灯不亮了")
    say(client, "a]]></Content><MsgType><![CDATA[image]]></MsgType><Content><![CDATA[".replace("]]>", "]] >"))
    from backend.wechat import codec

    reply = codec.text_reply("o", "gh", 1, "a]]></Content><Evil>\x00b")
    assert codec.read_xml(reply.encode())["Content"] == "a]]></Content><Evil>b"


def test_leaving_and_coming_back_is_noted(client, committed):
    scan(client)
    read(send(client, push(pushes.event("unsubscribe"), ALICE)))
    committed.rollback()
    assert committed.scalars(sa.select(Contact.follows)).one() is False
    read(send(client, push(pushes.event("subscribe"), ALICE)))
    committed.rollback()
    assert committed.scalars(sa.select(Contact.follows)).one() is True


def _with(delivery, **changes):
    return pushes.Push(delivery.path, delivery.query | changes, delivery.body)


def _body(delivery, body):
    return pushes.Push(delivery.path, delivery.query, body)


def signed(account, body):
    """A body that nobody at WeChat wrote, rightly signed and sealed all the same."""
    target = accounts.get(account)
    timestamp, nonce = str(int(time.time())), "77"
    sealed = pushes.crypto(target).encrypt_message(body, nonce, timestamp)
    encrypt = sealed.split("<Encrypt><![CDATA[")[1].split("]]>")[0]
    query = {
        "timestamp": timestamp,
        "nonce": nonce,
        "msg_signature": pushes.signature(target.token, timestamp, nonce, encrypt),
    }
    return pushes.Push(
        f"/wechat/{account}", query, f"<xml><Encrypt><![CDATA[{encrypt}]]></Encrypt></xml>".encode()
    )


GOOD = "<ToUserName>gh_000000000000</ToUserName><FromUserName>oxx</FromUserName>"
BROKEN = {
    "a wrong signature": lambda d: _with(d, msg_signature="0" * 40),
    "no signature": lambda d: _with(d, msg_signature=""),
    "a signature in capitals": lambda d: _with(d, msg_signature=d.query["msg_signature"].upper()),
    "the signature of the plain mode": lambda d: _with(d, msg_signature=d.query["signature"]),
    "a nonce with letters": lambda d: _with(d, nonce="12ab"),
    "digits moved between timestamp and nonce": lambda d: _with(
        d, timestamp=d.query["timestamp"] + d.query["nonce"][0], nonce=d.query["nonce"][1:]
    ),
    "an old timestamp": lambda _: push(pushes.text("路灯"), at=time.time() - 3600),
    "a timestamp of tomorrow": lambda _: push(pushes.text("路灯"), at=time.time() + 86_400),
    "no body": lambda d: _body(d, b""),
    "text": lambda d: _body(d, b"hello"),
    "JSON": lambda d: _body(d, b'{"Encrypt": "abc"}'),
    "not UTF-8": lambda d: _body(d, b"<xml>\xff\xfe</xml>"),
    "no Encrypt": lambda d: _body(d, b"<xml><ToUserName>x</ToUserName></xml>"),
    "two Encrypts": lambda d: _body(
        d, d.body.replace(b"</xml>", b"<Encrypt><![CDATA[YWI=]]></Encrypt></xml>")
    ),
    "a broken ciphertext": lambda d: _body(
        d, d.body.replace(b"<Encrypt><![CDATA[", b"<Encrypt><![CDATA[AAAA")
    ),
    "65 KiB": lambda d: _body(d, d.body + b" " * 65_536),
    "an empty message": lambda _: signed("demo", "<xml></xml>"),
    "another root": lambda _: signed("demo", "<html></html>"),
    "a document type": lambda _: signed("demo", "<!DOCTYPE x [<!ENTITY a 'b'>]><xml>&a;</xml>"),
    "no sender": lambda _: signed("demo", "<xml><ToUserName>gh_000000000000</ToUserName></xml>"),
    "another account's address": lambda _: signed(
        "demo", "<xml><ToUserName>gh_other</ToUserName><FromUserName>oxx</FromUserName></xml>"
    ),
    "no time": lambda _: signed("demo", f"<xml>{GOOD}<MsgType>text</MsgType></xml>"),
    "a field twice": lambda _: signed(
        "demo", f"<xml>{GOOD}<CreateTime>1</CreateTime><MsgType>a</MsgType><MsgType>b</MsgType></xml>"
    ),
    "a location that is no number": lambda _: push(pushes.location("nan", "abc")),
    "a deep nest": lambda _: signed("demo", "<xml>" + "<a>" * 5000 + "</a>" * 5000 + "</xml>"),
}


@pytest.mark.parametrize("what", BROKEN)
def test_what_wechat_never_sends_is_refused_with_a_reason_and_leaves_nothing(client, committed, caplog, what):
    response = send(client, BROKEN[what](push(pushes.text("路灯不亮了"), ALICE)))
    assert 400 <= response.status_code < 500, response.text
    assert response.json["message"]
    assert "refused" in caplog.text
    assert count(committed, InboundMessage) == count(committed, Case) == 0


def test_an_unknown_account_is_not_found(client):
    assert client.post("/wechat/nobody", data=b"<xml/>").status_code == 404


@pytest.mark.parametrize(
    "fields",
    [
        pushes.event("VIEW", "http://example.invalid"),
        pushes.event("some_new_event"),
        pushes.event("LOCATION", Latitude="1", Longitude="2"),
        {"CreateTime": "1", "MsgType": "event"},
    ],
)
def test_events_that_want_no_answer_get_none(client, fields):
    assert read(send(client, push(fields, ALICE))) is None


def test_a_kind_of_message_we_do_not_know_is_answered_kindly(client):
    assert "文字" in read(send(client, push({"CreateTime": 1, "MsgType": "file", "MsgId": 5}, ALICE)))


def test_the_callback_needs_no_content_type_and_no_csrf_token(client):
    delivery = push(pushes.text("你好"), ALICE)
    response = client.post(
        delivery.path,
        query_string=delivery.query,
        data=delivery.body,
        content_type="application/x-www-form-urlencoded",
    )
    assert "您好" in read(response)


def test_two_applications_share_what_was_answered(client, committed):
    scan(client)
    delivery = push(pushes.text("路灯不亮了"), ALICE)
    assert read(send(client, delivery)) == read(send(create_app().test_client(), delivery))
    assert count(committed, Case) == 1


@pytest.fixture
def waiting(client, committed):
    """A message that was put off until its reader comes."""
    scan(client)
    row = Notification(
        key="k",
        message="case_accepted",
        resident_id=committed.scalars(sa.select(Contact.resident_id)).one(),
        fields={"number": "1"},
        due_at=sa.func.now() + sa.text("interval '10 years'"),
    )
    committed.add(row)
    committed.commit()
    return row


def is_due(session, row):
    session.refresh(row)
    return row.due_at <= session.scalar(sa.select(sa.func.now()))


def test_what_waited_for_a_persons_next_visit_is_due_when_they_write(client, committed, waiting):
    say(client, "你好")
    assert is_due(committed, waiting)


def test_it_is_due_when_the_message_comes_again_after_the_process_died(
    client, committed, waiting, monkeypatch
):
    delivery = push(pushes.text("你好"), ALICE)
    with monkeypatch.context() as death:
        death.setattr(effects, "greet", lambda *_: 1 / 0)
        assert send(client, delivery).status_code == 500
    committed.rollback()
    assert not is_due(committed, waiting)
    committed.rollback()
    read(send(client, delivery))
    assert is_due(committed, waiting)


def test_an_officer_who_writes_for_the_list_gets_its_address_and_no_case(client, committed):
    scan(client)
    assert '/console/?account=demo">点这里</a>' in say(client, "待办")
    assert count(committed, Case) == 0
