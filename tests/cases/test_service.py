"""Steps on real rows: what each writes, and what a refusal leaves behind (nothing)."""

from collections import Counter
from datetime import timedelta

import pytest
import sqlalchemy as sa

from backend.cases import service
from backend.cases.deadline_models import Deadline
from backend.cases.effects import URGE_EVERY
from backend.cases.models import Attachment, AttachmentKind, Case, CaseEvent
from backend.cases.service import Actor
from backend.cases.survey_models import Survey
from backend.cases.workflow import RULES, Action, Given, Outcome, Status
from backend.errors import Conflict, Forbidden, NotFound, TooMany
from backend.notify.models import Notification
from backend.places.models import Post
from backend.places.roles import Role
from tests.cases.scene import AT, SOLVED, at_once
from tests.factories import (
    make_case,
    make_category,
    make_community,
    make_officer,
    make_resident,
    make_unit,
)

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
EVERYTHING = {"note": "说明", "basis": "职责清单第 3 条", "outcome": Outcome.SOLVED, "has_proof": True}
WRITTEN = (CaseEvent, Notification, Deadline, Survey)


def everything(session, scene):
    """All that any step may need; the unit is another than the one that has the case."""
    unit, category = make_unit(session, scene.community), make_category(session)
    colleague = make_officer(session, Role.LAWYER, unit=scene.unit, name="马上到")
    return {
        "unit_id": unit.id,
        "category_id": category.id,
        "officer_id": colleague.id,
        "officer_ids": (colleague.id,),
        "case_id": make_case(session, scene.community, status=Status.IN_PROGRESS).id,
        **EVERYTHING,
    }


def trace(session):
    """All that a step could have left: every case's columns, and how many rows of each kind there are."""
    session.expire_all()
    columns = [c for c in Case.__table__.columns if c.name != "id"]
    return session.execute(sa.select(*columns)).all(), [session.query(row).count() for row in WRITTEN]


PAIRS = [(action, status) for action in Action for status in Status]


@pytest.mark.parametrize(("action", "status"), [pair for pair in PAIRS if pair[1] in RULES[pair[0]].sources])
def test_a_step_is_taken_by_each_role_of_its_row_and_written_down(session, scene, action, status):
    given = everything(session, scene)
    for role in RULES[action].roles:
        scene.actor(role)
        case = scene.ready(scene.case(status, sent_back=int(action is Action.DISPUTE)), action)
        scene.do(case, action, role, **given | {"case_id": make_case(session, scene.community).id})
        session.refresh(case)
        assert case.status is (RULES[action].target or status)
        event = scene.events(case)[-1]
        assert (event.action, event.role, event.from_status) == (action, role, status)
        assert (event.to_status, event.round, event.created_at) == (case.status, 1, AT)


@pytest.mark.parametrize("action", Action)
def test_a_step_that_its_row_does_not_allow_leaves_no_trace(session, scene, action):
    given = everything(session, scene)
    actors, cases = {role: scene.actor(role) for role in Role}, [scene.case(status) for status in Status]
    before = trace(session)
    for case in cases:
        for role, actor in actors.items():
            roles = {role, *actor.roles_over(case)}  # who arbitrates is a supervisor, too
            if case.status not in RULES[action].sources or roles.isdisjoint(RULES[action].roles):
                with pytest.raises((Conflict, Forbidden)):
                    scene.do(case, action, role, **given)
    session.commit()  # what is refused is not undone by a rollback: there is nothing to undo
    assert trace(session) == before


@pytest.mark.parametrize("status", Status)
def test_the_database_takes_every_status(session, scene, status):
    number = scene.case(status).number
    session.expire_all()
    assert session.scalar(sa.select(Case.status).where(Case.number == number)) is status


