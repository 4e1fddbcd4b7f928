"""Template messages: keyword rules, followers, repeats and receipts."""

from typing import Any

import pytest

from tests.sandbox.conftest import Account, Api, register
from tests.sandbox_client import Phone, Sandbox
from wechat_sandbox import keywords

DATA = {"character_string1": {"value": "A7K-3021"}, "thing2": {"value": "幸福花园3栋"}}


def send(api: Api, phone: Phone, **changes: Any) -> dict[str, Any]:
    """Send the tests' template."""
    body = {"touser": phone.openid(), "template_id": "T1", "data": DATA, "url": "http://x.test/c/1"}
    return api.post("/cgi-bin/message/template/send", body | changes)


def test_a_template_message_is_a_card_that_opens_its_page(phone: Phone, api: Api) -> None:
    answer = send(api, phone)

    card = phone.inbox()[-1]
    assert answer["errcode"] == 0
    assert 2**53 < answer["msgid"] < 2**63
    assert card["type"] == "template"
    assert card["card"]["title"] == "待办提醒"
    assert card["card"]["rows"] == [
        {"label": "编号", "value": "A7K-3021"},
        {"label": "地点", "value": "幸福花园3栋"},
    ]
    assert phone.tap(card) == {"open": "http://x.test/c/1"}


def test_a_mini_program_wins_over_a_page(phone: Phone, api: Api) -> None:
    send(api, phone, miniprogram={"appid": "wx1", "pagepath": "pages/case?id=1"})

    opened = phone.tap(phone.inbox()[-1])

    assert opened == {"mini_program": {"app_id": "wx1", "page": "pages/case?id=1", "scene": ""}}


def test_the_receipt_follows_with_a_capital_d(account: Account, phone: Phone, api: Api) -> None:
    msgid = send(api, phone)["msgid"]

    receipt = account.wait_for_event("templatesendjobfinish")
    assert (receipt.id, receipt.status) == (msgid, "success")


def test_the_receipt_can_tell_of_a_failure(
    sandbox: Sandbox, account: Account, phone: Phone, api: Api
) -> None:
    sandbox.settings(receipt_status="failed:user block")
    send(api, phone)

    assert account.wait_for_event("templatesendjobfinish").status == "failed:user block"


def test_no_receipt_comes_when_receipts_are_off(
    sandbox: Sandbox, account: Account, phone: Phone, api: Api
) -> None:
    sandbox.settings(receipts=False)
    send(api, phone)
    phone.send_text("一会儿之后")

    assert [message.type for message in account.received] == ["text"]


def test_the_same_client_msg_id_is_one_card_for_ten_minutes(sandbox: Sandbox, phone: Phone, api: Api) -> None:
    first = send(api, phone, client_msg_id="case-1")
    second = send(api, phone, client_msg_id="case-1")
    other = send(api, phone, client_msg_id="case-2")
    sandbox.clock(601)
    later = send(api, phone, client_msg_id="case-1")

    assert first["msgid"] == second["msgid"]
    assert len({first["msgid"], other["msgid"], later["msgid"]}) == 3
    assert len([one for one in phone.inbox() if one["type"] == "template"]) == 3


@pytest.mark.parametrize(
    ("changes", "errcode"),
    [
        ({"touser": "oNobody"}, 40003),
        ({"template_id": "T9"}, 40037),
        ({"template_id": ""}, 40036),
        ({"data": "text"}, 47001),
    ],
)
def test_wrong_fields_have_their_errcode(
    phone: Phone, api: Api, changes: dict[str, Any], errcode: int
) -> None:
    assert send(api, phone, **changes)["errcode"] == errcode


def test_a_user_who_left_gets_nothing(phone: Phone, api: Api) -> None:
    phone.unfollow()

    answer = send(api, phone)

    assert answer["errcode"] == 43004
    assert answer["errmsg"].startswith("require subscribe rid: ")


def test_chinese_in_a_character_string_is_refused_in_wechats_words(phone: Phone, api: Api) -> None:
    answer = send(api, phone, data=DATA | {"character_string1": {"value": "车位-256"}})

    assert answer["errcode"] == 47003
    assert answer["errmsg"].startswith("argument invalid! data.character_string1.value invalid rid: ")


def test_a_missing_and_an_unknown_keyword_are_refused(phone: Phone, api: Api) -> None:
    missing = send(api, phone, data={"thing2": {"value": "地点"}})
    unknown = send(api, phone, data=DATA | {"thing9": {"value": "x"}})

    assert missing["errmsg"].startswith("argument invalid! data.character_string1.value is empty")
    assert unknown["errmsg"].startswith("argument invalid! data.thing9.value invalid")


def test_first_and_remark_are_accepted_and_not_shown(phone: Phone, api: Api) -> None:
    answer = send(api, phone, data=DATA | {"first": {"value": "您好"}, "remark": {"value": "谢谢"}})

    assert answer["errcode"] == 0
    assert len(phone.inbox()[-1]["card"]["rows"]) == 2


def test_only_the_approved_values_of_a_const_pass(
    sandbox: Sandbox, account: Account, phone: Phone, api: Api
) -> None:
    template = {"template_id": "T2", "title": "状态", "keywords": {"const1": "状态"}}
    register(sandbox, account, templates=[template | {"values": {"const1": ["已办结"]}}])

    refused = send(api, phone, template_id="T2", data={"const1": {"value": "随便"}})
    accepted = send(api, phone, template_id="T2", data={"const1": {"value": "已办结"}})

    assert (refused["errcode"], accepted["errcode"]) == (47003, 0)


GOOD = [
    ("thing1", "幸福花园3栋2单元楼道灯坏了请处理一下吧"), ("number2", "12.50"), ("letter1", "ABc"),
    ("character_string1", "A7K-3021 (2)"), ("time1", "15:01"), ("time1", "2019年10月1日 15:01"),
    ("time1", "2019年10月1日 15:01 ~ 2019年10月2日 15:01"), ("date1", "2026-11-21"),
    ("date1", "2026年11月21日"),
    ("amount1", "¥12.00元"), ("phone_number1", "+86-0755-84622222"), ("car_number1", "粤B12345挂"),
    ("name1", "李阿姨"), ("name1", "Li Ming"), ("phrase1", "待受理"), ("short_thing1", "已办结"),
]  # fmt: skip
BAD = [
    ("thing1", "一" * 21), ("thing1", "换\n行"), ("number1", "12a"), ("number1", "1" * 33), ("letter1", "A1"),
    ("symbol1", "abc"), ("character_string1", "编号1"), ("character_string1", "A" * 33), ("time1", "25:00"),
    ("time1", "明天上午"), ("date1", "11月21日"), ("amount1", "12345678901"), ("phone_number1", "1" * 18),
    ("car_number1", "粤B1234567890"), ("name1", "一" * 11), ("phrase1", "待受理1"),
    ("phrase1", "一二三四五六"), ("short_thing1", "一" * 11),
]  # fmt: skip


@pytest.mark.parametrize(("name", "value"), GOOD)
def test_a_value_that_fits_its_keyword_passes(name: str, value: str) -> None:
    assert keywords.is_valid(name, value)


@pytest.mark.parametrize(("name", "value"), BAD)
def test_a_value_that_does_not_fit_its_keyword_is_refused(name: str, value: str) -> None:
    assert not keywords.is_valid(name, value)
