"""Cases that hang together: several reports are one matter, one matter is several units' work."""

from datetime import timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import OperationalError

from backend import db
from backend.cases import kin, merging, service
from backend.cases.deadline_models import Deadline
from backend.cases.models import Case, CaseLink
from backend.cases.survey_models import Survey
from backend.cases.workflow import Action, Outcome, Status
from backend.errors import Conflict, Forbidden, Invalid
from backend.notify.messages import Message
from backend.places.roles import Role
from tests.cases.kin_scene import DESK, at_work, report, resident_heard, told_by_the_system
from tests.cases.scene import AT, SOLVED, Scene, at_once
from tests.factories import make_case, make_community, make_officer, make_unit

HOUR = timedelta(hours=1)


def merge(scene, case, master):
    return merging.merge(scene.session, case.number, scene.actor(DESK), master.number, at=AT)


def test_every_reporter_of_one_matter_gets_its_answer_its_notice_and_its_survey(session, scene):
    master, *members = at_work(scene), report(scene), report(scene)
    for member in members:
        merge(scene, member, master)
    scene.do(master, Action.RESOLVE, Role.HANDLER, **vars(SOLVED))
    for case in (master, *members):
        session.refresh(case)
        assert (case.status, case.answer, case.outcome) == (Status.RESOLVED, "路灯换好了", Outcome.SOLVED)
        assert case.resolved_at == AT
        assert resident_heard(scene, case)[-1] is Message.CASE_RESOLVED
        scene.do(case, Action.CLOSE, Role.SYSTEM)
    asked = set(session.scalars(sa.select(Survey.resident_id)))
    assert asked == {case.resident_id for case in (master, *members)}


def test_who_is_not_content_brings_back_their_own_case_and_no_other(session, scene):
    master, member = at_work(scene), report(scene)
    merge(scene, member, master)
    scene.do(master, Action.RESOLVE, Role.HANDLER, **vars(SOLVED))
    own = service.Actor(resident_id=member.resident_id)
    service.perform(session, member.number, Action.REOPEN, own, at=AT)
    session.refresh(master)
    assert (member.status, member.round, master.status) == (Status.ACCEPTED, 2, Status.RESOLVED)
    assert member.master_id is None  # a case of its own again, also for what is counted


def test_a_merged_case_waits_without_clocks_and_its_people_are_those_of_its_master(session, scene):
    master, member = at_work(scene), report(scene)
    merge(scene, member, master)
    assert (member.status, member.master_id, member.due_at) == (Status.MERGED, master.id, None)
    assert member.unit_id == scene.unit.id  # so that the unit reads what its resident adds
    assert resident_heard(scene, member) == [Message.CASE_MERGED]
    other = make_unit(session, scene.community)
    handler = make_officer(session, Role.HANDLER, unit=other)
    reason = {"note": "不归我们", "basis": "第 3 条", "unit_id": other.id}
    scene.do(master, Action.SEND_BACK, Role.HANDLER, AT + HOUR, **reason)
    scene.do(master, Action.ASSIGN, DESK, AT + HOUR, unit_id=other.id)
    session.refresh(member)
    assert member.unit_id == other.id
    service.perform(session, member.number, Action.URGE, service.Actor(resident_id=member.resident_id), at=AT)
    urged = {row.officer_id for row in scene.told(member) if row.message is Message.CASE_URGED}
    assert handler.id in urged


def test_what_was_merged_by_mistake_is_taken_out_again_while_the_master_is_open(session, scene):
    master, member = at_work(scene), report(scene)
    merge(scene, member, master)
    merging.unmerge(session, member.number, scene.actor(DESK), "不是同一处", at=AT)
    assert (member.status, member.master_id, member.unit_id) == (Status.ACCEPTED, None, None)
    assert member.due_at is not None
    scene.do(master, Action.RESOLVE, Role.HANDLER, **vars(SOLVED))
    session.refresh(member)
    assert member.status is Status.ACCEPTED


