"""Arbitration at the district: both sides, the decision, and the duty that it becomes with one tap."""

import re
from datetime import timedelta

import pytest
import sqlalchemy as sa

from backend.cases import arbitration, dispatch, duties, duty_queries, service
from backend.cases.duties import Told
from backend.cases.models import CaseEvent, Duty, DutyList, ListState
from backend.cases.service import Actor
from backend.cases.workflow import Action, Given, Status
from backend.errors import Conflict, Forbidden
from backend.places.models import Change
from backend.places.roles import Level, Role
from backend.places.scope import posts_of
from tests.cases import duty_scene
from tests.cases.scene import AT, at_once
from tests.factories import make_area, make_case, make_officer, make_unit


def actor(session, role, name="周明", **where):
    officer = make_officer(session, role, name=name, **where)
    return Actor(officer_id=officer.id, posts=tuple(posts_of(session, officer.id)))


def set_up(session):
    """A case of 店外经营 in 玉兰社区 that 城管办 and 水务局 have both sent back."""
    scene = duty_scene.make_scene(session)
    scene.desk = actor(session, Role.INFORMATION_OFFICER, area=scene.magnolia)
    scene.arbiter = actor(session, Role.SUPERVISOR, "吴桐", area=scene.district)
    scene.officers = {
        unit.id: actor(session, Role.HANDLER, name, unit=unit)
        for unit, name in ((scene.office, "陈志"), (scene.water, "方圆"), (scene.order, "赵明"))
    }
    scene.case = dispute(session, scene)
    session.commit()
    return scene


def dispute(session, scene, at=AT, **fields):
    category_id = fields.pop("category_id", scene.entries["512"].id)
    place = fields.pop("place", scene.magnolia)
    case = make_case(session, place, category_id=category_id, status=Status.ACCEPTED, **fields)
    for unit, proposed in ((scene.office, scene.water), (scene.water, scene.order)):
        at += timedelta(minutes=1)
        service.perform(session, case.number, Action.ASSIGN, scene.desk, Given(unit_id=unit.id), at=at)
        back = Given(note=f"不归{unit.name}", basis="三定方案第五条", unit_id=proposed.id)
        at += timedelta(minutes=1)
        service.perform(session, case.number, Action.SEND_BACK, scene.officers[unit.id], back, at=at)
    assert case.status is Status.DISPUTED
    return case


def decide(session, scene, unit=None, case=None):
    number, unit_id, at = (case or scene.case).number, (unit or scene.order).id, AT + timedelta(hours=1)
    return arbitration.decide(session, number, scene.arbiter, unit_id, "按最近的会议纪要", at)


def make_duty(session, scene, who=None, case=None):
    number, at = (case or scene.case).number, AT + timedelta(hours=2)
    return arbitration.make_duty(session, number, who or scene.arbiter, at=at)


@pytest.fixture
def scene(session):
    return set_up(session)


def test_both_sides_are_heard(session, scene):
    other = dispute(session, scene)
    sides = arbitration.sent_back(session, [scene.case, other])
    first, second = sides[scene.case.id]
    assert (first.by, second.by) == ("城管办 陈志", "水务局 方圆")
    assert first.words == "不归城管办\n依据：三定方案第五条\n建议由水务局办理"
    assert second.proposed_id == scene.order.id
    assert len(sides[other.id]) == 2


def test_what_waits_for_a_decision_waits_at_the_district_alone(session, scene):
    assert arbitration.disputed(session, scene.arbiter.posts) == [scene.case]
    of_street = actor(session, Role.SUPERVISOR, area=scene.here)
    leader = actor(session, Role.LEADER, area=scene.district)
    neighbour = actor(session, Role.SUPERVISOR, area=make_area(session))
    for other in (of_street, leader, neighbour):
        assert arbitration.disputed(session, other.posts) == []
        assert arbitration.decided(session, other.posts) == []
    decide(session, scene)
    assert arbitration.disputed(session, scene.arbiter.posts) == []
    assert arbitration.decided(session, scene.arbiter.posts) == [scene.case]


