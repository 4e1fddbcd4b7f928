"""Customer-service messages and the windows in which they may be sent."""

from typing import Any

import pytest

from tests.sandbox.conftest import Account, Api, stable_token
from tests.sandbox_client import Phone, Sandbox, SandboxError

MENU = {
    "head_content": "解决了吗？",
    "list": [{"id": "s1", "content": "解决了"}, {"id": "s2", "content": "没有"}],
}


def send(api: Api, phone: Phone, kind: str, content: Any, **more: Any) -> int:
    """The errcode of one customer-service message."""
    body = {"touser": phone.openid(), "msgtype": kind, kind: content, **more}
    return int(api.post("/cgi-bin/message/custom/send", body)["errcode"])


def send_texts(api: Api, phone: Phone, count: int) -> list[int]:
    """The errcodes of so many texts."""
    return [api.send_text(phone.openid(), f"第 {number} 条")["errcode"] for number in range(count)]


def test_a_message_of_the_user_opens_a_window_for_five(sandbox: Sandbox, phone: Phone, api: Api) -> None:
    sandbox.clock(61)
    phone.send_text("您好")

    assert send_texts(api, phone, 6) == [0, 0, 0, 0, 0, 45047]


def test_following_opens_a_window_for_three_within_a_minute(sandbox: Sandbox, phone: Phone, api: Api) -> None:
    assert send_texts(api, phone, 4) == [0, 0, 0, 45047]
    sandbox.clock(61)
    assert send_texts(api, phone, 1) == [45015]


def test_the_window_of_a_message_closes_after_48_hours(sandbox: Sandbox, phone: Phone) -> None:
    phone.send_text("您好")
    sandbox.clock(48 * 3600 - 60)
    later = Api(sandbox, stable_token(sandbox)["access_token"])

    assert send_texts(later, phone, 1) == [0]
    sandbox.clock(48 * 3600 + 1)
    assert send_texts(later, phone, 1) == [45015]


def test_another_message_fills_the_window_again_and_does_not_add(phone: Phone, api: Api) -> None:
    phone.send_text("一")
    phone.send_text("二")

    assert send_texts(api, phone, 9) == [0] * 8 + [45047]  # Three of the following, five of the message.


def test_scanning_and_menu_clicks_open_windows_for_three(sandbox: Sandbox, phone: Phone, api: Api) -> None:
    api.post("/cgi-bin/menu/create", {"button": [{"type": "click", "name": "人工", "key": "human"}]})
    sandbox.clock(61)
    assert send_texts(api, phone, 1) == [45015]

    phone.menu(key="human")

    assert send_texts(api, phone, 4) == [0, 0, 0, 45047]


def test_leaving_closes_the_windows(phone: Phone, api: Api) -> None:
    phone.send_text("您好")
    phone.unfollow()

    answer = api.send_text(phone.openid(), "还在吗")

    assert answer["errcode"] == 45015
    assert answer["errmsg"].startswith("response out of time limit or subscription is canceled rid: ")


def test_a_text_stands_in_the_chat_with_its_newlines(phone: Phone, api: Api) -> None:
    api.send_text(phone.openid(), "第一行\n第二行")

    assert phone.wait_for("第二行")["content"] == "第一行\n第二行"


def test_text_longer_than_2048_bytes_is_refused(phone: Phone, api: Api) -> None:
    assert api.send_text(phone.openid(), "长" * 682 + "ab")["errcode"] == 0
    assert api.send_text(phone.openid(), "长" * 683)["errcode"] == 45002


def test_a_tap_on_a_menu_line_comes_back_as_text_with_its_id(
    sandbox: Sandbox, account: Account, phone: Phone, api: Api
) -> None:
    assert send(api, phone, "msgmenu", MENU) == 0

    phone.tap(phone.inbox()[-1], "s2")

    fields = sandbox.pushes()[-1]["fields"]
    assert (fields["Content"], fields["bizmsgmenuid"]) == ("没有", "s2")
    assert account.texts() == ["没有"]


def test_a_tap_on_a_menu_line_counts_as_a_menu_click(sandbox: Sandbox, phone: Phone, api: Api) -> None:
    send(api, phone, "msgmenu", MENU)
    message = phone.inbox()[-1]
    sandbox.clock(61)
    phone.tap(message, "s1")

    assert send_texts(api, phone, 4) == [0, 0, 0, 45047]


def test_pictures_articles_and_mini_program_pages_are_shown(phone: Phone, api: Api) -> None:
    media_id = phone.send_image()["message"]["media_id"]
    article = {"title": "办理结果", "description": "说明", "url": "http://x.test/1", "picurl": ""}
    page = {"title": "我的诉求", "appid": "wx1", "pagepath": "pages/mine"}

    assert send(api, phone, "image", {"media_id": media_id}) == 0
    assert send(api, phone, "news", {"articles": [article]}) == 0
    assert phone.tap(phone.inbox()[-1]) == {"open": "http://x.test/1"}
    with pytest.raises(SandboxError, match="点不开"):
        phone.tap(phone.inbox()[-1], 1)
    assert send(api, phone, "miniprogrampage", page) == 0
    assert phone.tap(phone.inbox()[-1])["mini_program"]["page"] == "pages/mine"


def test_text_written_by_a_machine_is_marked(phone: Phone, api: Api) -> None:
    send(api, phone, "text", {"content": "您好"}, aimsgcontext={"is_ai_msg": 1})

    assert phone.inbox()[-1]["footer"] == "内容由第三方AI生成"


@pytest.mark.parametrize(
    ("kind", "content", "errcode"),
    [
        ("text", {"content": ""}, 44004),
        ("text", "bare", 47001),
        ("card", {}, 40008),
        ("image", {"media_id": "x"}, 40007),
        ("news", {"articles": [{}, {}]}, 45008),
        ("msgmenu", {"list": []}, 47001),
        ("msgmenu", {"list": [{"id": "", "content": "x"}]}, 40035),
    ],
)
def test_wrong_contents_have_their_errcode_and_cost_nothing(
    phone: Phone, api: Api, kind: str, content: Any, errcode: int
) -> None:
    assert send(api, phone, kind, content) == errcode
    assert send_texts(api, phone, 4) == [0, 0, 0, 45047]


def test_an_unknown_openid_is_refused(api: Api) -> None:
    assert api.send_text("oNobody", "您好")["errcode"] == 40003


def test_typing_is_shown_only_in_an_open_window(sandbox: Sandbox, phone: Phone, api: Api) -> None:
    body = {"touser": phone.openid(), "command": "Typing"}

    assert api.post("/cgi-bin/message/custom/typing", body)["errcode"] == 0
    sandbox.clock(61)
    assert api.post("/cgi-bin/message/custom/typing", body)["errcode"] == 45015
