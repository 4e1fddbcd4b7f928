"""What the tests of clocks start from: a district with its people, cases with running clocks, orders."""

from datetime import timedelta
from itertools import count

import pytest
import sqlalchemy as sa

from backend.cases import policies
from backend.cases.deadline_models import Deadline
from backend.orders.models import Order, OrderUnit
from tests.factories import COLUMNS

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
_numbers = count(1)


@pytest.fixture
def fresh():
    """Nothing that a process keeps of policies is left from the test before, nor for the one after."""
    policies.forget()
    yield
    policies.forget()


def running(session, case):
    """Clock → when it runs out."""
    rows = sa.select(Deadline).where(Deadline.case_id == case.id, Deadline.stopped_at.is_(None))
    found = session.scalars(rows, execution_options={"populate_existing": True})
    return {row.clock: row.due_at for row in found}


def clock_of(session, case, clock):
    """The clock that runs."""
    rows = sa.select(Deadline).where(Deadline.stopped_at.is_(None))
    query = rows.where(Deadline.case_id == case.id, Deadline.clock == clock)
    return session.scalars(query, execution_options={"populate_existing": True}).one()


def make_part(session, place, unit, officer, **fields):
    """A unit under an order of this place."""
    order = Order(
        number=f"F2611230{next(_numbers):04d}",
        title="清理占道摊点",
        text="今天中午前清理完",
        place_id=place.id,
        unit_id=unit.id,
        drafted_by=officer.id,
        **{column: getattr(place, column) for column in COLUMNS.values()} | fields,
    )
    session.add(order)
    session.flush()
    part = OrderUnit(order_id=order.id, unit_id=unit.id, is_lead=True)
    part.order = order
    session.add(part)
    session.commit()
    return part