def test_when_the_first_reporter_withdraws_the_matter_goes_on_for_the_others(session, scene):
    master, first, second = report(scene), report(scene), report(scene)
    scene.do(master, Action.ACCEPT, DESK)
    scene.do(master, Action.ASSIGN, DESK, unit_id=scene.unit.id)
    for member in (first, second):
        merge(scene, member, master)
    own = service.Actor(resident_id=master.resident_id)
    service.perform(session, master.number, Action.WITHDRAW, own, at=AT + HOUR)
    began = sa.select(Deadline.started_at).filter_by(case_id=first.id, clock="resolve", stopped_at=None)
    assert session.scalars(began).all() == [AT]  # its time is what the unit has used of it already
    for case in (first, second):
        session.refresh(case)
    assert (master.status, first.status, second.status) == (
        Status.WITHDRAWN,
        Status.ASSIGNED,
        Status.MERGED,
    )
    assert (first.unit_id, second.master_id) == (scene.unit.id, first.id)


def test_whose_master_is_another_one_now_reads_so_in_their_own_history(session, scene):
    master, heir, member = report(scene), report(scene), report(scene)
    for case in (heir, member):
        merge(scene, case, master)
    service.perform(session, master.number, Action.WITHDRAW, service.Actor(resident_id=master.resident_id))
    gone = f"一起办的 {master.number} 已由反映人撤回"
    moved = (f"{gone}，改为并入 {heir.number}", False, Status.MERGED)
    assert told_by_the_system(scene, member, Action.REMERGE) == [moved]
    assert told_by_the_system(scene, heir, Action.UNMERGE)[0][0] == f"{gone}，这件接着办"
    third = at_work(scene)
    merge(scene, heir, third)
    session.refresh(member)
    assert (member.master_id, member.unit_id) == (third.id, scene.unit.id)
    went_along = (f"原来并入的 {heir.number} 已并入 {third.number}，随着并入", False, Status.MERGED)
    assert told_by_the_system(scene, member, Action.REMERGE) == [moved, went_along]
    assert resident_heard(scene, member) == [Message.CASE_MERGED]


def test_what_is_not_accepted_leaves_its_members_to_be_looked_at_one_by_one(session, scene):
    master, member = report(scene), report(scene)
    merge(scene, member, master)
    scene.do(master, Action.REJECT, DESK, note="不在本社区")
    session.refresh(member)
    assert (member.status, member.master_id) == (Status.ACCEPTED, None)


def test_members_of_a_case_that_is_merged_go_along(session, scene):
    first, second, third = report(scene), report(scene), at_work(scene)
    merge(scene, first, second)
    merge(scene, second, third)
    session.refresh(first)
    assert (first.master_id, second.master_id) == (third.id, third.id)


def test_a_case_is_merged_only_into_one_that_is_open_and_ours(session, scene):
    case, master, done = report(scene), report(scene), at_work(scene)
    with pytest.raises(Invalid, match="不能并入自己"):
        merge(scene, case, case)
    scene.do(done, Action.RESOLVE, Role.HANDLER, **vars(SOLVED))
    with pytest.raises(Conflict, match="已经办结"):
        merge(scene, case, done)
    merge(scene, master, case)
    with pytest.raises(Conflict, match="请并入那一件"):
        merge(scene, report(scene), master)
    elsewhere = make_community(session, name="月季社区")
    with pytest.raises(Forbidden):
        merge(scene, case, make_case(session, elsewhere))


def test_two_who_merge_two_cases_into_each_other_do_not_wait_for_ever(committed, committed_scene):
    scene = committed_scene
    one, two = report(scene), report(scene)
    desk = scene.actor(DESK)
    committed.commit()
    results = at_once(
        lambda session: merging.merge(session, one.number, desk, two.number),
        lambda session: merging.merge(session, two.number, desk, one.number),
    )
    refused = [result for result in results if isinstance(result, Conflict)]
    assert len(refused) == 1
    with db.transaction() as session:
        merged = sa.select(sa.func.count()).where(Case.status == Status.MERGED)
        assert session.scalar(merged) == 1


@pytest.fixture
def two_districts(committed, committed_scene):
    """A case in each of two districts, and somebody of the desks of both."""
    there = Scene(committed, make_community(committed, name="月季社区"), committed_scene.unit, None)
    cases = (report(committed_scene), report(there))
    desks = [scene.actor(DESK) for scene in (committed_scene, there)]
    committed.commit()
    assert cases[0].district_id != cases[1].district_id
    posts = (*desks[0].posts, *desks[1].posts)
    return *cases, service.Actor(officer_id=desks[0].officer_id, posts=posts)


def test_two_who_merge_across_districts_do_not_wait_for_ever_either(two_districts):
    one, two, desk = two_districts
    results = at_once(
        lambda session: merging.merge(session, one.number, desk, two.number),
        lambda session: merging.merge(session, two.number, desk, one.number),
    )
    assert len([result for result in results if isinstance(result, Conflict)]) == 1


