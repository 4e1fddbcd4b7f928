"""The pages of tea meetings and reception days."""

import re
from datetime import UTC, datetime

import pytest
import sqlalchemy as sa

from backend.cases import meetings
from backend.cases.meeting_models import Matter, Meeting, MeetingKind
from backend.cases.meetings import Plan
from backend.cases.models import Case, Channel
from backend.cases.service import Actor
from backend.places.roles import Role
from backend.places.scope import posts_of
from tests.browser import is_cut, sign_in
from tests.console.conftest import asked_again, queries_of
from tests.factories import make_area, make_contact, make_officer

HOME = "/console/meetings/"
HELD = datetime(2026, 11, 20, 7, 0, tzinfo=UTC)


@pytest.fixture
def secretary(session, place):
    return make_officer(session, Role.SECRETARY, area=place.community, name="赵文")


@pytest.fixture
def client(place, as_officer, secretary):
    return as_officer(place.desk)


def form(**fields):
    default = {
        "kind": "tea",
        "title": "停车问题茶话会",
        "place": "玉兰社区",
        "room": "二楼会议室",
        "host": "赵文（社区书记 · 玉兰社区）",
        "held": "2026-11-20T15:00",
    }
    return default | fields


def begin(client, **fields):
    answer = client.post(HOME, data=form(**fields))
    assert answer.status_code == 303, answer.text
    return answer.location


def all_of(session, table):
    return session.scalars(
        sa.select(table).order_by(table.id).execution_options(populate_existing=True)
    ).all()


def test_a_meeting_is_recorded_from_its_opening_to_its_end(session, client):
    page = begin(client)
    client.post(f"{page}/people", data={"name": "何丽", "phone": "13900000001"})
    shown = client.get(page).text
    assert "何丽" in shown
    assert "13900000001" not in shown
    attendee = re.search(r'<option value="(\d+)">何丽', shown)[1]
    client.post(f"{page}/matters", data={"text": "车位不够，停在消防通道上", "attendee": attendee})
    client.post(f"{page}/matters", data={"text": "路灯太暗", "attendee": "", "answer": "周三加装两盏"})
    first, second = all_of(session, Matter)
    assert second.answer == "周三加装两盏"
    assert "还有 1 件事没有答复" in client.post(f"{page}/close", data={"sure": "1"}).text
    client.post(f"{page}/matters/{first.id}/case", data={"urgent": "1"})
    [case] = all_of(session, Case)
    assert (case.channel, case.urgent, case.resident_id is None) == (Channel.MEETING, True, False)
    shown = client.get(page).text
    assert f"/console/cases/{case.number}" in shown
    assert "待受理" in shown
    assert client.post(f"{page}/close", data={"sure": "1"}).status_code == 303
    assert "已结束登记" in client.get(page).text
    assert "提了什么事" not in client.get(page).text


def test_the_list_tells_what_each_meeting_brought_with_as_many_queries(session, client):
    page = begin(client)
    client.post(f"{page}/matters", data={"text": "路灯太暗", "answer": "周三加装两盏"})
    alone = len(queries_of(lambda: client.get(HOME)))
    for n in range(3):
        begin(client, title=f"第{n}次")
    assert len(queries_of(lambda: client.get(HOME))) == alone
    row = client.get(f"{HOME}?since=2026-11-01&until=2026-11-30&kind=tea").text
    assert '<td data-label="当场答复">1</td>' in row
    assert "<dt>场次</dt><dd>4</dd>" in row
    assert "<dt>场次</dt><dd>0</dd>" in client.get(f"{HOME}?since=2026-12-01&until=2026-12-31").text


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"kind": ""}, "请选择是茶话会还是接访"),
        ({"title": " "}, "请给会议起个名称"),
        ({"place": "月季社区"}, "没有找到这个地点"),
        ({"host": "何静"}, "主持人应当是"),
        ({"held": "明天"}, "请填写哪天几点"),
    ],
)
def test_what_cannot_be_opened_is_said_beside_its_field(session, client, fields, sentence):
    answer = client.post(HOME, data=form(**fields))
    assert answer.status_code == 422
    assert sentence in answer.text
    assert 'value="二楼会议室"' in answer.text
    assert all_of(session, Meeting) == []


def test_what_was_said_stays_when_who_said_it_is_not_found(client):
    page = begin(client)
    refused = client.post(f"{page}/matters", data={"text": "路灯太暗", "attendee": "999999"})
    assert refused.status_code == 404
    assert "没有找到这位参加的人，请重新选" in refused.text
    assert "路灯太暗" in refused.text


