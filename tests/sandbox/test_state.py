"""What the platform knows survives the death of its process."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.sandbox.conftest import Account, Api, register, stable_token
from tests.sandbox_client import Phone, Sandbox


@pytest.fixture
def own(tmp_path: Path, account: Account) -> Iterator[Sandbox]:
    """A sandbox of this test alone, with the account registered."""
    sandbox = Sandbox.start(tmp_path)
    register(sandbox, account)
    yield sandbox
    sandbox.stop(kill=True)


def again(sandbox: Sandbox, folder: Path) -> Sandbox:
    """Kill the process and start another one on the same state and port."""
    sandbox.stop(kill=True)
    started = Sandbox.start(folder, int(sandbox.url.rpartition(":")[2]))
    sandbox.process = started.process
    return sandbox


def test_everything_is_there_after_kill_9(own: Sandbox, account: Account, tmp_path: Path) -> None:
    phone: Phone = own.user("resident-1", "李阿姨", "居民", "wx1234567890abcdef")
    phone.follow()
    phone.send_image()
    token = stable_token(own)["access_token"]
    api = Api(own, token)
    body = {"action_name": "QR_LIMIT_STR_SCENE", "action_info": {"scene": {"scene_str": "p"}}}
    ticket = api.post("/cgi-bin/qrcode/create", body)["ticket"]
    own.clock(5)
    inbox, openid = phone.inbox(), phone.openid()

    again(own, tmp_path)

    assert own.user("resident-1", "李阿姨", "居民", phone.app_id).openid() == openid
    assert phone.inbox() == inbox
    assert stable_token(own)["access_token"] == token
    assert own.codes()[0]["ticket"] == ticket
    assert own.control("GET", "/clock")["offset_seconds"] == 5
    assert api.get("/cgi-bin/user/info", openid=openid)["subscribe"] == 1
    assert api.send_text(openid, "还在")["errcode"] == 0
    assert requests.get(inbox[0]["picture_url"], timeout=5).content.startswith(b"\xff\xd8")


def test_a_receipt_that_was_owed_is_pushed_after_a_restart(
    own: Sandbox, account: Account, tmp_path: Path
) -> None:
    own.settings(receipt_delay_ms=1500)
    phone = own.user("resident-1", "李阿姨", "居民", "wx1234567890abcdef")
    phone.follow()
    api = Api(own, stable_token(own)["access_token"])
    data = {"character_string1": {"value": "A1"}, "thing2": {"value": "地点"}}
    sent = api.post(
        "/cgi-bin/message/template/send", {"touser": phone.openid(), "template_id": "T1", "data": data}
    )

    again(own, tmp_path)

    receipt = account.wait_for_event("templatesendjobfinish")
    assert receipt.id == sent["msgid"]


def test_message_numbers_go_on_after_a_restart(own: Sandbox, tmp_path: Path) -> None:
    phone = own.user("resident-1", "李阿姨", "居民", "wx1234567890abcdef")
    phone.follow()
    before = phone.send_text("一")["message"]

    again(own, tmp_path)

    after = phone.send_text("二")["message"]
    assert after["msg_id"] > before["msg_id"]
    assert after["id"] > before["id"]


def test_reset_forgets_people_and_apps(sandbox: Sandbox, phone: Phone) -> None:
    sandbox.reset()

    assert sandbox.control("GET", "/users") == {"users": []}
    assert sandbox.control("GET", "/apps") == {"apps": []}
    assert sandbox.codes() == []
