"""Simple and certain cases go to their unit by themselves, where an area allows it."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from backend.cases import auto_dispatch, dispatch_tasks, duties, service
from backend.cases.duties import Told
from backend.cases.models import AutoDispatch, CaseEvent, Channel
from backend.cases.service import Actor
from backend.cases.workflow import Action, Given, Status
from backend.errors import Conflict, Forbidden, Invalid, NotFound
from backend.places.models import Change, PlaceCode
from backend.places.roles import Level, Role
from backend.places.scope import posts_of
from backend.times import now
from tests.cases import duty_scene
from tests.cases.scene import AT, at_once
from tests.factories import make_area, make_case, make_officer

LATER = AT + timedelta(minutes=5)
SETTLED = AT - timedelta(minutes=1)


def set_up(session):
    """青岚区 where 占道经营 in 望溪街道 is its 城管办's, which has people, and where that goes by itself."""
    scene = duty_scene.make_scene(session)
    make_officer(session, Role.HANDLER, unit=scene.office)
    make_officer(session, Role.HANDLER, unit=scene.order)
    desk = make_officer(session, Role.INFORMATION_OFFICER, area=scene.magnolia, name="李梅")
    scene.desk = Actor(officer_id=desk.id, posts=tuple(posts_of(session, desk.id)))
    auto_dispatch.allow(session, scene.editor, scene.here.id, scene.entries["51"].id)
    session.commit()
    return scene


@pytest.fixture
def scene(session):
    return set_up(session)


def make(session, scene, **fields):
    defaults = {"category_id": scene.entries["512"].id, "discovered_at": SETTLED, "report": "店铺摆到路上了"}
    return make_case(session, fields.pop("place", scene.magnolia), **defaults | fields)


def run(session):
    """What the actor does, in the test's own transaction."""
    hopeful, more = auto_dispatch.waiting(session, AT)
    assert more is None
    return [case.number for each in hopeful if (case := auto_dispatch.send(session, each, AT))]


def events(session, case):
    return session.scalars(
        sa.select(CaseEvent).where(CaseEvent.case_id == case.id).order_by(CaseEvent.id)
    ).all()


def test_a_certain_case_goes_by_itself_and_the_record_says_so(session, scene):
    case = make(session, scene)
    assert run(session) == [case.number]
    assert (case.status, case.unit_id) == (Status.ASSIGNED, scene.office.id)
    accepted, assigned = events(session, case)
    assert (accepted.action, accepted.role) == (Action.ACCEPT, Role.SYSTEM)
    assert (assigned.action, assigned.role, assigned.public) == (Action.ASSIGN, Role.SYSTEM, False)
    assert assigned.note.startswith(
        "系统按职责清单自动派单：职责清单：按“占道经营 × 望溪街道”的职责，派给城管办"
    )
    assert run(session) == []


UNCERTAIN = {
    "urgent": lambda s: {"urgent": True},
    "not filed": lambda s: {"category_id": None},
    "of a category that is not allowed": lambda s: {"category_id": s.entries["521"].id},
    "in a street that does not allow it": lambda s: {"place": s.pines},
    "in somebody's hands": lambda s: {"handler_id": s.desk.officer_id},
    "waiting for an answer": lambda s: {"question": "在几号楼？"},
    "come back": lambda s: {"round": 2},
    "just being written": lambda s: {"discovered_at": AT - timedelta(seconds=5)},
    "in a unit's hands": lambda s: {"status": Status.IN_PROGRESS, "unit_id": s.office.id},
}


@pytest.mark.parametrize("why", UNCERTAIN)
def test_a_case_waits_for_people_that_is(session, scene, why):
    make(session, scene, **UNCERTAIN[why](scene))
    assert run(session) == []


def revise(session, scene, *told):
    """Let the district's list say this, too."""
    draft = duties.copy(session, scene.editor, scene.duty_list.id)
    duties.fill(session, draft, told)
    duties.switch_on(session, scene.editor, draft.id)


def test_a_catch_all_or_two_duties_for_the_same_are_not_certain(session, scene):
    twin = Told(scene.water.id, scene.entries["51"].id, scene.here.id)
    catch_all = Told(scene.water.id, None, scene.pines.id)
    auto_dispatch.allow(session, scene.editor, scene.there.id)
    make(session, scene, category_id=scene.entries["611"].id, place=scene.pines)
    revise(session, scene, twin, catch_all)
    make(session, scene)
    assert run(session) == []


def test_a_unit_without_people_gets_nothing_by_itself(session, scene):
    revise(session, scene, Told(scene.water.id, scene.entries["512"].id))
    make(session, scene)
    assert run(session) == []
    make_officer(session, Role.HANDLER, unit=scene.water)
    assert len(run(session)) == 1


