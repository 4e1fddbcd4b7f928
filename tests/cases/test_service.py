"""Steps on real rows: what each writes, who is told, what a refusal leaves behind (nothing)."""

from collections import Counter
from datetime import timedelta

import pytest
import sqlalchemy as sa

from backend.cases import service, surveys
from backend.cases.deadline_models import Deadline
from backend.cases.effects import URGE_EVERY
from backend.cases.models import Attachment, AttachmentKind, Case, CaseEvent, Survey, SurveyState
from backend.cases.service import Actor
from backend.cases.workflow import RULES, Action, Given, Outcome, Status
from backend.errors import Conflict, Forbidden, NotFound, TooMany
from backend.notify.messages import CATALOGUE, Message
from backend.notify.models import Notification
from backend.places.models import Area, Post
from backend.places.roles import Level, Role
from tests.cases.scene import AT, SOLVED, add_post, at_once
from tests.factories import (
    make_area,
    make_case,
    make_category,
    make_community,
    make_officer,
    make_resident,
    make_unit,
)

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
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
        case = scene.case(status, sent_back=int(action is Action.DISPUTE))
        scene.do(case, action, role, **given | {"case_id": make_case(session, scene.community).id})
        session.refresh(case)
        assert case.status is (RULES[action].target or status)
        [event] = scene.events(case)
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


# Who is there, and in which audience. Everyone else in `crowd` is an outsider who must never be told.
COMMUNITY = ("information officer", "grid officer", "safety officer")
UNIT = ("handler", "unit head", "mediator")
ARBITERS = ("dispatcher",)


@pytest.fixture
def crowd(session, scene):
    """People who must be told, and their neighbours who must not. Name → ("officer" or "resident", id)."""
    elsewhere = make_community(session, name="月季社区")
    grid = make_area(session, Level.GRID, scene.community)
    posts = {
        "information officer": (Role.INFORMATION_OFFICER, {"area": scene.community}),
        "grid officer": (Role.GRID_OFFICER, {"area": scene.community}),
        "safety officer": (Role.SAFETY_OFFICER, {"area": scene.community}),
        "handler": (Role.HANDLER, {"unit": scene.unit}),
        "unit head": (Role.UNIT_HEAD, {"unit": scene.unit}),
        "mediator": (Role.MEDIATOR, {"unit": scene.unit}),
        "secretary": (Role.SECRETARY, {"area": scene.community}),
        "leader": (Role.LEADER, {"area": scene.community}),
        "supervisor": (Role.SUPERVISOR, {"area": scene.community}),
        "dispatcher": (Role.DISPATCHER, {"area": session.get_one(Area, scene.community.district_id)}),
        "group member": (Role.HANDLER, {"unit": make_unit(session, scene.community)}),
        "lawyer of the unit": (Role.LAWYER, {"unit": scene.unit}),
        "another community's officer": (Role.INFORMATION_OFFICER, {"area": elsewhere}),
        "another grid's officer": (Role.GRID_OFFICER, {"area": grid}),
        "another unit's handler": (Role.HANDLER, {"unit": make_unit(session, scene.community)}),
        "retired officer": (Role.INFORMATION_OFFICER, {"area": scene.community}),
        "retired handler": (Role.HANDLER, {"unit": scene.unit}),
    }
    people = {
        name: ("officer", make_officer(session, role, **where).id) for name, (role, where) in posts.items()
    }
    for name in ("retired officer", "retired handler"):
        session.execute(
            sa.update(Post)
            .where(Post.officer_id == people[name][1])
            .values(since=AT - 60 * DAY, until=AT - 30 * DAY)
        )
    people["resident"] = ("resident", scene.resident_id)
    people["another resident"] = ("resident", make_resident(session).id)
    return people


def told_to(scene, case, crowd):
    """Which message went to whom, by the names of the crowd."""
    names = {person: name for name, person in crowd.items()}
    return {
        (row.message, names["officer" if row.officer_id else "resident", row.officer_id or row.resident_id])
        for row in scene.told(case)
    }


def both(message):
    return {(message, name) for name in COMMUNITY + UNIT}


