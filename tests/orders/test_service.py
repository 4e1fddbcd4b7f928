"""An order from its approval to its answer: who is told when, what runs, what stands on the record."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from backend.cases.deadline_models import Clock, Deadline
from backend.cases.workflow import Outcome
from backend.errors import Conflict, Forbidden, Invalid, TooMany
from backend.notify.messages import CATALOGUE, Message
from backend.notify.models import Notification
from backend.orders import service
from backend.orders.effects import Told
from backend.orders.models import OrderPhoto
from backend.orders.service import AlreadyDone
from backend.orders.workflow import Action, PartStatus, Status
from backend.places.roles import Role
from tests.factories import misplaced
from tests.orders.scene import ANSWER, AT, make_neighbours, photo

MINUTE = timedelta(minutes=1)


def running(scene, order, key):
    """The clocks of a unit's part that run."""
    own = (Deadline.order_unit_id == scene.part(order, key).id, Deadline.stopped_at.is_(None))
    return set(scene.session.scalars(sa.select(Deadline.clock).where(*own)))


def test_approval_alerts_every_unit_and_the_supervisors_in_its_own_transaction(scene):
    order = scene.issue()
    assert order.approved_by == scene.people["secretary"].id
    assert sorted(scene.told(order)[1:]) == [
        ("order_issued", "lead"),
        ("order_issued", "second"),
        ("order_issued", "third"),
        ("order_watched", "desk"),
        ("order_watched", "supervisor"),
    ]
    for key in scene.units:
        assert running(scene, order, key) == {
            Clock.ORDER_ACKNOWLEDGE,
            Clock.ORDER_ARRIVE,
            Clock.ORDER_REPORT,
        }
        assert scene.part(order, key).due_at == AT + 10 * MINUTE
    assert misplaced(scene.session) == []


def test_each_unit_reads_its_own_task_and_until_when(scene):
    order = scene.issue()
    rows = scene.session.scalars(
        sa.select(Notification).where(Notification.officer_id == scene.people["second"].id)
    ).all()
    assert [(row.fields["note"], row.fields["until"]) for row in rows] == [("劝离摊主", "今天 10:10")]
    assert rows[0].fields["number"] == order.number


def test_an_approval_that_fails_tells_nobody(scene):
    order = scene.draft()
    with pytest.raises(Forbidden, match="不能“批准发令”"):
        scene.do(order, Action.APPROVE, "desk")
    assert scene.told(order) == [("order_drafted", "secretary")]


def test_a_second_tap_is_told_so_and_another_person_is_told_who_was_quicker(scene):
    scene.add("stand-in", Role.SECRETARY, area=scene.community)
    order = scene.issue()
    with pytest.raises(AlreadyDone, match="已经办好了"):
        scene.do(order, Action.APPROVE, "secretary")
    with pytest.raises(Conflict, match=r"secretary在.*已“批准发令”。.*执行中") as refusal:
        scene.do(order, Action.REFUSE, "stand-in", note="先不发")
    assert not isinstance(refusal.value, AlreadyDone)


def test_a_unit_signs_arrives_and_reports_with_its_own_clocks(scene):
    order = scene.issue()
    scene.do(order, Action.ACKNOWLEDGE, "second", at=AT + 3 * MINUTE)
    assert running(scene, order, "second") == {Clock.ORDER_ARRIVE, Clock.ORDER_REPORT}
    assert Clock.ORDER_ACKNOWLEDGE in running(scene, order, "lead")
    scene.do(order, Action.ARRIVE, "second", at=AT + 8 * MINUTE, latitude=22.7, longitude=114.3)
    part = scene.part(order, "second")
    assert (part.arrived_at, part.arrived_latitude) == (AT + 8 * MINUTE, 22.7)
    scene.do(order, Action.REPORT_BACK, "second", at=AT + 30 * MINUTE, note="摊主已劝离", photos=(photo(),))
    part = scene.part(order, "second")
    assert (part.status, part.answer, part.due_at) == (PartStatus.REPORTED, "摊主已劝离", None)
    assert running(scene, order, "second") == set()
    assert scene.told(order)[-3:] == [
        ("order_reported", "lead"),
        ("order_reported", "desk"),
        ("order_reported", "secretary"),
    ]


