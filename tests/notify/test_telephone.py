"""The last rung: a call that a person makes, in whose list it stands, and what becomes of the message."""

import pytest
import sqlalchemy as sa

from backend import db
from backend.errors import Conflict, NotFound
from backend.notify import climbing, mending, outbox, records, sms_channel, tasks, telephone, troubles
from backend.notify.messages import Message
from backend.notify.models import Contact, Delivery, Notification
from backend.notify.telephone_models import CallOutcome, TelephoneTask
from backend.places import scope
from backend.places.models import Area, Change, Post
from backend.places.roles import Role
from backend.places.scope import Editor
from backend.times import now
from backend.wechat import channel
from tests.factories import make_community, make_officer, make_unit
from tests.telling import owe, read

assert channel.Chat  # as in the worker: importing the modules registers the channels
PHONE = "13912345678"


@pytest.fixture
def session(committed):
    return committed


@pytest.fixture
def town(session):
    community = make_community(session)
    unit = make_unit(session, community)
    handler = make_officer(session, Role.HANDLER, unit=unit, name="陈志")
    handler.phone = PHONE
    people = {
        "desk": make_officer(session, Role.INFORMATION_OFFICER, area=community, name="李梅"),
        "dispatcher": make_officer(
            session, Role.DISPATCHER, area=session.get_one(Area, community.district_id), name="吴桐"
        ),
        "colleague": make_officer(session, Role.HANDLER, unit=unit, name="何静"),
        "stranger": make_officer(
            session, Role.DISPATCHER, area=make_community(session, "别处社区"), name="周远"
        ),
    }
    session.commit()
    return handler, people


def editor(session, officer):
    return Editor(officer.id, tuple(scope.posts_of(session, officer.id)))


def tell(session, officer, message=Message.CASE_URGED, **fields):
    owed = owe(Contact(officer_id=officer.id), message, f"t:{fields}", **fields)
    tasks.deliver([owed])
    return read(session, owed)


def waiting(session, officer):
    session.rollback()
    return telephone.waiting(session, editor(session, officer).posts)


def test_an_urgent_message_that_nothing_else_brings_becomes_a_call(session, weixin, town):
    handler, people = town
    row = tell(session, handler, urgent="1")
    assert row.status is Delivery.WAITING
    assert row.rungs[-1]["why"] == telephone.ASKED
    [call] = waiting(session, people["desk"])
    assert (call.officer.id, call.officer.phone) == (handler.id, PHONE)
    assert "有群众或督查催办" in call.task.words
    assert "对方没有关注公众号" in call.task.why
    assert [len(waiting(session, people[who])) for who in ("dispatcher", "colleague", "stranger")] == [
        1,
        0,
        0,
    ]


def test_what_is_not_urgent_becomes_no_call(session, weixin, town):
    tell(session, town[0])
    assert session.scalars(sa.select(TelephoneTask)).all() == []


def test_a_message_tried_again_is_still_one_call(session, weixin, town):
    row = tell(session, town[0], urgent="1")
    due_again(session, row)
    assert len(waiting(session, town[1]["desk"])) == 1


def due_again(session, row):
    session.execute(sa.text("UPDATE notifications SET due_at = now()"))
    session.commit()
    tasks.deliver([row.id])
    return read(session, row.id)


def test_a_call_stays_in_the_list_after_a_text_message_that_may_have_gone_out(session, weixin, sms, town):
    weixin.faults(api=[{"path": "/sms", "http_status": 502, "times": 1}])
    row = tell(session, town[0], Message.CASE_ASSIGNED, urgent="1")
    assert (row.status, row.channel) == (Delivery.WAITING, "sms")
    row = due_again(session, row)
    assert {rung["why"] for rung in row.rungs} >= {sms_channel.UNANSWERED, telephone.ASKED}
    assert (row.status, troubles.is_put_off(row)) == (Delivery.WAITING, True)
    assert len(waiting(session, town[1]["desk"])) == 1


def test_a_call_stays_in_the_list_when_all_attempts_are_over(session, weixin, sms, town):
    weixin.faults(api=[{"path": "/sms", "errcode": "LimitExceeded.PhoneNumberDailyLimit"}])
    row = tell(session, town[0], Message.CASE_ASSIGNED, urgent="1")
    for _ in range(records.ATTEMPTS - 1):
        assert not troubles.is_put_off(row)
        row = due_again(session, row)
    assert troubles.is_put_off(row)
    assert len(waiting(session, town[1]["desk"])) == 1


def test_a_call_stays_in_the_list_of_a_message_whose_workers_died_and_goes_when_it_is_given_up(
    session, weixin, town
):
    handler, people = town
    row = tell(session, handler, urgent="1")
    died = {"status": Delivery.FAILED, "attempts": records.ATTEMPTS, "error": "发送一再中断"}
    session.execute(sa.update(Notification).values(died))
    session.commit()
    [call] = waiting(session, people["desk"])
    telephone.record(session, editor(session, people["desk"]), call.task.id, CallOutcome.TOLD)
    assert read(session, row.id).status is Delivery.RECEIVED
    session.rollback()
    mending.give_up(session, [row.id], people["desk"].id, "已经当面告诉本人")
    session.commit()
    assert waiting(session, people["desk"]) == []