TOLD = {
    Action.LOCATE: {(Message.CASE_SUBMITTED, name) for name in COMMUNITY},
    Action.ADD: set(),
    Action.ACCEPT: {(Message.CASE_ACCEPTED, "resident")},
    Action.REJECT: {(Message.CASE_REJECTED, "resident")},
    Action.ASSIGN: {(Message.CASE_ON_ITS_WAY, "resident")} | {(Message.CASE_ASSIGNED, name) for name in UNIT},
    Action.ACKNOWLEDGE: {(Message.CASE_IN_PROGRESS, "resident")},
    Action.SEND_BACK: {(Message.CASE_SENT_BACK, name) for name in COMMUNITY},
    Action.RESOLVE_ON_SPOT: {(Message.CASE_RESOLVED, "resident")},
    Action.RESOLVE: {(Message.CASE_RESOLVED, "resident")},
    Action.CONFIRM: set(),
    Action.CLOSE: {(Message.CASE_CLOSED, "resident")},
    Action.REOPEN: both(Message.CASE_RETURNED),  # by the resident, who is answered on the spot
    Action.WITHDRAW: both(Message.CASE_WITHDRAWN),
    Action.URGE: both(Message.CASE_URGED),
    Action.ASK_PERSON: both(Message.PERSON_WANTED),
    Action.SEE_PHONE: set(),
    Action.CLASSIFY: set(),
    Action.CLAIM: set(),
    Action.RETRACT: {(Message.CASE_GONE, name) for name in UNIT},
    Action.SPLIT: set(),
    Action.MERGE: {(Message.CASE_GONE, name) for name in UNIT} | {(Message.CASE_MERGED, "resident")},
    Action.UNMERGE: {(Message.CASE_UNMERGED, name) for name in COMMUNITY},
    Action.FOLLOW: {(Message.CASE_RESOLVED, "resident")},
    Action.LINK: set(),
    Action.TAKE: set(),
    Action.DELEGATE: {(Message.CASE_DELEGATED, "handler")},
    Action.FIRST_CONTACT: set(),
    Action.ASK: {(Message.CASE_ASKED, "resident")},
    Action.PROGRESS: {(Message.CASE_PROGRESS, "resident")},
    Action.DISPUTE: {(Message.CASE_DISPUTED, name) for name in ARBITERS},
    Action.ARBITRATE: {(Message.CASE_ARBITRATED, name) for name in UNIT}
    | {(Message.CASE_ON_ITS_WAY, "resident")},
    Action.PAUSE: {(Message.TIME_WANTED, "supervisor")},
    Action.EXTEND: {(Message.TIME_WANTED, "supervisor")},
    Action.GRANT: {(Message.TIME_DECIDED, name) for name in UNIT},
    Action.DENY: {(Message.TIME_DECIDED, name) for name in UNIT},
    Action.RESUME: set(),
    Action.SUPERVISE: {(Message.SUPERVISED, name) for name in UNIT},
    Action.ANSWER_SUPERVISION: {(Message.SUPERVISION_ANSWERED, "supervisor")},
    Action.END_SUPERVISION: set(),
    Action.MARK: set(),
    Action.TAKE_CHARGE: {(Message.CASE_IN_CHARGE, "leader")},
    Action.FORM_GROUP: {(Message.GROUP_FORMED, "group member")},
    Action.LOG: set(),
    Action.REVIEW: set(),
}


def test_who_is_told_is_written_down_for_every_step():
    assert set(TOLD) == set(Action) - {Action.SUBMIT}


@pytest.mark.parametrize("action", TOLD)
def test_a_step_tells_exactly_the_people_of_its_row(session, scene, crowd, action):
    rule, people = RULES[action], {name: officer_id for name, (_, officer_id) in crowd.items()}
    hard = {"leader_id": people["leader"], "group_ids": [people["group member"]]}
    case = scene.case(rule.sources[0], sent_back=int(action is Action.DISPUTE), **hard)
    given = everything(session, scene) | {"officer_id": people["handler"]}
    if action not in (Action.SEND_BACK, Action.DISPUTE):  # these name another unit
        given["unit_id"] = scene.unit.id
    scene.do(case, action, rule.roles[0], **given)
    assert told_to(scene, case, crowd) == TOLD[action]


def test_the_resident_is_told_when_somebody_else_brings_the_case_back(session, scene, crowd):
    case = scene.case(Status.CLOSED)
    scene.do(case, Action.REOPEN, Role.SUPERVISOR, **EVERYTHING)
    assert (Message.CASE_REOPENED, "resident") in told_to(scene, case, crowd)


