"""Hard cases on the officers' pages: their forms and section on a case's page, and the list of them."""

import re
from datetime import timedelta

import pytest

from backend.cases import hard_cases
from backend.cases.models import Case
from backend.cases.service import Actor, perform
from backend.cases.workflow import Action, Given, Outcome
from backend.console import hard_forms, tasks
from backend.places.models import Area
from backend.places.roles import Role
from backend.places.scope import posts_of
from backend.privacy import blind_index
from backend.times import now
from tests.browser import is_cut, sign_in
from tests.console.conftest import open_case, queries_of, tap, walk
from tests.factories import make_area, make_contact, make_officer, make_unit

HOME = "/console/hard/"
DAY = timedelta(days=1)


@pytest.fixture
def people(session, place):
    """A leader of the district, and 贺诚 of another unit of it."""
    district = session.get_one(Area, place.community.district_id)
    place.leader = make_officer(session, Role.LEADER, area=district, name="梁栋")
    place.member = make_officer(
        session, Role.HANDLER, unit=make_unit(session, district, name="房管中心"), name="贺诚"
    )
    place.member.name_index = blind_index("贺诚")
    session.commit()
    return place


@pytest.fixture
def case(session, people):
    case = open_case(session, people.community)
    walk(session, case, people, Action.ACCEPT, Action.ASSIGN, Action.ACKNOWLEDGE)
    return case


@pytest.fixture
def client(people, as_officer):
    return as_officer(people.supervisor)


def read(session, case):
    return session.get_one(Case, case.id, populate_existing=True)


def as_actor(session, officer):
    return Actor(officer_id=officer.id, posts=tuple(posts_of(session, officer.id)))


def test_the_page_has_the_forms_of_this_topic():
    assert hard_forms.FORMS.items() <= tasks.FORMS.items()
    assert set(hard_forms.SECTIONS) <= set(tasks.SECTIONS)


def test_a_case_is_marked_and_its_page_says_so(session, client, case):
    answer = tap(client, session, case, "mark", marks=["no_records", "cross_department"], legacy="1", note="")
    assert answer.status_code == 303
    assert (read(session, case).marks, case.is_legacy) == (["cross_department", "no_records"], True)
    page = client.get(answer.location).text
    assert "积案、跨部门、无档案资料" in page
    assert re.search(r'value="no_records" checked', page)
    assert not re.search(r'value="no_funds" checked', page)


def test_a_leader_is_put_in_charge(session, client, case, people):
    assert "梁栋（领导 · 青岚区）" in client.get(f"/console/cases/{case.number}").text
    assert tap(client, session, case, "take_charge", officer="", note="").status_code == 422
    assert tap(client, session, case, "take_charge", officer=str(people.handler.id)).status_code == 404
    tap(client, session, case, "take_charge", officer=str(people.leader.id), note="年底前化解")
    assert read(session, case).leader_id == people.leader.id


def test_a_group_is_formed_and_what_was_typed_wrong_stays(session, client, case, people, as_officer):
    refused = tap(client, session, case, "form_group", member=["贺诚", "没有这个人"])
    assert refused.status_code == 422
    assert "没有找到“没有这个人”" in refused.text
    assert 'value="贺诚"' in refused.text
    offered = client.get(f"{HOME}{case.number}/people").text
    [words] = re.findall(r'value="(贺诚[^"]+)"', offered)
    tap(client, session, case, "form_group", member=[words, "", ""], note="查底册")
    assert read(session, case).group_ids == [people.member.id]
    member = as_officer(people.member)
    assert member.get(f"/console/cases/{case.number}").status_code == 200
    assert case.number in member.get(f"{HOME}?view=mine").text
    tap(member, session, case, "log", note="调了1982年的底册")
    assert "第 1 天" in client.get(f"/console/cases/{case.number}").text


def test_a_line_of_the_log_alone_makes_no_hard_case_and_stays_in_the_history(session, client, case, people):
    hard_cases.log(session, case.number, as_actor(session, people.supervisor), "见了当事人")
    session.commit()
    page = client.get(f"/console/cases/{case.number}").text
    assert ("难案情况" in page, page.count("见了当事人")) == (False, 1)
    tap(client, session, case, "mark", legacy="1")
    page = client.get(f"/console/cases/{case.number}").text
    assert ("难案情况" in page, page.count("见了当事人")) == (True, 1)


