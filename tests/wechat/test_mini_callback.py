"""The address to which WeChat pushes for a mini program: what it takes, what it leaves, what it refuses."""

import json
import time

import pytest
import sqlalchemy as sa

from backend.cases.models import Case
from backend.notify.models import Contact, Grant
from backend.wechat import accounts
from backend.wechat.models import InboundMessage
from tests.wechat import pushes
from tests.wechat.mini_scene import (
    MINI,
    address,
    both_forms,
    callback,
    connected,
    contact,
    count,
    left,
    phone,
    popup,
    program,
    session,
)
from tests.wechat.pushes import Push, event, push, send

__all__ = ["address", "callback", "connected", "contact", "phone", "program", "session"]


def test_the_platform_checks_the_address(weixin, program, connected):
    connected()
    assert weixin.control("POST", f"/apps/{program.mini_program.app_id}/verify")["verified"]


@both_forms
@pytest.mark.parametrize(
    "fields",
    [
        pushes.text("路灯不亮了，晚上很危险"),
        event("user_enter_tempsession", SessionFrom="1"),
        event("subscribe", "qrscene_yulan"),
        event("subscribe_msg_popup_event"),
    ],
)
def test_whatever_else_comes_is_taken_and_left(session, client, contact, form, fields):
    answer = send(client, push(fields, contact.openid, MINI, form=form))
    assert (answer.status_code, answer.text) == (200, "success")
    assert count(session, Grant) == count(session, Case) == 0
    assert set(session.scalars(sa.select(InboundMessage.kind))) <= {"consent"}


def test_a_stranger_who_allows_something_is_left_to_be_met_at_the_login(session, callback, program):
    stranger = Contact(openid="o" + "s" * 27)
    before = count(session, Contact)
    popup(callback, stranger, "M1")
    assert count(session, Contact) == before
    assert count(session, Grant) == count(session, InboundMessage) == 0


def with_query(delivery, **changes):
    return Push(delivery.path, delivery.query | changes, delivery.body)


def sealed(body, *, key="demo:mini", token="demo:mini", at=None):
    """What was sealed with the key of one and signed with the token of another, sent to the mini program."""
    timestamp, nonce = str(int(at or time.time())), "77"
    encrypt = pushes.sealed(accounts.receiver(key), body, nonce, timestamp)
    signed = pushes.signature(accounts.receiver(token).token, timestamp, nonce, encrypt)
    query = {"timestamp": timestamp, "nonce": nonce, "msg_signature": signed}
    return Push("/mini/demo", query, json.dumps({"Encrypt": encrypt}).encode())


def written(**changes):
    """A consent in JSON, as text."""
    head = {
        "ToUserName": "gh_0000000000dd",
        "FromUserName": "o" + "1" * 27,
        "CreateTime": 1,
        "MsgType": "event",
    }
    item = {"TemplateId": "M1", "SubscribeStatusString": "accept"}
    return json.dumps(head | {"Event": "subscribe_msg_popup_event", "List": item} | changes)


GOOD = event("subscribe_msg_popup_event")
REFUSED = {
    "a wrong signature": lambda: with_query(push(GOOD, account=MINI), msg_signature="0" * 40),
    "no signature": lambda: with_query(push(GOOD, account=MINI), msg_signature=""),
    "the signature that leaves out the body": lambda: with_query(
        push(GOOD, account=MINI), msg_signature=push(GOOD, account=MINI).query["signature"]
    ),
    "an old timestamp": lambda: push(GOOD, account=MINI, at=time.time() - 3600),
    "the service account's token": lambda: sealed(written(), token="demo"),
    "the service account's key": lambda: sealed(written(), key="demo"),
    "the service account's name": lambda: sealed(written(ToUserName="gh_000000000000")),
    "the service account's delivery": lambda: Push("/mini/demo", *delivery(push(GOOD))),
    "nothing sealed": lambda: Push("/mini/demo", push(GOOD, account=MINI).query, written().encode()),
    "two Encrypts": lambda: Push(
        "/mini/demo", push(GOOD, account=MINI).query, b'{"Encrypt": "YWI=", "Encrypt": "YWI="}'
    ),
    "an Encrypt that is none": lambda: Push(
        "/mini/demo", push(GOOD, account=MINI).query, b'{"Encrypt": [1]}'
    ),
    "broken JSON": lambda: sealed("{"),
    "an array": lambda: sealed("[]"),
    "a deep nest": lambda: sealed('{"a":' * 5000 + "1" + "}" * 5000),
    "a field twice": lambda: sealed(written()[:-1] + ', "MsgType": "text"}'),
    "no sender": lambda: sealed(written(FromUserName="")),
    "a sender that is no text": lambda: sealed(written(FromUserName={"a": "b"})),
    "no time": lambda: sealed(written(CreateTime=None)),
}


def delivery(made):
    return made.query, made.body


@pytest.mark.parametrize("what", REFUSED)
def test_what_is_not_wechats_or_for_another_is_refused_with_a_reason_and_leaves_nothing(
    session, client, contact, caplog, what
):
    answer = send(client, REFUSED[what]())
    assert answer.status_code in (400, 403)
    [line] = [record for record in caplog.records if "refused" in record.getMessage()]
    assert "'demo:mini'" in line.getMessage()
    assert count(session, InboundMessage) == count(session, Grant) == 0


def test_a_good_one_of_these_is_taken(session, client, contact):
    """So that each of the refused is refused for its own fault."""
    contact.openid = "o" + "1" * 27
    session.commit()
    assert send(client, sealed(written())).status_code == 200
    assert left(session, contact.id) == {"M1": (1, False)}


@pytest.mark.parametrize("path", ["/mini/mixed", "/mini/nobody", "/mini/demo:mini", "/mini/"])
def test_where_no_mini_program_is_configured_nobody_answers(session, client, contact, caplog, path):
    made = push(GOOD, contact.openid, MINI)
    assert client.post(path, query_string=made.query, data=made.body).status_code == 404
    assert client.get(path, query_string=made.query).status_code == 404
    assert "not_found" in caplog.text
    assert count(session, InboundMessage) == 0


def test_a_mini_program_without_token_has_no_address(client, weixin):
    assert not accounts.hears(MINI)
    assert client.get("/mini/demo").status_code == 404


def test_what_json_may_hold_and_the_database_may_not_is_dropped(session, client, contact):
    contact.openid = "o" + "1" * 27
    session.commit()
    item = {"TemplateId": "M1\x00\ud800", "SubscribeStatusString": "accept"}
    assert send(client, sealed(written(List=item, EventKey="\x00"))).status_code == 200
    assert left(session, contact.id) == {"M1": (1, False)}
