"""5,000 surveys fall due while programs and servers are killed: each is sent once, or says why not."""

import random
import time

import pytest
import sqlalchemy as sa

from backend import embedded
from backend.notify.models import Delivery, Notification
from tests.programs import wait_until
from tests.shaken import QUICK_CLOCK, WORKER, City

pytestmark = pytest.mark.slow

MANY, STRANGERS, LEFT = 5_000, 40, 60  # of all, whom WeChat does not know, and who left unnoticed
SPAN = 12  # seconds over which they fall due, for the hour that they have in life
KILLS, EACH = 8, 500  # and after how many more that were sent
PATIENT = 300  # seconds, on a machine that does much else
PROGRAMS = {"worker 1": WORKER, "worker 2": WORKER, "clock 1": QUICK_CLOCK, "clock 2": QUICK_CLOCK}


@pytest.fixture
def city(servers, tmp_path_factory):
    folder = tmp_path_factory.mktemp("many")
    city = City(folder, MANY, kinds=("survey_invited",), strangers=STRANGERS, left=LEFT)
    city.fall_due(SPAN)
    city.start(PROGRAMS)
    yield city
    city.close()
    embedded.remove(folder)


def shaken(city, seed=2026):
    """Kill something again and again in the middle of the work: each time when more has been sent."""
    chosen = random.Random(seed)
    ways = list(city.ways().values())
    kills = [*chosen.sample(ways, len(ways)), *chosen.choices(ways, k=KILLS - len(ways))]
    for number, way in enumerate(kills):
        wait_until(lambda goal=number * EACH: city.counted()[Delivery.SENT] > goal, PATIENT)
        time.sleep(chosen.uniform(0, 0.5))
        way()


def is_done(city):
    """Whether nothing is held and nothing due; nobody waits here for the end of a lease or of a pause."""
    held, waits = Notification.status == Delivery.SENDING, Notification.status == Delivery.WAITING
    lease_until, due_at = Notification.lease_until, Notification.due_at
    city.ask(free(held, lease_until < within("40 seconds")).values(lease_until=sa.func.now()))
    city.ask(free(waits, due_at < within("20 seconds")).values(due_at=sa.func.now()))
    left = sa.select(sa.func.count()).where(held | (waits & (due_at < within("1 year"))))
    return city.ask(left).scalar() == 0 and city.counted().total() == MANY


def free(*conditions):
    """An update of the rows that nobody has in their hands."""
    wanted = sa.select(Notification.id).where(*conditions).with_for_update(skip_locked=True)
    return sa.update(Notification).where(Notification.id.in_(wanted))


def within(span):
    return sa.func.now() + sa.text(f"interval '{span}'")


def test_owed_is_sent_and_failed_and_waiting_to_the_unit_whatever_is_killed(city):
    shaken(city)
    wait_until(lambda: is_done(city), PATIENT)
    counted = city.counted()
    assert counted[Delivery.SENT] == MANY - STRANGERS - LEFT
    # Of who left, one whose call was cut off has failed: nobody knows whether they have read it.
    assert counted[Delivery.FAILED] + counted[Delivery.WAITING] == STRANGERS + LEFT
    assert STRANGERS <= counted[Delivery.FAILED] <= STRANGERS + KILLS
    told = city.shown()
    assert set(told) == set(range(STRANGERS + LEFT + 1, MANY + 1))
    assert set(told.values()) == {1}
    unsent = sa.select(Notification.error).where(Notification.status != Delivery.SENT)
    assert all(city.ask(unsent).scalars())
