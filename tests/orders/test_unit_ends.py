"""A unit ends while it is under an order: its part goes on, or the order is settled first."""

from datetime import timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import joinedload

from backend.cases.deadline_models import Deadline
from backend.errors import Conflict, Forbidden
from backend.orders import queries, successions, supervising
from backend.orders.models import OrderUnit
from backend.orders.workflow import Action, PartStatus, Status
from backend.places import unit_ends
from backend.places.models import Area
from backend.places.roles import Role
from backend.places.unit_ends import Touches
from tests.factories import make_community, make_unit
from tests.orders.scene import AT, photo
from tests.places.people import editor_of

DAY = timedelta(days=1)
ENDINGS = [successions.close, successions.merge]


@pytest.fixture
def editor(scene):
    district = scene.session.get(Area, scene.community.district_id)
    return editor_of(scene.session, scene.add("admin", Role.ADMINISTRATOR, area=district))


def end(verb, scene, editor, key, into):
    verb(scene.session, editor, scene.units[key].id, into.id)
    scene.session.expire_all()


def bound(scene, order):
    """The parts that are still bound, the lead's first."""
    own = sa.select(OrderUnit).where(OrderUnit.order_id == order.id, OrderUnit.status != PartStatus.WITHDRAWN)
    loaded = own.options(joinedload(OrderUnit.unit)).order_by(OrderUnit.is_lead.desc(), OrderUnit.id)
    return list(scene.session.scalars(loaded))


def other_unit(scene):
    return make_unit(scene.session, scene.session.get(Area, scene.community.district_id), name="新局")


@pytest.mark.parametrize("verb", ENDINGS)
def test_a_lead_that_ends_in_a_unit_of_its_own_order_leaves_it_the_lead(scene, editor, verb):
    order = scene.issue()
    scene.do(order, Action.ACKNOWLEDGE, "lead")
    end(verb, scene, editor, "lead", scene.units["second"])
    part = scene.part(order, "second")
    assert (part.is_lead, part.status, order.unit_id) == (True, PartStatus.OWED, part.unit_id)
    assert scene.part(order, "lead").status is PartStatus.WITHDRAWN
    scene.do(order, Action.ACKNOWLEDGE, "third")
    scene.do(order, Action.REPORT_BACK, "third", note="办好了")
    scene.do(order, Action.ACKNOWLEDGE, "second")
    assert scene.answer(order, by="lead").status is Status.ANSWERED, "whose posts went with the unit"


@pytest.mark.parametrize("verb", ENDINGS)
def test_a_draft_that_names_both_names_the_one_that_remains(scene, editor, verb):
    order = scene.draft()
    end(verb, scene, editor, "lead", scene.units["second"])
    order = scene.do(order, Action.APPROVE, "secretary")
    assert [(part.unit.name, part.is_lead, part.task) for part in order.parts] == [
        ("区信访局", True, "劝离摊主"),
        ("街道综治办", False, ""),
    ]


@pytest.mark.parametrize("verb", ENDINGS)
def test_of_two_parts_the_successor_has_one_and_nothing_that_was_brought_is_lost(scene, editor, verb):
    tasks = {scene.units["second"].id: "劝离摊主", scene.units["third"].id: "值守三天"}
    order = scene.issue(tasks=tasks)
    scene.do(order, Action.ACKNOWLEDGE, "third")
    scene.do(order, Action.REPORT_BACK, "third", note="已值守一晚", photos=(photo(),))
    scene.do(order, Action.ACKNOWLEDGE, "second")
    scene.do(order, Action.ARRIVE, "second", latitude=22.7, longitude=114.3, photos=(photo(),))
    gone = scene.part(order, "second")
    end(verb, scene, editor, "second", scene.units["third"])
    part = scene.part(order, "third")
    assert [(one.unit.name, one.status) for one in bound(scene, order)] == [
        ("区市场监管局", PartStatus.OWED),
        ("街道综治办", PartStatus.ARRIVED),
    ]
    assert (part.answer, part.reported_at, part.task) == ("已值守一晚", None, "值守三天；劝离摊主")
    assert (gone.arrived_latitude, gone.status) == (22.7, PartStatus.WITHDRAWN)
    assert {key: len(found) for key, found in queries.photos(scene.session, order).items()} == {
        part.id: 1,
        gone.id: 1,
    }
    step = queries.timeline(scene.session, order)[-1]
    assert (step.label, step.note) == ("单位合并：区信访局", "并入“街道综治办”，任务：劝离摊主")
    assert ("order_joined", "third") in scene.told(order)
    scene.do(order, Action.REPORT_BACK, "second", note="两件都办好了")


