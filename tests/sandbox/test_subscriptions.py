"""Notices that people allow: once or for good, counted, taken back, receipted; and their templates."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from wechatpy.crypto import WeChatCrypto

from tests.sandbox.conftest import AES_KEY, MINI_ID, MINI_SECRET, TOKEN, Account, Api, stable_token
from tests.sandbox_client import Phone, Sandbox, SandboxError

SEND = "/cgi-bin/message/subscribe/bizsend"


def send(api: Api, phone: Phone, template_id: str = "N1", **changes: Any) -> int:
    """Send a notice; the errcode."""
    data = {"phrase1": {"value": "已办结"}}
    body = {"touser": phone.openid(), "template_id": template_id, "data": data, "page": "http://x.test/1"}
    return int(api.post(SEND, body | changes)["errcode"])


def test_each_acceptance_is_good_for_one_notice(phone: Phone, api: Api) -> None:
    assert send(api, phone) == 43101
    phone.subscribe_message(["N1"])
    phone.subscribe_message(["N1"])
    phone.subscribe_message(["N1"], accept=False)
    assert [send(api, phone) for _ in range(3)] == [0, 0, 43101]


def test_what_is_allowed_for_good_lasts_until_it_is_taken_back(
    sandbox: Sandbox, account: Account, phone: Phone, api: Api
) -> None:
    phone.subscribe_message(["L1"])
    assert [send(api, phone, "L1") for _ in range(3)] == [0, 0, 0]
    phone.cancel_subscription(["L1"])
    assert send(api, phone, "L1") == 43101
    told = [push["fields"] for push in sandbox.pushes()]
    [event] = [one for one in told if one["Event"] == "subscribe_msg_change_event"]
    assert event["SubscribeMsgChangeEvent"]["List"] == [
        {"TemplateId": "L1", "SubscribeStatusString": "reject"}
    ]


@pytest.mark.parametrize(
    ("templates", "code"), [(["N1", "L1"], "20002"), (["T1"], "20001"), ([], "20003"), (["N1"] * 6, "20003")]
)
def test_a_question_that_wechat_would_not_ask_is_refused(
    phone: Phone, templates: list[str], code: str
) -> None:
    with pytest.raises(SandboxError, match=code):
        phone.subscribe_message(templates)


@pytest.mark.parametrize(
    ("changes", "errcode"),
    [
        ({"template_id": "T1"}, 40037),  # one of template messages
        ({"data": {"phrase1": {"value": "办好了1"}}}, 47003),
        ({"data": {}}, 47003),
        ({"touser": "oNobody"}, 40003),
    ],
)
def test_a_notice_is_checked_and_costs_nothing_when_it_is_refused(
    phone: Phone, api: Api, changes: dict[str, Any], errcode: int
) -> None:
    phone.subscribe_message(["N1"])
    assert send(api, phone, **changes) == errcode
    assert [send(api, phone), send(api, phone)] == [0, 43101]


def test_a_template_message_cannot_use_the_template_of_a_notice(phone: Phone, api: Api) -> None:
    body = {"touser": phone.openid(), "template_id": "N1", "data": {"phrase1": {"value": "已办结"}}}
    assert api.post("/cgi-bin/message/template/send", body)["errcode"] == 40037


def test_the_receipt_of_a_notice_names_its_template_and_number(
    sandbox: Sandbox, account: Account, phone: Phone, api: Api
) -> None:
    phone.subscribe_message(["N1"])
    assert send(api, phone) == 0
    account.wait_until(lambda: sandbox.pushes()[-1]["fields"]["Event"] == "subscribe_msg_sent_event")
    item = sandbox.pushes()[-1]["fields"]["SubscribeMsgSentEvent"]["List"]
    assert (item["TemplateId"], item["ErrorStatus"]) == ("N1", "success")
    assert int(item["MsgID"]) == phone.inbox()[-1]["msg_id"]


def test_an_account_reads_its_templates_each_sort_at_its_own_address(api: Api) -> None:
    [private] = api.get("/cgi-bin/template/get_all_private_template")["template_list"]
    assert (private["template_id"], private["title"]) == ("T1", "待办提醒")
    assert private["content"] == "编号:{{character_string1.DATA}}\n地点:{{thing2.DATA}}\n"
    notices = api.get("/wxaapi/newtmpl/gettemplate")["data"]
    assert [(one["priTmplId"], one["type"]) for one in notices] == [("N1", 2), ("L1", 3)]


Program = Callable[..., Phone]


@pytest.fixture
def program(sandbox: Sandbox, account: Account) -> Program:
    """Registers a mini program whose pushes go to the tests' server; gives the phone of somebody in it."""
    account.crypto = WeChatCrypto(TOKEN, AES_KEY, MINI_ID)
    templates = [
        {"template_id": name, "title": "进度通知", "keywords": {"phrase1": "状态"}} for name in ("M1", "M2")
    ]

    def register(**changes: Any) -> Phone:
        sandbox.app(
            **{
                "app_id": MINI_ID, "app_secret": MINI_SECRET, "kind": "mini_program", "name": "小程序",
                "original_id": "gh_0123456789cd", "token": TOKEN, "aes_key": AES_KEY,
                "callback_url": account.url, "templates": templates,
            } | changes
        )  # fmt: skip
        return sandbox.user("resident-1", "李阿姨", "居民", MINI_ID)

    return register


