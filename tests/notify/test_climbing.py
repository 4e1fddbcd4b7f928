"""Many messages at once: calls in flight together, few statements, and one broken one holds up no other."""

import socket
import threading
from collections import Counter
from contextlib import contextmanager
from dataclasses import replace

import pytest
import sqlalchemy as sa

from backend import db
from backend.config import config
from backend.notify import calling, climbing, ladders, outbox, records, tasks
from backend.notify.messages import Message
from backend.notify.models import Delivery, Notification
from backend.times import now
from backend.wechat import accounts, tokens
from tests.factories import make_contact
from tests.telling import opened, owe, read, received
from tests.weixin import http

CARD = "/cgi-bin/message/template/send"
SENT = b'{"errcode":0,"errmsg":"ok","msgid":4012345678901234567}'


@pytest.fixture
def session(committed):
    return committed


def owe_many(contact, count, message=Message.CASE_ACCEPTED):
    return [owe(contact, message, f"{message}{n}", number=f"2611214{n:05d}") for n in range(count)]


@contextmanager
def answering_together(count):
    """A server in the place of WeChat that answers nobody until so many calls are with it."""
    together = threading.Barrier(count, timeout=30)

    def answer(connection):
        with connection:
            connection.recv(65536)
            together.wait()
            connection.sendall(http(SENT))

    def serve(server):
        for _ in range(count):
            threading.Thread(target=answer, args=(server.accept()[0],), daemon=True).start()

    real = config.wechat_api_base
    with socket.create_server(("127.0.0.1", 0), backlog=count) as server:
        threading.Thread(target=serve, args=(server,), daemon=True).start()
        object.__setattr__(config, "wechat_api_base", f"http://127.0.0.1:{server.getsockname()[1]}")
        yield
        object.__setattr__(config, "wechat_api_base", real)


def test_the_calls_of_a_batch_are_with_the_provider_at_the_same_time(session, weixin):
    contacts = [make_contact(session) for _ in range(20)]
    session.commit()
    owed = [owe(contact, Message.CASE_ACCEPTED) for contact in contacts]
    tokens.get(accounts.get("demo"))
    with answering_together(20):
        tasks.deliver(owed)
    assert Counter(session.scalars(sa.select(Notification.status))) == {Delivery.SENT: 20}


def test_what_one_person_is_told_arrives_in_its_order(session, weixin, resident):
    phone, contact = resident
    weixin.faults(api=[{"path": CARD, "times": 1, "delay_ms": 300}])  # the first is the slowest
    tasks.deliver(owe_many(contact, 5))
    told = [call["body"]["client_msg_id"] for call in weixin.calls(CARD)]
    assert told == sorted(told, key=lambda name: int(name.split("-")[0]))
    assert len(received(phone)) == 5


def test_a_batch_is_prepared_in_as_many_statements_as_one_message(session, weixin, resident):
    _, contact = resident
    counted = []
    for batch in (owe_many(contact, 1), owe_many(contact, 20, Message.CASE_REJECTED)):
        with counting() as statements, db.transaction() as preparing:
            begin(preparing, batch)
        counted.append(len(statements))
    assert counted[0] == counted[1]


def begin(session, ids):
    """Claimed, prepared and marked: the next thing is the call."""
    claimed = outbox.claim(session, ids)
    climbs = [calling.Climb(owed, tuple(ladders.channels_for(owed))) for owed in claimed]
    return climbing._begin(session, climbs, None, stopped=())


@contextmanager
def counting():
    engine, found = db.Session.kw["bind"], []

    def note(_connection, _cursor, statement, *_):
        found.append(statement)

    sa.event.listen(engine, "before_cursor_execute", note)
    try:
        yield found
    finally:
        sa.event.remove(engine, "before_cursor_execute", note)


def test_a_message_taken_over_by_another_holds_up_none_of_its_batch(session, weixin, resident):
    phone, contact = resident
    window = opened(session, phone, contact, left=3)
    ids = owe_many(contact, 3)
    with db.transaction() as claiming:
        claimed = outbox.claim(claiming, ids)
    lease = now() + records.LEASE
    session.execute(sa.update(Notification).where(Notification.id == ids[1]).values(lease_until=lease))
    session.commit()
    climbing.climb(claimed)
    session.rollback()
    assert [read(session, one).status for one in ids] == [Delivery.SENT, Delivery.SENDING, Delivery.SENT]
    session.refresh(window)
    assert window.window_left == 1
    assert len(received(phone)) == 2


def test_a_call_that_waited_too_long_is_made_only_if_the_message_is_still_its_own(session, weixin, officer):
    phone, contact = officer
    owed = owe(contact)
    with db.transaction() as preparing:
        [begun] = begin(preparing, [owed])
    late = replace(begun, begun=begun.begun - calling.FRESH - 1)
    session.execute(sa.update(Notification).values(lease_until=now() + records.LEASE))
    session.commit()
    assert calling._call(late, None) is None
    assert received(phone) == []
