"""Messages and events on their way to the account: modes, types, and what they look like."""

import time
from collections.abc import Callable
from xml.etree import ElementTree

import pytest
from flask import Flask

from tests.sandbox.conftest import APP_ID, ORIGINAL_ID, Account, register
from tests.sandbox_client import Phone, Sandbox, SandboxError


def test_a_text_arrives_encrypted_and_its_reply_is_shown(account: Account, phone: Phone) -> None:
    account.answer = lambda message: f"收到：{message.content}"

    outcome = phone.send_text("楼道灯坏了")

    assert account.texts() == ["楼道灯坏了"]
    assert outcome["reply"]["content"] == "收到：楼道灯坏了"
    assert outcome["fault"] is None
    assert [message["from"] for message in phone.inbox()][-2:] == ["user", "account"]


def test_a_push_looks_like_one_of_wechat(account: Account, phone: Phone) -> None:
    phone.send_text("您好")

    query, headers, body = account.requests[-1]
    assert headers["User-Agent"] == "Mozilla/4.0"
    assert headers["Content-Type"] == "text/xml"
    assert query["openid"] == phone.openid()
    assert query["encrypt_type"] == "aes"
    assert len(query["timestamp"]) == 10
    assert [child.tag for child in ElementTree.fromstring(body)] == ["ToUserName", "Encrypt"]


def test_message_ids_are_too_large_for_a_double(account: Account, phone: Phone) -> None:
    first, second = phone.send_text("一"), phone.send_text("二")

    assert 2**53 < first["message"]["msg_id"] < second["message"]["msg_id"] < 2**63
    assert [message.id for message in account.received] == [
        first["message"]["msg_id"],
        second["message"]["msg_id"],
    ]


@pytest.mark.parametrize(("mode", "tags"), [("plain", False), ("compatible", True)])
def test_the_other_modes_show_the_fields(
    sandbox: Sandbox, account: Account, phone: Phone, mode: str, tags: bool
) -> None:
    account.mode = mode
    register(sandbox, account)
    account.answer = lambda message: "收到"

    outcome = phone.send_text("您好")

    root = ElementTree.fromstring(account.requests[-1][2])
    assert root.findtext("Content") == "您好"
    assert (root.find("Encrypt") is not None) is tags
    assert ("msg_signature" in account.requests[-1][0]) is tags
    assert outcome["reply"]["content"] == "收到"


def test_every_type_of_message_is_understood_by_wechatpy(account: Account, phone: Phone) -> None:
    phone.send_image()
    phone.send_voice("二楼转弯那里", seconds=4)
    phone.send_location(22.6908, 114.3462, "幸福花园 3 栋")
    phone.send("link", title="一篇文章", description="说明", url="http://example.test/")
    phone.send("video")
    phone.send("shortvideo")

    image, voice, location, link, video, short = account.received
    assert image.image.startswith("http://127.0.0.1")
    assert (voice.format, voice.recognition) == ("amr", "二楼转弯那里")
    assert (location.location, location.label) == (("22.690800", "114.346200"), "幸福花园 3 栋")
    assert (link.title, link.url) == ("一篇文章", "http://example.test/")
    assert video.thumb_media_id
    assert short.type == "shortvideo"


def test_a_file_message_has_no_media_id(sandbox: Sandbox, account: Account, phone: Phone) -> None:
    phone.send("file", title="材料.pdf")

    fields = sandbox.pushes()[-1]["fields"]
    assert fields["Title"] == "材料.pdf"
    assert "MediaId" not in fields
    assert fields["FileTotalLen"] == 4


def test_voice_without_recognition_has_no_such_element(sandbox: Sandbox, phone: Phone) -> None:
    phone.send_voice()

    fields = sandbox.pushes()[-1]["fields"]
    assert "Recognition" not in fields
    assert fields["MediaId16K"] != fields["MediaId"]


def test_text_with_a_cdata_end_arrives_whole(account: Account, phone: Phone) -> None:
    phone.send_text("a]]></Content><MsgType>b")

    assert account.texts() == ["a]]></Content><MsgType>b"]


def test_the_clock_moves_the_timestamps(sandbox: Sandbox, account: Account, phone: Phone) -> None:
    sandbox.clock(1000)

    outcome = phone.send_text("您好")

    assert int(account.requests[-1][0]["timestamp"]) - time.time() > 990
    assert outcome["message"]["at"] - time.time() > 990


def test_following_pushes_subscribe_and_leaving_unsubscribe(account: Account, phone: Phone) -> None:
    account.answer = lambda message: "谁也看不到的话" if message.event == "unsubscribe" else "欢迎"

    left = phone.unfollow()
    again = phone.follow()

    assert [message.event for message in account.received] == ["unsubscribe", "subscribe"]
    assert left["reply"] is None
    assert again["reply"]["content"] == "欢迎"


def test_only_a_follower_can_write(phone: Phone) -> None:
    phone.unfollow()

    with pytest.raises(SandboxError, match="没有关注"):
        phone.send_text("您好")


def test_the_callback_is_verified_with_a_raw_echo(sandbox: Sandbox, account: Account, phone: Phone) -> None:
    assert sandbox.control("POST", f"/apps/{APP_ID}/verify")["verified"] is True


def test_a_callback_that_does_not_echo_is_not_verified(
    sandbox: Sandbox, account: Account, phone: Phone, serving: Callable[[Flask], str]
) -> None:
    other = Flask(__name__)
    other.add_url_rule("/callback", view_func=lambda: "hello")
    register(sandbox, account, callback_url=f"{serving(other)}/callback")

    verified = sandbox.control("POST", f"/apps/{APP_ID}/verify")

    assert (verified["verified"], verified["error"]) == (False, "the answer is not the raw echostr")


def test_an_openid_has_28_characters_and_stays_the_same(sandbox: Sandbox, phone: Phone) -> None:
    before = phone.openid()

    again = sandbox.user(phone.key, phone.name, "居民", APP_ID)

    assert len(before) == 28
    assert (again.user_id, again.openid()) == (phone.user_id, before)
    assert ORIGINAL_ID not in before
