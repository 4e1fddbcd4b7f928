"""What the user sees of a passive reply, and when WeChat shows its fault notice instead."""

from collections.abc import Callable
from typing import Any

import pytest
from wechatpy.crypto import WeChatCrypto
from wechatpy.replies import ArticlesReply, ImageReply, TextReply, TransferCustomerServiceReply

from tests.sandbox.conftest import AES_KEY, APP_ID, ORIGINAL_ID, TOKEN, Account, Api, register
from tests.sandbox_client import Phone, Sandbox
from wechat_sandbox.chats import FAULT_NOTICE


def sealed(xml: str, *, token: str = TOKEN, app_id: str = APP_ID) -> bytes:
    """A reply encrypted by wechatpy."""
    return str(WeChatCrypto(token, AES_KEY, app_id).encrypt_message(xml, "123")).encode()


def text_xml(openid: str, content: str = "<Content><![CDATA[好]]></Content>", **changes: str) -> str:
    """A text reply by hand; `changes` replace its elements."""
    fields = {
        "ToUserName": openid,
        "FromUserName": ORIGINAL_ID,
        "CreateTime": "1700000000",
        "MsgType": "text",
    } | changes
    head = "".join(f"<{name}>{value}</{name}>" for name, value in fields.items())
    return f"<xml>{head}{content}</xml>"


@pytest.mark.parametrize("answer", [b"", b"success"])
def test_an_empty_answer_and_success_show_nothing(account: Account, phone: Phone, answer: bytes) -> None:
    account.answer = lambda message: answer

    outcome = phone.send_text("您好")

    assert (outcome["reply"], outcome["fault"], outcome["warnings"]) == (None, None, [])
    assert phone.inbox()[-1]["from"] == "user"


def test_newlines_and_links_of_a_text_are_kept(account: Account, phone: Phone) -> None:
    account.answer = lambda message: '第一行\n<a href="http://x.test/">进度</a>'

    assert phone.send_text("您好")["reply"]["content"] == '第一行\n<a href="http://x.test/">进度</a>'