def test_each_of_the_five_times_is_set_by_its_step(session, scene):
    case = scene.submit(AT)
    assert case.discovered_at is not None
    moments = [AT + n * HOUR for n in range(1, 6)]
    scene.do(case, Action.ACCEPT, Role.SECRETARY, moments[0])
    scene.do(case, Action.ASSIGN, Role.SECRETARY, moments[1], unit_id=scene.unit.id)
    scene.do(case, Action.ACKNOWLEDGE, Role.HANDLER, moments[2])
    assert (case.resolved_at, case.confirmed_at, case.fed_back_at) == (None, None, None)
    scene.do(case, Action.RESOLVE, Role.HANDLER, moments[3], **vars(SOLVED))
    assert (case.confirmed_at, case.fed_back_at, case.closed_at) == (None, None, None)
    scene.do(case, Action.CONFIRM, Role.RESIDENT, moments[4])
    assert (case.accepted_at, case.resolved_at, case.confirmed_at) == (moments[0], moments[3], moments[4])
    assert case.fed_back_at == case.closed_at == moments[4]


def test_solving_on_the_spot_needs_no_unit(session, scene):
    case = scene.case(Status.SUBMITTED, unit_id=None)
    scene.do(case, Action.RESOLVE_ON_SPOT, Role.GRID_OFFICER, note="已经扶正", has_proof=True)
    assert (case.status, case.outcome, case.answer) == (Status.RESOLVED, Outcome.SOLVED, "已经扶正")


def test_urging_is_counted_and_not_oftener_than_every_half_hour(session, scene):
    case = scene.case(Status.ASSIGNED)
    scene.do(case, Action.URGE, Role.RESIDENT, AT)
    before = trace(session)
    with pytest.raises(TooMany, match="半小时后"):
        scene.do(case, Action.URGE, Role.RESIDENT, AT + URGE_EVERY - MINUTE)
    session.commit()
    assert trace(session) == before
    scene.do(case, Action.URGE, Role.RESIDENT, AT + URGE_EVERY)
    assert (case.urged, case.urged_at) == (2, AT + URGE_EVERY)


def test_a_unit_that_is_not_there_is_refused_without_a_trace(session, scene):
    case = scene.case(Status.ACCEPTED, unit_id=None)
    before = trace(session)
    with pytest.raises(NotFound, match="没有这个单位"):
        scene.do(case, Action.ASSIGN, Role.SECRETARY, unit_id=999_999)
    session.commit()
    assert trace(session) == before


def test_assigning_again_is_for_another_unit(session, scene):
    case = scene.case(Status.ASSIGNED)
    with pytest.raises(Conflict, match="已经派给“市政服务中心”了"):
        scene.do(case, Action.ASSIGN, Role.DISPATCHER, unit_id=scene.unit.id)
    other = make_unit(session, scene.community)
    scene.do(case, Action.ASSIGN, Role.DISPATCHER, unit_id=other.id)
    assert case.unit_id == other.id


@pytest.mark.parametrize("action", [Action.WITHDRAW, Action.URGE, Action.CONFIRM, Action.ADD])
def test_a_stranger_does_not_learn_that_the_case_exists(session, scene, action):
    case, stranger = scene.case(Status.SUBMITTED), Actor(resident_id=make_resident(session).id)
    for number in (case.number, "000000000000"):
        with pytest.raises(NotFound, match="没有找到这件诉求"):
            service.perform(session, number, action, stranger, at=AT)
    with pytest.raises(NotFound):
        service.find(session, case.number, stranger)
    assert scene.events(case) == []


def test_an_officer_without_a_post_over_the_case_is_refused(session, scene):
    case = scene.case(Status.SUBMITTED)
    neighbour = Post(role=Role.INFORMATION_OFFICER, area=make_community(session, name="月季社区"))
    homeless = make_officer(session, Role.SECRETARY, area=make_community(session, name="桂花社区"))
    for posts in ((), (neighbour,)):
        with pytest.raises(Forbidden, match="这件诉求不归您办理"):
            service.perform(session, case.number, Action.ACCEPT, Actor(officer_id=homeless.id, posts=posts))
    assert scene.events(case) == []


def test_a_case_that_is_moved_belongs_to_the_people_of_the_new_place(session, scene):
    elsewhere = make_community(session, name="月季社区")
    theirs = make_officer(session, Role.INFORMATION_OFFICER, area=elsewhere)
    case = scene.submit(latitude=22.69, longitude=114.34, address="3 栋楼下")
    service.locate(session, case.number, scene.actor(Role.INFORMATION_OFFICER), elsewhere)
    assert (case.place_id, case.community_id, case.district_id) == (
        elsewhere.id,
        elsewhere.id,
        elsewhere.district_id,
    )
    assert scene.told(case)[-1].officer_id == theirs.id
    with pytest.raises(Forbidden):
        service.find(session, case.number, scene.actor(Role.INFORMATION_OFFICER))
    assert (case.latitude, case.longitude, case.address) == (22.69, 114.34, "3 栋楼下")


