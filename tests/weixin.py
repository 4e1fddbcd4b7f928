"""WeChat for tests: the sandbox on a port of its own, which knows the accounts of tests/accounts.py.

Import `platform` and `weixin` into a conftest to use them.
"""

import socket
import threading
from contextlib import contextmanager

import pytest

from backend import broker as queue
from backend.config import config
from backend.notify import circuit
from backend.notify.messages import CATALOGUE, Message
from backend.wechat import accounts, client, quotas, tokens
from tests.factories import make_contact
from tests.sandbox_client import Sandbox

SLOTS = {
    "character_string1": "261121483920",
    "thing2": "玉兰苑东门",
    "phrase3": "待签收",
    "time4": "2026年11月21日 18:30",
}


@pytest.fixture(scope="session")
def platform(servers, tmp_path_factory):
    """A running sandbox, one for the whole run."""
    sandbox = Sandbox.start(tmp_path_factory.mktemp("sandbox"))
    yield sandbox
    sandbox.stop()


@pytest.fixture
def weixin(platform):
    """The sandbox as good as new, reached through WECHAT_API_BASE; no token is known to anybody."""
    real = config.wechat_api_base
    platform.reset()
    platform.settings(receipts=False)
    queue.redis_client().flushall()
    tokens.reset()
    quotas.forget()
    accounts.reset()
    circuit.reset()
    for account in accounts.all_accounts().values():
        register(platform, account)
    object.__setattr__(config, "wechat_api_base", platform.url)
    yield platform
    object.__setattr__(config, "wechat_api_base", real)


def register(sandbox, account, **changes):
    """Make the account (and its mini program) known to the platform, with the templates that it names."""
    sandbox.app(
        app_id=account.app_id,
        app_secret=account.app_secret,
        kind="service_account",
        name=account.name,
        original_id=account.original_id,
        open_platform="open",
        templates=[*_templates(account.templates), *_templates(account.notices, 2)],
        **changes,
    )
    if account.wecom is not None:
        register_work(sandbox, account)
    if account.mini_program is not None:
        register_program(sandbox, account)


def register_program(sandbox, account, **changes):
    """Make the account's mini program known to the platform."""
    mini = account.mini_program
    sandbox.app(
        app_id=mini.app_id,
        app_secret=mini.app_secret,
        kind="mini_program",
        name=account.name,
        original_id=mini.original_id or "gh_mini",
        token=mini.token,
        aes_key=mini.aes_key,
        open_platform="open",
        templates=_templates(mini.templates, 2),
        **changes,
    )


def register_work(sandbox, account, **changes):
    """Make the account's application in WeCom known to the platform."""
    work = account.wecom
    sandbox.app(
        app_id=work.corp_id,
        agent_id=int(work.agent_id),
        app_secret=work.secret,
        kind="work_app",
        name=f"{account.name} 企业微信",
        original_id=work.corp_id,
        token=work.token,
        aes_key=work.aes_key,
        **changes,
    )


def _templates(templates, kind=None):
    """As the platform knows them; the type 2 or 3 (once, for good) marks those that people allow."""
    return [
        {
            "template_id": template.id,
            "title": CATALOGUE[message].status,
            "keywords": {slot: field for field, slot in template.slots.items()},
        }
        | ({"type": 3 if template.lasting else kind} if kind else {})
        for message, template in templates.items()
    ]


@pytest.fixture
def account(weixin):
    """The account `demo`, with a clear sheet at the platform."""
    return accounts.get("demo")


@pytest.fixture
def phone(account, weixin):
    """The phone of someone who follows `demo`."""
    phone = weixin.user("li", app_id=account.app_id)
    phone.follow()
    return phone


def follower(session, sandbox, key, account="demo", **fields):
    """Someone who follows the account: their phone, and our contact of them."""
    app_id = accounts.get(account).app_id
    phone = sandbox.user(key, app_id=app_id)
    phone.follow()
    return phone, make_contact(session, account=account, openid=phone.openid(), **fields)


@contextmanager
def answering(answer):
    """A server that answers every request with these bytes, in the place of WeChat."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=_answer_all, args=(server, answer), daemon=True)
        thread.start()
        before = config.wechat_api_base
        object.__setattr__(config, "wechat_api_base", f"http://127.0.0.1:{server.getsockname()[1]}")
        try:
            yield
        finally:
            object.__setattr__(config, "wechat_api_base", before)
            server.shutdown(socket.SHUT_RDWR)
            thread.join()


def _answer_all(server, answer):
    while True:
        try:
            connection, _ = server.accept()
        except OSError:
            return
        with connection:
            connection.recv(65536)
            connection.sendall(answer)


def http(body, status="200 OK", length=None, kind="application/json"):
    head = f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {length or len(body)}\r\n"
    return (head + "Connection: close\r\n\r\n").encode() + body


def card(account, phone, client_id="1", **changes):
    """Send the phone a template message of the account; returns the msgid."""
    template = account.templates[Message.CASE_ASSIGNED].id
    given = {"template_id": template, "data": SLOTS, "url": "http://example.test/c/1"} | changes
    return client.send_template(account, phone.openid(), client_msg_id=client_id, **given)


def cards(phone):
    """The template messages on the phone."""
    return [message for message in phone.inbox() if message["type"] == "template"]
