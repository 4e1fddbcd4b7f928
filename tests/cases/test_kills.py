"""Sweeps and sealers killed at work, and two at once: every clock is told of once, and the chain is whole."""

from collections import Counter
from datetime import timedelta

import pytest
import sqlalchemy as sa

from backend import db
from backend.cases import sealing, supervisions, tasks, verifying
from backend.cases.deadline_models import Deadline
from backend.cases.ledger_models import Seal
from backend.cases.models import CaseEvent
from backend.cases.supervision_models import Supervision
from backend.cases.workflow import Status
from backend.notify.messages import Message
from backend.notify.models import Delivery, Notification
from backend.orders import supervision_tasks
from backend.places.roles import Role
from backend.times import now
from tests.cases.clock_scene import fresh
from tests.factories import make_case, make_community, make_officer
from tests.killing import begin, go_on, kill_waiting

__all__ = ["begin", "fresh"]
pytestmark = pytest.mark.usefixtures("fresh")
SWEEP = """
from backend.cases import tasks

if sys.argv[1:]:
    wait()
tasks.fire_deadlines()
"""
SEAL = """
from backend.cases import sealing

if sys.argv[1:]:
    wait()
sealing.seal_events()
"""
REMIND = """
from backend.orders import supervision_tasks
supervision_tasks.remind_unanswered()
"""
CLOCKS, EVENTS = 1_200, 6_000  # two batches and a bit, and one and a bit
RAN_OUT = """
INSERT INTO deadlines (case_id, round, clock, minutes, started_at, amber_at, due_at, next_at)
SELECT :case_id, 1, 'accept', 60, due - interval '1 hour', due - interval '30 minutes', due, due
FROM generate_series(1, :many) n, LATERAL (SELECT now() - interval '5 min' + n * interval '1 ms') t(due)"""
# The message of one clock, as if another sweep were writing it at this moment: whoever owes it, too, waits.
ANOTHER_OWES = """
INSERT INTO notifications (key, message, officer_id, fields)
SELECT 'deadline:' || id || ':' || floor(extract(epoch FROM due_at)) || ':2:officer:' || :officer_id,
    'case_overdue', :officer_id, '{}' FROM deadlines ORDER BY next_at OFFSET :behind LIMIT 1"""
STEPS = """
INSERT INTO case_events (case_id, round, action, role, from_status, to_status, note)
SELECT :case_id, 1, 'progress', 'handler', 'in_progress', 'in_progress', '第' || n || '次到现场'
FROM generate_series(1, :many) n"""
ANOTHER_SEALS = """
INSERT INTO seals (id, case_event_id, hash, sealed_at)
SELECT :position, max(id), '', now() FROM case_events"""


@pytest.fixture
def officer(committed):
    """The one person who hears of late clocks: of a case, 1,200 have just run out."""
    community = make_community(committed)
    officer = make_officer(committed, Role.INFORMATION_OFFICER, area=community)
    case = make_case(committed, community)
    committed.execute(sa.text(RAN_OUT), {"case_id": case.id, "many": CLOCKS})
    committed.commit()
    return officer


def fired(session):
    """How many clocks were told to be overdue, and how many messages are owed of how many clocks."""
    session.rollback()
    clocks = session.scalar(sa.select(sa.func.count()).where(Deadline.fired_at.is_not(None)))
    keys = session.scalars(sa.select(Notification.key).where(Notification.message == Message.CASE_OVERDUE))
    counted = Counter(key.split(":")[1] for key in keys)
    return clocks, counted.total(), len(counted)


@pytest.mark.parametrize(("behind", "done"), [(100, 0), (tasks.CLOCKS, 500), (1_100, 1_000)])
def test_a_sweep_killed_within_a_batch_keeps_the_batches_before_and_the_next_one_fires_the_rest_once(
    committed, engine, officer, begin, behind, done
):
    kill_waiting(engine, ANOTHER_OWES, lambda: begin(SWEEP), officer_id=officer.id, behind=behind)
    assert fired(committed) == (done, done, done)
    committed.rollback()
    tasks.fire_deadlines()
    tasks.fire_deadlines()
    assert fired(committed) == (CLOCKS, CLOCKS, CLOCKS)
    assert set(committed.scalars(sa.select(Deadline.stage))) == {2}
    assert set(committed.scalars(sa.select(Notification.status))) == {Delivery.WAITING}  # a nudge or none


def test_two_processes_that_sweep_at_once_fire_every_clock_once_between_them(committed, officer, begin):
    go_on(begin(SWEEP, "together"), begin(SWEEP, "together"))
    assert fired(committed) == (CLOCKS, CLOCKS, CLOCKS)
    assert set(committed.scalars(sa.select(Deadline.stage))) == {2}


@pytest.fixture
def steps(committed):
    """A case on which much was done, and nothing is sealed."""
    case = make_case(committed, status=Status.IN_PROGRESS)
    committed.execute(sa.text(STEPS), {"case_id": case.id, "many": EVENTS})
    committed.commit()
    return sorted(committed.scalars(sa.select(CaseEvent.id)))


def sealed():
    """The events in the order of the chain, which has no gap and is whole."""
    with db.transaction() as session:
        result = verifying.verify(session)
        rows = session.execute(sa.select(Seal.id, Seal.case_event_id).order_by(Seal.id)).all()
    assert (result.finding, result.steps) == (None, len(rows))
    assert [position for position, _ in rows] == list(range(1, len(rows) + 1))
    return [event_id for _, event_id in rows]


@pytest.mark.parametrize(("position", "done"), [(10, 0), (sealing.BATCH + 10, sealing.BATCH)])
def test_a_sealer_killed_within_a_batch_leaves_a_whole_chain_that_the_next_one_goes_on_with(
    engine, steps, begin, position, done
):
    kill_waiting(engine, ANOTHER_SEALS, lambda: begin(SEAL), position=position)
    assert sealed() == steps[:done]
    sealing.seal_events()
    assert sealed() == steps


def test_two_processes_that_seal_at_once_make_one_chain(steps, begin):
    go_on(begin(SEAL, "together"), begin(SEAL, "together"))
    sealing.seal_events()
    assert sealed() == steps


def test_a_reminder_of_supervision_killed_on_its_way_is_given_once(committed_scene, engine, begin):
    scene, asked_at = committed_scene, now() - timedelta(days=2)
    case = scene.case(Status.IN_PROGRESS)
    handler, supervisor = scene.actor(Role.HANDLER), scene.actor(Role.SUPERVISOR)
    due_at, text = asked_at + timedelta(days=1), "请说明为什么还没有办好"
    supervisions.issue(scene.session, case.number, supervisor, scene.unit.id, text, due_at, asked_at)
    scene.session.commit()
    kill_waiting(engine, "LOCK TABLE notifications IN SHARE ROW EXCLUSIVE MODE", lambda: begin(REMIND))
    assert reminded(scene.session) == []
    assert scene.session.scalar(sa.select(Supervision.reminded_at)) is None
    scene.session.rollback()
    supervision_tasks.remind_unanswered()
    supervision_tasks.remind_unanswered()
    assert sorted(reminded(scene.session)) == sorted([handler.officer_id, supervisor.officer_id])


def reminded(session):
    session.rollback()
    overdue = sa.select(Notification.officer_id).where(Notification.message == Message.SUPERVISION_OVERDUE)
    return list(session.scalars(overdue))
