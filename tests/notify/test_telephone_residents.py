"""Residents whom nothing written reaches: what came of their matter, somebody says to them by telephone."""

import pytest
import sqlalchemy as sa

from backend import app, db, worker
from backend.cases import outdated, service
from backend.cases.workflow import Action, Given, Status
from backend.errors import Conflict
from backend.notify import climbing, mending, outbox, records, tasks, telephone, telephone_rules
from backend.notify.ladders import Rung
from backend.notify.messages import Message
from backend.notify.models import Delivery, Notification
from backend.notify.telephone_models import CallOutcome, TelephoneTask
from backend.places.models import Resident
from backend.places.roles import Role
from backend.places.scope import Editor
from backend.privacy import blind_index
from backend.times import local, moment, next_within, now, parse_hours, spoken
from tests.settings import set_to
from tests.telling import read
from tests.texting import PHONE

LANDLINE = "0755-28001234"
HOURLY = {"path": "/sms", "errcode": "LimitExceeded.PhoneNumberOneHourLimit"}
assert outdated  # as in the worker: importing it says while which cases stand how a result is true


@pytest.fixture
def session(committed):
    return committed


@pytest.fixture
def scene(committed_scene):
    """The resident left a number and has no WeChat."""
    leave_number(committed_scene, PHONE)
    return committed_scene


def leave_number(scene, phone):
    resident = scene.session.get_one(Resident, scene.resident_id)
    resident.phone, resident.phone_index = phone, blind_index(phone)
    scene.session.commit()


def resolve(scene):
    """A unit solves the case, and the worker tries to tell the resident."""
    case = scene.case(Status.IN_PROGRESS)
    scene.do(case, Action.RESOLVE, Role.HANDLER, now(), note="路灯换好了", outcome="solved", has_proof=True)
    scene.session.commit()
    return case, deliver(scene, Message.CASE_RESOLVED)


def deliver(scene, message):
    own = sa.select(Notification.id).where(Notification.message == message, Notification.resident_id > 0)
    owed = scene.session.scalar(own.order_by(Notification.id.desc()).limit(1))
    scene.session.execute(sa.update(Notification).where(Notification.id == owed).values(due_at=now()))
    scene.session.commit()
    tasks.deliver([owed])
    return read(scene.session, owed)


def waiting(scene, role=Role.INFORMATION_OFFICER):
    scene.session.rollback()
    return telephone.waiting(scene.session, scene.actor(role).posts)


def opt_out(scene, weixin, sms):
    weixin.control("POST", f"/users/{sms.user_id}/text_back", {"content": "T"})


def landline(scene, weixin, sms):
    leave_number(scene, LANDLINE)


def listed(scene, weixin, sms):
    """They answered T and took it back: Tencent Cloud's own list still has the number."""
    for words in ("T", "恢复"):
        weixin.control("POST", f"/users/{sms.user_id}/text_back", {"content": words})


@pytest.mark.parametrize("refuse", [opt_out, landline, listed])
def test_a_result_that_no_text_message_may_bring_is_said_by_telephone(session, weixin, sms, scene, refuse):
    refuse(scene, weixin, sms)
    case, row = resolve(scene)
    assert (row.status, row.rungs[-1]["why"]) == (Delivery.WAITING, telephone.ASKED)
    [call] = waiting(scene)
    assert (call.resident.id, call.officer, call.number) == (scene.resident_id, None, case.number)
    assert "路灯换好了" in call.task.words
    assert waiting(scene, Role.HANDLER) == []
    caller = scene.actor(Role.INFORMATION_OFFICER)
    telephone.record(session, Editor(caller.officer_id, caller.posts), call.task.id, CallOutcome.TOLD)
    session.commit()
    row = read(session, row.id)
    assert (row.status, row.channel) == (Delivery.RECEIVED, "telephone")
    assert waiting(scene) == []


def test_that_it_is_worked_on_again_goes_by_text_message_or_is_said(session, weixin, sms, scene):
    case = scene.case(Status.CLOSED)
    with db.transaction() as changing:
        supervisor = scene.actor(Role.SUPERVISOR)
        service.perform(changing, case.number, Action.REOPEN, supervisor, Given(note="没修好"))
    row = deliver(scene, Message.CASE_REOPENED)
    assert (row.status, row.channel, waiting(scene)) == (Delivery.SENT, "sms", [])
    opt_out(scene, weixin, sms)
    session.execute(sa.update(Notification).values(status=Delivery.WAITING, channel=None))
    deliver(scene, Message.CASE_REOPENED)
    [call] = waiting(scene)
    assert "会重新办理" in call.task.words