def test_who_was_told_by_telephone_is_not_told_again_by_a_worker_that_has_it_in_hand(session, weixin, town):
    handler, people = town
    row = tell(session, handler, urgent="1")
    with db.transaction() as claiming:
        [taken] = outbox.claim(claiming, [row.id], at=now() + 2 * outbox.NEXT_VISIT)
    [call] = waiting(session, people["desk"])
    telephone.record(session, editor(session, people["desk"]), call.task.id, CallOutcome.TOLD)
    session.commit()
    climbing.climb([taken])
    assert (read(session, row.id).status, row.channel) == (Delivery.RECEIVED, "telephone")


def test_after_a_wrong_number_it_is_asked_again_until_they_were_told(session, weixin, town):
    handler, people = town
    row = tell(session, handler, urgent="1")
    [call] = waiting(session, people["desk"])
    telephone.record(session, editor(session, people["desk"]), call.task.id, CallOutcome.WRONG_NUMBER)
    session.commit()
    due_again(session, row)
    [again] = waiting(session, people["desk"])
    assert (again.task.id, again.task.outcome, again.task.tries) == (call.task.id, None, 1)


def test_a_call_is_for_those_on_duty_where_the_matter_is(session, weixin, town):
    handler, people = town
    elsewhere = make_community(session, "翠湖社区")
    unit = make_unit(session, elsewhere)
    session.add(Post(officer_id=handler.id, role=Role.HANDLER, unit_id=unit.id))
    desk = make_officer(session, Role.INFORMATION_OFFICER, area=elsewhere)
    session.commit()
    tell(session, handler, urgent="1", area=str(elsewhere.id))
    assert [len(waiting(session, one)) for one in (desk, people["desk"])] == [1, 0]


def test_who_holds_no_post_is_nobodys_call_and_the_message_says_so(session, weixin, town):
    session.execute(sa.update(Post).where(Post.officer_id == town[0].id).values(until=now()))
    session.commit()
    row = tell(session, town[0], urgent="1")
    assert row.rungs[-1]["why"] == "对方没有岗位，没有人可以打这个电话"
    assert session.scalars(sa.select(TelephoneTask)).all() == []


def test_the_message_counts_as_sent_when_somebody_says_done(session, weixin, town):
    handler, people = town
    row = tell(session, handler, urgent="1")
    [call] = waiting(session, people["desk"])
    telephone.record(session, editor(session, people["desk"]), call.task.id, CallOutcome.TOLD, "马上去")
    session.commit()
    row = read(session, row.id)
    assert (row.status, row.channel, row.error) == (Delivery.RECEIVED, "telephone", None)
    assert waiting(session, people["desk"]) == []
    with pytest.raises(Conflict, match="不用打了"):
        telephone.record(session, editor(session, people["desk"]), call.task.id, CallOutcome.TOLD)


def test_nobody_answers_and_it_stays_in_the_list(session, weixin, town):
    handler, people = town
    row = tell(session, handler, urgent="1")
    [call] = waiting(session, people["desk"])
    for _ in range(2):
        telephone.record(session, editor(session, people["desk"]), call.task.id, CallOutcome.NO_ANSWER)
    session.commit()
    [again] = waiting(session, people["desk"])
    assert (again.task.tries, again.task.done_at) == (2, None)
    assert read(session, row.id).status is Delivery.WAITING


def test_a_wrong_number_leaves_the_message_to_their_next_visit(session, weixin, town):
    handler, people = town
    row = tell(session, handler, urgent="1")
    [call] = waiting(session, people["desk"])
    telephone.record(session, editor(session, people["desk"]), call.task.id, CallOutcome.WRONG_NUMBER)
    session.commit()
    assert waiting(session, people["desk"]) == []
    assert read(session, row.id).due_at > row.created_at + outbox.NEXT_VISIT / 2


def test_a_number_is_seen_whole_only_on_record_and_by_who_calls(session, weixin, town):
    handler, people = town
    tell(session, handler, urgent="1")
    [call] = waiting(session, people["desk"])
    assert telephone.see(session, editor(session, people["desk"]), call.task.id) == PHONE
    looked = session.scalars(sa.select(Change).where(Change.subject == "officers")).one()
    assert (looked.officer_id, looked.subject_id, looked.after["seen"]) == (
        people["desk"].id, handler.id, "电话",
    )  # fmt: skip
    for who in ("colleague", "stranger"):
        with pytest.raises(NotFound):
            telephone.see(session, editor(session, people[who]), call.task.id)


def test_what_got_through_meanwhile_need_not_be_said_by_telephone(session, weixin, town):
    handler, people = town
    row = tell(session, handler, urgent="1")
    session.execute(sa.text("UPDATE notifications SET status = 'sent'"))
    session.commit()
    assert waiting(session, people["desk"]) == []
    assert read(session, row.id).status is Delivery.SENT


def test_who_left_no_number_is_nobodys_call(session, weixin, town):
    handler, people = town
    handler.phone = None
    session.commit()
    row = tell(session, handler, urgent="1")
    assert row.rungs[-1]["why"] == "没有留电话"
    assert waiting(session, people["desk"]) == []