def test_a_report_needs_words(scene):
    order = scene.issue()
    scene.do(order, Action.ACKNOWLEDGE, "second")
    with pytest.raises(Invalid, match="请填写说明"):
        scene.do(order, Action.REPORT_BACK, "second", note=" ")


def test_a_report_that_is_not_enough_goes_back_and_its_clock_runs_again(scene):
    order = scene.issue()
    scene.report_all(order)
    part = scene.part(order, "third")
    with pytest.raises(Forbidden):
        scene.do(order, Action.RETURN, "second", part_id=part.id, note="没有照片")
    scene.do(order, Action.RETURN, "lead", part_id=part.id, note="没有照片")
    assert scene.part(order, "third").status is PartStatus.ACKNOWLEDGED
    assert running(scene, order, "third") == {Clock.ORDER_REPORT}
    assert scene.told(order)[-1] == ("order_returned", "third")
    with pytest.raises(Conflict, match="还有单位没有反馈：街道综治办"):
        scene.answer(order)


def test_only_the_lead_answers_and_only_after_the_others(scene):
    order = scene.issue()
    for key in scene.units:
        scene.do(order, Action.ACKNOWLEDGE, key)
    with pytest.raises(Forbidden):
        scene.answer(order, by="second")
    with pytest.raises(Conflict, match="还有单位没有反馈：区信访局、街道综治办"):
        scene.answer(order)
    for key in ("second", "third"):
        scene.do(order, Action.REPORT_BACK, key, note="办好了")
    with pytest.raises(Invalid, match="照片"):
        scene.answer(order, photos=())
    order = scene.answer(order)
    assert (order.status, order.answer, order.outcome) == (Status.ANSWERED, ANSWER, Outcome.SOLVED)
    assert (order.answered_at, order.ended_at) == (AT, AT)
    told = [who for message, who in scene.told(order) if message == "order_answered"]
    assert sorted(told) == sorted(["desk", "secretary", "second", "supervisor", "third"])
    assert all(running(scene, order, key) == set() for key in scene.units)


def test_any_units_photo_is_proof_for_the_answer(scene):
    order = scene.issue(assisting=[scene.units["second"].id])
    for key in ("lead", "second"):
        scene.do(order, Action.ACKNOWLEDGE, key)
    scene.do(order, Action.REPORT_BACK, "second", note="拍了照", photos=(photo(),))
    assert scene.answer(order, photos=()).status is Status.ANSWERED


def test_units_join_and_leave_on_the_record(scene):
    order = scene.issue(assisting=[scene.units["second"].id])
    scene.do(order, Action.ADD_UNIT, "secretary", unit_id=scene.units["third"].id, task="维持秩序")
    assert scene.told(order)[-1] == ("order_issued", "third")
    assert Clock.ORDER_REPORT in running(scene, order, "third")
    second = scene.part(order, "second")
    scene.do(order, Action.WITHDRAW_UNIT, "secretary", part_id=second.id, note="不归它管")
    assert scene.told(order)[-1] == ("order_withdrawn", "second")
    assert running(scene, order, "second") == set()
    with pytest.raises(Conflict, match="已“撤回单位”"):
        scene.do(order, Action.ACKNOWLEDGE, "second")
    scene.do(order, Action.ADD_UNIT, "secretary", unit_id=second.unit_id)
    assert scene.part(order, "second").status is PartStatus.OWED
    with pytest.raises(Conflict, match="已经在这张发令单里了"):
        scene.do(order, Action.ADD_UNIT, "secretary", unit_id=second.unit_id)
    kept = [(event.action, event.note) for event in scene.events(order)]
    assert kept[2:4] == [(Action.ADD_UNIT, ""), (Action.WITHDRAW_UNIT, "不归它管")]


def test_the_lead_cannot_be_taken_out_alone(scene):
    order = scene.issue()
    lead = scene.part(order, "lead")
    with pytest.raises(Conflict, match="撤回整张发令单"):
        scene.do(order, Action.WITHDRAW_UNIT, "secretary", part_id=lead.id, note="换一个")