def test_nobody_is_asked_to_call_while_a_text_message_may_still_go(session, weixin, sms, scene):
    weixin.faults(api=[HOURLY])
    _, row = resolve(scene)
    for _ in range(records.ATTEMPTS - 1):
        assert (row.rungs[-1]["why"], waiting(scene)) == (climbing.NOT_YET, [])
        assert climbing.NOT_YET not in row.error
        row = deliver(scene, Message.CASE_RESOLVED)
    assert len(waiting(scene)) == 1


def night():
    """Hours that begin in half a day, wherever it is used."""
    return parse_hours("13:00-14:00" if local(now()).hour < 12 else "01:00-02:00")


def test_outside_of_the_hours_of_calls_nobody_is_asked_to_call_a_resident(session, weixin, sms, scene):
    landline(scene, weixin, sms)
    hours = night()
    with set_to(callback_hours=hours):
        _, row = resolve(scene)
        assert row.due_at == next_within(now(), hours)
    assert telephone.AT_NIGHT in row.error
    assert waiting(scene) == []


def test_attempts_that_fall_at_night_are_not_counted_and_forget_none(session, weixin, sms, scene):
    weixin.faults(api=[HOURLY])
    _, row = resolve(scene)
    for attempts in range(1, records.ATTEMPTS):
        assert row.attempts == attempts
        with set_to(message_hours=night(), callback_hours=night()):
            row = deliver(scene, Message.CASE_RESOLVED)
            assert (row.attempts, row.due_at) == (attempts, next_within(now(), night()))
        assert waiting(scene) == []
        row = deliver(scene, Message.CASE_RESOLVED)
    assert len(waiting(scene)) == 1


def test_a_last_attempt_in_the_hours_of_messages_but_not_of_calls_waits_for_those(
    session, weixin, sms, scene
):
    """The text message is refused without a moment, the call until the morning: it has not failed."""
    weixin.faults(api=[HOURLY])
    _, row = resolve(scene)
    for _ in range(records.ATTEMPTS - 2):
        row = deliver(scene, Message.CASE_RESOLVED)
    with set_to(callback_hours=night()):
        row = deliver(scene, Message.CASE_RESOLVED)
        assert (row.status, row.due_at) == (Delivery.WAITING, next_within(now(), night()))
    deliver(scene, Message.CASE_RESOLVED)
    assert len(waiting(scene)) == 1


def test_after_the_last_attempt_somebody_calls_though_the_text_messages_are_away(session, weixin, sms, scene):
    weixin.faults(api=[HOURLY])
    _, row = resolve(scene)
    for _ in range(records.ATTEMPTS - 2):
        row = deliver(scene, Message.CASE_RESOLVED)
    weixin.faults(api=[{"path": "/sms", "http_status": 502}])
    row = deliver(scene, Message.CASE_RESOLVED)
    assert (row.status, row.rungs[-1]["why"]) == (Delivery.WAITING, telephone.ASKED)
    assert len(waiting(scene)) == 1


def test_a_call_that_was_asked_for_by_day_is_not_made_at_night(session, weixin, sms, scene):
    landline(scene, weixin, sms)
    resolve(scene)
    caller = scene.actor(Role.INFORMATION_OFFICER)
    editor = Editor(caller.officer_id, caller.posts)
    [call] = waiting(scene)
    assert call.opens_at is None
    with set_to(callback_hours=night()):
        opens = next_within(now(), night())
        assert call.opens_at == opens
        with pytest.raises(Conflict, match=f"现在不给居民打电话，{spoken(opens)}起可以打"):
            telephone.find(session, editor, call.task.id)
    assert telephone.find(session, editor, call.task.id).number == call.number


def test_a_call_that_began_before_the_end_of_the_hours_can_be_written_down(session):
    with set_to(callback_hours=parse_hours("09:00-20:30")):
        clock = {at: moment(f"2026-11-21 {at}") for at in ("08:59", "20:29", "20:35", "20:41")}
        assert [telephone_rules.is_over(one) for one in clock.values()] == [True, False, False, True]
        assert telephone_rules.opens(clock["20:35"]) == moment("2026-11-22 09:00")


def test_resolved_again_only_the_latest_result_is_told(session, weixin, sms, scene):
    landline(scene, weixin, sms)
    case, first = resolve(scene)
    scene.do(case, Action.REOPEN, Role.SUPERVISOR, now(), note="没修好")
    session.commit()
    assert waiting(scene) == []
    case.status = Status.IN_PROGRESS
    scene.do(case, Action.RESOLVE, Role.HANDLER, now(), note="换了灯", outcome="solved", has_proof=True)
    session.commit()
    second = deliver(scene, Message.CASE_RESOLVED)
    [call] = waiting(scene)
    assert first.id < second.id == call.task.notification_id
    assert "换了灯" in call.task.words


