"""Processes killed while an order is approved, two that approve it at once: all of it once, or nothing."""

from collections import Counter

import dramatiq
import pytest
import sqlalchemy as sa

from backend.broker import redis_client
from backend.cases.deadline_models import Deadline
from backend.cases.models import Case
from backend.cases.workflow import Status as CaseStatus
from backend.notify import tasks
from backend.notify.messages import Message
from backend.notify.models import Delivery, Notification
from backend.orders.models import Order
from backend.orders.service import AlreadyDone
from backend.orders.workflow import Action, Status
from tests.killing import begin, go_on, kill, kill_waiting, wait_for
from tests.orders.scene import AT
from tests.orders.test_cases import submit
from tests.programs import wait_until
from tests.telling import received
from tests.weixin import follower, platform, weixin

__all__ = ["begin", "platform", "weixin"]
UNITS = ("lead", "second", "third")
APPROVE = """
from datetime import datetime
from backend.cases.service import Actor
from backend.orders import service
from backend.orders.workflow import Action
from backend.places import scope

number, officer_id, at, stops = sys.argv[1:]
officer_id, at = int(officer_id), datetime.fromisoformat(at)
if stops == "first":
    wait()
try:
    with db.transaction() as session:
        if stops == "nudge":
            db.after_commit(session, wait)
        actor = Actor(officer_id=officer_id, posts=tuple(scope.posts_of(session, officer_id)))
        service.perform(session, number, Action.APPROVE, actor, at=at)
        if stops == "commit":
            wait()
    print("approved")
except service.AlreadyDone:
    print("done before")
"""


@pytest.fixture
def drafted(committed_scene):
    """The scene, and a draft of an order with a case that somebody reported."""
    scene = committed_scene
    order = scene.draft(cases=[submit(scene).number])
    scene.session.commit()
    return scene, order


@pytest.fixture
def approve(drafted, begin):
    """Start a process that approves it as the secretary, and stops there."""
    scene, order = drafted
    return lambda stops="": begin(APPROVE, order.number, scene.people["secretary"].id, AT.isoformat(), stops)


@pytest.fixture
def worker(broker):
    """A Dramatiq worker of this process, on the real queue."""
    worker = dramatiq.Worker(broker, worker_timeout=100, worker_threads=2)
    worker.start()
    yield worker
    worker.stop()


def assert_is_a_draft(scene, order):
    scene.session.expire_all()
    assert scene.session.get_one(Order, order.id).status is Status.DRAFTED
    assert [event.action for event in scene.events(order)] == [Action.DRAFT]
    assert scene.session.scalar(sa.select(Case.status)) is CaseStatus.SUBMITTED
    assert scene.session.scalar(sa.select(Deadline.id).where(Deadline.order_unit_id.is_not(None))) is None
    assert alerted(scene, order) == []
    scene.session.rollback()


def assert_is_issued_once(scene, order):
    scene.session.expire_all()
    assert scene.session.get_one(Order, order.id).status is Status.ISSUED
    assert [event.action for event in scene.events(order)] == [Action.DRAFT, Action.APPROVE]
    assert scene.session.scalar(sa.select(Case.status)) is CaseStatus.ASSIGNED
    clocks = sa.select(Deadline.order_unit_id, Deadline.clock).where(Deadline.order_unit_id.is_not(None))
    assert set(Counter(scene.session.execute(clocks).all()).values()) == {1}
    assert sorted(alerted(scene, order)) == sorted(UNITS)
    scene.session.rollback()


def alerted(scene, order):
    return [who for message, who in scene.told(order) if message == "order_issued"]


@pytest.mark.parametrize("table", ["order_events", "deadlines", "notifications", "case_events"])
def test_an_approval_killed_on_its_way_leaves_a_draft_and_a_second_tap_works(drafted, approve, engine, table):
    scene, order = drafted
    kill_waiting(engine, f"LOCK TABLE {table} IN SHARE ROW EXCLUSIVE MODE", approve)
    assert_is_a_draft(scene, order)
    scene.do(order, Action.APPROVE, "secretary")
    scene.session.commit()
    assert_is_issued_once(scene, order)


def test_an_approval_killed_before_its_commit_leaves_a_draft_and_a_second_tap_works(drafted, approve, engine):
    scene, order = drafted
    process = approve("commit")
    wait_for(process)
    kill(engine, process)
    assert_is_a_draft(scene, order)
    assert go_on(approve("first")) == ["approved"]
    assert_is_issued_once(scene, order)


def test_an_approval_killed_after_its_commit_reaches_every_unit_once(
    drafted, approve, engine, weixin, broker, worker
):
    scene, order = drafted
    phones = [follower(scene.session, weixin, key, officer=scene.people[key])[0] for key in UNITS]
    process = approve("nudge")
    wait_for(process)
    kill(engine, process)
    assert redis_client().llen("dramatiq:notify") == 0  # nobody was told to look
    with pytest.raises(AlreadyDone):
        scene.do(order, Action.APPROVE, "secretary")
    scene.session.rollback()
    assert_is_issued_once(scene, order)
    tasks.sweep()
    wait_until(lambda: states(scene) == [Delivery.SENT] * 3)
    tasks.sweep()
    wait_until(lambda: redis_client().llen("dramatiq:notify") == 0)
    assert [[message["type"] for message in received(phone)] for phone in phones] == [["template"]] * 3


def states(scene):
    scene.session.rollback()
    issued = sa.select(Notification.status).where(Notification.message == Message.ORDER_ISSUED)
    return list(scene.session.scalars(issued))


def test_two_processes_that_approve_at_once_issue_the_order_once(drafted, approve):
    scene, order = drafted
    assert sorted(go_on(approve("first"), approve("first"))) == ["approved", "done before"]
    assert_is_issued_once(scene, order)
