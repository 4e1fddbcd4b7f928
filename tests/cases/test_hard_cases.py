"""Hard cases: marks, the leader in charge, the working group, the log over a hundred days, the review."""

from datetime import timedelta

import pytest

from backend.cases import hard_cases, hard_queries
from backend.cases.hard_marks import MARK_LABELS, Mark, words_of
from backend.cases.hard_queries import Charge
from backend.cases.workflow import Action, Status
from backend.errors import Conflict, Forbidden, Invalid, NotFound
from backend.notify.messages import Message
from backend.places.models import Area
from backend.places.roles import Role
from backend.privacy import blind_index
from tests.cases.scene import AT
from tests.cases.test_meetings import as_actor
from tests.factories import make_community, make_officer, make_unit

DAY = timedelta(days=1)


@pytest.fixture
def district(session, scene):
    return session.get_one(Area, scene.community.district_id)


@pytest.fixture
def leader(session, district):
    return make_officer(session, Role.LEADER, area=district, name="梁栋")


@pytest.fixture
def case(scene):
    return scene.case(Status.IN_PROGRESS, discovered_at=AT)


@pytest.fixture
def supervisor(scene):
    return scene.actor(Role.SUPERVISOR)


@pytest.fixture
def colleague(session, district):
    """Someone of another unit of the district, who has nothing to do with the case."""
    return add_namesake(session, district, "房管中心")


def add_namesake(session, area, unit):
    """Another 贺诚, who is found by his name."""
    officer = make_officer(session, Role.HANDLER, unit=make_unit(session, area, name=unit), name="贺诚")
    officer.name_index = blind_index("贺诚")
    session.commit()
    return officer


def test_every_mark_has_its_words_and_they_read_in_the_tables_order():
    assert set(MARK_LABELS) == set(Mark)
    assert words_of(["no_records", "cross_department"], is_legacy=True) == "积案、跨部门、无档案资料"


def test_marks_are_written_as_they_are_said_and_officers_alone_read_of_it(session, scene, case, supervisor):
    marks = ["no_records", "cross_department"]
    hard_cases.mark(session, case.number, supervisor, marks, is_legacy=True, note="四十四年", at=AT)
    assert (case.marks, case.is_legacy) == (["cross_department", "no_records"], True)
    [event] = scene.events(case)
    assert (event.note, event.public) == ("积案、跨部门、无档案资料。四十四年", False)
    with pytest.raises(Conflict, match="已经是这样"):
        hard_cases.mark(session, case.number, supervisor, marks[::-1], is_legacy=True)
    hard_cases.mark(session, case.number, supervisor, [])
    assert (case.marks, case.is_legacy) == ([], False)
    assert scene.events(case)[-1].note == "取消标记"


def test_a_mark_that_there_is_not_is_refused(session, case, supervisor):
    with pytest.raises(Invalid, match="没有这种难案标记"):
        hard_cases.mark(session, case.number, supervisor, ["hopeless"])


def test_the_leader_in_charge_is_told_and_named(session, scene, case, supervisor, leader):
    hard_cases.take_charge(session, case.number, supervisor, leader.id, "年底前化解", at=AT)
    assert case.leader_id == leader.id
    assert scene.events(case)[-1].note == "由梁栋（领导 · 青岚区）包案。年底前化解"
    [told] = [one for one in scene.told(case) if one.message is Message.CASE_IN_CHARGE]
    assert told.officer_id == leader.id
    with pytest.raises(Conflict, match="已经由梁栋"):
        hard_cases.take_charge(session, case.number, supervisor, leader.id)


def test_nobody_is_in_charge_who_does_not_lead_there(session, scene, case, supervisor, colleague):
    elsewhere = make_officer(session, Role.LEADER, area=make_community(session, name="月季社区"))
    for officer in (colleague, elsewhere):
        with pytest.raises(NotFound, match="书记、领导"):
            hard_cases.take_charge(session, case.number, supervisor, officer.id)
    assert case.leader_id is None


def test_a_handler_puts_nobody_in_charge_and_nothing_is_changed(session, scene, case, leader):
    for step in (
        lambda who: hard_cases.take_charge(session, case.number, who, leader.id),
        lambda who: hard_cases.mark(session, case.number, who, ["cross_region"]),
        lambda who: hard_cases.form_group(session, case.number, who, [leader.id]),
    ):
        with pytest.raises(Forbidden, match="您的岗位不能"):
            step(scene.actor(Role.HANDLER))
    assert (case.leader_id, case.marks, case.group_ids) == (None, [], [])