def told(push: dict[str, Any]) -> Any:
    """What was pushed in JSON, as somebody else's program opens it."""
    query = push["query"]
    crypto = WeChatCrypto(TOKEN, AES_KEY, MINI_ID)
    signed = (query["msg_signature"], query["timestamp"], query["nonce"])
    return json.loads(crypto.decrypt_message(json.loads(push["body"]), *signed))


def send_from_program(sandbox: Sandbox, phone: Phone) -> int:
    """Send a subscription message of the mini program; its number."""
    api = Api(sandbox, stable_token(sandbox, MINI_ID, MINI_SECRET)["access_token"])
    body = {"touser": phone.openid(), "template_id": "M1", "data": {"phrase1": {"value": "已办结"}}}
    return int(api.post("/cgi-bin/message/subscribe/send", body)["msgid"])


def test_a_mini_program_is_told_of_consents_and_receipts_at_its_own_address(
    sandbox: Sandbox, account: Account, program: Program
) -> None:
    phone = program()
    assert sandbox.control("POST", f"/apps/{MINI_ID}/verify")["verified"]
    phone.subscribe_message(["M1"])
    msgid = send_from_program(sandbox, phone)
    account.wait_until(lambda: len(account.received) == 2)
    phone.cancel_subscription(["M1"])
    heard = [message._data for message in account.received]  # wechatpy has no class for these events
    assert [one["Event"] for one in heard] == [
        "subscribe_msg_popup_event", "subscribe_msg_sent_event", "subscribe_msg_change_event",
    ]  # fmt: skip
    assert (heard[1]["FromUserName"], heard[1]["ToUserName"]) == (phone.openid(), "gh_0123456789cd")
    item = {"TemplateId": "M1", "MsgID": str(msgid), "ErrorCode": "0", "ErrorStatus": "success"}
    assert heard[1]["SubscribeMsgSentEvent"]["List"] == item


def test_in_json_one_template_is_an_object_and_several_are_an_array(
    sandbox: Sandbox, program: Program
) -> None:
    sandbox.settings(deliveries=1)
    phone = program(data_format="json", callback_url="http://127.0.0.1:9/")
    phone.subscribe_message(["M1"])
    phone.subscribe_message(["M1", "M2"], accept=False)
    one, several = (told(push) for push in sandbox.pushes())
    assert one["List"] == {"TemplateId": "M1", "SubscribeStatusString": "accept", "PopupScene": "0"}
    assert [item["SubscribeStatusString"] for item in several["List"]] == ["reject", "reject"]
    assert (one["FromUserName"], one["Event"]) == (phone.openid(), "subscribe_msg_popup_event")
    assert "SubscribeMsgPopupEvent" not in one


def test_only_a_mini_program_has_json(sandbox: Sandbox, account: Account, program: Program) -> None:
    with pytest.raises(SandboxError, match="data_format"):
        program(data_format="yaml")
    with pytest.raises(SandboxError, match="data_format"):
        program(data_format="json", kind="service_account")