def test_a_case_that_is_over_is_not_moved(session, scene):
    case, elsewhere = scene.case(Status.CLOSED), make_community(session, name="月季社区")
    before = trace(session)
    with pytest.raises(Conflict, match="已结案"):
        service.locate(session, case.number, scene.actor(Role.SECRETARY), elsewhere, latitude=1, longitude=1)
    session.commit()
    assert trace(session) == before


def test_only_an_officers_photo_of_this_round_proves_anything(session, scene):
    case = scene.case(Status.IN_PROGRESS, round=2)
    photo = {"case_id": case.id, "kind": AttachmentKind.PHOTO}
    session.add(Attachment(**photo, round=2, by_resident=True))
    session.add(Attachment(**photo, round=1, by_resident=False))
    session.flush()
    assert not service.has_proof(session, case)
    session.add(Attachment(**photo, round=2, by_resident=False))
    assert service.has_proof(session, case)


@pytest.mark.parametrize(
    ("status", "action", "role", "now_it_is"),
    [
        (Status.SUBMITTED, Action.ACCEPT, Role.SECRETARY, "待分拨"),
        (Status.ACCEPTED, Action.ASSIGN, Role.SECRETARY, "已经派给"),
        (Status.ASSIGNED, Action.ACKNOWLEDGE, Role.HANDLER, "处置中"),
        (Status.IN_PROGRESS, Action.RESOLVE, Role.HANDLER, "待确认"),
        (Status.RESOLVED, Action.CONFIRM, Role.RESIDENT, "已结案"),
        (Status.RESOLVED, Action.REOPEN, Role.RESIDENT, "待分拨"),
    ],
)
def test_of_four_taps_one_wins_and_the_others_hear_how_it_stands(
    committed, committed_scene, status, action, role, now_it_is
):
    scene = committed_scene
    number, actor = scene.case(status, unit_id=scene.unit.id).number, scene.actor(role)
    given = Given(**EVERYTHING, unit_id=scene.unit.id)
    committed.expunge_all()
    results = at_once(*[lambda s: service.perform(s, number, action, actor, given)] * 4)
    assert Counter(type(result) for result in results) == {Case: 1, Conflict: 3}
    assert all(now_it_is in error.message for error in results if isinstance(error, Conflict))
    assert committed.scalars(sa.select(CaseEvent.action)).all() == [action]


def test_a_withdrawal_and_an_acceptance_at_once_are_one_after_the_other(committed, committed_scene):
    scene = committed_scene
    number = scene.case(Status.SUBMITTED).number
    desk, resident = scene.actor(Role.SECRETARY), scene.actor(Role.RESIDENT)
    committed.expunge_all()
    at_once(
        lambda s: service.perform(s, number, Action.ACCEPT, desk),
        lambda s: service.perform(s, number, Action.WITHDRAW, resident),
    )
    steps = committed.scalars(sa.select(CaseEvent.action).order_by(CaseEvent.id)).all()
    assert steps in ([Action.ACCEPT, Action.WITHDRAW], [Action.WITHDRAW])
    assert committed.scalar(sa.select(Case.status)) is Status.WITHDRAWN


def test_a_case_goes_on_saying_what_it_was_about_when_the_dictionary_changes(session, scene):
    case, category = scene.submit(), make_category(session, "路灯不亮", make_category(session, "市政设施"))
    service.classify(session, case.number, scene.actor(Role.DISPATCHER), category.id)
    category.until_id = make_category(session, "照明").since_id
    session.flush()
    assert scene.events(case)[-1].note == "市政设施 / 路灯不亮"
    assert (case.category_id, case.status) == (category.id, Status.SUBMITTED)
    with pytest.raises(NotFound, match="请重新选择"):
        service.classify(session, case.number, scene.actor(Role.DISPATCHER), category.id)
