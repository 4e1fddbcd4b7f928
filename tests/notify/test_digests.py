"""An officer with many new cases gets one message, and nobody is told more than they can bear."""

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
import sqlalchemy as sa

from backend import db
from backend.config import config
from backend.notify import digests, fading, limits, mending, outbox, quiet, service, tasks, troubles
from backend.notify.messages import Message
from backend.notify.models import Delivery, Held, Notification
from backend.places.roles import Role
from backend.times import now
from tests.factories import make_community, make_officer, make_resident, misplaced
from tests.telling import FIELDS, owe, received

MINUTE = timedelta(minutes=1)


@pytest.fixture(autouse=True)
def _settings():
    setting(gather_seconds=120, officer_messages_an_hour=30, resident_messages_a_day=3)
    yield
    setting(gather_seconds=0, officer_messages_an_hour=0, resident_messages_a_day=0)


def setting(**values):
    for name, value in values.items():
        object.__setattr__(config, name, value)


@pytest.fixture
def zhou(session):
    return make_officer(session, Role.INFORMATION_OFFICER, area=make_community(session))


def owed(session, count, message=Message.CASE_SUBMITTED, *, officer=None, resident=None, key="k", **more):
    people = {"officers": [officer.id]} if officer else {"residents": [resident.id]}
    return [
        one
        for n in range(count)
        for one in service.owe(session, message, f"{key}{n}", FIELDS | more, due_at=now(), **people)
    ]


def send(session, ids, at):
    """What a worker that is told of these messages sends at this moment."""
    session.flush()
    taken = [one.id for one in tasks.take(session, ids, at)]
    sent = sa.update(Notification).where(Notification.id.in_(taken))
    session.execute(sent.values(status=Delivery.SENT, sent_at=at, lease_until=None))
    return taken


def at_once(works):
    """All of these begin at the same moment, each in a thread of its own."""
    ready = threading.Barrier(len(works))
    with ThreadPoolExecutor(len(works)) as pool:
        list(pool.map(lambda work: (ready.wait(), work()), works))


def row(session, row_id):
    return session.get_one(Notification, row_id, populate_existing=True)


def test_of_thirty_new_cases_the_first_is_told_at_once_and_the_others_as_one(session, zhou):
    ids, at = owed(session, 30, officer=zhou), now()
    assert send(session, ids[:20], at) == ids[:1]
    assert send(session, ids[20:], at + MINUTE) == []
    assert {row(session, one).error for one in ids[1:]} == {digests.WAITS}
    [digest] = send(session, outbox.due(session, at=at + 2 * MINUTE), at + 2 * MINUTE)
    digests.share(session)
    told = row(session, digest)
    assert (told.message, told.fields["summary"]) == (Message.DIGEST, "29 件新诉求")
    assert misplaced(session) == []
    states = Counter((row(session, one).status, row(session, one).digest_id) for one in ids)
    assert states == {(Delivery.SENT, None): 1, (Delivery.SENT, digest): 29}
    late = owed(session, 2, officer=zhou, key="late")
    assert send(session, late, at + 3 * MINUTE) == []  # the digest was two minutes' worth of telling


def test_a_digest_says_of_what_sort_they_are(session, zhou):
    ids, at = owed(session, 3, officer=zhou), now()
    ids += owed(session, 2, Message.CASE_URGED, officer=zhou, key="u")
    send(session, ids, at)
    [digest] = send(session, ids, at + 2 * MINUTE)
    assert row(session, digest).fields["summary"] == "2 件新诉求、2 件催办的诉求"


def test_one_that_waited_alone_goes_as_what_it_is(session, zhou):
    ids, at = owed(session, 2, officer=zhou), now()
    assert send(session, ids, at) == ids[:1]
    assert send(session, ids, at + 2 * MINUTE) == ids[1:]
    assert row(session, ids[1]).digest_id is None