def test_a_call_about_what_is_true_no_more_is_not_asked_for(session, weixin, sms, scene):
    """By a late attempt, or by an officer who chose it: the message says why, and no call is written."""
    weixin.faults(api=[HOURLY])
    case, row = resolve(scene)
    case.status = Status.CLOSED
    session.commit()
    for _ in range(records.ATTEMPTS - 1):
        row = deliver(scene, Message.CASE_RESOLVED)
    assert (row.status, row.rungs[-1]["why"]) == (Delivery.FAILED, telephone_rules.OVER)
    mending.send_by(session, row.id, Rung.TELEPHONE, scene.actor(Role.INFORMATION_OFFICER).officer_id)
    session.commit()
    row = deliver(scene, Message.CASE_RESOLVED)
    assert (row.status, row.error) == (Delivery.FAILED, telephone_rules.OVER)
    assert session.scalars(sa.select(TelephoneTask)).all() == []


def test_why_somebody_has_to_call_does_not_say_that_nobody_had_to(session, weixin, sms, scene):
    weixin.faults(api=[HOURLY])
    _, row = resolve(scene)
    with set_to(callback_hours=night()):
        for _ in range(records.ATTEMPTS - 1):
            row = deliver(scene, Message.CASE_RESOLVED)
    said = {rung["why"] for rung in row.rungs if rung["channel"] == "telephone"}
    assert said == {climbing.NOT_YET, telephone.AT_NIGHT}
    deliver(scene, Message.CASE_RESOLVED)
    [call] = waiting(scene)
    assert "短信" in call.task.why
    assert [words in call.task.why for words in said] == [False, False]


def test_what_is_said_in_a_call_asks_for_no_reply_in_writing(session, weixin, sms, scene):
    landline(scene, weixin, sms)
    case, _ = resolve(scene)
    [call] = waiting(scene)
    assert call.task.words == f"您反映的事情（编号 {case.number}）已办理：路灯换好了"


def test_calls_that_need_not_be_made_any_more_are_ended_when_another_is_asked_for(
    session, weixin, sms, scene
):
    landline(scene, weixin, sms)
    case, first = resolve(scene)
    case.status = Status.CLOSED
    session.commit()
    _, second = resolve(scene)
    tasks_by = dict(session.execute(sa.select(TelephoneTask.notification_id, TelephoneTask.done_at)).all())
    assert (tasks_by[first.id] is None, tasks_by[second.id]) == (False, None)


def test_a_call_that_was_ended_stands_in_the_list_again_when_it_is_wanted_again(session, weixin, sms, scene):
    landline(scene, weixin, sms)
    resolve(scene)
    session.execute(sa.update(TelephoneTask).values(done_at=now(), created_at=now() - 2 * outbox.STALE))
    session.commit()
    deliver(scene, Message.CASE_RESOLVED)
    assert len(waiting(scene)) == 1


def test_what_was_to_be_said_a_month_ago_is_said_no_more(session, weixin, sms, scene):
    landline(scene, weixin, sms)
    resolve(scene)
    session.execute(sa.update(TelephoneTask).values(created_at=now() - outbox.STALE))
    session.commit()
    assert waiting(scene) == []


def test_of_all_that_residents_are_called_about_it_is_known_when_it_is_true():
    """In the worker, which asks for calls, and in the application, which lists them."""
    assert telephone_rules._true.keys() == telephone_rules.TOLD_TO_RESIDENTS
    assert "outdated" in worker.__all__
    assert outdated in app.REGISTER


@pytest.mark.parametrize("status", [Status.CLOSED, Status.IN_PROGRESS])
def test_what_is_true_of_the_case_no_more_need_not_be_said(session, weixin, sms, scene, status):
    """They confirmed it by text message meanwhile, or it came back."""
    landline(scene, weixin, sms)
    case, _ = resolve(scene)
    assert len(waiting(scene)) == 1
    case.status = status
    session.commit()
    assert waiting(scene) == []


def test_what_does_not_matter_so_much_becomes_no_call(session, weixin, sms, scene):
    landline(scene, weixin, sms)
    case = scene.case(Status.RESOLVED)
    scene.do(case, Action.CLOSE, Role.SYSTEM, now())
    session.commit()
    deliver(scene, Message.CASE_CLOSED)
    assert session.scalars(sa.select(TelephoneTask)).all() == []
