"""What an officer decides about a message that did not go out: once, and never a second card for it."""

import threading
from datetime import timedelta

import pytest
import sqlalchemy as sa

from backend import db
from backend.errors import Conflict, Invalid
from backend.notify import digests, mending, outbox, records, tasks, telephone, troubles
from backend.notify.channels import Refusal, Then
from backend.notify.ladders import Rung
from backend.notify.messages import Message
from backend.notify.models import Delivery, Did, Notification, NotificationChange
from backend.notify.records import NEXT_VISIT
from backend.notify.troubles import GIVEN_UP, Trouble
from backend.places import scope
from backend.places.models import Officer
from backend.places.roles import Role
from backend.times import now
from tests.factories import make_community, make_officer
from tests.telling import owe, read, received

IN_DIGEST = ((Message.DIGEST, "d"), (Message.CASE_SUBMITTED, "a"), (Message.CASE_ASSIGNED, "b"))
SEND = "/cgi-bin/message/template/send"


@pytest.fixture
def session(committed):
    return committed


@pytest.fixture
def desk(session):
    """The officer who decides."""
    return make_officer(session, Role.DISPATCHER, area=make_community(session), name="何静").id


def fail(session, owed, why="公众号没有配置这类消息的模板", **changes):
    """The message was tried and given up by the worker."""
    values = {"status": Delivery.FAILED, "attempts": 3, "error": why} | changes
    session.execute(sa.update(Notification).where(Notification.id == owed).values(values))
    session.commit()


def resend(owed, desk):
    with db.transaction() as session:
        done = mending.resend(session, [owed], desk)
        mending.must_be_one(session, owed, done)
    tasks.deliver(done)


def test_a_failed_message_is_sent_again_and_the_second_tap_is_told_so(session, officer, desk):
    phone, contact = officer
    owed = owe(contact)
    fail(session, owed)
    resend(owed, desk)
    with pytest.raises(Conflict, match="已经发出去了，没有再发一次"):
        resend(owed, desk)
    assert len(received(phone)) == 1
    assert read(session, owed).status is Delivery.SENT
    changes = session.scalars(sa.select(NotificationChange)).all()
    assert [(one.notification_id, one.officer_id, one.action) for one in changes] == [
        (owed, desk, Did.RESENT)
    ]


def test_what_may_have_gone_out_already_is_no_second_card(session, weixin, officer, desk):
    """The card came, its answer did not; the worker gave up, and somebody has it sent again."""
    phone, contact = officer
    owed = owe(contact)
    tasks.deliver([owed])
    fail(session, owed, "微信没有回应", provider_id=None, sent_at=None)
    resend(owed, desk)
    assert len(weixin.calls(SEND)) == 2
    assert len(received(phone)) == 1
    assert read(session, owed).status is Delivery.SENT


def test_what_a_receipt_says_was_lost_is_tried_again_by_the_same_channel(session, officer, desk):
    phone, contact = officer
    owed = owe(contact)
    lost = {"channel": "wechat_template", "why": "对方拒收公众号的消息", "closed": True, "lost": True}
    tasks.deliver([owed])
    fail(session, owed, "对方拒收公众号的消息", rungs=[lost], channel=None, provider_id=None, sent_at=None)
    resend(owed, desk)
    assert len(received(phone)) == 2, "the first was refused by the phone, as its receipt said"
    assert read(session, owed).rungs[0]["lost"]


