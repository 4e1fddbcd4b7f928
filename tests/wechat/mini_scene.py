"""A mini program to which WeChat pushes: what it sends, and somebody who has logged in there."""

import threading
from pathlib import Path

import pytest
import sqlalchemy as sa
from werkzeug.serving import make_server

from backend.app import create_app
from backend.config import config
from backend.notify.models import Grant
from backend.wechat import accounts, homes
from backend.wechat.models import Conversation
from tests.factories import make_contact
from tests.wechat.pushes import Nested, event, push, send
from tests.weixin import register_program

MINI = "demo:mini"
DOOR = """
original_id = "gh_0000000000dd"
token = "testsOnlyTokenOfTheMiniProgram01"
aes_key = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefg"
templates.case_resolved = { id = "M1", status = "phrase3", place = "thing2" }
templates.survey_invited = { id = "M2", status = "phrase3" }
templates.case_closed = { id = "L1", status = "phrase3", long_term = true }
"""
both_forms = pytest.mark.parametrize("form", ["xml", "json"])


@pytest.fixture(scope="module")
def address(servers, database_url, engine):
    """The application behind a port."""
    server = make_server("127.0.0.1", 0, create_app(), threaded=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join(5)


@pytest.fixture
def session(committed):
    return committed


@pytest.fixture
def program(session, weixin, community, tmp_path):
    """The mini program of `demo`, to which WeChat pushes; the account itself has no templates."""
    mine = "[accounts.demo.mini_program]"
    kept, skipped = [], False
    for line in config.accounts_file.read_text().splitlines():
        skipped = line.startswith("[accounts.demo.templates") or (skipped and not line.startswith("["))
        kept += [] if skipped else [line.replace(mine, mine + DOOR)]
    path, before = tmp_path / "accounts.toml", config.wechat_accounts
    path.write_text("\n".join(kept))
    configure(path)
    register_program(weixin, accounts.get("demo"))
    yield accounts.get("demo")
    configure(before)


def configure(path: Path | None):
    object.__setattr__(config, "wechat_accounts", path)
    accounts.reset()
    homes.forget()


@pytest.fixture
def contact(session, weixin, program):
    """Somebody who has logged in there."""
    phone = weixin.user("li", app_id=program.mini_program.app_id)
    contact = make_contact(session, account=MINI, openid=phone.openid())
    session.add(Conversation(contact_id=contact.id))
    session.commit()
    return contact


@pytest.fixture
def phone(weixin, program):
    return weixin.user("li", app_id=program.mini_program.app_id)


@pytest.fixture
def connected(weixin, program, address):
    """The platform knows the address and pushes receipts at once."""

    def connect(form="xml", status="success"):
        register_program(weixin, program, callback_url=f"{address}/mini/demo", data_format=form)
        weixin.settings(receipts=True, receipt_delay_ms=20, receipt_status=status)

    return connect


@pytest.fixture
def callback(client, program):
    """Pushes an event of a person to the mini program's address, as WeChat does; gives its answer."""

    def tell_of(openid, name, part, *items, form="xml", **more):
        return send(client, push(told(name, part, items, form, more), openid, MINI, form=form))

    return tell_of


def told(name, part, items, form, more):
    """An event as WeChat writes it: in JSON its List is one object or an array, at the top."""
    head = event(name, **more)
    if form == "json":
        return head | {"List": items[0] if len(items) == 1 else list(items)}
    lists = (
        "<List>" + "".join(f"<{key}>{value}</{key}>" for key, value in one.items()) + "</List>"
        for one in items
    )
    return head | {part: Nested("".join(lists))}


def popup(callback, contact, *templates, word="accept", **more):
    items = [{"TemplateId": one, "SubscribeStatusString": word, "PopupScene": "0"} for one in templates]
    answer = callback(contact.openid, "subscribe_msg_popup_event", "SubscribeMsgPopupEvent", *items, **more)
    assert (answer.status_code, answer.text) == (200, "success")


def left(session, contact_id):
    session.rollback()
    rows = session.execute(sa.select(Grant.template_id, Grant.left, Grant.lasts).order_by(Grant.template_id))
    return {row.template_id: (row.left, row.lasts) for row in rows}


def count(session, table):
    session.rollback()
    return session.scalar(sa.select(sa.func.count()).select_from(table))