def test_submitting_tells_the_people_of_the_community(session, scene, crowd):
    case = scene.submit()
    assert told_to(scene, case, crowd) == {(Message.CASE_SUBMITTED, name) for name in COMMUNITY}


def test_every_message_has_the_words_that_its_text_asks_for(session, scene, crowd):
    for action, rule in RULES.items():
        if not rule.sources:
            continue
        case = scene.case(rule.sources[0], due_at=AT + HOUR, answer="上次的答复")
        scene.do(case, action, rule.roles[0], **everything(session, scene))
        for row in scene.told(case):
            assert "None" not in CATALOGUE[row.message].text.format(**row.fields)


def test_a_case_without_a_resident_tells_none(session, scene):
    case = scene.case(Status.SUBMITTED, resident_id=None)
    scene.do(case, Action.ACCEPT, Role.SECRETARY)
    assert scene.told(case) == []


def test_what_officers_write_to_each_other_does_not_reach_the_resident(session, scene, crowd):
    case = scene.case(Status.ACCEPTED)
    scene.do(case, Action.ASSIGN, Role.DISPATCHER, unit_id=scene.unit.id, note="此人常来，注意态度")
    by_message = {row.message: row.fields["note"] for row in scene.told(case)}
    assert by_message == {Message.CASE_ASSIGNED: "此人常来，注意态度", Message.CASE_ON_ITS_WAY: ""}
    assert [event.public for event in scene.events(case)] == [False]


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


def test_closing_for_a_silent_resident_confirms_nothing(session, scene):
    case = scene.resolve(scene.submit())
    scene.do(case, Action.CLOSE, Role.SYSTEM, AT + HOUR)
    assert (case.confirmed_at, case.fed_back_at) == (None, AT + HOUR)


def test_reopening_begins_a_new_round_and_clears_what_the_last_one_reached(session, scene):
    case = scene.resolve(scene.submit())
    scene.do(case, Action.CONFIRM, Role.RESIDENT)
    scene.do(case, Action.REOPEN, Role.RESIDENT, AT + DAY, note="又不亮了")
    assert (case.status, case.round, case.outcome) == (Status.ACCEPTED, 2, None)
    assert {case.resolved_at, case.confirmed_at, case.fed_back_at, case.closed_at} == {None}
    assert case.accepted_at == AT
    running = session.scalars(sa.select(Deadline).where(Deadline.stopped_at.is_(None))).all()
    assert {(clock.round, clock.clock) for clock in running} == {(2, "assign"), (2, "answer")}
    assert case.due_at == min(clock.due_at for clock in running) == AT + DAY + HOUR


def test_the_second_round_has_a_survey_of_its_own(session, scene):
    case = scene.resolve(scene.submit())
    scene.do(case, Action.CONFIRM, Role.RESIDENT)
    scene.do(case, Action.REOPEN, Role.RESIDENT)
    scene.do(case, Action.ASSIGN, Role.SECRETARY, AT + HOUR, unit_id=scene.unit.id)
    scene.do(case, Action.ACKNOWLEDGE, Role.HANDLER, AT + HOUR)
    scene.do(case, Action.RESOLVE, Role.HANDLER, AT + HOUR, **vars(SOLVED))
    scene.do(case, Action.CONFIRM, Role.RESIDENT, AT + HOUR)
    found = session.execute(sa.select(Survey.round, Survey.state).order_by(Survey.round)).all()
    assert found == [(1, SurveyState.EXPIRED), (2, SurveyState.DUE)]


def test_a_case_that_comes_back_quotes_the_earlier_answer_to_the_unit_and_the_community(
    session, scene, crowd
):
    case = scene.resolve(scene.submit())
    scene.do(case, Action.REOPEN, Role.RESIDENT, note="还是不亮")
    returned = [row for row in scene.told(case) if row.message is Message.CASE_RETURNED]
    assert len(returned) >= 6
    assert {(row.fields["answer"], row.fields["note"]) for row in returned} == {("路灯换好了", "还是不亮")}
    assert "上次答复：路灯换好了" in CATALOGUE[Message.CASE_RETURNED].text.format(**returned[0].fields)


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


