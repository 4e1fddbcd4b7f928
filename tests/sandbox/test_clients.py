"""The sandbox against programs that are not ours: co-wechat-api calls its API, co-wechat takes its pushes.

Both are well-used libraries of Node.js that know nothing of the sandbox.
"""

import base64
import json
import queue
import shutil
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import pytest
import requests

from tests.cases.pictures import jpeg
from tests.sandbox.conftest import AES_KEY, MINI_ID, MINI_SECRET, TOKEN, Account, register
from tests.sandbox.site import APP_ID, SECRET
from tests.sandbox_client import Phone, Sandbox

ROOT = Path(__file__).parents[2]
CLIENTS = Path(__file__).parent / "clients"
MODULES = [ROOT / "node_modules" / name for name in ("co-wechat-api", "co-wechat")]
PAGE = "http://site.test/r/cases/1?account=demo"
NODE = ["node", "--no-deprecation"]

pytestmark = pytest.mark.skipif(
    shutil.which("node") is None or not all(module.exists() for module in MODULES),
    reason="没有找到 Node.js 或 node_modules 里的 co-wechat（npm ci），没有用别人的程序核对模拟微信。",
)


@pytest.fixture
def played(sandbox: Sandbox, account: Account, phone: Phone) -> dict[str, Any]:
    """What came of every call of the client, for a resident who follows and has written."""
    phone.send_text("你好")
    given = {
        "base": sandbox.url, "appId": APP_ID, "secret": SECRET, "openid": phone.openid(), "template": "T1",
        "data": {"character_string1": {"value": "261121483920"}, "thing2": {"value": "玉兰苑东门"}},
        "page": PAGE, "picture": base64.b64encode(jpeg()).decode(),
    }  # fmt: skip
    done = subprocess.run(
        [*NODE, "api.js"], cwd=CLIENTS, input=json.dumps(given), capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


def test_a_client_that_is_not_ours_does_what_an_account_does(
    played: dict[str, Any], sandbox: Sandbox, phone: Phone
) -> None:
    assert len(played["token"]["accessToken"]) == 136
    for name in ("card", "text", "menu", "menuGone", "image"):
        assert played[name]["errcode"] == 0, name
    kinds = [message["type"] for message in phone.inbox() if message["from"] == "account"]
    assert kinds == ["template", "text", "image"]
    assert played["menuRead"]["menu"]["button"][0]["key"] == "report"
    assert played["code"]["expire_seconds"] == 600
    assert played["codePicture"].startswith(f"{sandbox.url}/cgi-bin/showqrcode?ticket=")
    assert played["lasting"]["url"].startswith("http://weixin.qq.com/q/")
    assert (played["user"]["subscribe"], played["user"]["openid"]) == (1, phone.openid())
    assert played["users"]["user_info_list"][0]["openid"] == phone.openid()
    assert played["followers"]["data"]["openid"] == [phone.openid()]
    assert base64.b64decode(played["mediaRead"]) == jpeg()


def test_a_client_that_is_not_ours_understands_every_refusal(played: dict[str, Any]) -> None:
    refused = {name: played[name]["refused"] for name in played if "refused" in (played[name] or {})}
    assert refused == {"badCard": 47003, "menuMissing": 46003, "wrongSecret": 40125, "wrongOpenid": 40003}
    assert {played[name]["name"] for name in refused} == {"WeChatAPIError"}


def test_a_page_signed_by_a_client_that_is_not_ours_may_use_wechats_buttons(
    played: dict[str, Any], sandbox: Sandbox, phone: Phone
) -> None:
    host = f"phone{phone.user_id}.localhost:{urlsplit(sandbox.url).port}"
    opened = {"Host": host, "Cookie": f"sandbox_origin={quote('http://site.test', safe='')}"}

    def configure(**changes: Any) -> tuple[int, str]:
        said = played["page"] | {"page": PAGE.removeprefix("http://site.test")} | changes
        answer = requests.post(f"{sandbox.url}/open/config", json=said, headers=opened, timeout=5)
        return answer.status_code, answer.text

    assert configure()[0] == 200
    wrong = (403, "config:fail,invalid signature")
    assert configure(page="/r/cases/2") == configure(nonceStr="x") == configure(timestamp="1") == wrong
    assert configure(appId="wx" + "0" * 16) == (403, "config:fail,invalid appid")


class Receiver:
    """A running program of co-wechat: its address, and what it could read."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self.lines: queue.SimpleQueue[str] = queue.SimpleQueue()
        threading.Thread(target=self._read, args=(process,), daemon=True).start()
        self.url = f"http://127.0.0.1:{self.next()['port']}/"

    def _read(self, process: "subprocess.Popen[str]") -> None:
        for line in process.stdout or ():
            self.lines.put(line)

    def next(self) -> dict[str, Any]:
        """The next object that the program printed."""
        return dict(json.loads(self.lines.get(timeout=10)))


@pytest.fixture
def receiver(request: pytest.FixtureRequest) -> Iterator[Receiver]:
    """co-wechat on a port of its own, for the tests' account or the app that the test names."""
    command = [*NODE, "receiver.js", TOKEN, AES_KEY, getattr(request, "param", APP_ID)]
    process = subprocess.Popen(command, cwd=CLIENTS, stdout=subprocess.PIPE, text=True)
    yield Receiver(process)
    process.terminate()
    process.wait(10)
    assert process.stdout is not None
    process.stdout.close()


@pytest.mark.parametrize("mode", ["secure", "compatible", "plain"])
def test_a_receiver_that_is_not_ours_reads_the_pushes_and_is_read(
    sandbox: Sandbox, account: Account, receiver: Receiver, mode: str
) -> None:
    register(sandbox, account, callback_url=receiver.url, mode=mode)
    phone = sandbox.user("resident-1", "李阿姨", "居民", APP_ID)
    phone.follow()
    assert receiver.next()["Event"] == "subscribe"
    said = phone.send_text("路灯不亮了 <b>]]></b>")
    heard = receiver.next()
    assert (heard["Content"], heard["FromUserName"]) == ("路灯不亮了 <b>]]></b>", phone.openid())
    assert int(heard["MsgId"]) == said["message"]["msg_id"]
    answered = phone.send_text("好")
    assert answered["reply"]["content"] == "收到：好"
    assert answered["warnings"] == ["CreateTime is not in seconds"]


def test_a_receiver_that_is_not_ours_proves_its_address_and_refuses_forgeries(
    sandbox: Sandbox, account: Account, receiver: Receiver
) -> None:
    register(sandbox, account, callback_url=receiver.url)
    assert sandbox.control("POST", f"/apps/{APP_ID}/verify")["verified"]
    phone = sandbox.user("resident-1", "李阿姨", "居民", APP_ID)
    phone.follow()
    sandbox.faults(push={"wrong_signature": True})
    refused = phone.send_text("假的")
    assert {delivery["status"] for delivery in refused["deliveries"]} == {401}


@pytest.mark.parametrize("receiver", [MINI_ID], indirect=True)
def test_a_receiver_that_is_not_ours_reads_what_is_pushed_for_a_mini_program(
    sandbox: Sandbox, receiver: Receiver
) -> None:
    template = {"template_id": "M1", "title": "进度通知", "keywords": {"phrase1": "状态"}}
    sandbox.app(
        app_id=MINI_ID, app_secret=MINI_SECRET, kind="mini_program", name="小程序", original_id="gh_mini",
        token=TOKEN, aes_key=AES_KEY, callback_url=receiver.url, templates=[template],
    )  # fmt: skip
    assert sandbox.control("POST", f"/apps/{MINI_ID}/verify")["verified"]
    phone = sandbox.user("resident-1", "李阿姨", "居民", MINI_ID)
    told = phone.subscribe_message(["M1"])
    heard = receiver.next()
    assert (heard["Event"], heard["FromUserName"]) == ("subscribe_msg_popup_event", phone.openid())
    assert heard["ToUserName"] == "gh_mini"
    assert [one["status"] for one in told["deliveries"]] == [200]
