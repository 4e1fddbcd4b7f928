"""Delivering while things break: many workers at once, workers killed at every point, Redis emptied."""

import os
import socket
import subprocess
import sys
import threading
import time
from datetime import timedelta

import dramatiq
import pytest
import redis
import sqlalchemy as sa
from redis.backoff import NoBackoff
from redis.retry import Retry

from backend import db
from backend.broker import redis_client
from backend.config import config
from backend.notify import early, outbox, records, tasks
from backend.notify.messages import Message
from backend.notify.models import Contact, Delivery, Notification
from backend.times import now
from tests.telling import opened, owe, read, received

SEND, CHAT = "/cgi-bin/message/template/send", "/cgi-bin/message/custom/send"
WORKER = """
import sys
from backend import db
from backend.config import config
from backend.notify import outbox, tasks
from backend.wechat import channel

db.connect(config.database_url)
if sys.argv[2] == "claim":
    with db.transaction() as session:
        outbox.claim(session, [int(sys.argv[1])])
    print("claimed", flush=True)
    sys.stdin.read()
else:
    tasks.deliver([int(sys.argv[1])])
"""


@pytest.fixture
def session(committed):
    return committed


def shown(phone):
    return [message["type"] for message in received(phone)]


@pytest.fixture
def start(database_url, weixin):
    """Start a worker process on one message; what still runs afterwards is killed."""
    env = os.environ | {
        "DATABASE_URL": database_url,
        "REDIS_URL": config.redis_url,
        "WECHAT_API_BASE": weixin.url,
    }
    started = []

    def start(owed, work="deliver"):
        process = subprocess.Popen(
            [sys.executable, "-c", WORKER, str(owed), work],
            env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )  # fmt: skip
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def until(is_so, seconds=60):
    end = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.02)


def expire():
    """A minute later: the leases of dead workers have run out."""
    with db.transaction() as session:
        return outbox.release_expired(session, at=now() + records.LEASE + timedelta(seconds=1))


def test_of_eight_workers_on_one_message_one_sends_it(session, weixin, officer):
    phone, contact = officer
    owed, ready = owe(contact), threading.Barrier(8)

    def work():
        ready.wait()
        tasks.deliver([owed])

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert shown(phone) == ["template"]
    assert len(weixin.calls(SEND)) == 1
    assert read(session, owed).attempts == 1


def test_a_worker_killed_after_the_claim_loses_nothing(session, weixin, officer, start):
    phone, contact = officer
    owed = owe(contact)
    worker = start(owed, "claim")
    assert worker.stdout.readline() == b"claimed\n"
    worker.kill()
    tasks.deliver([owed])
    assert shown(phone) == []  # the lease still runs
    assert expire() == 1
    tasks.deliver([owed])
    assert shown(phone) == ["template"]
    assert read(session, owed).status is Delivery.SENT


def test_a_worker_killed_during_the_call_sends_one_card_and_its_receipt_is_kept(
    session, weixin, officer, start
):
    phone, contact = officer
    owed = owe(contact)
    weixin.faults(api=[{"path": SEND, "times": 1, "delay_ms": 1500}])
    worker = start(owed)
    until(lambda: read(session, owed).channel == "wechat_template")
    session.rollback()
    time.sleep(0.3)  # the request is with the platform, which takes its time
    worker.kill()
    until(lambda: shown(phone) == ["template"])  # it shows the card all the same
    assert read(session, owed).status is Delivery.SENDING
    session.rollback()
    msgid = str(weixin.calls(SEND)[0]["response"]["msgid"])
    with db.transaction() as receiving:
        assert not outbox.receipt(receiving, contact.account, msgid, "success")
    assert expire() == 1
    tasks.deliver([owed])
    assert shown(phone) == ["template"]
    assert len(weixin.calls(SEND)) == 2
    row = read(session, owed)
    assert (row.status, row.provider_id) == (Delivery.RECEIVED, msgid)