def test_both_pages_say_that_they_changed_and_leave_what_is_typed(client):
    page = begin(client)
    for address in (page, f"{HOME}?kind=tea"):
        again = asked_again(client.get(address).text)
        assert client.get(again).status_code == 204
        client.post(f"{page}/matters", data={"text": f"路灯太暗，见 {again}"})
        assert f'href="{address}"' in client.get(again).text
        assert "<form" not in client.get(again).text


def test_hosts_are_offered_once_the_place_is_known(client):
    assert "赵文（社区书记 · 玉兰社区）" in client.get(f"{HOME}hosts?place=玉兰社区").text
    assert "赵文" not in client.get(f"{HOME}hosts?place=月季社区").text


def test_a_refused_answer_stays_in_its_own_form(session, client):
    page = begin(client)
    client.post(f"{page}/matters", data={"text": "路灯太暗"})
    [matter] = all_of(session, Matter)
    words = "长" * 501
    answer = client.post(f"{page}/matters/{matter.id}/answer", data={"words": words})
    assert answer.status_code == 422
    assert "最多 500 个字" in answer.text
    assert answer.text.count(words) == 1


def test_others_neither_read_the_record_nor_have_the_menu(session, client, as_officer, place):
    page = begin(client)
    client.post(f"{page}/people", data={"name": "何丽", "phone": "13900000001"})
    handler = as_officer(place.handler)
    assert handler.get(HOME).status_code == 403
    assert handler.get(page).status_code == 404
    assert "茶话会" not in handler.get("/console/duties/").text
    other = make_area(session, "community", None, name="月季社区")
    neighbour = as_officer(make_officer(session, Role.SECRETARY, area=other))
    assert neighbour.get(page).status_code == 404
    assert "停车问题" not in neighbour.get(HOME).text


def test_a_supervisor_reads_it_and_is_offered_no_case(session, client, as_officer, place):
    page = begin(client)
    client.post(f"{page}/matters", data={"text": "路灯太暗"})
    shown = as_officer(place.supervisor).get(page).text
    assert "路灯太暗" in shown
    assert "转为诉求</button>" not in shown


@pytest.fixture
def recorded(committed):
    """A meeting with a long matter, and who keeps its record."""
    street = make_area(committed, "subdistrict", make_area(committed, name="青岚区"), name="望溪街道")
    community = make_area(committed, "community", street, name="玉兰社区")
    host = make_officer(committed, Role.SECRETARY, area=community, name="赵文")
    desk = make_officer(committed, Role.INFORMATION_OFFICER, area=community, name="李梅")
    actor = Actor(officer_id=desk.id, posts=tuple(posts_of(committed, desk.id)))
    plan = Plan(MeetingKind.TEA, community.id, "玉兰苑停车问题茶话会", host.id, HELD, "二楼会议室")
    meeting = meetings.open_meeting(committed, actor, plan)
    person = meetings.add_person(committed, actor, meeting.id, "何丽", "13900000001")
    long = "地下车库两百多个车位一直锁着，业主只好停在消防通道上，晚上救护车都进不来" * 2
    meetings.raise_matter(committed, actor, meeting.id, long, person.id)
    done = meetings.raise_matter(committed, actor, meeting.id, "三号楼电梯老停", person.id, "下周换主板")
    meetings.to_case(committed, actor, done.id)
    committed.commit()
    return meeting, make_contact(committed, officer=desk)


@pytest.mark.browser
def test_the_record_is_kept_at_a_phone_and_at_a_desk(recorded, committed, phone, desktop, site):
    meeting, contact = recorded
    for context in (phone, desktop):
        sign_in(committed, context, site, contact)
        page = context.new_page()
        for address in (HOME, f"{HOME}{meeting.id}"):
            page.goto(site + address)
            assert not is_cut(page), address
        page.get_by_label("提了什么事").fill(f"楼道灯坏了，{page.viewport_size['width']}")
        page.get_by_label("谁提的").select_option(label="何丽")
        page.get_by_role("button", name="记下").click()
        page.get_by_text("楼道灯坏了").last.wait_for()
        page.get_by_role("button", name="转为诉求").last.click()
        page.get_by_text("已转为诉求").wait_for()
    assert len(all_of(committed, Case)) == 3
