"""The outbox alone: who may take a message, what becomes of it, and what the sweep finds."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
import sqlalchemy as sa

from backend import db
from backend.notify import outbox, records, service
from backend.notify.channels import Refusal, Then
from backend.notify.messages import Message
from backend.notify.models import Delivery, Notification
from backend.notify.records import ATTEMPTS, BACKOFF, LEASE
from backend.places.roles import Role
from backend.times import now
from tests.factories import make_community, make_officer, make_resident

FIELDS = {"number": "261121483920", "place": "玉兰社区"}
SECOND = timedelta(seconds=1)
QUEUE, LEASED = "ix_notifications_queue", "ix_notifications_leased"


def owe(session, key="k", *, resident=None, message=Message.CASE_ACCEPTED, fields=FIELDS, **more):
    """One message owed to a resident; returns the row."""
    resident = resident or make_resident(session)
    [owed] = service.owe(session, message, key, fields, residents=[resident.id], **more)
    session.commit()
    return session.get_one(Notification, owed)


def again(session, row):
    session.commit()
    session.refresh(row)
    return row


def test_a_claimed_message_is_nobody_elses(session):
    row = owe(session)
    [owed] = outbox.claim(session, [row.id])
    assert (owed.id, owed.attempts, owed.fields) == (row.id, 1, FIELDS)
    assert outbox.claim(session, [row.id]) == []


def test_what_is_not_due_yet_is_not_taken(session):
    row = owe(session, due_at=now() + timedelta(hours=1))
    assert outbox.claim(session, [row.id]) == []
    assert outbox.due(session) == []
    later = now() + timedelta(hours=2)
    assert outbox.due(session, at=later) == [row.id]
    assert len(outbox.claim(session, [row.id], at=later)) == 1


def test_of_eight_workers_one_gets_the_message(committed):
    row = owe(committed)

    def claim(_):
        with db.transaction() as session:
            return len(outbox.claim(session, [row.id]))

    with ThreadPoolExecutor(8) as pool:
        assert sorted(pool.map(claim, range(8))) == [0] * 7 + [1]


def test_a_batch_is_shared_between_workers_without_waiting(committed):
    ids = [owe(committed, f"k{n}").id for n in range(6)]
    with db.transaction() as first:
        assert [owed.id for owed in outbox.claim(first, ids[:3])] == ids[:3]
        with db.transaction() as second:  # the first has not committed yet
            assert [owed.id for owed in outbox.claim(second, ids)] == ids[3:]


def test_what_was_sent_is_written_down(session):
    row = owe(session)
    [owed] = outbox.claim(session, [row.id])
    owed = records.begin(session, owed, "wechat_template", "demo")
    assert records.record(session, [records.sent(owed, "4012345678901234567")])
    again(session, row)
    assert (row.status, row.provider_id, row.account) == (Delivery.SENT, "4012345678901234567", "demo")
    assert row.sent_at is not None
    assert row.lease_until is None


def test_a_worker_that_slept_too_long_can_neither_send_nor_record(session):
    row, moment = owe(session), now()
    [slow] = outbox.claim(session, [row.id], at=moment)
    assert outbox.release_expired(session, at=moment + LEASE + SECOND) == 1
    [quick] = outbox.claim(session, [row.id], at=moment + LEASE + SECOND)
    with pytest.raises(records.LeaseLost):
        records.begin(session, slow, "wechat_template", "demo")
    assert not records.record(session, [records.sent(slow, "1")])
    assert not records.record(session, [records.refused(slow, Refusal("太晚", Then.NEVER))])
    assert records.record(
        session, [records.sent(records.begin(session, quick, "wechat_template", "demo"), "2")]
    )
    assert again(session, row).provider_id == "2"


def test_a_lease_that_still_runs_is_left_alone(session):
    row = owe(session)
    [owed] = outbox.claim(session, [row.id])
    assert outbox.release_expired(session, at=now() + LEASE - timedelta(seconds=20)) == 0
    records.begin(session, owed, "wechat_template", "demo", at=now() + timedelta(seconds=40))
    assert outbox.release_expired(session, at=now() + LEASE + SECOND) == 0  # renewed


def test_each_attempt_waits_longer_and_the_last_one_gives_up(session):
    row, moment = owe(session), now() + SECOND
    for pause in BACKOFF:
        [owed] = outbox.claim(session, [row.id], at=moment)
        records.record(session, [records.refused(owed, Refusal("微信系统繁忙", Then.LATER))], at=moment)
        again(session, row)
        assert (row.status, row.due_at, row.error) == (Delivery.WAITING, moment + pause, "微信系统繁忙")
        moment += pause
    [owed] = outbox.claim(session, [row.id], at=moment)
    records.record(session, [records.refused(owed, Refusal("微信系统繁忙", Then.LATER))], at=moment)
    assert (again(session, row).status, row.attempts) == (Delivery.FAILED, ATTEMPTS)


def test_what_kills_every_worker_ends_too(session):
    row, moment = owe(session), now() + SECOND
    for _ in range(ATTEMPTS):
        assert len(outbox.claim(session, [row.id], at=moment)) == 1
        moment += LEASE + SECOND
        outbox.release_expired(session, at=moment)
    assert again(session, row).status is Delivery.FAILED
    assert row.error == "发送一再中断"


def test_a_permanent_refusal_is_final_and_says_why(session):
    row = owe(session)
    [owed] = outbox.claim(session, [row.id])
    records.record(session, [records.refused(owed, Refusal("消息太长（45002）", Then.NEVER))])
    assert (again(session, row).status, row.error) == (Delivery.FAILED, "消息太长（45002）")


def put_off(session, row):
    [owed] = outbox.claim(session, [row.id])
    records.record(session, [records.refused(owed, Refusal("对方没有关注公众号", Then.VISIT))])
    return again(session, row)


def test_what_waits_for_a_visit_is_due_when_the_person_comes(session):
    resident = make_resident(session)
    row = put_off(session, owe(session, resident=resident))
    assert (row.status, row.error) == (Delivery.WAITING, "对方没有关注公众号")
    assert outbox.due(session, at=now() + timedelta(days=365)) == []
    assert outbox.wake(session, resident_id=make_resident(session).id) == []
    assert outbox.wake(session, resident_id=resident.id) == [row.id]
    assert outbox.due(session) == [row.id]
    assert outbox.wake(session, resident_id=resident.id) == []


def test_an_officer_is_woken_by_their_own_id(session):
    officer = make_officer(session, Role.INFORMATION_OFFICER, area=make_community(session))
    [owed] = service.owe(session, Message.CASE_SUBMITTED, "k", FIELDS, officers=[officer.id])
    session.commit()
    put_off(session, session.get_one(Notification, owed))
    assert outbox.wake(session, resident_id=officer.id) == []
    assert outbox.wake(session, resident_id=0, officer_id=officer.id) == [owed]


def test_of_several_messages_about_a_case_only_the_newest_is_still_news(session):
    resident = make_resident(session)
    rows = [
        owe(session, f"k{n}", resident=resident, fields={"number": number})
        for n, number in enumerate(["A", "B", "A"])
    ]
    for row in rows:
        put_off(session, row)
    assert sorted(outbox.wake(session, resident_id=resident.id)) == [rows[1].id, rows[2].id]
    assert again(session, rows[0]).status is Delivery.FAILED
    assert "新的进展" in rows[0].error


def test_news_of_long_ago_is_no_longer_told(session):
    resident = make_resident(session)
    row = put_off(session, owe(session, resident=resident))
    row.created_at = now() - timedelta(days=31)
    session.commit()
    assert outbox.wake(session, resident_id=resident.id) == []
    assert again(session, row).status is Delivery.FAILED


def test_what_waits_for_its_hour_is_not_woken(session):
    resident = make_resident(session)
    owe(session, resident=resident, due_at=now() + timedelta(days=3))
    assert outbox.wake(session, resident_id=resident.id) == []


@pytest.fixture
def sent(session):
    row = owe(session)
    [owed] = outbox.claim(session, [row.id])
    owed = records.begin(session, owed, "wechat_template", "demo")
    records.record(session, [records.sent(owed, "77")])
    return again(session, row)


def test_a_receipt_closes_the_message(session, sent):
    assert outbox.receipt(session, "demo", "77", "success")
    assert again(session, sent).status is Delivery.RECEIVED
    assert sent.received_at is not None
    assert outbox.receipt(session, "demo", "77", "failed:user block")  # a repeated push changes nothing
    assert again(session, sent).status is Delivery.RECEIVED


def test_a_receipt_of_another_account_is_not_ours(session, sent):
    assert not outbox.receipt(session, "other", "77", "success")
    assert not outbox.receipt(session, "demo", "78", "success")
    assert again(session, sent).status is Delivery.SENT


@pytest.mark.parametrize("status", ["failed:user block", "failed: user block"])
def test_a_blocked_template_leaves_the_other_channels(session, sent, status):
    outbox.receipt(session, "demo", "77", status)
    assert again(session, sent).status is Delivery.WAITING
    [owed] = outbox.claim(session, [sent.id], at=now() + SECOND)
    assert owed.closed("wechat_template") == "对方拒收公众号的消息"
    assert not owed.closed("wechat_chat")


@pytest.mark.parametrize("status", ["failed: system failed", "failed:system failed"])
def test_a_lost_template_is_sent_once_more_under_a_new_name(session, sent, status):
    outbox.receipt(session, "demo", "77", status)
    assert outbox.due(session) == []
    [owed] = outbox.claim(session, [sent.id], at=now() + timedelta(minutes=2))
    assert not owed.closed("wechat_template")
    assert owed.client_id.endswith("-1")  # else the platform would take it for the same message
    records.record(session, [records.sent(records.begin(session, owed, "wechat_template", "demo"), "78")])
    outbox.receipt(session, "demo", "78", status)
    [owed] = outbox.claim(session, [sent.id], at=now() + timedelta(minutes=9))
    assert owed.closed("wechat_template") == "微信没有送达"


def test_the_name_at_the_provider_stays_the_same_from_attempt_to_attempt(session):
    row = owe(session)
    [first] = outbox.claim(session, [row.id])
    records.record(session, [records.refused(first, Refusal("微信系统繁忙", Then.LATER))])
    [second] = outbox.claim(session, [row.id], at=now() + timedelta(minutes=1))
    assert first.client_id == second.client_id
    assert len(first.client_id) <= 32
    assert outbox.claim(session, [owe(session, "other").id])[0].client_id != first.client_id


@pytest.fixture
def plans(session):
    """The plan of every statement that notify runs on its table."""
    connection, found = session.connection(), []

    def explain(conn, cursor, statement, parameters, context, executemany):
        if "FROM notifications" in statement and not statement.startswith("EXPLAIN"):
            rows = conn.exec_driver_sql(f"EXPLAIN {statement}", parameters).scalars()
            found.append("\n".join(rows))

    session.execute(sa.text("SET LOCAL enable_seqscan = off"))
    sa.event.listen(connection, "before_cursor_execute", explain)
    yield found
    sa.event.remove(connection, "before_cursor_execute", explain)


def test_the_sweep_reads_only_what_it_takes(session, plans):
    """All searches use the partial indexes: their cost does not grow with what is stored, nor that of taking
    a few with what is due: a queue is read in its order and not sorted."""
    outbox.due(session, limit=64)
    outbox.release_expired(session)
    *queue, leased = plans
    assert len(queue) == 3
    assert all(QUEUE in plan and "Sort" not in plan for plan in queue)
    assert LEASED in leased


def test_a_long_queue_goes_by_haste_and_then_by_how_long_it_has_been_due(session):
    at, hurried = now(), FIELDS | {"urgent": "1"}
    usual = [owe(session, f"u{n}", due_at=at - n * SECOND).id for n in range(3)]
    asked = [owe(session, f"a{n}", message=Message.CASE_ASKED, due_at=at - n * SECOND).id for n in range(2)]
    danger = owe(session, "d", fields=hurried, due_at=at).id
    owe(session, "later", fields=hurried, due_at=at + SECOND)
    assert outbox.due(session, at=at) == [danger, *reversed(asked), *reversed(usual)]
    assert outbox.due(session, at=at, limit=2) == [danger, asked[1]]
    assert outbox.due(session, [*usual, *asked], at=at) == [*reversed(asked), *reversed(usual)]
