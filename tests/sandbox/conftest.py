"""A running sandbox, and a small account server that answers its pushes through wechatpy."""

import itertools
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import requests
from flask import Flask, Response, request
from wechatpy import parse_message
from wechatpy.crypto import WeChatCrypto
from wechatpy.replies import TextReply
from wechatpy.utils import check_signature
from werkzeug.serving import BaseWSGIServer, make_server

from tests.sandbox.site import APP_ID, SECRET, make_site
from tests.sandbox_client import Phone, Sandbox

ORIGINAL_ID, TOKEN = "gh_0123456789ab", "callbackTokenOfTheTests1"
AES_KEY = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"
MINI_ID, MINI_SECRET = "wxfedcba0987654321", "fedcba9876543210fedcba9876543210"
TEMPLATES = [
    {"template_id": "T1", "title": "待办提醒", "keywords": {"character_string1": "编号", "thing2": "地点"}},
    {"template_id": "N1", "title": "进度通知", "type": 2, "keywords": {"phrase1": "状态"}},
    {"template_id": "L1", "title": "办结通知", "type": 3, "keywords": {"phrase1": "状态"}},
]


@dataclass
class Account:
    """The owner of an official account: what it received, and how it answers."""

    url: str = ""
    mode: str = "secure"
    received: list[Any] = field(default_factory=list)
    requests: list[Any] = field(default_factory=list)
    answer: Callable[[Any], Any] = lambda message: None
    crypto: WeChatCrypto = field(default_factory=lambda: WeChatCrypto(TOKEN, AES_KEY, APP_ID))

    def texts(self) -> list[str]:
        """The contents of the text messages received, in order."""
        return [message.content for message in self.received if message.type == "text"]

    def wait_until(self, reached: Callable[[], Any], seconds: float = 6) -> Any:
        """What the function returns as soon as it is true."""
        end = time.monotonic() + seconds
        while not (found := reached()):
            assert time.monotonic() < end, f"waited {seconds} s in vain; received {self.received}"
            time.sleep(0.02)
        return found

    def wait_for_event(self, event: str) -> Any:
        """The first event of this name."""
        return self.wait_until(lambda: [one for one in self.received if getattr(one, "event", "") == event])[
            0
        ]


def serve(accounts: dict[int, Account]) -> Flask:
    """The accounts' server: wechatpy verifies, decrypts and parses, as an independent referee."""
    app = Flask(__name__)

    @app.get("/<int:number>/callback")
    def verify(number: int) -> str:
        check_signature(TOKEN, request.args["signature"], request.args["timestamp"], request.args["nonce"])
        return request.args["echostr"]

    @app.post("/<int:number>/callback")
    def receive(number: int) -> Response | str:
        account, query = accounts[number], request.args
        account.requests.append((dict(query), dict(request.headers), request.get_data()))
        check_signature(TOKEN, query["signature"], query["timestamp"], query["nonce"])
        body = request.get_data().decode()
        if "msg_signature" in query:
            body = account.crypto.decrypt_message(
                body, query["msg_signature"], query["timestamp"], query["nonce"]
            )
        message = parse_message(body)
        account.received.append(message)
        return as_response(account, message, query.get("nonce", ""))

    return app


def as_response(account: Account, message: Any, nonce: str) -> Response | str:
    """The account's answer: a text is made a reply and encrypted, anything else goes out as it is."""
    answer = account.answer(message)
    if answer is None:
        return "success"
    if isinstance(answer, (bytes, Response)):
        return Response(answer) if isinstance(answer, bytes) else answer
    xml = TextReply(content=answer, message=message).render() if isinstance(answer, str) else answer.render()
    return xml if account.mode == "plain" else account.crypto.encrypt_message(xml, nonce)


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """One sandbox for all tests of this folder."""
    folder: Path = tmp_path_factory.mktemp("sandbox")
    sandbox = Sandbox.start(folder, log=folder / "log")
    yield sandbox
    sandbox.stop()