def test_a_code_that_names_another_unit_is_a_doubt(session, scene):
    code = PlaceCode(area_id=scene.magnolia.id, unit_id=scene.order.id, scene="walk")
    session.add(code)
    session.flush()
    make(session, scene, code_id=code.id)
    assert run(session) == []
    code.unit_id = scene.office.id
    session.flush()
    session.expire(code)
    assert len(run(session)) == 1


def test_what_was_taken_back_is_not_sent_by_itself_again(session, scene):
    case = make(session, scene, channel=Channel.WEB)
    run(session)
    service.perform(session, case.number, Action.RETRACT, scene.desk, Given(note="先现场看看"), at=LATER)
    assert (case.status, case.unit_id) == (Status.ACCEPTED, None)
    assert run(session) == []


def test_only_an_administrator_of_the_area_allows_it_and_it_is_recorded(session, scene):
    stranger = duty_scene.editor_of(session, scene.there)
    with pytest.raises(Forbidden):
        auto_dispatch.allow(session, stranger, scene.here.id)
    with pytest.raises(Conflict, match="不用再加"):
        auto_dispatch.allow(session, scene.editor, scene.here.id, scene.entries["51"].id)
    building = make_area(session, Level.BUILDING, scene.magnolia)
    with pytest.raises(Invalid, match="楼栋"):
        auto_dispatch.allow(session, scene.editor, building.id)
    with pytest.raises(NotFound):
        auto_dispatch.allow(session, scene.editor, scene.here.id, 10**9)
    [(policy, area, category)] = auto_dispatch.policies(session, scene.editor)
    assert (area.name, category.name) == ("望溪街道", "占道经营")
    assert auto_dispatch.policies(session, stranger) == []
    with pytest.raises(Forbidden):
        auto_dispatch.disallow(session, stranger, policy.id)
    auto_dispatch.disallow(session, scene.editor, policy.id)
    case = make(session, scene)
    assert run(session) == []
    assert case.status is Status.SUBMITTED
    said = session.scalars(
        sa.select(Change).where(Change.subject == "auto_dispatch").order_by(Change.id)
    ).all()
    assert [row.action for row in said] == ["added", "removed"]
    assert said[0].officer_id == scene.editor.officer_id
    with pytest.raises(NotFound):
        auto_dispatch.disallow(session, scene.editor, policy.id)


def test_what_is_not_allowed_any_more_when_its_turn_comes_stays(session, scene):
    moved, kept = make(session, scene), make(session, scene)
    hopeful, _ = auto_dispatch.waiting(session, AT)
    assert hopeful == [moved.id, kept.id]
    service.locate(session, moved.number, scene.desk, scene.pines)
    assert auto_dispatch.send(session, moved.id, AT) is None
    [(policy, _, _)] = auto_dispatch.policies(session, scene.editor)
    auto_dispatch.disallow(session, scene.editor, policy.id)
    assert auto_dispatch.send(session, kept.id, AT) is None
    assert (moved.status, kept.status) == (Status.SUBMITTED, Status.SUBMITTED)


def test_a_place_and_a_category_above_allow_what_lies_below(session, scene):
    session.execute(sa.delete(AutoDispatch))
    auto_dispatch.allow(session, scene.editor, scene.district.id, scene.entries["5"].id)
    case = make(session, scene, category_id=scene.entries["521"].id)
    assert run(session) == [case.number]
    assert case.unit_id == scene.order.id


def test_a_long_row_is_looked_at_piece_by_piece(session, scene, monkeypatch):
    monkeypatch.setattr(auto_dispatch, "BATCH", 2)
    for category in ("521", "521", "512"):
        make(session, scene, category_id=scene.entries[category].id)
    first, after = auto_dispatch.waiting(session, AT)
    second, end = auto_dispatch.waiting(session, AT, after)
    assert (first, len(second), end) == ([], 1, None)


def test_the_actor_sends_it_once_however_many_workers_run(committed):
    scene = set_up(committed)
    case = make(committed, scene, discovered_at=now() - timedelta(minutes=1))
    committed.commit()
    assert at_once(*[lambda session: auto_dispatch.send(session, case.id)] * 3).count(None) == 2
    dispatch_tasks.dispatch_certain.fn()
    committed.expire_all()
    assert [event.action for event in events(committed, case)] == [Action.ACCEPT, Action.ASSIGN]


def test_the_actor_finds_what_waits(committed):
    scene = set_up(committed)
    case = make(committed, scene, discovered_at=now() - timedelta(minutes=1))
    dispatch_tasks.dispatch_certain.fn()
    committed.expire_all()
    assert case.status is Status.ASSIGNED


def test_a_case_that_a_dispatcher_holds_is_left_to_them(committed):
    scene = set_up(committed)
    case = make(committed, scene, discovered_at=now() - timedelta(minutes=1))
    committed.commit()
    service.lock(committed, case.number, scene.desk)
    dispatch_tasks.dispatch_certain.fn()
    committed.rollback()
    assert case.status is Status.SUBMITTED
