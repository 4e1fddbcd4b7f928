"""A provider that is away: calls stop, nothing is used up meanwhile, and then what is urgent goes first."""

from collections import Counter
from datetime import timedelta

import pytest
import redis
import sqlalchemy as sa
from redis.backoff import NoBackoff
from redis.retry import Retry

from backend import db
from backend.broker import redis_client, waiting
from backend.config import config
from backend.notify import circuit, digests, fading, outbox, records, tasks
from backend.notify.channels import CHANNELS
from backend.notify.messages import Message
from backend.notify.models import Delivery, Held, Notification
from backend.times import now
from backend.wechat import accounts
from tests.telling import FIELDS, opened, owe, received

SEND, CHAT = "/cgi-bin/message/template/send", "/cgi-bin/message/custom/send"
pytestmark = pytest.mark.usefixtures("broker")


@pytest.fixture
def session(committed):
    return committed


def owe_many(contact, count, key="k", message=Message.CASE_ACCEPTED):
    return [owe(contact, message, f"{key}{n}", number=f"2611214{n:05d}") for n in range(count)]


def states(session):
    session.rollback()
    rows = session.execute(sa.select(Notification.status, Notification.held, Notification.attempts))
    return Counter(tuple(row) for row in rows)


def down(weixin):
    weixin.faults(api=[{"path": SEND, "http_status": 503}])


def let_probe():
    """As if the pause before the next question were over."""
    redis_client().hset(circuit.OPEN, "demo", f"0 {circuit.FIRST_PROBE}")


def sweep_and_drain():
    tasks.sweep()
    tasks.drain()


def test_while_the_provider_is_away_calls_stop_and_cost_no_attempt(session, weixin, resident):
    _, contact = resident
    down(weixin)
    tasks.deliver(owe_many(contact, 40))
    first = len(weixin.calls(SEND))
    assert (
        circuit.FAILURES <= first <= config.provider_calls + circuit.FAILURES
    )  # those in flight, none after
    redis_client().hset(circuit.OPEN, "demo", "99999999999 60")  # nor is it time to ask again
    tasks.deliver(owe_many(contact, 40, "later"))
    sweep_and_drain()
    assert len(weixin.calls(SEND)) == first
    counted = states(session)
    assert counted[Delivery.WAITING, Held.OUTAGE, 0] >= 80 - circuit.FAILURES
    assert {status for status, _, _ in counted} == {Delivery.WAITING}
    errors = set(session.scalars(sa.select(Notification.error).where(Notification.held.is_not(None))))
    assert errors == {"微信接口暂时不通，恢复后马上发"}


def test_one_call_at_a_time_asks_whether_it_is_back_after_growing_pauses(session, weixin, resident):
    _, contact = resident
    down(weixin)
    tasks.deliver(owe_many(contact, 40))
    before, pauses = len(weixin.calls(SEND)), []
    for asked in range(1, 4):
        let_probe() if asked == 1 else redis_client().hset(circuit.OPEN, "demo", f"0 {pauses[-1]}")
        sweep_and_drain()
        sweep_and_drain()
        assert len(weixin.calls(SEND)) == before + asked
        pauses.append(float(redis_client().hget(circuit.OPEN, "demo").split()[1]))
    assert pauses == [10, 15, 15]
    assert max(attempts for _, _, attempts in states(session)) <= 1


def test_when_it_is_back_everything_goes_out_once_and_what_is_no_news_is_dropped(session, weixin, resident):
    phone, contact = resident
    down(weixin)
    tasks.deliver(owe_many(contact, 40))
    overtaken, told = (
        owe(contact, message, message, number="261121999999")
        for message in (Message.CASE_ACCEPTED, Message.CASE_REJECTED)
    )
    tasks.deliver([overtaken, told])
    weixin.faults()
    let_probe()
    sweep_and_drain()
    assert not circuit.stopped()
    session.execute(sa.update(Notification).values(due_at=sa.func.now()).where(Notification.held.is_(None)))
    session.commit()
    sweep_and_drain()
    by_status = Counter(session.scalars(sa.select(Notification.status)))
    assert by_status == {Delivery.SENT: 41, Delivery.FAILED: 1}
    assert session.get_one(Notification, overtaken).error == fading.FADED
    assert len(received(phone)) == 41


