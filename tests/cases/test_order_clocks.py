"""The clocks of a unit under an order: they start together, stop one by one, and say when the unit is due."""

import pytest
import sqlalchemy as sa

from backend.cases import deadlines
from backend.cases.deadline_models import Clock, Deadline
from backend.orders.models import OrderUnit
from backend.places.roles import Role
from tests.cases.clock_scene import HOUR, MINUTE, fresh, make_part
from tests.cases.scene import AT
from tests.factories import make_officer

__all__ = ["fresh"]
pytestmark = pytest.mark.usefixtures("fresh")
ALL = (Clock.ORDER_ACKNOWLEDGE, Clock.ORDER_ARRIVE, Clock.ORDER_REPORT)


@pytest.fixture
def part(session, scene):
    secretary = make_officer(session, Role.SECRETARY, area=scene.community)
    return make_part(session, scene.community, scene.unit, secretary)


def due_at(session, part):
    return session.scalar(sa.select(OrderUnit.due_at).where(OrderUnit.id == part.id))


def test_a_unit_is_due_at_its_nearest_clock(session, part):
    deadlines.start_part(session, part, ALL, AT)
    assert part.due_at == due_at(session, part) == AT + 10 * MINUTE
    deadlines.stop_part(session, part.id, [Clock.ORDER_ACKNOWLEDGE], AT + MINUTE)
    assert due_at(session, part) == AT + 30 * MINUTE
    deadlines.stop_part(session, part.id, None, AT + 2 * MINUTE)
    assert due_at(session, part) is None
    stopped = session.scalars(sa.select(Deadline.stopped_at).order_by(Deadline.id)).all()
    assert stopped == [AT + MINUTE, AT + 2 * MINUTE, AT + 2 * MINUTE]
    assert session.scalars(sa.select(Deadline.next_at)).all() == [None, None, None]


def test_a_clock_that_runs_is_not_started_again_but_one_that_was_stopped_is(session, part):
    deadlines.start_part(session, part, [Clock.ORDER_REPORT], AT)
    deadlines.start_part(session, part, ALL, AT + HOUR)
    assert due_at(session, part) == AT + HOUR + 10 * MINUTE
    deadlines.stop_part(session, part.id, None, AT + HOUR)
    deadlines.start_part(session, part, [Clock.ORDER_REPORT], AT + 2 * HOUR)
    assert part.due_at == AT + 26 * HOUR


def test_an_urgent_order_has_less_time(session, scene):
    secretary = make_officer(session, Role.SECRETARY, area=scene.community)
    part = make_part(session, scene.community, scene.unit, secretary, urgent=True)
    deadlines.start_part(session, part, ALL, AT)
    assert part.due_at == AT + 5 * MINUTE