def test_who_merges_in_one_district_keeps_no_other_waiting(two_districts):
    here, there, _ = two_districts
    with db.transaction() as first, db.transaction() as second:
        merging.take_turns(first, here.number)
        second.execute(sa.text("SET LOCAL lock_timeout = '200ms'"))
        merging.take_turns(second, there.number, "261121999999")
        with pytest.raises(OperationalError, match="lock timeout"):
            merging.take_turns(second, there.number, here.number)
        second.rollback()


def test_a_part_has_its_own_unit_and_no_resident_and_the_whole_answers(session, scene):
    whole, other = at_work(scene), make_unit(session, scene.community, name="交警大队")
    part = merging.split(session, whole.number, scene.actor(DESK), other.id, "画斑马线", at=AT)
    assert (part.status, part.unit_id, part.resident_id) == (Status.ASSIGNED, other.id, None)
    assert (whole.status, whole.unit_id) == (Status.IN_PROGRESS, scene.unit.id)
    with pytest.raises(Conflict, match="拆出去的部分还没有全部办好"):
        scene.do(whole, Action.RESOLVE, Role.HANDLER, **vars(SOLVED))
    theirs = scene_of(scene, other)
    theirs.do(part, Action.ACKNOWLEDGE, Role.HANDLER)
    theirs.do(part, Action.RESOLVE, Role.HANDLER, **vars(SOLVED))
    [done] = [row for row in scene.told(whole) if row.message is Message.PART_DONE]
    assert (done.officer_id, done.fields["note"]) == (scene.actor(Role.HANDLER).officer_id, "路灯换好了")
    assert part.status is Status.CLOSED  # nobody is there who could confirm it
    scene.do(whole, Action.RESOLVE, Role.HANDLER, **vars(SOLVED))
    assert resident_heard(scene, whole).count(Message.CASE_RESOLVED) == 1
    with pytest.raises(Conflict, match="不能再拆"):
        merging.split(session, part.number, scene.actor(DESK), scene.unit.id, "再拆", at=AT)


def scene_of(scene, unit):
    """The same place as another unit sees it."""
    return type(scene)(scene.session, scene.community, unit, scene.resident_id)


def test_the_parts_of_what_is_withdrawn_end_with_it(session, scene):
    whole = report(scene)
    scene.do(whole, Action.ACCEPT, DESK)
    part = merging.split(session, whole.number, scene.actor(DESK), scene.unit.id, "清运垃圾", at=AT)
    own = service.Actor(resident_id=whole.resident_id)
    service.perform(session, whole.number, Action.WITHDRAW, own, at=AT)
    session.refresh(part)
    assert part.status is Status.WITHDRAWN
    assert kin.parts_of(session, whole, (Status.ASSIGNED,)) == []


def test_two_cases_are_linked_once_whichever_way(session, scene):
    one, two = report(scene), report(scene)
    merging.link(session, one.number, scene.actor(DESK), two.number, "同一家工地", at=AT)
    with pytest.raises(Conflict, match="已经关联了"):
        merging.link(session, two.number, scene.actor(DESK), one.number, at=AT)
    assert session.query(CaseLink).count() == 1


def test_the_danger_that_one_reporter_tells_of_is_the_masters_danger(session, scene):
    master, member = at_work(scene), report(scene, urgent=True)
    calm = master.due_at
    merge(scene, member, master)
    assert master.urgent
    assert master.due_at < calm
    told = [row for row in scene.told(master) if row.message is Message.CASE_URGED]
    assert {row.officer_id for row in told} >= {scene.actor(Role.HANDLER).officer_id}
    assert all(row.fields["urgent"] for row in told)


def test_a_part_is_merged_into_nothing_and_what_is_in_work_is_not_withdrawn(session, scene):
    whole, other = report(scene), report(scene)
    scene.do(whole, Action.ACCEPT, DESK)
    part = merging.split(session, whole.number, scene.actor(DESK), scene.unit.id, "清运垃圾", at=AT)
    with pytest.raises(Conflict, match="拆出来的一部分，不能并案"):
        merge(scene, part, other)
    scene.do(part, Action.ACKNOWLEDGE, Role.HANDLER)
    own = service.Actor(resident_id=whole.resident_id)
    with pytest.raises(Conflict, match="已经有单位在办"):
        service.perform(session, whole.number, Action.WITHDRAW, own, at=AT)
