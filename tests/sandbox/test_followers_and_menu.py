"""What an account knows of its followers, and the menu it shows them."""

from typing import Any

import pytest

from tests.sandbox.conftest import Account, Api, register
from tests.sandbox_client import Phone, Sandbox, SandboxError

BUTTONS = [
    {"type": "click", "name": "我要反映", "key": "report"},
    {
        "name": "我的",
        "sub_button": [
            {"type": "view", "name": "我的诉求", "url": "http://x.test/mine"},
            {"type": "click", "name": "人工", "key": "human"},
        ],
    },
]


def create(api: Api, buttons: Any) -> int:
    """The errcode of /cgi-bin/menu/create."""
    return int(api.post("/cgi-bin/menu/create", {"button": buttons})["errcode"])


def test_a_follower_is_described_without_a_nickname(phone: Phone, api: Api) -> None:
    known = api.get("/cgi-bin/user/info", openid=phone.openid(), lang="zh_CN")

    assert (known["subscribe"], known["openid"]) == (1, phone.openid())
    assert known["subscribe_scene"] == "ADD_SCENE_PROFILE_CARD"
    assert "nickname" not in known
    assert "unionid" not in known


def test_who_left_is_known_by_openid_alone(phone: Phone, api: Api) -> None:
    phone.unfollow()

    assert api.get("/cgi-bin/user/info", openid=phone.openid()) == {
        "subscribe": 0,
        "openid": phone.openid(),
    }


def test_the_scene_of_the_first_scan_is_remembered(phone: Phone, api: Api) -> None:
    phone.unfollow()
    body = {"action_name": "QR_LIMIT_STR_SCENE", "action_info": {"scene": {"scene_str": "place-7"}}}
    phone.scan(ticket=api.post("/cgi-bin/qrcode/create", body)["ticket"])

    known = api.get("/cgi-bin/user/info", openid=phone.openid())

    assert (known["subscribe_scene"], known["qr_scene_str"]) == ("ADD_SCENE_QR_CODE", "place-7")


def test_a_wrong_openid_is_40003(api: Api) -> None:
    assert api.get("/cgi-bin/user/info", openid="oNobody")["errcode"] == 40003


def test_apps_of_one_open_platform_share_unionids(
    sandbox: Sandbox, account: Account, phone: Phone, api: Api
) -> None:
    register(sandbox, account, open_platform="city")

    known = api.get("/cgi-bin/user/info", openid=phone.openid())

    assert len(known["unionid"]) == 28
    assert known["unionid"] != phone.openid()


def test_followers_are_listed(phone: Phone, api: Api) -> None:
    assert api.get("/cgi-bin/user/get")["data"]["openid"] == [phone.openid()]
    asked = api.post("/cgi-bin/user/info/batchget", {"user_list": [{"openid": phone.openid()}]})
    assert asked["user_info_list"][0]["subscribe"] == 1


def test_a_menu_is_kept_and_deleted(api: Api) -> None:
    assert api.get("/cgi-bin/menu/get")["errcode"] == 46003
    assert create(api, BUTTONS) == 0
    assert api.get("/cgi-bin/menu/get")["menu"]["button"][1]["sub_button"][1]["key"] == "human"
    assert api.get("/cgi-bin/menu/delete")["errcode"] == 0
    assert api.get("/cgi-bin/menu/get")["errmsg"].startswith("menu no exist rid: ")


def test_a_click_is_pushed_with_its_key_and_answered(account: Account, phone: Phone, api: Api) -> None:
    create(api, BUTTONS)
    account.answer = lambda message: "请说"

    by_key = phone.menu(key="report")
    phone.menu(path=[1, 1])

    assert [(message.event, message.key) for message in account.received] == [
        ("click", "report"),
        ("click", "human"),
    ]
    assert by_key["reply"]["content"] == "请说"


def test_a_view_opens_its_page_and_its_reply_is_not_shown(account: Account, phone: Phone, api: Api) -> None:
    create(api, BUTTONS)
    account.answer = lambda message: "谁也看不到"

    outcome = phone.menu(url="http://x.test/mine")

    assert outcome["open"] == "http://x.test/mine"
    assert outcome["reply"] is None
    assert (account.received[-1].event, account.received[-1].url) == ("view", "http://x.test/mine")


def test_an_entry_that_is_not_there_cannot_be_tapped(phone: Phone, api: Api) -> None:
    create(api, BUTTONS)

    with pytest.raises(SandboxError, match="没有这个菜单项"):
        phone.menu(key="other")


ONE = {"type": "click", "name": "一", "key": "k"}
WRONG: list[tuple[Any, int]] = [
    ([], 40016),
    ([ONE] * 4, 40016),
    ([{"name": "一", "sub_button": [ONE] * 6}], 40023),
    ([ONE | {"name": "这个名字太长了"}], 40018),
    ([ONE | {"key": "k" * 129}], 40019),
    ([ONE | {"type": "dance"}], 40017),
    ([{"type": "view", "name": "一", "url": "ftp://x"}], 40054),
    ([{"type": "view", "name": "一"}], 40020),
    ([{"name": "一", "sub_button": [ONE | {"key": ""}]}], 40026),
    ([{"name": "一", "sub_button": [ONE | {"type": "dance"}]}], 40024),
]


@pytest.mark.parametrize(("buttons", "errcode"), WRONG)
def test_a_wrong_menu_has_its_errcode(api: Api, buttons: Any, errcode: int) -> None:
    assert create(api, buttons) == errcode
