"""Subscription notices: what a person allows comes in as an event, is counted, spent and taken back."""

import pytest
import sqlalchemy as sa

from backend.app import create_app
from backend.config import config
from backend.notify import grants, outbox
from backend.notify.messages import Message
from backend.notify.models import Delivery, Grant
from backend.wechat import accounts
from backend.wechat.models import Conversation
from tests.telling import read, tell
from tests.wechat.pushes import Nested, event, push
from tests.weixin import follower, register

NOTICE = "/cgi-bin/message/subscribe/bizsend"
ONCE, LASTING = "N1", "L1"
LINES = """
[accounts.demo.notices.case_accepted]
id = "N1"
status = "phrase3"
[accounts.demo.notices.case_closed]
id = "L1"
long_term = true
status = "phrase3"
place = "thing2"
"""


@pytest.fixture
def session(committed):
    return committed


@pytest.fixture
def account(session, weixin, tmp_path):
    """The account `demo` with two notices; what would carry these kinds otherwise is not set down."""
    wanted = ("[accounts.demo.templates.case_accepted", "[accounts.demo.templates.case_closed")
    kept, skipped = [], False
    for line in config.accounts_file.read_text().splitlines():
        skipped = line.startswith(wanted) or (skipped and not line.startswith("["))
        kept += [] if skipped else [line]
    path, before = tmp_path / "accounts.toml", config.wechat_accounts
    path.write_text("\n".join(kept) + LINES)
    object.__setattr__(config, "wechat_accounts", path)
    accounts.reset()
    register(weixin, accounts.get("demo"))
    yield accounts.get("demo")
    object.__setattr__(config, "wechat_accounts", before)
    accounts.reset()


@pytest.fixture
def callback(community, account):
    """Pushes an event of this person to the account's address, as WeChat does."""
    client = create_app().test_client()

    def tell_of(contact, name, part, *items, **more):
        lists = "".join(
            "<List>" + "".join(f"<{key}>{value}</{key}>" for key, value in item.items()) + "</List>"
            for item in items
        )
        sent = push(event(name, **more) | {part: Nested(lists)}, openid=contact.openid)
        answer = client.post(sent.path, query_string=sent.query, data=sent.body)
        assert answer.status_code == 200

    return tell_of


def known(session, weixin):
    """Someone who follows and has talked with the account: (phone, contact)."""
    phone, contact = follower(session, weixin, "li")
    session.add(Conversation(contact_id=contact.id))
    session.commit()
    return phone, contact


def popup(callback, contact, template, word="accept", **more):
    item = {"TemplateId": template, "SubscribeStatusString": word, "PopupScene": "1"}
    callback(contact, "subscribe_msg_popup_event", "SubscribeMsgPopupEvent", item, **more)


def left(session, contact, template):
    session.expire_all()
    wanted = sa.select(Grant.left, Grant.lasts).where(Grant.contact_id == contact.id)
    row = session.execute(wanted.where(Grant.template_id == template)).first()
    return tuple(row) if row else None


def test_what_a_person_allows_is_counted_and_a_refusal_takes_nothing_back(session, weixin, account, callback):
    _, contact = known(session, weixin)
    popup(callback, contact, ONCE, CreateTime=1_800_000_001)
    popup(callback, contact, ONCE, CreateTime=1_800_000_002)
    popup(callback, contact, ONCE, CreateTime=1_800_000_002)  # the same, delivered once more
    popup(callback, contact, ONCE, "reject", CreateTime=1_800_000_003)
    popup(callback, contact, "of somebody else", CreateTime=1_800_000_004)
    assert left(session, contact, ONCE) == (2, False)
    assert left(session, contact, "of somebody else") is None


def test_two_templates_allowed_within_one_second_are_two(session, weixin, account, callback):
    _, contact = known(session, weixin)
    popup(callback, contact, ONCE, CreateTime=1_800_000_001)
    popup(callback, contact, LASTING, CreateTime=1_800_000_001)
    assert (left(session, contact, ONCE), left(session, contact, LASTING)) == ((1, False), (0, True))


def test_a_notice_reaches_who_left_the_account_and_spends_what_was_allowed(session, weixin, account):
    phone, contact = known(session, weixin)
    phone.subscribe_message([ONCE])
    grants.keep(session, contact.id, [ONCE])
    phone.unfollow()
    contact.follows = False
    session.commit()
    row = tell(session, contact)
    assert (row.status, row.channel, row.account) == (Delivery.SENT, "wechat_notice", "demo")
    assert phone.inbox()[-1]["card"]["rows"] == [{"label": "status", "value": "已受理"}]
    row = tell(session, contact, number="261121483921")
    assert row.status is Delivery.WAITING
    assert "对方没有同意接收公众号的订阅通知" in row.error


def test_what_is_allowed_for_good_lasts_until_it_is_taken_back(session, weixin, account, callback):
    phone, contact = known(session, weixin)
    phone.subscribe_message([LASTING])
    popup(callback, contact, LASTING)
    said = [tell(session, contact, Message.CASE_CLOSED, number=f"26112148392{n}") for n in range(2)]
    assert [row.channel for row in said] == ["wechat_notice"] * 2
    item = {"TemplateId": LASTING, "SubscribeStatusString": "reject"}
    callback(contact, "subscribe_msg_change_event", "SubscribeMsgChangeEvent", item)
    assert left(session, contact, LASTING) == (0, False)


def test_wechat_knows_better_than_we_what_was_allowed(session, weixin, account):
    _, contact = known(session, weixin)
    grants.keep(session, contact.id, [LASTING], [LASTING])
    session.commit()
    row = tell(session, contact, Message.CASE_CLOSED)
    assert "对方没有同意接收这类提醒（43101）" in row.error
    assert not grants.spend(session, contact.id, LASTING)


def test_a_consent_comes_back_when_wechat_could_not_be_reached(session, weixin, account):
    _, contact = known(session, weixin)
    grants.keep(session, contact.id, [ONCE])
    session.commit()
    weixin.faults(api=[{"path": NOTICE, "errcode": -1}])
    tell(session, contact)
    assert left(session, contact, ONCE) == (1, False)


def test_the_receipt_of_a_notice_closes_its_row(session, weixin, account, callback):
    phone, contact = known(session, weixin)
    phone.subscribe_message([ONCE])
    grants.keep(session, contact.id, [ONCE])
    session.commit()
    row = tell(session, contact)
    item = {"TemplateId": ONCE, "MsgID": row.provider_id, "ErrorCode": 0, "ErrorStatus": "success"}
    callback(contact, "subscribe_msg_sent_event", "SubscribeMsgSentEvent", item)
    assert read(session, row.id).status is Delivery.RECEIVED


def test_a_consent_wakes_what_waited_for_the_next_visit(session, weixin, account, callback):
    phone, contact = known(session, weixin)
    row = tell(session, contact)
    assert row.status is Delivery.WAITING
    assert row.due_at > row.created_at + outbox.NEXT_VISIT / 2
    phone.subscribe_message([ONCE])
    popup(callback, contact, ONCE)
    assert read(session, row.id).due_at < row.created_at + outbox.NEXT_VISIT / 2


def test_what_is_allowed_for_good_is_asked_for_alone_and_once():
    known = {Message.CASE_RESOLVED: "A", Message.CASE_ACCEPTED: "B"}
    assert grants.wanted(known, lasting=["B"]) == ["B"]
    assert grants.wanted(known, lasting=["B"], held=["B"]) == ["A"]