def test_the_group_sees_the_case_is_told_and_writes_its_log(session, scene, case, supervisor, colleague):
    member = as_actor(session, colleague)
    assert not member.roles_over(case)
    hard_cases.form_group(session, case.number, supervisor, [colleague.id, colleague.id], at=AT)
    assert case.group_ids == [colleague.id]
    assert scene.events(case)[-1].note == "成员：贺诚（经办人 · 房管中心）"
    assert [one.officer_id for one in scene.told(case) if one.message is Message.GROUP_FORMED] == [
        colleague.id
    ]
    assert member.roles_over(case) == {Role.GROUP_MEMBER}
    hard_cases.log(session, case.number, member, "调了1982年的底册", at=AT)
    assert [line.case.id for line in hard_queries.page(session, member, "mine")] == [case.id]
    with pytest.raises(Forbidden):
        hard_cases.mark(session, case.number, member, ["no_records"])
    hard_cases.form_group(session, case.number, supervisor, [scene.actor(Role.HANDLER).officer_id])
    assert hard_queries.page(session, member) == []


def test_the_group_is_of_the_district(session, case, supervisor):
    far = make_officer(
        session, Role.HANDLER, unit=make_unit(session, make_community(session, name="月季社区"))
    )
    with pytest.raises(NotFound, match="不在本区任职"):
        hard_cases.form_group(session, case.number, supervisor, [far.id])
    with pytest.raises(Invalid, match="请选择专班成员"):
        hard_cases.form_group(session, case.number, supervisor, [])


def test_a_member_is_found_as_offered_by_name_or_not_at_all(session, scene, case, colleague):
    assert hard_cases.called(session, case, "贺诚（经办人 · 房管中心）") == colleague.id
    assert hard_cases.called(session, case, "贺诚") == colleague.id
    add_namesake(session, scene.community, "物业中心")
    assert hard_cases.called(session, case, "贺诚") is None
    assert hard_cases.called(session, case, "贺诚（经办人 · 房管中心）") == colleague.id


def test_the_log_of_a_hundred_days_reads_newest_first_with_its_days(session, scene, case):
    handler = scene.actor(Role.HANDLER)
    for n in range(0, 120, 3):
        hard_cases.log(session, case.number, handler, f"第{n}天的事", at=AT + n * DAY)
    hard_cases.log(session, case.number, handler, "同一天又去了一次", at=AT + 117 * DAY + timedelta(hours=2))
    days = hard_queries.log_of(session, case)
    assert len(days) == 40
    assert [day.number for day in (days[0], days[-1])] == [118, 1]
    assert [note for _, _, note in days[0].entries] == ["同一天又去了一次", "第117天的事"]


def test_what_was_learnt_is_one_text_of_three(session, scene):
    closed = scene.case(Status.CLOSED)
    words = {"cause": "底册缺失", "worked": "老邻居作证", "change": ""}
    hard_cases.review(session, closed.number, scene.actor(Role.SUPERVISOR), **words, at=AT)
    assert scene.events(closed)[-1].note == "起因：底册缺失\n有效的做法：老邻居作证"
    assert hard_queries.reviews_of(session, closed) == [(AT, "起因：底册缺失\n有效的做法：老邻居作证")]
    with pytest.raises(Invalid):
        hard_cases.review(
            session, closed.number, scene.actor(Role.SUPERVISOR), cause=" ", worked="", change=""
        )


def test_the_list_holds_the_hard_cases_of_ones_scope(session, scene, case, supervisor, leader):
    plain = scene.case(Status.IN_PROGRESS)
    hard_cases.mark(session, case.number, supervisor, [], is_legacy=True)
    hard_cases.take_charge(session, case.number, supervisor, leader.id)
    hard_cases.log(session, case.number, supervisor, "见了当事人", at=AT)
    for view in ("open", "legacy", "led", "all"):
        [line] = hard_queries.page(session, supervisor, view)
        assert (line.case.id, line.leader, line.note) == (case.id, "梁栋", "见了当事人")
    assert line.days == hard_queries.days_of(case)
    stranger = as_actor(
        session, make_officer(session, Role.SUPERVISOR, area=make_community(session, name="月季社区"))
    )
    assert hard_queries.page(session, stranger, "all") == []
    assert plain.id != case.id


def test_what_came_of_leaders_cases_counts_taken_and_resolved(session, scene, supervisor, leader):
    cases = [scene.case(Status.IN_PROGRESS) for _ in range(3)]
    for n, one in enumerate(cases):
        hard_cases.take_charge(session, one.number, supervisor, leader.id, at=AT + n * DAY)
    scene.do(cases[0], Action.RESOLVE, Role.HANDLER, note="已补发安置款", outcome="explained")
    assert hard_queries.charges(session, supervisor) == [Charge("梁栋", 3, 1)]
    assert hard_queries.charges(session, supervisor, AT, AT + DAY) == [Charge("梁栋", 1, 1)]
    assert hard_queries.charges(session, supervisor, AT + 9 * DAY) == []
