"""Who has a case in hand: people of the desk, of the unit, the district that decides, the resident asked."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from backend.cases import delegation, queries, replies, service
from backend.cases.models import Case
from backend.cases.workflow import Action, Outcome, Status
from backend.errors import Conflict, Forbidden, Invalid, NotFound, TooMany
from backend.notify.messages import Message
from backend.places.models import Area, Officer, Post, Shift
from backend.places.roles import Role
from backend.places.scope import posts_of
from backend.privacy import blind_index
from backend.times import now, spoken
from tests.cases.scene import AT, at_once
from tests.factories import make_case, make_officer, make_resident, make_unit

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
EXPLAINED = {"note": "已上门说明", "outcome": Outcome.EXPLAINED}


def actor_of(session, officer):
    return service.Actor(officer_id=officer.id, posts=tuple(posts_of(session, officer.id)))


def colleagues(scene, role, count, **where):
    where = where or {"unit": scene.unit}
    return [make_officer(scene.session, role, name=f"同事{n}", **where) for n in range(count)]


def test_of_two_who_take_a_case_one_wins_and_the_other_hears_who(committed, committed_scene):
    scene = committed_scene
    case = scene.case(Status.ACCEPTED)
    desk = [
        actor_of(committed, officer)
        for officer in colleagues(scene, Role.INFORMATION_OFFICER, 2, area=scene.community)
    ]
    committed.commit()
    results = at_once(
        *(lambda session, one=one: service.perform(session, case.number, Action.CLAIM, one) for one in desk)
    )
    [won] = [result for result in results if isinstance(result, Case)]
    [lost] = [result for result in results if isinstance(result, Conflict)]
    winner = committed.get_one(Officer, won.handler_id)
    assert lost.message == f"{winner.name}已经接手了这件事"


def test_what_a_colleague_on_leave_has_in_hand_can_be_taken_over(session, scene):
    away, here = colleagues(scene, Role.HANDLER, 2)
    case = scene.case(Status.IN_PROGRESS, handler_id=away.id)
    with pytest.raises(Conflict, match="同事0已经接手"):
        service.perform(session, case.number, Action.TAKE, actor_of(session, here))
    leave = sa.update(Post).where(Post.officer_id == away.id)
    session.execute(leave.values(away_since=now() - DAY, away_until=now() + DAY))
    service.perform(session, case.number, Action.TAKE, actor_of(session, here))
    assert case.handler_id == here.id


def test_who_signs_for_a_case_has_it_but_a_head_signs_for_the_unit(session, scene):
    handler, head = scene.actor(Role.HANDLER), scene.actor(Role.UNIT_HEAD)
    for who, expected in ((handler, handler.officer_id), (head, None)):
        case = scene.case(Status.ASSIGNED)
        service.perform(session, case.number, Action.ACKNOWLEDGE, who, at=AT)
        assert case.handler_id == expected


def test_a_case_is_offered_to_those_on_duty_first_and_then_to_who_has_least_in_hand(session, scene):
    busy, idle, on_duty = colleagues(scene, Role.HANDLER, 3)
    case = scene.case(Status.ASSIGNED)
    for _ in range(2):
        scene.case(Status.IN_PROGRESS, handler_id=busy.id)
    scene.case(Status.IN_PROGRESS, handler_id=on_duty.id)
    [post] = posts_of(session, on_duty.id)
    session.add(Shift(post_id=post.id, since=now() - HOUR, until=now() + HOUR))
    session.flush()
    offered = delegation.candidates(session, case)
    assert [one.officer_id for one in offered] == [on_duty.id, idle.id, busy.id]
    assert offered[0].words == "同事2（经办人，值班，在办 1 件）"


def test_who_is_given_a_case_is_told_and_finds_it_among_their_own(session, scene):
    [colleague] = colleagues(scene, Role.HANDLER, 1)
    case = scene.case(Status.IN_PROGRESS)
    scene.do(case, Action.DELEGATE, Role.UNIT_HEAD, officer_id=colleague.id, note="请今天去看")
    [row] = [row for row in scene.told(case) if row.message is Message.CASE_DELEGATED]
    assert row.officer_id == colleague.id
    assert [case.id for case in queries.own_cases(session, colleague.id)] == [case.id]
    stranger = make_officer(session, Role.HANDLER, unit=make_unit(session, scene.community))
    with pytest.raises(NotFound, match="不在承办单位"):
        scene.do(case, Action.DELEGATE, Role.UNIT_HEAD, officer_id=stranger.id)


def test_the_second_return_is_decided_by_the_district_and_binds(session, scene):
    other = make_unit(session, scene.community, name="住建局")
    case = scene.submit()
    reason = {"note": "不归我们", "basis": "职责清单第 3 条", "unit_id": other.id}
    desk = Role.INFORMATION_OFFICER
    scene.do(case, Action.ACCEPT, desk)
    scene.do(case, Action.ASSIGN, desk, unit_id=scene.unit.id)
    scene.do(case, Action.SEND_BACK, Role.HANDLER, AT + HOUR, **reason)
    assert (case.status, case.unit_id) == (Status.ACCEPTED, None)
    assert scene.events(case)[-1].note == "不归我们\n依据：职责清单第 3 条\n建议由住建局办理"
    scene.do(case, Action.ASSIGN, desk, AT + 2 * HOUR, unit_id=scene.unit.id)
    scene.do(case, Action.SEND_BACK, Role.HANDLER, AT + 3 * HOUR, **reason)
    assert case.status is Status.DISPUTED
    with pytest.raises(Conflict, match="待裁定"):
        scene.do(case, Action.ASSIGN, desk, AT + 3 * HOUR, unit_id=scene.unit.id)
    decision = {"unit_id": scene.unit.id, "note": "道路照明归市政"}
    scene.do(case, Action.ARBITRATE, Role.ARBITER, AT + 4 * HOUR, **decision)
    assert (case.status, case.unit_id) == (Status.ASSIGNED, scene.unit.id)
    with pytest.raises(Conflict, match="区里已经裁定"):
        scene.do(case, Action.SEND_BACK, Role.HANDLER, AT + 5 * HOUR, **reason)
    offered = {action for action, _ in queries.steps_for(case, {Role.HANDLER})}
    assert offered.isdisjoint({Action.SEND_BACK, Action.DISPUTE})


def test_only_the_district_decides_whose_a_case_is(session, scene):
    case = scene.case(Status.DISPUTED)
    street = session.get_one(Area, scene.community.subdistrict_id)
    for area, is_allowed in ((street, False), (session.get_one(Area, scene.community.district_id), True)):
        supervisor = actor_of(session, make_officer(session, Role.SUPERVISOR, area=area))
        waiting = queries.waiting_cases(session, supervisor.posts)
        assert (case in waiting) is is_allowed
        assert (Role.ARBITER in supervisor.roles_over(case)) is is_allowed
    with pytest.raises(Forbidden):
        scene.do(case, Action.ARBITRATE, Role.SUPERVISOR, unit_id=scene.unit.id, note="归市政")


def test_a_member_of_the_group_sees_and_logs_the_case_though_it_is_another_units(session, scene):
    member = scene.actor(Role.GROUP_MEMBER)
    case = scene.case(Status.IN_PROGRESS)
    service.perform(session, case.number, Action.LOG, member, service.Given(note="走访三户"), at=AT)
    assert [one.id for one in queries.own_cases(session, member.officer_id)] == [case.id]
    with pytest.raises(Forbidden):
        service.perform(session, case.number, Action.RESOLVE, member, service.Given(**EXPLAINED), at=AT)


def test_a_resident_is_asked_one_question_at_a_time_and_any_word_answers_it(session, scene):
    case = scene.case(Status.IN_PROGRESS)
    scene.do(case, Action.ASK, Role.HANDLER, note="是三楼还是四楼？")
    assert case.question == "是三楼还是四楼？"
    [row] = [row for row in scene.told(case) if row.message is Message.CASE_ASKED]
    assert "是三楼还是四楼？" in row.fields["note"]
    with pytest.raises(Conflict, match="还没有回复"):
        scene.do(case, Action.ASK, Role.HANDLER, note="什么颜色？")
    assert Action.ASK not in {action for action, _ in queries.steps_for(case, {Role.HANDLER})}
    scene.do(case, Action.ADD, Role.HANDLER, note="现场照片")
    assert case.replied_at is None
    scene.do(case, Action.ADD, Role.RESIDENT, AT + HOUR, note="四楼")
    assert case.replied_at == AT + HOUR
    nobody = scene.case(Status.IN_PROGRESS, resident_id=None)
    with pytest.raises(Conflict, match="没有登记反映人"):
        scene.do(nobody, Action.ASK, Role.HANDLER, note="在哪里？")


def test_the_first_contact_counts_and_later_ones_do_not_move_it(session, scene):
    case = scene.case(Status.ASSIGNED)
    for hours in (1, 2):
        scene.do(case, Action.FIRST_CONTACT, Role.HANDLER, AT + hours * HOUR, note="电话里约了明天上门")
    assert case.first_contact_at == AT + HOUR
    assert [event.public for event in scene.events(case)] == [False, False]


@pytest.mark.parametrize(
    "reply", ["已处理。", "您好，感谢您的反映，已转相关部门处理，请知悉！", "  收到 ", "已办结，谢谢"]
)
def test_a_reply_that_says_nothing_is_not_sent(session, scene, reply):
    case = scene.case(Status.IN_PROGRESS)
    with pytest.raises(Invalid, match="看不懂办了什么"):
        scene.do(case, Action.RESOLVE, Role.HANDLER, note=reply, outcome=Outcome.EXPLAINED)
    with pytest.raises(Invalid):
        scene.do(case, Action.PROGRESS, Role.HANDLER, note=reply)


def test_a_reply_tells_nothing_of_other_people(session, scene):
    neighbour = make_resident(session, name="欧阳明月")
    case = scene.case(Status.IN_PROGRESS)
    make_case(session, scene.community, status=Status.MERGED, master_id=case.id, resident_id=neighbour.id)
    refused = {
        "已联系业主 13912345678，明天维修": "手机号",
        "经核实身份证 440301199001011234 的住户已搬走": "身份证号",
        "欧阳明月也反映了这件事，已一并处理好": "欧阳明月",
    }
    for reply, word in refused.items():
        with pytest.raises(Invalid, match=word):
            replies.must_spare_others(session, case, reply)
        for step in (Action.ASK, Action.ADD):
            with pytest.raises(Invalid, match=word):
                scene.do(case, step, Role.HANDLER, note=reply)
    replies.must_spare_others(session, case, "路灯已换好，有事请打 0755-00000020")
    replies.must_say_something("您好，路灯已换好，感谢您的反映")


def test_what_neighbours_read_too_tells_nothing_of_the_first_reporter_either(session, scene):
    reporter, neighbour = make_resident(session, name="司徒清风"), make_resident(session)
    reporter.phone, reporter.phone_index = "13712340000", blind_index("13712340000")
    case = scene.case(Status.IN_PROGRESS, resident_id=reporter.id)
    replies.must_spare_others(session, case, "司徒清风您好，我们会打 13712340000 联系您")
    make_case(session, scene.community, status=Status.MERGED, master_id=case.id, resident_id=neighbour.id)
    for words, why in (("司徒清风您好，已经修好", "司徒清风"), ("已打 13712340000 联系，已经修好", "手机号")):
        with pytest.raises(Invalid, match=why):
            scene.do(case, Action.RESOLVE, Role.HANDLER, note=words, outcome=Outcome.EXPLAINED)


def test_a_supervisor_who_brings_a_case_back_tells_nothing_of_other_people(session, scene):
    case = scene.case(Status.RESOLVED)
    with pytest.raises(Invalid, match="手机号"):
        scene.do(case, Action.REOPEN, Role.SUPERVISOR, note="业主 13912345678 说没有修好")
    scene.do(case, Action.REOPEN, Role.SUPERVISOR, note="现场看还没有修好")


def test_what_a_resident_writes_is_their_own_affair(session, scene):
    case = scene.case(Status.IN_PROGRESS)
    scene.do(case, Action.ADD, Role.RESIDENT, note="业主电话是 13912345678")
    assert scene.events(case)[-1].note == "业主电话是 13912345678"


def test_an_officer_may_give_their_own_number(session, scene):
    officer = make_officer(session, Role.HANDLER, unit=scene.unit)
    officer.phone, officer.phone_index = "13800000001", blind_index("13800000001")
    session.flush()
    case = scene.case(Status.IN_PROGRESS)
    words = "灯杆周三换，有事打我电话 13800000001"
    scene.do(case, Action.RESOLVE, Role.HANDLER, note=words, outcome=Outcome.EXPLAINED)
    assert case.answer == words


def test_a_resident_urges_three_times_a_day_and_is_told_when_again(session, scene):
    case = scene.case(Status.ASSIGNED)
    for hours in range(3):
        scene.do(case, Action.URGE, Role.RESIDENT, AT + hours * HOUR)
    with pytest.raises(TooMany, match="一天最多催 3 次"):
        scene.do(case, Action.URGE, Role.RESIDENT, AT + 4 * HOUR)
    scene.do(case, Action.URGE, Role.SUPERVISOR, AT + 4 * HOUR)
    scene.do(case, Action.URGE, Role.RESIDENT, AT + 25 * HOUR)
    assert case.urged == 5


def test_who_had_the_case_hears_that_it_is_theirs_no_more(session, scene):
    handler = make_officer(session, Role.HANDLER, unit=scene.unit)
    other = make_unit(session, scene.community)
    for action, given in (
        (Action.ASSIGN, {"unit_id": other.id}),
        (Action.RETRACT, {"note": "派错了"}),
    ):
        case = scene.case(Status.ASSIGNED)
        scene.do(case, action, Role.DISPATCHER, **given)
        assert [row.officer_id for row in scene.told(case) if row.message is Message.CASE_GONE] == [
            handler.id
        ]


def test_a_unit_is_told_by_when_to_sign_though_another_clock_runs_out_before(session, scene):
    make_officer(session, Role.HANDLER, unit=scene.unit)
    case = scene.submit()
    scene.do(case, Action.ACCEPT, Role.INFORMATION_OFFICER)
    late = AT + 30 * HOUR  # the time for a first word to the resident is over
    scene.do(case, Action.ASSIGN, Role.INFORMATION_OFFICER, late, unit_id=scene.unit.id)
    assert case.due_at < late
    [row] = [row for row in scene.told(case) if row.message is Message.CASE_ASSIGNED]
    assert row.fields["until"] == spoken(late + HOUR, late)