def test_strangers_are_offered_nobody_and_see_no_hard_case(session, case, client, people, as_officer):
    tap(client, session, case, "mark", legacy="1")
    other = make_area(session, "community", None, name="月季社区")
    stranger = as_officer(make_officer(session, Role.SUPERVISOR, area=other))
    assert stranger.get(f"{HOME}{case.number}/people").status_code == 403
    handler = as_officer(people.handler)  # sees the case, and chooses nobody
    assert handler.get(f"{HOME}{case.number}/people").status_code == 403
    assert case.number not in stranger.get(f"{HOME}?view=all").text


def test_a_closed_case_is_looked_back_on_in_three_parts(session, client, case, people):
    walk(session, case, people, Action.RESOLVE)
    perform(session, case.number, Action.CONFIRM, Actor(resident_id=case.resident_id))
    assert tap(client, session, case, "review", cause="", worked="", change="").status_code == 422
    answer = tap(client, session, case, "review", cause="底册缺失", worked="老邻居作证", change="先查底册")
    page = client.get(answer.location).text
    for words in ("起因：底册缺失", "有效的做法：老邻居作证", "要改进的：先查底册"):
        assert words in page


def test_the_list_costs_as_many_queries_for_one_case_as_for_many(session, client, people):
    supervisor, views = as_actor(session, people.supervisor), ("open", "mine", "legacy", "led", "all")

    def add():
        case = open_case(session, people.community)
        hard_cases.mark(session, case.number, supervisor, ["no_funds"], is_legacy=True)
        hard_cases.take_charge(session, case.number, supervisor, people.leader.id)
        hard_cases.log(session, case.number, supervisor, "见了当事人")
        session.commit()

    add()
    alone = len(queries_of(lambda: client.get(HOME)))
    for _ in range(3):
        add()
    assert len(queries_of(lambda: client.get(HOME))) == alone
    page = client.get(HOME).text
    assert "见了当事人" in page
    assert '<span class="firsts__one">发现</span>→<span>受理</span>' in page
    assert "<td>梁栋</td><td>4</td><td>0</td>" in page
    assert [client.get(f"{HOME}?view={view}").status_code for view in (*views, "none")] == [200] * 5 + [404]


@pytest.fixture
def old_case(committed):
    """A closed case with a leader, a group and a log over a hundred days; and the leader's WeChat."""
    district = make_area(committed, name="青岚区")
    street = make_area(committed, "subdistrict", district, name="望溪街道")
    community = make_area(committed, "community", street, name="玉兰社区")
    unit = make_unit(committed, street, name="望溪街道城建办")
    handler = make_officer(committed, Role.HANDLER, unit=unit, name="陈志")
    leader = make_officer(committed, Role.LEADER, area=district, name="梁栋")
    case = open_case(committed, community, "1982年搬迁时的安置一直没有落实，底册、协议都找不到了")
    case.discovered_at, case.status, case.unit_id = now() - 120 * DAY, "in_progress", unit.id
    committed.commit()
    chief = as_actor(committed, leader)
    hard_cases.mark(committed, case.number, chief, ["cross_department", "no_records"], is_legacy=True)
    hard_cases.take_charge(committed, case.number, chief, leader.id)
    hard_cases.form_group(committed, case.number, chief, [handler.id])
    for n in range(0, 120, 2):
        words = f"第{n}天：走访老邻居，核对当年的人口和房屋，记录在案"
        hard_cases.log(
            committed, case.number, as_actor(committed, handler), words, at=now() - (120 - n) * DAY
        )
    solved = Given(note="安置协议已经签订，房子已经交付", outcome=Outcome.SOLVED, has_proof=True)
    perform(committed, case.number, Action.RESOLVE, as_actor(committed, handler), solved)
    perform(committed, case.number, Action.CONFIRM, Actor(resident_id=case.resident_id))
    words = {"cause": "底册缺失", "worked": "老邻居作证", "change": "先查底册"}
    hard_cases.review(committed, case.number, chief, **words)
    committed.commit()
    return case, make_contact(committed, officer=leader)


@pytest.mark.browser
def test_a_log_of_a_hundred_days_fits_a_phone_and_a_desk(old_case, committed, phone, desktop, site):
    case, contact = old_case
    for context in (phone, desktop):
        sign_in(committed, context, site, contact)
        page = context.new_page()
        for address in (f"/console/cases/{case.number}", f"{HOME}?view=all"):
            page.goto(site + address)
            assert not is_cut(page), address
        page.goto(f"{site}/console/cases/{case.number}")
        assert page.locator("#hard .log__day:visible").count() == hard_forms.SHOWN
        page.get_by_text("更早的 53 天").click()
        assert page.locator("#hard .log__day:visible").count() == 60
