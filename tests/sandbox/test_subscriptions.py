"""Notices that people allow: once or for good, counted, taken back, receipted; and their templates."""

from typing import Any

import pytest

from tests.sandbox.conftest import Account, Api
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