def test_a_worker_killed_before_the_record_sends_one_card(session, weixin, officer, start):
    phone, contact = officer
    owed = owe(contact)
    weixin.faults(api=[{"path": SEND, "times": 1, "delay_ms": 1000}])
    worker = start(owed)
    until(lambda: read(session, owed).channel == "wechat_template")
    session.execute(sa.select(Notification.id).where(Notification.id == owed).with_for_update())
    until(lambda: shown(phone) == ["template"])
    time.sleep(0.3)  # the worker has its answer and waits for our lock to write it down
    worker.kill()
    worker.wait()
    session.rollback()
    assert read(session, owed).status is Delivery.SENDING
    session.rollback()
    expire()
    tasks.deliver([owed])
    assert shown(phone) == ["template"]
    assert read(session, owed).status is Delivery.SENT


@pytest.mark.parametrize(
    ("status", "becomes"), [("success", Delivery.RECEIVED), ("failed:user block", Delivery.WAITING)]
)
def test_a_receipt_that_overtakes_the_record_is_not_lost(session, weixin, officer, status, becomes):
    _phone, contact = officer
    owed = owe(contact)
    weixin.faults(api=[{"path": SEND, "times": 1, "delay_ms": 500}])
    worker = threading.Thread(target=tasks.deliver, args=([owed],))
    worker.start()
    until(lambda: read(session, owed).channel == "wechat_template")
    session.execute(sa.select(Notification.id).where(Notification.id == owed).with_for_update())
    until(lambda: weixin.calls(SEND))  # the worker has its answer and waits for our lock to write it down
    with db.transaction() as overtaking:
        msgid = str(weixin.calls(SEND)[0]["response"]["msgid"])
        assert not outbox.receipt(overtaking, contact.account, msgid, status)
    session.rollback()
    worker.join()
    assert read(session, owed).status is becomes


def test_without_redis_a_message_is_sent_all_the_same(session, weixin, officer, monkeypatch):
    _phone, contact = officer
    nowhere = redis.Redis(host="127.0.0.1", port=1, retry=Retry(NoBackoff(), 0))
    monkeypatch.setattr(early, "_client", lambda: nowhere)
    owed = owe(contact)
    tasks.deliver([owed])
    assert read(session, owed).status is Delivery.SENT
    session.rollback()
    with db.transaction() as receiving:
        assert not outbox.receipt(receiving, contact.account, "1", "success")


@pytest.fixture
def hanging_redis():
    """A server that is connected to, and never answers, in the place of Redis."""
    real = config.redis_url
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(10)
        object.__setattr__(config, "redis_url", f"redis://127.0.0.1:{server.getsockname()[1]}/0")
        early._client.cache_clear()
        yield server
    object.__setattr__(config, "redis_url", real)
    early._client.cache_clear()


def test_a_receipt_holds_no_row_while_redis_hangs(session, officer, hanging_redis):
    _phone, contact = officer
    row = sa.select(Contact.id).where(Contact.id == contact.id)

    def receive():
        with db.transaction() as receiving:
            receiving.execute(row.with_for_update())
            outbox.receipt(receiving, contact.account, "1", "success")

    receiver = threading.Thread(target=receive)
    receiver.start()
    connection, _ = hanging_redis.accept()
    with connection:
        assert session.scalar(row.with_for_update(skip_locked=True)) == contact.id
        receiver.join()


def test_redis_that_hangs_does_not_use_up_what_wechat_waits(hanging_redis):
    start = time.monotonic()
    early.keep("demo", "1", "success")
    assert time.monotonic() - start < 2  # with a second attempt or the usual time-outs it would be four


def test_a_receipt_that_comes_just_before_the_record_is_not_lost(session, officer):
    _phone, contact = officer
    owed = owe(contact)
    with db.transaction() as receiving:
        assert not outbox.receipt(receiving, contact.account, "1", "success")
        with db.transaction() as recording:
            [held] = outbox.claim(recording, [owed])
            held = records.begin(recording, held, "wechat_template", contact.account)
            records.record(recording, [records.sent(held, "1")])
        assert early.take_all([(contact.account, "1")]) == {}
    assert read(session, owed).status is Delivery.RECEIVED