@pytest.fixture
def sandbox(running: Sandbox) -> Sandbox:
    """The sandbox, knowing nothing; it waits a second for answers instead of five."""
    running.reset()
    running.settings(reply_seconds=1.0, receipt_delay_ms=20, retry_pause_ms=10)
    return running


@pytest.fixture(scope="session")
def new_account() -> Iterator[Callable[[], Account]]:
    """Makes accounts, each with an address of its own at one server: what comes late meets its own test's."""
    accounts: dict[int, Account] = {}
    numbers = itertools.count(1)
    server: BaseWSGIServer = make_server("127.0.0.1", 0, serve(accounts), threaded=True)

    def make() -> Account:
        number = next(numbers)
        accounts[number] = Account(f"http://127.0.0.1:{server.server_port}/{number}/callback")
        return accounts[number]

    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield make
    server.shutdown()
    server.server_close()
    thread.join(5)


@pytest.fixture
def account(new_account: Callable[[], Account]) -> Account:
    """The account's server, running, of this test alone."""
    return new_account()


def register(sandbox: Sandbox, account: Account, **changes: Any) -> None:
    """Register the tests' official account with the sandbox."""
    fields: dict[str, Any] = {
        "app_id": APP_ID, "app_secret": SECRET, "kind": "service_account", "name": "测试号",
        "original_id": ORIGINAL_ID, "token": TOKEN, "aes_key": AES_KEY, "mode": account.mode,
        "callback_url": account.url, "templates": TEMPLATES,
    }  # fmt: skip
    sandbox.app(**(fields | changes))


@pytest.fixture
def phone(sandbox: Sandbox, account: Account) -> Phone:
    """A resident's phone that follows the account in secure mode; what came before is forgotten."""
    register(sandbox, account)
    phone = sandbox.user("resident-1", "李阿姨", "居民", APP_ID)
    phone.follow()
    account.received.clear()
    account.requests.clear()
    return phone


@dataclass(frozen=True)
class Api:
    """The account's side of the API, with its token."""

    sandbox: Sandbox
    token: str

    def post(self, path: str, body: Any) -> dict[str, Any]:
        """POST JSON with the token."""
        url, token = f"{self.sandbox.url}{path}", {"access_token": self.token}
        return dict(requests.post(url, params=token, json=body, timeout=10).json())

    def get(self, path: str, **query: str) -> dict[str, Any]:
        """GET with the token."""
        query["access_token"] = self.token
        return dict(requests.get(f"{self.sandbox.url}{path}", params=query, timeout=10).json())

    def send_text(self, openid: str, text: str) -> dict[str, Any]:
        """A customer-service text."""
        body = {"touser": openid, "msgtype": "text", "text": {"content": text}}
        return self.post("/cgi-bin/message/custom/send", body)


def stable_token(sandbox: Sandbox, app_id: str = APP_ID, secret: str = SECRET, **more: Any) -> dict[str, Any]:
    """The answer of /cgi-bin/stable_token."""
    body = {"grant_type": "client_credential", "appid": app_id, "secret": secret, **more}
    return dict(requests.post(f"{sandbox.url}/cgi-bin/stable_token", json=body, timeout=10).json())


@pytest.fixture
def api(sandbox: Sandbox, phone: Phone) -> Api:
    """The API as the account uses it."""
    return Api(sandbox, stable_token(sandbox)["access_token"])


@pytest.fixture
def serving() -> Iterator[Callable[[Flask], str]]:
    """Serves any Flask program on a free port for the length of a test; returns its address."""
    servers: list[BaseWSGIServer] = []

    def start(app: Flask) -> str:
        server = make_server("127.0.0.1", 0, app, threaded=True)
        servers.append(server)
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        return f"http://127.0.0.1:{server.server_port}"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture
def site(sandbox: Sandbox, serving: Callable[[Flask], str]) -> str:
    """The address of a web site that signs people in through WeChat."""
    return serving(make_site(sandbox))
