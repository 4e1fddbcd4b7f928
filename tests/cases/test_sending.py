"""Sending a case on from the duty desk: one tap, all or nothing, and never over another's head."""

import pytest
import sqlalchemy as sa

from backend.cases import sending
from backend.cases.models import CaseEvent
from backend.cases.workflow import Action, Status
from backend.errors import Conflict, Forbidden, Invalid
from backend.notify.messages import Message
from backend.places.models import Officer
from backend.places.roles import Role
from backend.times import now
from tests.cases.scene import AT, at_once
from tests.factories import make_area, make_category, make_unit

DESK = Role.INFORMATION_OFFICER


def send(scene, case, role=DESK, **fields):
    given = {"unit_id": scene.unit.id, "at": AT} | fields
    return sending.send(scene.session, case.number, scene.actor(role), **given)


def actions(scene, case):
    return [event.action for event in scene.events(case)]


def test_one_tap_accepts_files_and_assigns(session, scene):
    case, lamps = scene.submit(), make_category(session)
    send(scene, case, category_id=lamps.id, note="请尽快")
    assert (case.status, case.unit_id) == (Status.ASSIGNED, scene.unit.id)
    assert case.category_id == lamps.id
    assert actions(scene, case) == [Action.SUBMIT, Action.ACCEPT, Action.CLASSIFY, Action.ASSIGN]
    assert scene.events(case)[-1].note == "请尽快"
    told = {row.message for row in scene.told(case)}
    assert Message.CASE_ACCEPTED in told


def test_what_is_accepted_and_filed_already_is_only_assigned(session, scene):
    filed, other = make_category(session), make_category(session, "井盖")
    case = scene.submit()
    case.category_id = filed.id
    scene.do(case, Action.ACCEPT, DESK)
    send(scene, case, Role.DISPATCHER, category_id=other.id)
    assert case.category_id == filed.id
    assert actions(scene, case) == [Action.SUBMIT, Action.ACCEPT, Action.ASSIGN]


def test_a_second_tap_changes_nothing(scene):
    case = scene.submit()
    send(scene, case)
    send(scene, case)
    assert actions(scene, case).count(Action.ASSIGN) == 1


def test_who_comes_second_hears_who_was_first_and_what_they_did(session, scene):
    case = scene.submit()
    seen = scene.events(case)[-1].id
    session.get_one(Officer, scene.actor(Role.DISPATCHER).officer_id).name = "何静"
    send(scene, case, Role.DISPATCHER)
    with pytest.raises(Conflict, match=r"何静在.*已“派单给市政服务中心”，现在是“待签收”"):
        send(scene, case, seen=seen)
    assert actions(scene, case).count(Action.ASSIGN) == 1


@pytest.mark.parametrize("action", [Action.CLAIM, Action.ACCEPT])
def test_what_another_did_since_the_page_was_opened_is_told_first(session, scene, action):
    case = scene.submit()
    seen = scene.events(case)[-1].id
    session.get_one(Officer, scene.actor(Role.DISPATCHER).officer_id).name = "何静"
    scene.do(case, action, Role.DISPATCHER)
    with pytest.raises(Conflict, match="何静"):
        send(scene, case, seen=seen)
    send(scene, case, seen=scene.events(case)[-1].id)  # now they know
    assert case.status is Status.ASSIGNED


def test_ones_own_steps_are_no_news(scene):
    case = scene.submit()
    seen = scene.events(case)[-1].id
    scene.do(case, Action.CLAIM, DESK)
    send(scene, case, seen=seen)
    assert case.status is Status.ASSIGNED


def test_a_refusal_leaves_the_case_as_it_was(session, scene):
    case, lamps = scene.submit(), make_category(session)
    elsewhere = make_unit(session, make_area(session))
    session.commit()
    with pytest.raises(Invalid, match="不管这个地方"):
        send(scene, case, unit_id=elsewhere.id, category_id=lamps.id)
    session.rollback()
    assert actions(scene, case) == [Action.SUBMIT]


def test_others_may_not_send(scene):
    case = scene.submit()
    with pytest.raises(Forbidden):
        send(scene, case, Role.GRID_OFFICER)


def test_of_two_at_once_one_wins_and_the_other_is_told(committed_scene):
    scene = committed_scene
    others = [make_unit(scene.session, scene.community, name=name) for name in ("城管局", "水务局")]
    case, people = scene.submit(now()), [scene.actor(role) for role in (DESK, Role.DISPATCHER)]
    for actor, name in zip(people, ("李梅", "何静"), strict=True):
        scene.session.get_one(Officer, actor.officer_id).name = name
    scene.session.commit()
    seen = scene.events(case)[-1].id
    calls = [
        lambda session, n=n: sending.send(session, case.number, people[n], others[n].id, seen=seen)
        for n in (0, 1)
    ]
    results = at_once(*calls)
    [refused] = [each for each in results if isinstance(each, Conflict)]
    winner = next(n for n in (0, 1) if not isinstance(results[n], Conflict))
    assert ("李梅", "何静")[winner] in refused.message
    assert f"派单给{others[winner].name}" in refused.message
    scene.session.rollback()
    assigned = sa.select(CaseEvent.unit_id).where(CaseEvent.action == Action.ASSIGN)
    assert scene.session.scalars(assigned).all() == [others[winner].id]