def test_danger_and_what_does_not_gather_is_never_held(session, zhou):
    first, at = owed(session, 1, officer=zhou), now()
    send(session, first, at)
    ids = owed(session, 3, officer=zhou, key="danger", urgent="1")
    ids += owed(session, 1, Message.PERSON_WANTED, officer=zhou, key="wanted")
    assert sorted(send(session, ids, at + MINUTE)) == ids


def test_what_went_in_a_digest_fails_with_it_and_says_why(session, zhou):
    ids, at = owed(session, 3, officer=zhou), now()
    send(session, ids, at)
    [digest] = tasks.take(session, ids, at + 2 * MINUTE)
    failed = sa.update(Notification).where(Notification.id == digest.id)
    session.execute(failed.values(status=Delivery.FAILED, error="不通"))
    outbox.release_expired(session, at=at + timedelta(hours=1))
    digests.share(session)
    assert {(row(session, one).status, row(session, one).error) for one in ids[1:]} == {
        (Delivery.FAILED, "不通")
    }


def gone_in_a_digest(session, zhou):
    """Two messages that went in a digest which the provider took: (their ids, the digest's)."""
    ids, at = owed(session, 3, officer=zhou), now()
    send(session, ids, at)
    [digest] = send(session, ids, at + 2 * MINUTE)
    given = {"account": "demo", "channel": "wechat_template", "provider_id": "8"}
    session.execute(sa.update(Notification).where(Notification.id == digest).values(given))
    digests.share(session)
    return ids[1:], digest


def fates(session, ids):
    digests.share(session)
    return {(row(session, one).status, row(session, one).error) for one in ids}


def test_a_receipt_that_comes_after_the_sweep_is_for_all_that_went_in_the_digest(session, zhou):
    ids, _ = gone_in_a_digest(session, zhou)
    assert fates(session, ids) == {(Delivery.SENT, None)}
    outbox.receipt(session, "demo", "8", "success")
    assert fates(session, ids) == {(Delivery.RECEIVED, None)}
    assert None not in {row(session, one).received_at for one in ids}


def test_a_digest_that_is_lost_after_the_sweep_is_lost_for_all_until_it_goes_again(session, zhou):
    ids, digest = gone_in_a_digest(session, zhou)
    outbox.receipt(session, "demo", "8", "failed:user block")
    assert fates(session, ids) == {(Delivery.SENDING, "对方拒收公众号的消息")}
    changed = sa.update(Notification).where(Notification.id == digest)
    session.execute(changed.values(status=Delivery.SENT, channel="sms", error=None, sent_at=now()))
    assert fates(session, ids) == {(Delivery.SENT, None)}
    session.execute(changed.values(status=Delivery.FAILED, error="没有送达", attempts=2))
    assert fates(session, ids) == {(Delivery.FAILED, "没有送达")}
    assert {troubles.has_failed(row(session, one)) for one in ids} == {True}


def test_what_was_lost_in_a_digest_goes_in_another_when_it_is_sent_again(session, zhou):
    ids, first = gone_in_a_digest(session, zhou)
    failed = {"status": Delivery.FAILED, "attempts": 2, "sent_at": None}
    session.execute(sa.update(Notification).where(Notification.id == first).values(failed))
    digests.share(session)
    earlier = sa.update(Notification).where(Notification.sent_at.is_not(None))
    session.execute(earlier.values(sent_at=now()))
    assert mending.resend(session, ids, zhou.id) == ids
    at = now() + MINUTE
    assert send(session, ids, at) == []
    [second] = send(session, ids, at + 2 * MINUTE)
    assert {row(session, one).digest_id for one in ids} == {second} != {first}


def test_what_follows_digests_is_found_by_an_index(session):
    session.execute(sa.text("SET LOCAL enable_seqscan = off"))
    asked = {"receipts": digests.RECEIPTS, "most": 1}
    plan = "\n".join(session.scalars(sa.text(f"EXPLAIN {digests.SHARE}"), asked))
    assert "ix_notifications_digest" in plan