REFUSED: dict[str, tuple[Callable[[str], bytes], str]] = {
    "json": (lambda openid: b'{"ok": true}', "cannot be read"),
    "plain in secure mode": (lambda openid: text_xml(openid).encode(), "plain reply in secure mode"),
    "another token": (lambda openid: sealed(text_xml(openid), token="wrongToken"), "MsgSignature"),
    "another app": (lambda openid: sealed(text_xml(openid), app_id="wx0"), "app id"),
    "another receiver": (lambda openid: sealed(text_xml("oOther")), "ToUserName"),
    "another sender": (lambda openid: sealed(text_xml(openid, FromUserName="gh_0")), "FromUserName"),
    "unknown type": (lambda openid: sealed(text_xml(openid, MsgType="card")), "not a reply type"),
    "no time": (lambda openid: sealed(text_xml(openid, CreateTime="now")), "CreateTime"),
    "no content": (lambda openid: sealed(text_xml(openid, content="")), "Content is missing"),
    "empty content": (lambda openid: sealed(text_xml(openid, content="<Content/>")), "Content is empty"),
    "too long": (
        lambda openid: sealed(text_xml(openid, content=f"<Content>{'长' * 683}</Content>")),
        "2049 bytes",
    ),
    "twice": (lambda openid: sealed(text_xml(openid, content="<Content>a</Content>" * 2)), "given twice"),
    "cdata end": (
        lambda openid: sealed(text_xml(openid, content="<Content><![CDATA[a]]>b]]></Content>")),
        "unescaped ]]>",
    ),
    "injected element": (
        lambda openid: sealed(
            text_xml(
                openid,
                content="<Content><![CDATA[a]]></Content><MsgType><![CDATA[image]]></MsgType></xml>"
                "<![CDATA[]]></Content>",
            )
        ),
        "cannot be read",
    ),
    "doctype": (lambda openid: sealed("<!DOCTYPE xml>" + text_xml(openid)), "DOCTYPE"),
    "not utf-8": (lambda openid: b"\xff\xfe", "not UTF-8"),
    "unknown media": (
        lambda openid: sealed(
            text_xml(openid, content="<Image><MediaId>x</MediaId></Image>", MsgType="image")
        ),
        "not a living image",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_wrong_reply_shows_the_fault_notice(account: Account, phone: Phone, name: str) -> None:
    make, reason = REFUSED[name]
    account.answer = lambda message: make(phone.openid())

    outcome = phone.send_text("您好")

    assert outcome["fault"] == FAULT_NOTICE
    assert outcome["reply"] is None
    assert reason in outcome["warnings"][0]
    assert phone.inbox()[-1] | {"id": 0, "at": 0, "reason": ""} == {
        "id": 0, "at": 0, "reason": "", "app_id": APP_ID, "from": "system", "type": "notice",
        "content": FAULT_NOTICE,
    }  # fmt: skip


def test_text_of_2048_bytes_is_shown(account: Account, phone: Phone) -> None:
    account.answer = lambda message: "长" * 682 + "ab"

    assert phone.send_text("您好")["fault"] is None


def test_the_unescaped_text_that_wechatpy_writes_is_caught(account: Account, phone: Phone) -> None:
    account.answer = lambda message: TextReply(content="a]]>b", message=message)

    assert "unescaped ]]>" in phone.send_text("您好")["warnings"][0]


def test_a_split_cdata_end_is_shown_whole(account: Account, phone: Phone) -> None:
    content = "<Content><![CDATA[a]]]]><![CDATA[>b]]></Content>"
    account.answer = lambda message: sealed(text_xml(phone.openid(), content))

    assert phone.send_text("您好")["reply"]["content"] == "a]]>b"


def test_a_time_in_milliseconds_is_shown_with_a_warning(account: Account, phone: Phone) -> None:
    account.answer = lambda message: sealed(text_xml(phone.openid(), CreateTime="1700000000000"))

    outcome = phone.send_text("您好")

    assert outcome["reply"]["content"] == "好"
    assert outcome["warnings"] == ["CreateTime is not in seconds"]


def test_an_encrypted_reply_in_plain_mode_is_a_fault(
    sandbox: Sandbox, account: Account, phone: Phone
) -> None:
    account.mode = "plain"
    register(sandbox, account)
    account.answer = lambda message: sealed(text_xml(phone.openid()))

    assert phone.send_text("您好")["fault"] == FAULT_NOTICE


def test_one_article_answers_a_message_and_eight_an_event(account: Account, phone: Phone) -> None:
    account.answer = lambda message: articles(message, 8 if message.type == "event" else 1)
    told = phone.send_text("您好")
    phone.unfollow()
    followed = phone.follow()

    assert told["reply"]["articles"][0]["title"] == "第 0 篇"
    assert len(followed["reply"]["articles"]) == 8


def test_two_articles_do_not_answer_a_message(account: Account, phone: Phone) -> None:
    account.answer = lambda message: articles(message, 2)

    assert phone.send_text("您好")["warnings"] == ["2 articles, more than 1"]


def articles(message: Any, count: int) -> ArticlesReply:
    """A news reply."""
    reply = ArticlesReply(message=message)
    for number in range(count):
        picture, url = "http://x.test/a.jpg", "http://x.test/"
        reply.add_article({"title": f"第 {number} 篇", "description": "说明", "image": picture, "url": url})
    return reply


def test_an_uploaded_picture_can_be_the_reply(account: Account, phone: Phone, api: Api) -> None:
    sent = phone.send_image()
    media_id = sent["message"]["media_id"]
    account.answer = lambda message: ImageReply(media_id=media_id, message=message)

    assert phone.send_text("您好")["reply"]["picture_url"].endswith("/0")


def test_a_hand_over_to_an_operator_shows_nothing(account: Account, phone: Phone) -> None:
    account.answer = lambda message: TransferCustomerServiceReply(message=message)

    outcome = phone.send_text("人工")

    assert (outcome["reply"], outcome["fault"]) == (None, None)