def test_of_two_clocks_alike_the_sooner_runs_on_and_the_other_stops(scene, editor):
    order = scene.issue()
    for key, hours in (("second", 2), ("third", 5)):
        part = scene.part(order, key)
        deadlines = sa.update(Deadline).where(
            Deadline.order_unit_id == part.id, Deadline.stopped_at.is_(None)
        )
        scene.session.execute(deadlines.values(due_at=AT + timedelta(hours=hours)))
    end(successions.merge, scene, editor, "second", scene.units["third"])
    part, gone = scene.part(order, "third"), scene.part(order, "second")
    clocks = queries.clocks(scene.session, [part, gone])
    assert {row.due_at for row in queries.running(clocks[part.id])} == {AT + timedelta(hours=2)}
    assert len(queries.running(clocks[part.id])) == 3
    assert queries.running(clocks[gone.id]) == []
    assert (part.due_at, gone.due_at) == (AT + timedelta(hours=2), None)


def test_a_unit_that_was_taken_out_is_bound_again_by_what_it_takes_over(scene, editor):
    order = scene.issue()
    scene.do(order, Action.WITHDRAW_UNIT, "secretary", part_id=scene.part(order, "third").id, note="另派")
    scene.do(order, Action.ACKNOWLEDGE, "second")
    end(successions.close, scene, editor, "second", scene.units["third"])
    part = scene.part(order, "third")
    assert (part.status, part.task) == (PartStatus.ACKNOWLEDGED, "劝离摊主")
    assert part.due_at is not None
    scene.do(order, Action.REPORT_BACK, "third", note="办好了")


@pytest.mark.parametrize("verb", [unit_ends.close, unit_ends.merge])
def test_who_ends_a_unit_past_the_orders_leaves_none_without_its_lead(scene, editor, verb):
    order = scene.issue()
    with pytest.raises(Conflict, match=f"发令单 {order.number} 由“区市场监管局”主办.*主办不能交给它"):
        verb(scene.session, editor, scene.units["lead"].id, scene.units["second"].id)


def test_a_stranger_joins_nothing(scene):
    order = scene.issue()
    elsewhere = editor_of(
        scene.session, scene.add("other", Role.ADMINISTRATOR, area=make_community(scene.session))
    )
    with pytest.raises(Forbidden):
        successions.merge(scene.session, elsewhere, scene.units["second"].id, scene.units["third"].id)
    assert scene.part(order, "second").status is PartStatus.OWED


def test_a_unit_under_an_order_is_closed_only_with_a_successor(scene, editor):
    scene.issue()
    assert unit_ends.touches(scene.session, scene.units["second"].id) == Touches(0, 0, 1, 0, 0, orders=1)
    with pytest.raises(Conflict, match="还有 1 张没有反馈的发令单、1 个岗位"):
        unit_ends.close(scene.session, editor, scene.units["second"].id)


@pytest.mark.parametrize("verb", ENDINGS)
def test_once_the_order_is_withdrawn_the_lead_may_end_there(scene, editor, verb):
    order = scene.issue()
    scene.do(order, Action.WITHDRAW, "secretary", note="重新发")
    end(verb, scene, editor, "lead", scene.units["second"])
    assert scene.units["lead"].successor_id == scene.units["second"].id


@pytest.mark.parametrize("verb", ENDINGS)
def test_who_takes_over_a_lead_signs_reports_and_answers(scene, editor, verb):
    order = scene.issue(assisting=[])
    scene.do(order, Action.ACKNOWLEDGE, "lead")
    into = other_unit(scene)
    scene.add("new", Role.HANDLER, unit=into)
    end(verb, scene, editor, "lead", into)
    order = scene.answer(order, by="new")
    assert (order.status, order.parts[0].unit.name) == (Status.ANSWERED, "新局")


def test_an_assistant_that_ends_in_the_lead_leaves_it_all_to_the_lead(scene, editor):
    order = scene.issue(assisting=[scene.units["second"].id])
    scene.do(order, Action.ACKNOWLEDGE, "lead")
    end(successions.close, scene, editor, "second", scene.units["lead"])
    assert scene.part(order, "lead").status is PartStatus.OWED, "what is added has to be signed for"
    scene.do(order, Action.ACKNOWLEDGE, "lead")
    assert scene.answer(order).status is Status.ANSWERED


def test_what_was_reported_goes_on_too_while_the_order_does(scene, editor):
    order, into = scene.issue(), other_unit(scene)
    scene.do(order, Action.ACKNOWLEDGE, "second")
    scene.do(order, Action.REPORT_BACK, "second", note="办好了")
    part = scene.part(order, "second")
    end(successions.close, scene, editor, "second", into)
    assert part.unit_id == into.id, "it can still be returned"
    scene.do(order, Action.RETURN, "secretary", part_id=part.id, note="还差一张照片")


def test_what_is_asked_of_a_unit_is_asked_of_who_survives(scene, editor):
    order, second, into = scene.issue(), scene.units["second"], other_unit(scene)
    asked = supervising.issue_on_order(
        scene.session, order.number, scene.actor("supervisor"), second.id, "请说明", AT + DAY, at=AT
    )
    end(successions.merge, scene, editor, "second", into)
    assert asked.unit_id == into.id
    assert {event.unit_id for event in scene.events(order)} == {None, second.id}, (
        "what was done stays as it was"
    )