def test_the_next_page_begins_after_the_last_one_seen(session, scene):
    later = dispute(session, scene, at=AT + timedelta(minutes=30))
    [first] = arbitration.disputed(session, scene.arbiter.posts, limit=1)
    last_seen = (first.due_at, first.id)
    assert arbitration.disputed(session, scene.arbiter.posts, after=last_seen) == [later]


def test_a_decision_becomes_a_duty_that_holds_at_once(session, scene):
    old = duty_queries.current(session, scene.district.id)
    decide(session, scene)
    next_case = make_case(session, scene.bridge, category_id=scene.entries["512"].id)
    assert dispatch.suggest(session, next_case).unit is scene.office
    duty_list = make_duty(session, scene)
    assert (duty_list, duty_list.state) == (old, ListState.CURRENT)
    assert dispatch.suggest(session, next_case).unit is scene.order
    elsewhere = make_case(session, scene.pines, category_id=scene.entries["512"].id)
    duty = session.get_one(Duty, dispatch.route(session, next_case).duty.id)
    assert (duty.category_id, duty.area_id, duty.unit_id) == (
        scene.entries["512"].id,
        scene.here.id,
        scene.order.id,
    )
    assert duty.source == f"裁定 {scene.case.number} 2026-11-23"
    assert dispatch.route(session, elsewhere).duty.category_id == scene.entries["5"].id


def test_the_record_and_the_case_name_who_decided(session, scene):
    decide(session, scene)
    make_duty(session, scene)
    own = sa.select(Change).where(Change.officer_id == scene.arbiter.officer_id).order_by(Change.id)
    did = [(row.action, row.subject) for row in session.scalars(own)]
    assert did == [("added", "duties"), ("changed", "duty_lists")]
    last = session.scalars(sa.select(CaseEvent).order_by(CaseEvent.id.desc()).limit(1)).one()
    assert (last.case_id, last.action, last.public) == (scene.case.id, Action.LOG, False)
    assert last.note.startswith("裁定已写入职责清单：店外经营 × 望溪街道 → 城管局")


def test_it_is_written_once(session, scene):
    decide(session, scene)
    assert arbitration.written(session, [scene.case]) == set()
    make_duty(session, scene)
    assert arbitration.written(session, [scene.case]) == {scene.case.id}
    with pytest.raises(Conflict, match="不用再写"):
        make_duty(session, scene)


def test_a_decision_costs_one_row_and_what_it_replaces_stays_on_the_record(session, scene):
    """Which rule applied on a day can be read from the record: what the duty said, and from when on."""

    def stored():
        return [session.scalar(sa.select(sa.func.count(table.id))) for table in (DutyList, Duty)]

    before = stored()
    decide(session, scene)
    make_duty(session, scene)
    assert stored() == [before[0], before[1] + 1]
    again = dispute(session, scene, at=AT + timedelta(days=1))
    decide(session, scene, scene.water, again)
    make_duty(session, scene, case=again)
    assert stored() == [before[0], before[1] + 1]
    of_duties = sa.select(Change).where(Change.subject == "duties").order_by(Change.id.desc()).limit(2)
    later, first = session.scalars(of_duties)
    units = [said["unit_id"] for said in (first.after, later.before, later.after)]
    assert units == [scene.order.id, scene.order.id, scene.water.id]
    assert (later.subject_id, later.before["source"]) == (first.subject_id, first.after["source"])
    assert arbitration.written(session, [scene.case, again]) == {scene.case.id, again.id}


def test_only_the_list_in_force_takes_a_single_duty(session, scene):
    draft = duties.copy(session, scene.editor, scene.duty_list.id)
    told = Told(scene.office.id, scene.entries["512"].id)
    with pytest.raises(Conflict, match="不在使用"):
        duties.amend(session, scene.editor, draft.id, told)
    with pytest.raises(Forbidden):
        duties.amend(
            session, duty_scene.editor_of(session, scene.district, Role.SUPERVISOR), scene.duty_list.id, told
        )


