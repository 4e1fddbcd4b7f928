"""Who is told of a step on a case: the people of its row, in its words, and nobody else."""

import pytest
import sqlalchemy as sa

from backend.cases import service
from backend.cases.workflow import RULES, Action, Status
from backend.errors import Forbidden
from backend.notify.messages import CATALOGUE, Message
from backend.places.models import Area, Post
from backend.places.roles import Level, Role
from tests.cases.clock_scene import DAY, HOUR
from tests.cases.scene import AT, add_post
from tests.cases.test_service import EVERYTHING, everything
from tests.factories import (
    make_area,
    make_community,
    make_officer,
    make_resident,
    make_unit,
)

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
    Action.CLOSE_AGAIN: both(Message.CASE_CLOSED_AGAIN),
    Action.DISSENT: {(Message.ANSWER_DISPUTED, name) for name in UNIT},
    Action.ASSENT: {(Message.REVIEW_ENDED, name) for name in (*UNIT, "supervisor")},
    Action.COMMENT: {(Message.SURVEY_COMMENTED, name) for name in UNIT},
    Action.UPHOLD: {(Message.ANSWER_UPHELD, "resident")} | {(Message.REVIEW_DECIDED, name) for name in UNIT},
    Action.WITHDRAW: both(Message.CASE_WITHDRAWN),
    Action.URGE: both(Message.CASE_URGED),
    Action.ASK_PERSON: both(Message.PERSON_WANTED),
    Action.SEE_PHONE: set(),
    Action.CLASSIFY: set(),
    Action.CLAIM: set(),
    Action.RETRACT: {(Message.CASE_GONE, name) for name in UNIT},
    Action.SPLIT: set(),
    Action.MERGE: {(Message.CASE_GONE, name) for name in UNIT} | {(Message.CASE_MERGED, "resident")},
    Action.JOIN: set(),  # by the resident, who is answered on the spot
    Action.JOINED: set(),
    Action.REMERGE: set(),
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
    Action.CALL_BACK: set(),
    Action.THANK: set(),
    Action.STRIKE_THANKS: set(),
}


def test_who_is_told_is_written_down_for_every_step():
    assert set(TOLD) == set(Action) - {Action.SUBMIT}


@pytest.mark.parametrize("action", TOLD)
def test_a_step_tells_exactly_the_people_of_its_row(session, scene, crowd, action):
    rule, people = RULES[action], {name: officer_id for name, (_, officer_id) in crowd.items()}
    hard = {"leader_id": people["leader"], "group_ids": [people["group member"]]}
    case = scene.ready(scene.case(rule.sources[0], sent_back=int(action is Action.DISPUTE), **hard), action)
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
        case = scene.ready(scene.case(rule.sources[0], due_at=AT + HOUR, answer="上次的答复"), action)
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


@pytest.mark.parametrize(
    ("said", "told"), [("没有解决", "没有解决，说了原因的话，点开能看到"), ("还是不亮", "还是不亮")]
)
def test_where_the_reasons_come_after_the_verdict_the_message_says_where_they_are(
    session, scene, crowd, said, told
):
    case = scene.resolve(scene.submit())
    scene.do(case, Action.REOPEN, Role.RESIDENT, note=said)
    notes = {row.fields["note"] for row in scene.told(case) if row.message is Message.CASE_RETURNED}
    assert notes == {told}
    assert scene.events(case)[-1].note == said


def test_a_case_that_comes_back_quotes_the_earlier_answer_to_the_unit_and_the_community(
    session, scene, crowd
):
    case = scene.resolve(scene.submit())
    scene.do(case, Action.REOPEN, Role.RESIDENT, note="还是不亮")
    returned = [row for row in scene.told(case) if row.message is Message.CASE_RETURNED]
    assert len(returned) >= 6
    assert {(row.fields["answer"], row.fields["note"]) for row in returned} == {("路灯换好了", "还是不亮")}
    assert "上次答复：路灯换好了" in CATALOGUE[Message.CASE_RETURNED].text.format(**returned[0].fields)


def test_a_unit_that_sent_the_case_back_hears_of_it_no_more(session, scene, crowd):
    case = scene.case(Status.ASSIGNED)
    other = make_unit(session, scene.community)
    scene.do(case, Action.SEND_BACK, Role.HANDLER, note="归物业管", basis="职责清单第 3 条", unit_id=other.id)
    scene.do(case, Action.URGE, Role.RESIDENT)
    urged = {name for message, name in told_to(scene, case, crowd) if message is Message.CASE_URGED}
    assert urged == set(COMMUNITY)
    with pytest.raises(Forbidden, match="不归您办理"):
        service.find(session, case.number, scene.actor(Role.HANDLER))


def test_an_officer_who_works_for_the_unit_too_is_told_of_a_return_once(session, scene):
    officer = make_officer(session, Role.INFORMATION_OFFICER, area=scene.community)
    add_post(session, officer.id, Role.HANDLER, unit_id=scene.unit.id)
    case = scene.case(Status.RESOLVED)
    scene.do(case, Action.REOPEN, Role.RESIDENT)
    returned = [row.officer_id for row in scene.told(case) if row.message is Message.CASE_RETURNED]
    assert returned == [officer.id]
