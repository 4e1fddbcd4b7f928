"""Receipts as WeChat pushes them: which of ours arrived, and that nobody has said anything by them."""

import pytest
import sqlalchemy as sa

from backend.notify.models import Delivery, Notification
from backend.wechat.models import Conversation, InboundMessage
from tests.telling import read, tell
from tests.wechat.pushes import event, push, send


@pytest.fixture
def told(committed, weixin, resident):
    """A message that went out as a card, and its person."""
    _, contact = resident
    committed.add(Conversation(contact_id=contact.id))
    committed.commit()
    return tell(committed, contact), contact


def finished(client, contact, msgid, status="success"):
    sent = event("TEMPLATESENDJOBFINISH", MsgID=msgid, Status=status)
    return send(client, push(sent, openid=contact.openid))


def test_a_receipt_of_arrival_is_written_down_and_nobody_was_heard(committed, client, told):
    row, contact = told
    before = committed.scalar(sa.select(Conversation.heard_at).where(Conversation.contact_id == contact.id))
    for _ in range(2):  # WeChat may push it again
        assert finished(client, contact, row.provider_id).get_data() == b"success"
    row = read(committed, row.id)
    assert (row.status, row.received_at is not None) == (Delivery.RECEIVED, True)
    heard = sa.select(Conversation.heard_at).where(Conversation.contact_id == contact.id)
    assert committed.scalar(heard) == before


def test_a_receipt_of_failure_has_the_message_go_another_way(committed, client, told):
    row, contact = told
    finished(client, contact, row.provider_id, "failed:user block")
    assert read(committed, row.id).status is Delivery.WAITING


def test_a_receipt_for_another_accounts_message_changes_nothing(committed, client, told):
    row, contact = told
    committed.execute(sa.update(Notification).values(account="mixed"))
    committed.commit()
    assert finished(client, contact, row.provider_id).status_code == 200
    assert read(committed, row.id).status is Delivery.SENT
    assert committed.scalar(sa.select(sa.func.count()).select_from(InboundMessage)) == 0