def test_of_two_people_at_once_one_sends_it(session, officer, desk):
    _, contact = officer
    owed, ready, done = owe(contact), threading.Barrier(4), []
    fail(session, owed)

    def tap():
        ready.wait()
        with db.transaction() as own:
            done.append(mending.resend(own, [owed], desk))

    threads = [threading.Thread(target=tap) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(map(len, done)) == [0, 0, 0, 1]
    assert session.scalar(sa.select(sa.func.count(NotificationChange.id))) == 1


def test_what_waits_for_a_visit_is_sent_now_or_given_up(session, officer, desk):
    phone, contact = officer
    first, second = owe(contact, key="a"), owe(contact, key="b")
    for owed in (first, second):
        fail(session, owed, status=Delivery.WAITING, attempts=0, due_at=now() + NEXT_VISIT)
    with db.transaction() as own:
        assert mending.give_up(own, [second], desk, "人已经搬走") == [second]
    resend(first, desk)
    assert len(received(phone)) == 1
    row = read(session, second)
    assert (row.status, row.error) == (Delivery.FAILED, GIVEN_UP)
    assert (
        session.scalar(sa.select(NotificationChange.reason).order_by(NotificationChange.id)) == "人已经搬走"
    )
    with pytest.raises(Conflict, match="已经决定不再发送"):
        resend(second, desk)


def test_giving_up_needs_a_reason(session, officer, desk):
    owed = owe(officer[1])
    fail(session, owed)
    with pytest.raises(Invalid, match="为什么不再发送"), db.transaction() as own:
        mending.give_up(own, [owed], desk, "  ")
    assert read(session, owed).error != GIVEN_UP


def test_what_is_on_its_way_is_left_alone(session, officer, desk):
    """Between the page and the tap a worker, or somebody's visit, has got hold of it."""
    owed = owe(officer[1])
    for status, said in (
        (Delivery.WAITING, "已经在排队发送了"),
        (Delivery.SENDING, "正在发送"),
        (Delivery.RECEIVED, "已经收到"),
    ):
        fail(session, owed, status=status)
        with pytest.raises(Conflict, match=said):
            resend(owed, desk)
    assert read(session, owed).status is Delivery.RECEIVED


def test_each_message_is_in_the_trouble_that_it_has(session, officer):
    """What goes its usual way, and what was no news any more before anybody tried it, is in none."""
    _, contact = officer
    at, hours = now(), timedelta(hours=2)
    sent = {"status": Delivery.SENT, "sent_at": at - hours, "channel": "wechat_template", "provider_id": "1"}
    states = {
        "failed": {"status": Delivery.FAILED, "attempts": 1},
        "visit": {"status": Delivery.WAITING, "due_at": at + NEXT_VISIT},
        "silent": sent,
        "late": {"status": Delivery.WAITING, "due_at": at - hours},
        "faded": {"status": Delivery.FAILED, "attempts": 0},
        "given up": {"status": Delivery.FAILED, "attempts": 1, "error": GIVEN_UP},
        "retried": {"status": Delivery.WAITING, "due_at": at + hours},
        "goes now": {"status": Delivery.WAITING, "due_at": at, "attempts": 0, "error": None},
        "in chat": sent | {"channel": "wechat_chat", "provider_id": None},
        "just sent": sent | {"sent_at": at},
        "received": sent | {"status": Delivery.RECEIVED},
    }
    for key, values in states.items():
        fail(session, owe(contact, key=key), **values)
    for trouble in Trouble:
        found = session.scalars(sa.select(Notification.key).where(troubles.in_trouble(trouble, at)))
        assert [key.partition(":")[0] for key in found] == [trouble.value]


def test_a_channel_that_was_chosen_is_the_only_one_until_all_are_tried_again(session, officer, desk):
    """The officer has not written lately: the chat cannot take it, and the card that could is not asked."""
    phone, contact = officer
    owed = owe(contact)
    fail(session, owed)
    with db.transaction() as own:
        assert mending.send_by(own, owed, Rung.CHAT, desk) == [owed]
        assert mending.send_by(own, owed, Rung.CARD, desk) == [], "it is on its way already"
    tasks.deliver([owed])
    row = read(session, owed)
    assert (row.status, row.error) == (Delivery.FAILED, "对方近期没有给公众号发过消息")
    assert received(phone) == []
    assert [one.channel for one in troubles.tried(row)] == ["公众号会话"]
    resend(owed, desk)
    assert len(received(phone)) == 1
    made = session.scalars(sa.select(NotificationChange).order_by(NotificationChange.id)).all()
    assert [(one.action, one.channel) for one in made] == [
        (Did.OTHER_CHANNEL, "wechat_chat"),
        (Did.RESENT, None),
    ]


def test_a_call_that_was_chosen_stands_in_the_list_of_those_who_call(session, officer, desk):
    _, contact = officer
    session.execute(sa.update(Officer).where(Officer.id == contact.officer_id).values(phone="13800001111"))
    [own] = scope.posts_of(session, contact.officer_id)
    colleague = make_officer(session, Role.SECRETARY, area=own.area, name="李梅")
    session.commit()
    owed = owe(contact)
    fail(session, owed)
    with db.transaction() as own:
        mending.send_by(own, owed, Rung.TELEPHONE, desk)
    tasks.deliver([owed])
    assert read(session, owed).status is Delivery.WAITING
    both = (colleague.id, contact.officer_id)
    lists = [telephone.waiting(session, scope.posts_of(session, one)) for one in both]
    assert [[call.task.notification_id for call in found] for found in lists] == [[owed], []]


def test_two_digests_that_wait_for_a_visit_both_come(session, officer):
    """Each says how many matters it stands for: as many does not make it the same news."""
    _, contact = officer
    waiting = [owe(contact, Message.DIGEST, key, number="3") for key in "ab"]
    for owed in waiting:
        fail(session, owed, status=Delivery.WAITING, due_at=now() + NEXT_VISIT)
    with db.transaction() as own:
        assert sorted(outbox.wake(own, officer_id=contact.officer_id)) == waiting


def test_what_failed_in_a_digest_is_mended_by_itself(session, officer, desk):
    """Each of the two is in trouble, the digest is not: it would say the same once more."""
    phone, contact = officer
    digest, *parts = (owe(contact, message, key) for message, key in IN_DIGEST)
    for owed in parts:
        fail(session, owed, status=Delivery.SENDING, attempts=0, error=None, digest_id=digest)
    fail(session, digest, "微信系统繁忙")
    with db.transaction() as own:
        digests.share(own)
    failed = sa.select(Notification.id).where(troubles.in_trouble(Trouble.FAILED, now()))
    assert sorted(session.scalars(failed)) == parts
    with pytest.raises(Conflict):
        resend(digest, desk)
    resend(parts[0], desk)
    assert len(received(phone)) == 1
    with db.transaction() as own:
        digests.share(own)
    assert read(session, parts[0]).status is Delivery.SENT
    assert session.scalars(failed).all() == parts[1:]


def test_a_message_that_fails_once_more_says_why_anew(session, officer, desk):
    _, contact = officer
    owed = owe(contact)
    fail(session, owed)
    with db.transaction() as own:
        mending.resend(own, [owed], desk)
    with db.transaction() as own:
        [held] = outbox.claim(own, [owed])
        records.record(own, [records.refused(held, Refusal("对方没有关注公众号", Then.NEVER))])
    row = read(session, owed)
    assert (row.status, row.error, row.attempts) == (Delivery.FAILED, "对方没有关注公众号", 1)