def test_a_chat_message_whose_worker_was_killed_is_not_written_twice(session, weixin, resident, start):
    phone, contact = resident
    opened(session, phone, contact)
    owed = owe(contact, Message.CASE_ACCEPTED)
    weixin.faults(api=[{"path": CHAT, "times": 1, "delay_ms": 1000}])
    worker = start(owed)
    until(lambda: read(session, owed).channel == "wechat_chat")
    session.rollback()
    time.sleep(0.3)
    worker.kill()
    until(lambda: shown(phone) == ["text"])
    expire()
    tasks.deliver([owed])
    assert shown(phone) == ["text", "template"]  # the same news as a card: told for certain
    assert len(weixin.calls(CHAT)) == 1
    assert read(session, owed).status is Delivery.SENT


def test_a_late_worker_does_not_overwrite_what_another_recorded(session, weixin, officer):
    phone, contact = officer
    owed = owe(contact)
    with db.transaction() as slow:
        [held] = outbox.claim(slow, [owed])
    expire()
    tasks.deliver([owed])
    first = read(session, owed).provider_id
    session.rollback()
    tasks.climb([held])
    row = read(session, owed)
    assert (row.status, row.provider_id) == (Delivery.SENT, first)
    assert shown(phone) == ["template"]


def test_one_message_that_breaks_a_worker_does_not_hold_the_others(session, weixin, officer):
    phone, contact = officer
    broken, whole = owe(contact, Message.SURVEY_INVITED), owe(contact, key="k2")
    session.execute(
        sa.update(Notification).where(Notification.id == broken).values(fields={"survey": "seven"})
    )
    session.commit()
    tasks.deliver([broken, whole])
    assert read(session, whole).status is Delivery.SENT
    assert read(session, broken).status is Delivery.SENDING
    session.rollback()
    expire()
    assert read(session, broken).status is Delivery.WAITING
    assert shown(phone) == ["template"]


@pytest.fixture
def worker(broker):
    """A Dramatiq worker of this process, on the real queue."""
    worker = dramatiq.Worker(broker, worker_timeout=100, worker_threads=2)
    yield worker
    worker.stop()


def test_a_nudge_wakes_a_worker(session, weixin, officer, worker):
    phone, contact = officer
    worker.start()
    owed = owe(contact)
    until(lambda: read(session, owed).status is Delivery.SENT)
    assert shown(phone) == ["template"]


def test_redis_emptied_after_the_commit_loses_nothing(session, weixin, officer, worker):
    phone, contact = officer
    owed = owe(contact)
    until(lambda: redis_client().llen("dramatiq:notify") == 1)
    redis_client().flushall()
    worker.start()
    time.sleep(0.3)
    assert shown(phone) == []
    tasks.sweep()
    until(lambda: read(session, owed).status is Delivery.SENT)
    assert shown(phone) == ["template"]


def test_the_sweep_is_harmless_beside_a_nudge(session, weixin, officer, worker):
    phone, contact = officer
    owed = owe(contact)
    for _ in range(5):
        tasks.sweep()
    worker.start()
    until(lambda: read(session, owed).status is Delivery.SENT)
    until(lambda: redis_client().llen("dramatiq:notify") == 0)
    assert shown(phone) == ["template"]
    assert len(weixin.calls(SEND)) == 1


def test_a_platform_that_is_away_for_a_while_is_tried_again(session, weixin, officer):
    phone, contact = officer
    owed, real = owe(contact), config.wechat_api_base
    object.__setattr__(config, "wechat_api_base", "http://127.0.0.1:1")
    tasks.deliver([owed])
    object.__setattr__(config, "wechat_api_base", real)
    row = read(session, owed)
    assert (row.status, row.error) == (Delivery.WAITING, "连不上微信接口")
    row.due_at = now()
    session.commit()
    tasks.deliver([owed])
    assert shown(phone) == ["template"]
