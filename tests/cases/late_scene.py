"""What the tests of late clocks start from: everybody whom a clock may climb to, clocks, the sweep."""

import pytest
import sqlalchemy as sa

from backend.cases import escalation
from backend.cases.deadline_models import Clock, Deadline
from backend.notify.models import Notification
from backend.places.models import Area
from backend.places.roles import Role
from tests.cases.clock_scene import HOUR, MINUTE
from tests.cases.scene import AT
from tests.factories import make_community, make_officer, make_unit


def make_clock(session, case, clock=Clock.ACCEPT, at=AT, **fields):
    """A clock of an hour, half of it amber."""
    times = {"amber_at": at + 30 * MINUTE, "due_at": at + HOUR, "next_at": at + 30 * MINUTE}
    own = {"case_id": case.id, "round": 1, "clock": clock, "minutes": 60, "started_at": at}
    row = Deadline(**own | times | fields)
    session.add(row)
    session.commit()
    return row


def sweep(session, at):
    return escalation.fire_due(session, at, 500)


def told(session, since=0):
    """(message, officer) of all that is owed, in order."""
    rows = session.scalars(sa.select(Notification).order_by(Notification.id)).all()
    return [(row.message, row.officer_id) for row in rows[since:]]


@pytest.fixture
def staff(session):
    """A community with everybody whom a clock may climb to; a second district with as many."""
    found = {}
    for name in ("", "别的"):
        community = make_community(session, name=f"{name}玉兰社区")
        district = session.get_one(Area, community.district_id)
        unit = make_unit(session, community)
        people = {
            "desk": make_officer(session, Role.INFORMATION_OFFICER, area=community),
            "secretary": make_officer(session, Role.SECRETARY, area=community),
            "handler": make_officer(session, Role.HANDLER, unit=unit),
            "head": make_officer(session, Role.UNIT_HEAD, unit=unit),
            "supervisor": make_officer(session, Role.SUPERVISOR, area=community),
            "dispatcher": make_officer(session, Role.DISPATCHER, area=district),
            "leader": make_officer(session, Role.LEADER, area=district),
            "administrator": make_officer(session, Role.ADMINISTRATOR, area=district),
        }
        found[name] = {"community": community, "unit": unit} | {k: one.id for k, one in people.items()}
    return found[""]


def names(staff, found):
    who = {one: name for name, one in staff.items() if isinstance(one, int)}
    return [(message, who[officer]) for message, officer in found]
