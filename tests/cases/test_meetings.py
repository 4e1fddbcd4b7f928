"""Meetings: who may keep the record, that what is said twice stands once, and what becomes of a matter."""

from datetime import UTC, date, datetime, timedelta

import pytest
import sqlalchemy as sa

from backend.cases import leaders, meeting_queries, meetings
from backend.cases.meeting_models import Matter, Meeting, MeetingKind
from backend.cases.meetings import Plan
from backend.cases.models import Case, CaseEvent, Channel
from backend.cases.service import Actor
from backend.cases.workflow import Action, Status
from backend.errors import Conflict, Forbidden, Invalid, NotFound
from backend.places.models import Area, Resident
from backend.places.roles import Role
from backend.places.scope import posts_of
from tests.cases.scene import at_once
from tests.factories import make_community, make_officer

HELD = datetime(2026, 11, 20, 7, 0, tzinfo=UTC)  # 15:00 in Shanghai
PHONE = "13900000001"


def as_actor(session, officer):
    return Actor(officer_id=officer.id, posts=tuple(posts_of(session, officer.id)))


class Tea:
    """A community with its secretary and information officer, and a tea meeting there."""

    def __init__(self, session):
        self.session, self.community = session, make_community(session)
        self.secretary = make_officer(session, Role.SECRETARY, area=self.community, name="赵文")
        desk = make_officer(session, Role.INFORMATION_OFFICER, area=self.community)
        self.desk = as_actor(session, desk)
        self.meeting = meetings.open_meeting(session, self.desk, self.plan())

    def plan(self, **fields):
        default = {
            "kind": MeetingKind.TEA,
            "place_id": self.community.id,
            "title": "停车问题茶话会",
            "host_id": self.secretary.id,
            "held_at": HELD,
        }
        return Plan(**default | fields)

    def add(self, name="何丽", phone=PHONE):
        return meetings.add_person(self.session, self.desk, self.meeting.id, name, phone)

    def raise_(self, text="车位不够，晚上停在消防通道上", by=None, words=""):
        by_id = by.id if by else None
        return meetings.raise_matter(self.session, self.desk, self.meeting.id, text, by_id, words)


@pytest.fixture
def tea(session):
    return Tea(session)


def count(session, table):
    return session.scalar(sa.select(sa.func.count()).select_from(table))


def test_a_matter_becomes_a_case_of_who_raised_it(session, tea):
    matter = tea.raise_(by=tea.add())
    case = meetings.to_case(session, tea.desk, matter.id)
    assert (case.channel, case.report) == (Channel.MEETING, "车位不够，晚上停在消防通道上")
    assert session.get_one(Resident, case.resident_id).name == "何丽"
    assert case.community_id == tea.community.id
    told = session.scalars(sa.select(CaseEvent.note).where(CaseEvent.case_id == case.id)).all()
    assert "来自书记茶话会“停车问题茶话会”（11月20日）" in told
    assert matter.case_id == case.id


def test_the_same_matter_twice_is_one_case(session, tea):
    matter = tea.raise_(by=tea.add())
    first = meetings.to_case(session, tea.desk, matter.id)
    assert meetings.to_case(session, tea.desk, matter.id).id == first.id
    assert count(session, Case) == 1


def test_two_who_make_a_matter_a_case_at_the_same_moment_make_one(committed):
    tea = Tea(committed)
    matter_id, desk = tea.raise_(by=tea.add()).id, tea.desk
    committed.commit()
    committed.expunge_all()
    found = at_once(*[lambda session: meetings.to_case(session, desk, matter_id).id] * 4)
    assert len(set(found)) == count(committed, Case) == 1


def test_what_is_said_twice_stands_once(session, tea):
    assert tea.add().id == tea.add(name="", phone="139 0000 0001").id
    assert tea.add("老陈", "").id == tea.add("老陈", "").id
    assert tea.raise_().id == tea.raise_().id
    assert meetings.open_meeting(session, tea.desk, tea.plan()).id == tea.meeting.id
    assert (count(session, Resident), count(session, Matter), count(session, Meeting)) == (2, 1, 1)


def test_who_telephoned_before_is_known_again_at_the_meeting(session, tea):
    matter = tea.raise_("楼道灯坏了", by=tea.add())
    case = meetings.to_case(session, tea.desk, matter.id)
    later = meetings.open_meeting(session, tea.desk, tea.plan(title="第二次"))
    again = meetings.add_person(session, tea.desk, later.id, "何丽", PHONE)
    assert again.resident_id == case.resident_id


def test_a_meeting_ends_when_every_matter_was_answered_or_is_a_case(session, tea):
    answered, open_one = tea.raise_("路灯太暗", words="周三加装两盏"), tea.raise_()
    with pytest.raises(Conflict, match="还有 1 件事"):
        meetings.close(session, tea.desk, tea.meeting.id)
    meetings.answer(session, tea.desk, open_one.id, "今晚起保安巡查")
    meetings.close(session, tea.desk, tea.meeting.id, HELD)
    with pytest.raises(Conflict, match="已经结束登记"):
        tea.raise_("还有一件事")
    assert meetings.to_case(session, tea.desk, answered.id).number  # it may turn out not to be settled


