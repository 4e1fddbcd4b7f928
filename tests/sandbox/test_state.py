"""What the platform knows survives the death of its process, and an ordinary end loses nothing at all."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.sandbox.conftest import Account, Api, register, stable_token
from tests.sandbox_client import Phone, Sandbox


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("own")


@pytest.fixture(scope="module")
def mortal(folder: Path) -> Iterator[Sandbox]:
    """A sandbox of this module, whose process the tests end and start again."""
    sandbox = Sandbox.start(folder)
    yield sandbox
    sandbox.stop(kill=True)


@pytest.fixture
def own(mortal: Sandbox, account: Account, folder: Path) -> Sandbox:
    """That sandbox, alive and knowing nothing but the account."""
    if mortal.process is None or mortal.process.poll() is not None:
        again(mortal, folder)
    mortal.reset()
    register(mortal, account)
    return mortal


def again(sandbox: Sandbox, folder: Path, *, kill: bool = True) -> None:
    """End the process and start another one on the same state and port."""
    sandbox.stop(kill=kill)
    started = Sandbox.start(folder, int(sandbox.url.rpartition(":")[2]))
    sandbox.process = started.process


def test_everything_is_there_after_kill_9(own: Sandbox, account: Account, folder: Path) -> None:
    phone: Phone = own.user("resident-1", "李阿姨", "居民", "wx1234567890abcdef")
    phone.follow()
    phone.send_image()
    token = stable_token(own)["access_token"]
    api = Api(own, token)
    body = {"action_name": "QR_LIMIT_STR_SCENE", "action_info": {"scene": {"scene_str": "p"}}}
    ticket = api.post("/cgi-bin/qrcode/create", body)["ticket"]
    own.clock(5)
    inbox, openid = phone.inbox(), phone.openid()

    again(own, folder)

    assert own.user("resident-1", "李阿姨", "居民", phone.app_id).openid() == openid
    assert phone.inbox() == inbox
    assert stable_token(own)["access_token"] == token
    assert own.codes()[0]["ticket"] == ticket
    assert own.control("GET", "/clock")["offset_seconds"] == 5
    assert api.get("/cgi-bin/user/info", openid=openid)["subscribe"] == 1
    assert api.send_text(openid, "还在")["errcode"] == 0
    assert requests.get(inbox[0]["picture_url"], timeout=5).content.startswith(b"\xff\xd8")


def test_a_receipt_that_was_owed_is_pushed_after_a_restart(
    own: Sandbox, account: Account, folder: Path
) -> None:
    own.settings(receipt_delay_ms=1500)
    phone = own.user("resident-1", "李阿姨", "居民", "wx1234567890abcdef")
    phone.follow()
    api = Api(own, stable_token(own)["access_token"])
    data = {"character_string1": {"value": "A1"}, "thing2": {"value": "地点"}}
    sent = api.post(
        "/cgi-bin/message/template/send", {"touser": phone.openid(), "template_id": "T1", "data": data}
    )

    again(own, folder)

    receipt = account.wait_for_event("templatesendjobfinish")
    assert receipt.id == sent["msgid"]


def test_message_numbers_go_on_after_a_restart(own: Sandbox, folder: Path) -> None:
    phone = own.user("resident-1", "李阿姨", "居民", "wx1234567890abcdef")
    phone.follow()
    before = phone.send_text("一")["message"]

    again(own, folder)

    after = phone.send_text("二")["message"]
    assert after["msg_id"] > before["msg_id"]
    assert after["id"] > before["id"]


def test_a_reply_under_way_is_in_the_chat_when_the_sandbox_has_ended(
    own: Sandbox, account: Account, folder: Path
) -> None:
    phone = own.user("resident-1", "李阿姨", "居民", "wx1234567890abcdef")
    phone.follow()
    is_asked = threading.Event()

    def answer(message: Any) -> str:
        is_asked.set()
        time.sleep(0.5)
        return "收到"

    account.answer = answer
    phone.send_text("您好", wait=False)
    assert is_asked.wait(5)

    again(own, folder, kill=False)

    assert [message["content"] for message in phone.inbox()] == ["您好", "收到"]


def test_reset_forgets_people_and_apps(sandbox: Sandbox, phone: Phone) -> None:
    sandbox.reset()

    assert sandbox.control("GET", "/users") == {"users": []}
    assert sandbox.control("GET", "/apps") == {"apps": []}
    assert sandbox.codes() == []


def test_an_account_that_does_not_answer_does_not_hold_up_the_end_for_long(
    own: Sandbox, account: Account
) -> None:
    own.settings(reply_seconds=0.3, deliveries=20)
    phone = own.user("resident-1", "李阿姨", "居民", "wx1234567890abcdef")
    phone.follow()
    is_asked = threading.Event()
    account.answer = lambda message: (is_asked.set(), time.sleep(0.5))
    phone.send_text("您好", wait=False)
    assert is_asked.wait(5)

    own.stop()

    assert len(account.texts()) < 20


def test_a_card_sent_at_the_last_moment_is_answered_and_its_receipt_comes_after_the_restart(
    own: Sandbox, account: Account, folder: Path
) -> None:
    phone = own.user("resident-1", "李阿姨", "居民", "wx1234567890abcdef")
    phone.follow()
    api, card = Api(own, stable_token(own)["access_token"]), "/cgi-bin/message/template/send"
    data = {"character_string1": {"value": "A1"}, "thing2": {"value": "地点"}}
    body = {"touser": phone.openid(), "template_id": "T1", "data": data}
    own.faults(api=[{"path": card, "delay_ms": 1200}])
    assert own.process is not None

    own.process.terminate()
    early = api.post(card, body)
    own.faults()
    late = api.post(card, body)
    assert own.process.wait(10) == 0
    before = [one for one in account.received if getattr(one, "event", "") == "templatesendjobfinish"]
    again(own, folder)

    assert (early["errcode"], late["errcode"], before) == (0, 0, [])
    account.wait_for_event("templatesendjobfinish")
