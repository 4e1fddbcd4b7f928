"""Telling people things: a resident and an officer with their phones, and messages owed to them.

Import the fixtures into a conftest to use them; they commit, because delivering opens its own transactions.
"""

from datetime import timedelta

import pytest

from backend import db
from backend.notify import service, tasks
from backend.notify.messages import Message
from backend.notify.models import Notification
from backend.places.roles import Role
from backend.times import now
from backend.wechat import channel, subscriptions
from backend.wechat.models import Conversation
from tests.factories import make_community, make_officer
from tests.weixin import follower

FIELDS = {
    "number": "261121483920",
    "place": "玉兰社区",
    "summary": "玉兰苑门口的路灯不亮了",
    "at": "2026-11-21 18:30",
    "until": "今天 20:00",
    "note": "",
    "who": "市政服务中心",
}


assert channel.register is subscriptions.register  # as in the worker: importing them registers channels


@pytest.fixture
def resident(committed, weixin):
    """A resident who follows and has not written: (phone, contact)."""
    return follower(committed, weixin, "li")


@pytest.fixture
def officer(committed, weixin):
    """An officer whose WeChat is bound: (phone, contact)."""
    someone = make_officer(committed, Role.INFORMATION_OFFICER, area=make_community(committed))
    return follower(committed, weixin, "zhou", officer=someone)


def owe(contact, message=Message.CASE_SUBMITTED, key="k", **fields):
    """Owe a message to the person of a contact; returns its id."""
    people = (
        {"officers": [contact.officer_id]} if contact.officer_id else {"residents": [contact.resident_id]}
    )
    with db.transaction() as session:
        [owed] = service.owe(session, message, key, FIELDS | fields, **people)
    return owed


def tell(session, contact, message=Message.CASE_ACCEPTED, **fields):
    """Owe a message and deliver it; the row afterwards."""
    owed = owe(contact, message, f"test:{message}:{fields}", **fields)
    tasks.deliver([owed])
    return read(session, owed)


def read(session, owed):
    session.expire_all()
    return session.get_one(Notification, owed)


def received(phone):
    """What came from the account, oldest first."""
    return [message for message in phone.inbox() if message["from"] == "account"]


def opened(session, phone, contact, left=5):
    """The person writes: WeChat opens its window, and our ledger says so (the callback's work)."""
    phone.send_text("你好", wait=False)
    row = Conversation(
        contact_id=contact.id, heard_at=now(), window_until=now() + timedelta(hours=48), window_left=left
    )
    session.add(row)
    session.commit()
    return row
