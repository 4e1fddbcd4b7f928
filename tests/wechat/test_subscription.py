"""One-time messages of the mini program: sent where nothing else reaches, one for each consent."""

from datetime import timedelta

import pytest

from backend.config import config
from backend.notify import grants
from backend.notify.messages import Message
from backend.notify.models import Delivery
from backend.times import now
from backend.wechat import accounts
from tests.factories import make_contact
from tests.telling import tell
from tests.weixin import follower, register


@pytest.fixture
def session(committed):
    return committed


@pytest.fixture
def mini_program(session, weixin, tmp_path):
    """The account `demo` without templates of its own, with one for its mini program."""
    secret = f'app_secret = "{"a" * 32}"'
    template = 'templates.case_resolved = { id = "M1", status = "phrase3", place = "thing2" }'
    text = config.accounts_file.read_text().replace(secret, f"{secret}\n{template}")
    kept, skipped = [], False
    for line in text.splitlines():
        skipped = line.startswith("[accounts.demo.templates") or (skipped and not line.startswith("["))
        kept += [] if skipped else [line]
    path, before = tmp_path / "accounts.toml", config.wechat_accounts
    path.write_text("\n".join(kept))
    object.__setattr__(config, "wechat_accounts", path)
    accounts.reset()
    register(weixin, accounts.get("demo"))
    yield accounts.get("demo").mini_program
    object.__setattr__(config, "wechat_accounts", before)
    accounts.reset()


@pytest.fixture
def visitor(session, weixin, mini_program):
    phone = weixin.user("li", app_id=mini_program.app_id)
    return phone, make_contact(session, account="demo:mini", openid=phone.openid())


def test_someone_known_by_the_mini_program_gets_the_message_they_allowed(
    session, weixin, visitor, mini_program
):
    phone, contact = visitor
    phone.subscribe_message(["M1"])
    grants.keep(session, contact.id, ["M1"])
    session.commit()
    row = tell(session, contact, Message.CASE_RESOLVED)
    assert (row.status, row.channel, row.account) == (Delivery.SENT, "wechat_subscription", "demo:mini")
    [call] = weixin.calls("/cgi-bin/message/subscribe/send")
    assert call["body"]["page"] == "pages/case/case?number=261121483920"
    assert call["body"]["data"] == {"phrase3": {"value": "待您确认"}, "thing2": {"value": "玉兰社区"}}
    row = tell(session, contact, Message.CASE_RESOLVED, number="261121483921")
    assert (row.status, row.error) == (
        Delivery.WAITING,
        "对方没有关注公众号；对方没有在小程序里同意接收；没有留电话",
    )


def test_a_consent_that_could_not_be_used_is_kept(session, weixin, visitor):
    _, contact = visitor
    grants.keep(session, contact.id, ["M1"])
    session.commit()
    weixin.faults(api=[{"path": "/cgi-bin/message/subscribe/send", "errcode": -1}])
    tell(session, contact, Message.CASE_RESOLVED)
    assert grants.spend(session, contact.id, "M1")


def test_without_a_template_and_a_window_the_message_waits_for_the_next_visit(session, weixin, mini_program):
    _, contact = follower(session, weixin, "wang")
    row = tell(session, contact)
    assert row.status is Delivery.WAITING
    assert "公众号没有配置这类消息的模板" in row.error
    assert row.due_at > now() + timedelta(days=365)