def test_a_withdrawn_order_frees_its_units_and_tells_them_why(scene):
    order = scene.issue()
    scene.do(order, Action.WITHDRAW, "secretary", note="情况有误")
    told = [who for message, who in scene.told(order) if message == "order_withdrawn"]
    assert sorted(told) == ["desk", "lead", "second", "supervisor", "third"]
    assert all(running(scene, order, key) == set() for key in scene.units)


def test_what_is_said_of_a_withdrawal_is_true_for_whoever_reads_it(scene):
    order = scene.issue(assisting=[scene.units["second"].id])
    part = scene.part(order, "second")
    scene.do(order, Action.WITHDRAW_UNIT, "secretary", part_id=part.id, note="不归它管")
    scene.do(order, Action.WITHDRAW, "secretary", note="情况有误")
    own = sa.select(Notification).where(Notification.message == Message.ORDER_WITHDRAWN)
    rows = scene.session.scalars(own.order_by(Notification.id))
    said = [CATALOGUE[row.message].text.format(**row.fields) for row in rows]
    assert "区信访局不用再办" in said[0]
    assert all("区市场监管局不用再办" in words for words in said[1:])
    assert not any("您单位" in words for words in said)


def test_urging_is_for_those_who_have_not_reported_and_not_twice_in_half_an_hour(scene):
    order = scene.issue()
    scene.do(order, Action.ACKNOWLEDGE, "second")
    scene.do(order, Action.REPORT_BACK, "second", note="办好了")
    scene.do(order, Action.URGE, "supervisor", note="请快些")
    assert [who for message, who in scene.told(order) if message == "order_urged"] == ["lead", "third"]
    with pytest.raises(TooMany, match="半小时"):
        scene.do(order, Action.URGE, "secretary", at=AT + 29 * MINUTE)
    assert scene.do(order, Action.URGE, "secretary", at=AT + 30 * MINUTE).urged == 2


def photos_of(scene, order, key):
    own = sa.select(OrderPhoto.officer_id).where(OrderPhoto.order_unit_id == scene.part(order, key).id)
    return list(scene.session.scalars(own))


def test_nobody_adds_words_or_photos_in_the_name_of_another_unit(scene):
    order = scene.issue()
    other = scene.part(order, "third")
    scene.do(order, Action.ADD, "second", note="补一张", part_id=other.id, photos=(photo(),))
    assert scene.events(order)[-1].unit_id == scene.units["second"].id
    assert photos_of(scene, order, "third") == []
    assert photos_of(scene, order, "second") == [scene.people["second"].id]


def test_who_sends_a_report_back_puts_nothing_into_its_evidence(scene):
    order = scene.issue()
    scene.report_all(order)
    with pytest.raises(Invalid, match="受令单位上传"):
        scene.do(
            order,
            Action.RETURN,
            "lead",
            part_id=scene.part(order, "third").id,
            note="没有照片",
            photos=(photo(),),
        )


def test_a_unit_that_was_taken_out_reads_but_adds_nothing(scene):
    order = scene.issue()
    second = scene.part(order, "second")
    scene.do(order, Action.WITHDRAW_UNIT, "secretary", part_id=second.id, note="不归它管")
    assert service.find(scene.session, order.number, scene.actor("second")).id == order.id
    with pytest.raises(Forbidden, match="已经撤出这张发令单"):
        scene.do(order, Action.ADD, "second", note="补一张", photos=(photo(),))


def test_neighbours_see_and_do_nothing(scene):
    order = scene.issue()
    for key in make_neighbours(scene):
        with pytest.raises(Forbidden, match="不归您办理"):
            service.find(scene.session, order.number, scene.actor(key))
        for action in set(Action) - service.ELSEWHERE.keys():
            with pytest.raises(Forbidden):
                service.perform(scene.session, order.number, action, scene.actor(key), Told(note="看看"))
    with pytest.raises(Forbidden, match="不能在这个地方发令"):
        scene.draft(by="other secretary")