def test_a_line_in_the_log_that_says_so_does_not_make_it_written(session, scene):
    decide(session, scene)
    forged = Given(note=f"{arbitration.WRITTEN}：店外经营 × 望溪街道 → 城管局")
    at = AT + timedelta(minutes=90)
    who = scene.officers[scene.order.id]
    service.perform(session, scene.case.number, Action.LOG, who, forged, at=at)
    assert arbitration.written(session, [scene.case]) == set()
    make_duty(session, scene)
    assert arbitration.written(session, [scene.case]) == {scene.case.id}


def test_only_an_arbiter_of_the_district_may_and_only_after_a_decision(session, scene):
    with pytest.raises(Conflict, match="还没有裁定"):
        make_duty(session, scene)
    decide(session, scene)
    for who in (scene.desk, scene.officers[scene.order.id], actor(session, Role.SUPERVISOR, area=scene.here)):
        with pytest.raises(Forbidden):
            make_duty(session, scene, who)
    with pytest.raises(Forbidden, match="不归您管理"):
        duties.copy(
            session, duty_scene.editor_of(session, scene.district, Role.SUPERVISOR), scene.duty_list.id
        )


def test_what_is_not_filed_cannot_become_a_duty(session, scene):
    case = dispute(session, scene, category_id=None)
    decide(session, scene, case=case)
    with pytest.raises(Conflict, match="归类"):
        make_duty(session, scene, case=case)


def test_against_a_street_s_own_list_it_holds_more_narrowly(session, scene):
    """The street's duty for the very same would win: it was there first."""
    street = duties.draft(
        session, scene.editor, scene.here.id, "街道清单", [Told(scene.office.id, scene.entries["512"].id)]
    )
    duties.switch_on(session, scene.editor, street.id)
    decide(session, scene)
    make_duty(session, scene)
    duty = session.get_one(Duty, dispatch.route(session, scene.case).duty.id)
    assert (duty.unit_id, duty.area_id) == (scene.order.id, scene.magnolia.id)


def test_a_unit_of_one_community_answers_for_that_community_alone(session, scene):
    station = make_unit(session, scene.magnolia, name="玉兰工作站")
    decide(session, scene, station)
    make_duty(session, scene)
    duty = session.get_one(Duty, dispatch.route(session, scene.case).duty.id)
    assert (duty.unit_id, duty.area_id) == (station.id, scene.magnolia.id)


def test_a_narrower_duty_is_for_an_administrator_to_change(session, scene):
    building = make_area(session, Level.BUILDING, scene.magnolia)
    draft = duties.copy(session, scene.editor, scene.duty_list.id)
    for channel in ("wechat",):
        told = Told(scene.office.id, scene.entries["512"].id, building.id, channel=channel)
        duties.put(session, scene.editor, draft.id, told)
    duties.switch_on(session, scene.editor, draft.id)
    case = dispute(session, scene, place=building)
    decide(session, scene, case=case)
    lists = session.scalar(sa.select(sa.func.count(DutyList.id)))
    with pytest.raises(Conflict, match="更具体"):
        make_duty(session, scene, case=case)
    assert session.scalar(sa.select(sa.func.count(DutyList.id))) == lists


def test_a_district_without_a_list_gets_one(session, scene):
    session.execute(sa.update(DutyList).values(state=ListState.RETIRED))
    decide(session, scene)
    duty_list = make_duty(session, scene)
    assert [duty.unit_id for duty in duty_scene.duties_of(session, duty_list)] == [scene.order.id]


def test_of_two_who_write_it_at_once_one_does(committed):
    scene = set_up(committed)
    decide(committed, scene)
    committed.commit()
    results = at_once(*[lambda session: make_duty(session, scene)] * 2)
    assert sum(isinstance(each, Conflict) for each in results) == 1
    current = sa.select(sa.func.count()).where(DutyList.state == ListState.CURRENT)
    assert committed.scalar(current) == 1


def test_of_two_who_decide_at_once_one_does_and_the_other_is_told(committed):
    scene = set_up(committed)

    def decided_for(unit):
        return lambda session: decide(session, scene, unit)

    results = at_once(decided_for(scene.order), decided_for(scene.office))
    [refused] = [each for each in results if isinstance(each, Conflict)]
    assert re.match("区级裁定人 吴桐在.*已“裁定给.*”，现在是“待签收”", refused.message)
