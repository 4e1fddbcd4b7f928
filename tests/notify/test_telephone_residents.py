"""Residents whom nothing written reaches: what came of their matter, somebody says to them by telephone."""

import pytest
import sqlalchemy as sa

from backend import db
from backend.cases import service
from backend.cases.workflow import Action, Given, Status
from backend.notify import climbing, records, tasks, telephone
from backend.notify.messages import Message
from backend.notify.models import Delivery, Notification
from backend.notify.telephone_models import CallOutcome, TelephoneTask
from backend.places.models import Resident
from backend.places.roles import Role
from backend.places.scope import Editor
from backend.privacy import blind_index
from backend.times import local, next_within, now, parse_hours
from tests.settings import set_to
from tests.telling import read
from tests.texting import PHONE

LANDLINE = "0755-28001234"


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
    weixin.faults(api=[{"path": "/sms", "errcode": "LimitExceeded.PhoneNumberOneHourLimit"}])
    _, row = resolve(scene)
    for _ in range(records.ATTEMPTS - 1):
        assert (row.rungs[-1]["why"], waiting(scene)) == (climbing.NOT_YET, [])
        assert climbing.NOT_YET not in row.error
        row = deliver(scene, Message.CASE_RESOLVED)
    assert len(waiting(scene)) == 1


def test_at_night_nobody_is_asked_to_call_a_resident(session, weixin, sms, scene):
    landline(scene, weixin, sms)
    hours = parse_hours("13:00-14:00" if local(now()).hour < 12 else "01:00-02:00")
    with set_to(message_hours=hours):
        _, row = resolve(scene)
        assert row.due_at == next_within(now(), hours)
    assert telephone.AT_NIGHT in row.error
    assert waiting(scene) == []


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
