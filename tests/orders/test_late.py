"""A unit that is late climbs by itself: amber, red, up the chain; each unit by its own clock."""

from datetime import timedelta

from backend.cases import escalation
from backend.orders.workflow import Action
from backend.places.roles import Role
from tests.orders.scene import AT

MINUTE = timedelta(minutes=1)


def sweep(scene, order, minutes):
    """What the sweep owes about the order at so many minutes after the approval."""
    before = scene.told(order)
    escalation.fire_due(scene.session, AT + minutes * MINUTE, 100)
    scene.session.flush()
    return sorted({told for told in scene.told(order) if told not in before})


def test_the_units_hear_in_time_and_the_supervisor_when_it_is_late(scene):
    order = scene.issue()
    assert sweep(scene, order, 4) == []
    assert sweep(scene, order, 6) == [("order_soon_due", key) for key in ("lead", "second", "third")]
    scene.do(order, Action.ACKNOWLEDGE, "lead", at=AT + 7 * MINUTE)
    assert sweep(scene, order, 10) == [
        ("order_overdue", "second"),
        ("order_overdue", "supervisor"),
        ("order_overdue", "third"),
    ]


def test_a_late_part_climbs_to_the_head_of_its_own_unit(scene):
    scene.add("head", Role.UNIT_HEAD, unit=scene.units["second"])
    order = scene.issue(assisting=[scene.units["second"].id])
    scene.do(order, Action.ACKNOWLEDGE, "lead")
    sweep(scene, order, 10)
    assert ("order_escalated", "head") in sweep(scene, order, 21)


def test_a_unit_that_reported_or_was_withdrawn_is_never_late(scene):
    order = scene.issue()
    scene.report_all(order)
    scene.answer(order)
    assert sweep(scene, order, 60 * 48) == []
    gone = scene.issue()
    scene.do(gone, Action.WITHDRAW, "secretary", note="情况有误")
    assert sweep(scene, gone, 60 * 48) == []