@pytest.mark.parametrize("behind", [timedelta(seconds=-3), timedelta(seconds=3)])
def test_the_databases_clock_alone_says_what_is_due(session, zhou, monkeypatch, behind):
    ids = owed(session, 29, officer=zhou)
    held = {"held": Held.DIGEST, "error": digests.WAITS, "due_at": sa.func.now()}
    session.execute(sa.update(Notification).values(held))
    for module in (digests, limits, quiet):
        monkeypatch.setattr(module, "now", lambda: now() - behind, raising=False)
    [digest] = tasks.take(session, outbox.due(session))
    assert digest.message is Message.DIGEST
    assert {row(session, one).digest_id for one in ids} == {digest.id}


def test_of_eight_workers_with_a_case_each_one_tells_the_officer(committed, weixin, officer):
    phone, contact = officer
    ids = [owe(contact, key=f"k{n}") for n in range(8)]
    at_once([lambda one=one: tasks.deliver([one]) for one in ids])
    assert len(received(phone)) == 1
    committed.execute(sa.update(Notification).where(Notification.held.is_not(None)).values(due_at=now()))
    committed.commit()
    tasks.drain()
    assert [message["card"]["title"] for message in received(phone)][1:] == ["多条消息"]
    with db.transaction() as sharing:
        digests.share(sharing)
    committed.expire_all()
    assert Counter(committed.scalars(sa.select(Notification.status))) == {Delivery.SENT: 9}


def test_a_resident_who_has_heard_enough_today_hears_the_rest_tomorrow(session):
    resident, neighbour, at = make_resident(session), make_resident(session), now() + MINUTE
    ids = owed(session, 5, Message.CASE_PROGRESS, resident=resident)
    ids += owed(session, 1, Message.CASE_PROGRESS, resident=neighbour, key="other")
    assert sorted(send(session, ids, at)) == [*ids[:3], ids[5]]
    assert {row(session, one).error for one in ids[3:5]} == {"一天里已发 3 条，稍后再发"}
    asked = owed(session, 1, Message.CASE_ASKED, resident=resident, key="asked")
    assert send(session, asked, at + MINUTE) == asked  # what asks something of them cannot wait
    later = at + timedelta(days=1, seconds=1)
    assert send(session, outbox.due(session, at=later), later) == ids[3:5]


def test_of_four_workers_with_a_message_each_no_more_go_than_a_resident_hears_in_a_day(
    committed, weixin, resident
):
    phone, contact = resident
    ids = [owe(contact, Message.CASE_PROGRESS, f"k{n}") for n in range(4)]
    at_once([lambda one=one: tasks.deliver([one]) for one in ids])
    assert len(received(phone)) == 3
    assert Counter(committed.scalars(sa.select(Notification.held))) == {None: 3, Held.LIMIT: 1}


def test_an_officer_hears_so_many_an_hour_and_of_danger_all_the_same(session, zhou):
    setting(officer_messages_an_hour=4)
    at = now() + MINUTE
    ids = owed(session, 6, Message.PART_DONE, officer=zhou)
    assert sorted(send(session, ids, at)) == ids[:4]
    danger = owed(session, 1, Message.PART_DONE, officer=zhou, key="danger", urgent="1")
    assert send(session, danger, at + MINUTE) == danger
    assert row(session, ids[5]).due_at == at + timedelta(hours=1)


def test_news_that_waited_for_room_and_is_none_any_more_is_dropped(session):
    resident, at = make_resident(session), now() + MINUTE
    ids = owed(session, 4, Message.CASE_ACCEPTED, resident=resident)
    send(session, ids, at)
    assert row(session, ids[3]).held is Held.LIMIT
    owed(session, 1, Message.CASE_RESOLVED, resident=resident, key="done")
    assert fading.drop(session, at=at + timedelta(days=2)) == 1
    assert row(session, ids[3]).error == fading.FADED


def test_a_setting_of_nothing_is_no_limit(session):
    setting(resident_messages_a_day=0)
    ids = owed(session, 9, Message.CASE_PROGRESS, resident=make_resident(session))
    assert sorted(send(session, ids, now())) == ids