def test_a_unit_that_sent_the_case_back_hears_of_it_no_more(session, scene, crowd):
    case = scene.case(Status.ASSIGNED)
    other = make_unit(session, scene.community)
    scene.do(case, Action.SEND_BACK, Role.HANDLER, note="归物业管", basis="职责清单第 3 条", unit_id=other.id)
    scene.do(case, Action.URGE, Role.RESIDENT)
    urged = {name for message, name in told_to(scene, case, crowd) if message is Message.CASE_URGED}
    assert urged == set(COMMUNITY)
    with pytest.raises(Forbidden, match="不归您办理"):
        service.find(session, case.number, scene.actor(Role.HANDLER))


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


def closed(scene):
    case = scene.resolve(scene.submit())
    scene.do(case, Action.CLOSE, Role.SYSTEM)
    survey = scene.session.scalars(sa.select(Survey).where(Survey.case_id == case.id)).one()
    return case, survey


def answered(scene, survey, **answer):
    survey = surveys.find_open(scene.session, survey.id, scene.resident_id)
    surveys.answer(survey, at=AT + DAY, **answer)
    service.answer_survey(scene.session, survey, scene.actor(Role.RESIDENT), AT + DAY)


@pytest.mark.parametrize(
    ("answer", "note"),
    [
        ({"solved": False}, "没有解决"),
        ({"solved": False, "satisfaction": 5, "words": "灯还是坏的"}, "没有解决：灯还是坏的"),
        ({"solved": True, "satisfaction": 2}, "不满意"),
        ({"solved": True, "satisfaction": 1, "words": "拖了一周"}, "不满意：拖了一周"),
    ],
)
def test_a_bad_answer_reopens_the_case_even_if_it_was_solved(session, scene, answer, note):
    case, survey = closed(scene)
    answered(scene, survey, **answer)
    assert (case.status, case.round) == (Status.ACCEPTED, 2)
    last = scene.events(case)[-1]
    assert (last.action, last.role, last.note) == (Action.REOPEN, Role.RESIDENT, note)
    assert (survey.state, survey.round) == (SurveyState.ANSWERED, 1)


@pytest.mark.parametrize("satisfaction", [None, 3, 4, 5])
def test_a_good_answer_confirms_the_case(session, scene, satisfaction):
    case, survey = closed(scene)
    answered(scene, survey, solved=True, satisfaction=satisfaction)
    assert (case.status, case.round, case.confirmed_at) == (Status.CLOSED, 1, AT + DAY)


def test_a_late_word_about_the_first_round_does_not_touch_the_second(session, scene):
    case, first = closed(scene)
    answered(scene, first, solved=False)
    scene.do(case, Action.ASSIGN, Role.SECRETARY, AT + DAY, unit_id=scene.unit.id)
    scene.do(case, Action.ACKNOWLEDGE, Role.HANDLER, AT + DAY)
    scene.do(case, Action.RESOLVE, Role.HANDLER, AT + DAY, **vars(SOLVED))
    surveys.rate(first, 1)
    service.answer_survey(session, first, scene.actor(Role.RESIDENT), AT + 2 * DAY)
    assert (case.status, case.round, case.confirmed_at) == (Status.RESOLVED, 2, None)


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


def test_an_officer_who_works_for_the_unit_too_is_told_of_a_return_once(session, scene):
    officer = make_officer(session, Role.INFORMATION_OFFICER, area=scene.community)
    add_post(session, officer.id, Role.HANDLER, unit_id=scene.unit.id)
    case = scene.case(Status.RESOLVED)
    scene.do(case, Action.REOPEN, Role.RESIDENT)
    returned = [row.officer_id for row in scene.told(case) if row.message is Message.CASE_RETURNED]
    assert returned == [officer.id]


def test_a_case_goes_on_saying_what_it_was_about_when_the_dictionary_changes(session, scene):
    case, category = scene.submit(), make_category(session, "路灯不亮", make_category(session, "市政设施"))
    service.classify(session, case.number, scene.actor(Role.DISPATCHER), category.id)
    category.until_id = make_category(session, "照明").since_id
    session.flush()
    assert scene.events(case)[-1].note == "市政设施 / 路灯不亮"
    assert (case.category_id, case.status) == (category.id, Status.SUBMITTED)
    with pytest.raises(NotFound, match="请重新选择"):
        service.classify(session, case.number, scene.actor(Role.DISPATCHER), category.id)