def test_a_sweep_brings_back_all_that_waited_some_at_a_time(session, resident, monkeypatch):
    owe_many(resident[1], 10)
    held = {"held": Held.OUTAGE, "account": "demo", "due_at": now() + timedelta(minutes=5)}
    session.execute(sa.update(Notification).values(held))
    session.commit()
    monkeypatch.setattr(outbox, "AT_ONCE", 3)
    tasks.sweep()
    session.expire_all()
    due = session.execute(sa.select(Notification.due_at, sa.func.now()))
    moments = [moment for moment, at in due if moment <= at]
    assert (len(moments), len(set(moments))) == (10, 4)  # four transactions


def test_when_a_part_of_the_sweep_breaks_what_is_due_is_sent_all_the_same(
    session, weixin, resident, monkeypatch
):
    phone, contact = resident
    said = {"message": Message.CASE_ACCEPTED, "fields": FIELDS, "resident_id": contact.resident_id}
    session.add(Notification(key="its nudge is lost", **said))
    session.commit()
    monkeypatch.setattr(digests, "SHARE", sa.text("SELECT 1 / 0"))
    tasks.sweep()
    assert waiting("notify") == 1
    tasks.drain()
    assert len(received(phone)) == 1


def test_what_is_urgent_goes_first_then_the_oldest(session, weixin, resident, officer):
    contact, their = resident[1], officer[1]
    old = owe_many(contact, 3)
    kind = owe(their, Message.CASE_OVERDUE)
    danger = owe(their, Message.CASE_SOON_DUE, "danger", urgent="1")
    with db.transaction() as taking:
        assert outbox.due(taking) == [danger, kind, *old]


class Bell:
    """A way to an officer that no account of WeChat's has a part in."""

    name, account = "sms", "bell"

    def prepare(self, session, owed):
        return self

    def deliver(self):
        return "1"

    def settle(self, session, refused):
        """Nothing was reserved."""


def test_danger_does_not_wait_for_an_account_that_is_away(session, weixin, officer, monkeypatch):
    _, contact = officer
    monkeypatch.setitem(CHANNELS, "sms", Bell())
    redis_client().hset(circuit.OPEN, "demo", "99999999999 60")
    waits, danger = owe(contact, key="a"), owe(contact, key="b", urgent="1")
    tasks.deliver([waits, danger])
    row = session.get_one(Notification, danger)
    assert (row.status, row.channel) == (Delivery.SENT, "sms")
    assert session.get_one(Notification, waits).held is Held.OUTAGE
    assert weixin.calls(SEND) == []


def test_a_window_is_not_used_up_by_what_was_not_sent(session, weixin, resident):
    phone, contact = resident
    window = opened(session, phone, contact)
    weixin.faults(api=[{"path": CHAT, "errcode": -1}])
    tasks.deliver(owe_many(contact, 5))
    assert circuit.stopped() == {"demo"}
    tasks.deliver(owe_many(contact, 3, "later"))
    session.refresh(window)
    assert window.window_left == 5
    assert len(weixin.calls(CHAT)) == 5


def test_another_account_goes_on_meanwhile(session, weixin, resident):
    _, contact = resident
    assert "mixed" in accounts.all_accounts()
    redis_client().hset(circuit.OPEN, "mixed", "99999999999 60")
    tasks.deliver(owe_many(contact, 2))
    assert states(session) == {(Delivery.SENT, None, 1): 2}


def test_without_redis_each_process_keeps_its_own_circuit(session, weixin, resident, no_redis):
    _, contact = resident
    down(weixin)
    tasks.deliver(owe_many(contact, 40))
    first = len(weixin.calls(SEND))
    tasks.deliver(owe_many(contact, 10, "later"))
    assert len(weixin.calls(SEND)) == first
    weixin.faults()
    circuit._open["demo"] = (0.0, circuit.FIRST_PROBE)
    tasks.deliver(owe_many(contact, 1, "probe"))
    assert not circuit.is_open("demo")


@pytest.fixture
def no_redis(monkeypatch):
    """A server that refuses, in the place of the circuit's Redis."""
    nowhere = redis.Redis(host="127.0.0.1", port=1, retry=Retry(NoBackoff(), 0))
    monkeypatch.setattr(circuit, "_redis", lambda: nowhere)


@pytest.mark.parametrize(
    ("account", "name"),
    [("demo", "微信"), ("demo:mini", "微信"), ("demo:wecom", "企业微信"), ("sms", "短信")],
)
def test_what_waits_says_who_is_away(account, name):
    assert records.provider_of(account) == name