def test_a_case_is_answered_as_a_case(session, tea):
    matter = tea.raise_()
    meetings.to_case(session, tea.desk, matter.id)
    with pytest.raises(Conflict, match="已经转为诉求"):
        meetings.answer(session, tea.desk, matter.id, "好了")


def test_the_record_is_kept_by_those_of_the_area_alone(session, tea):
    matter = tea.raise_(by=tea.add())
    other = make_community(session, name="月季社区")
    for officer in (
        make_officer(session, Role.SECRETARY, area=other),
        make_officer(session, Role.GRID_OFFICER, area=tea.community),
        make_officer(session, Role.ADMINISTRATOR, area=tea.community),
    ):
        stranger = as_actor(session, officer)
        assert meeting_queries.page(session, stranger) == []
        for step in (
            lambda who: meetings.add_person(session, who, tea.meeting.id, "某人", ""),
            lambda who: meetings.answer(session, who, matter.id, "好了"),
            lambda who: meetings.to_case(session, who, matter.id),
            lambda who: meetings.close(session, who, tea.meeting.id),
            lambda who: meeting_queries.find(session, who, tea.meeting.id),
        ):
            with pytest.raises(NotFound):
                step(stranger)
        with pytest.raises(Forbidden):
            meetings.open_meeting(session, stranger, tea.plan())


def test_a_supervisor_reads_the_record_and_leaves_the_cases_to_the_desk(session, tea):
    matter = tea.raise_()
    supervisor = as_actor(session, make_officer(session, Role.SUPERVISOR, area=tea.community))
    assert [one.id for one in meeting_queries.page(session, supervisor)] == [tea.meeting.id]
    with pytest.raises(Forbidden, match="您的岗位不能"):
        meetings.to_case(session, supervisor, matter.id)


def test_the_host_leads_the_place_or_what_lies_above(session, tea):
    street = session.get_one(Area, tea.community.subdistrict_id)
    leader = make_officer(session, Role.LEADER, area=street, name="梁栋")
    elsewhere = make_officer(session, Role.LEADER, area=make_community(session, name="月季社区"))
    assert leaders.called(leaders.over(session, tea.community), "梁栋") == leader.id
    assert meetings.open_meeting(session, tea.desk, tea.plan(title="接访", host_id=leader.id)).host_id
    with pytest.raises(Invalid, match="主持人"):
        meetings.open_meeting(session, tea.desk, tea.plan(host_id=elsewhere.id))


def test_a_person_of_another_meeting_raises_nothing_here(session, tea):
    person = tea.add()
    other = meetings.open_meeting(session, tea.desk, tea.plan(title="第二次"))
    with pytest.raises(NotFound, match="参加的人"):
        meetings.raise_matter(session, tea.desk, other.id, "有件事", person.id)


def test_the_figures_say_what_came_of_the_meetings(session, tea):
    for name in ("何丽", "老陈"):
        tea.add(name, "")
    tea.raise_("路灯太暗", words="周三加装两盏")
    tea.raise_("电梯老停")
    first, _ = [meetings.to_case(session, tea.desk, tea.raise_(text).id) for text in ("一号", "二号")]
    session.execute(sa.update(Case).where(Case.id == first.id).values(status=Status.RESOLVED))
    wanted = meeting_queries.Figures(1, 2, 4, 1, 2, 1)
    assert meeting_queries.figures(session, tea.desk, date(2026, 11, 20), date(2026, 11, 20)) == wanted
    assert meeting_queries.of_each(session, [tea.meeting.id]) == {tea.meeting.id: wanted}
    nothing = meeting_queries.figures(session, tea.desk, date(2026, 11, 21), date(2026, 12, 31))
    assert nothing == meeting_queries.Figures()


def test_a_page_of_meetings_goes_on_by_key(session, tea):
    more = [
        meetings.open_meeting(session, tea.desk, tea.plan(title=f"第{n}次", held_at=HELD + timedelta(n)))
        for n in range(3)
    ]
    first = meeting_queries.page(session, tea.desk, limit=2)
    rest = meeting_queries.page(session, tea.desk, before=first[-1].id)
    assert [one.id for one in (*first, *rest)] == [one.id for one in (*reversed(more), tea.meeting)]
    assert meeting_queries.page(session, tea.desk, kind=MeetingKind.RECEPTION) == []


def test_the_step_that_names_the_meeting_is_an_addition_of_the_desk(session, tea):
    case = meetings.to_case(session, tea.desk, tea.raise_().id, at=HELD)
    steps = session.execute(
        sa.select(CaseEvent.action, CaseEvent.role).where(CaseEvent.case_id == case.id).order_by(CaseEvent.id)
    )
    assert [tuple(step) for step in steps] == [
        (Action.SUBMIT, Role.INFORMATION_OFFICER),
        (Action.ADD, Role.INFORMATION_OFFICER),
    ]
