"""A unit ends while it is under an order: its part goes on, or the order is settled first."""

from datetime import timedelta

import pytest

from backend.errors import Conflict
from backend.orders import supervising
from backend.orders.workflow import Action, PartStatus, Status
from backend.places import unit_ends
from backend.places.models import Area
from backend.places.roles import Role
from backend.places.unit_ends import Touches
from tests.factories import make_unit
from tests.orders.scene import AT
from tests.places.people import editor_of

DAY = timedelta(days=1)


@pytest.fixture
def editor(scene):
    district = scene.session.get(Area, scene.community.district_id)
    return editor_of(scene.session, scene.add("admin", Role.ADMINISTRATOR, area=district))


def end(verb, scene, editor, key, into):
    verb(scene.session, editor, scene.units[key].id, into.id)
    scene.session.expire_all()


def other_unit(scene):
    return make_unit(scene.session, scene.session.get(Area, scene.community.district_id), name="新局")


@pytest.mark.parametrize("verb", [unit_ends.close, unit_ends.merge])
@pytest.mark.parametrize("start", ["draft", "issue"])
def test_a_lead_does_not_end_in_a_unit_of_its_own_order(scene, editor, verb, start):
    order = getattr(scene, start)()
    with pytest.raises(Conflict, match=f"发令单 {order.number} 由“区市场监管局”主办，“区信访局”也在里面"):
        end(verb, scene, editor, "lead", scene.units["second"])


def test_a_unit_under_an_order_is_closed_only_with_a_successor(scene, editor):
    scene.issue()
    assert unit_ends.touches(scene.session, scene.units["second"].id) == Touches(0, 0, 1, 0, 0, orders=1)
    with pytest.raises(Conflict, match="还有 1 张没有反馈的发令单、1 个岗位"):
        unit_ends.close(scene.session, editor, scene.units["second"].id)


@pytest.mark.parametrize("verb", [unit_ends.close, unit_ends.merge])
def test_once_the_order_is_withdrawn_the_lead_may_end_there(scene, editor, verb):
    order = scene.issue()
    scene.do(order, Action.WITHDRAW, "secretary", note="重新发")
    end(verb, scene, editor, "lead", scene.units["second"])
    assert scene.units["lead"].successor_id == scene.units["second"].id


@pytest.mark.parametrize("verb", [unit_ends.close, unit_ends.merge])
def test_who_takes_over_a_lead_signs_reports_and_answers(scene, editor, verb):
    order = scene.issue(assisting=[])
    scene.do(order, Action.ACKNOWLEDGE, "lead")
    into = other_unit(scene)
    scene.add("new", Role.HANDLER, unit=into)
    end(verb, scene, editor, "lead", into)
    order = scene.answer(order, by="new")
    assert (order.status, order.parts[0].unit.name) == (Status.ANSWERED, "新局")


def test_an_assistant_that_ends_in_the_lead_leaves_a_part_to_be_taken_out(scene, editor):
    order = scene.issue(assisting=[scene.units["second"].id])
    scene.do(order, Action.ACKNOWLEDGE, "lead")
    end(unit_ends.close, scene, editor, "second", scene.units["lead"])
    with pytest.raises(Conflict, match="还有单位没有反馈：区信访局"):
        scene.answer(order)
    part = scene.part(order, "second")
    scene.do(order, Action.WITHDRAW_UNIT, "secretary", part_id=part.id, note="已并入主办")
    assert part.status is PartStatus.WITHDRAWN
    assert scene.answer(order).status is Status.ANSWERED


def test_what_is_asked_of_a_unit_is_asked_of_who_survives(scene, editor):
    order, second, into = scene.issue(), scene.units["second"], other_unit(scene)
    asked = supervising.issue_on_order(
        scene.session, order.number, scene.actor("supervisor"), second.id, "请说明", AT + DAY, at=AT
    )
    end(unit_ends.merge, scene, editor, "second", into)
    assert asked.unit_id == into.id
    assert {event.unit_id for event in scene.events(order)} == {None}  # what was done is not rewritten
