"""The pages of the published figures: what they count, what is left out, and the table to take away."""

import io
import re
from datetime import timedelta

import openpyxl
import pytest
import sqlalchemy as sa

from backend.cases import case_sheet, exclusions
from backend.cases.deadline_models import Clock, Deadline
from backend.cases.firsts import FIRSTS, INTERVALS
from backend.cases.formulas import FORMULAS
from backend.cases.supervision_models import Exclusion, Measure
from backend.cases.workflow import Status
from backend.console.figures_sections import SECTIONS
from backend.places.models import Area
from backend.places.roles import Level, Role
from backend.times import local, now
from tests.browser import is_cut, sign_in
from tests.cases.scene import make_scene
from tests.console.conftest import queries_of
from tests.factories import make_area, make_case, make_community, make_contact, make_officer

HOME, LEFT_OUT = "/console/figures/", "/console/figures/exclusions"
HOUR = timedelta(hours=1)


@pytest.fixture
def late(session, place):
    """A case of this minute, accepted too late, closed at the first go."""
    at = now()
    times = {"discovered_at": at, "accepted_at": at, "resolved_at": at, "closed_at": at}
    case = make_case(session, place.community, status=Status.CLOSED, unit_id=place.unit.id, **times)
    clock = {"clock": Clock.ACCEPT, "round": 1, "started_at": at - 2 * HOUR}
    session.add(Deadline(case_id=case.id, due_at=at - HOUR, stopped_at=at, **clock))
    session.commit()
    return case


@pytest.fixture
def supervisor(place, as_officer):
    return as_officer(place.supervisor)


@pytest.fixture
def above(session, place, as_officer):
    """A supervisor of the subdistrict."""
    subdistrict = session.get(Area, place.community.subdistrict_id)
    return as_officer(make_officer(session, Role.SUPERVISOR, area=subdistrict, name="罗岚"))


def ask(client, case, **fields):
    form = {"number": case.number, "measure": "accepted_in_time", "reason": "同一件事重复提交"}
    return client.post(LEFT_OUT, data=form | fields)


def only(session):
    return session.scalars(sa.select(Exclusion).execution_options(populate_existing=True)).one()


def words(page):
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page))


def test_each_rate_stands_with_what_it_is_of_and_how_it_is_reckoned(supervisor, late):
    page = words(supervisor.get(HOME).text)
    assert "按时受理率 0.0% 0 / 1" in page
    assert "一次办结率 100.0% 1 / 1" in page
    assert "满意率 — 0 / 0" in page
    for formula in FORMULAS.values():
        assert formula.sentence in page
    assert "望溪街道市政服务中心 0.0% 0 / 1" in page
    assert "玉兰社区 0.0% 0 / 1" in words(supervisor.get(f"{HOME}?by=community").text)
    assert "0 / 0" in words(supervisor.get(f"{HOME}?since=2020-01-01&until=2020-01-31").text)


def test_an_exclusion_goes_from_the_form_by_a_higher_hand_into_the_figures(session, supervisor, above, late):
    assert ask(supervisor, late).status_code == 303
    row = only(session)
    assert "待审批" in supervisor.get(LEFT_OUT).text
    assert "同意剔除" not in supervisor.get(LEFT_OUT).text
    address = f"{LEFT_OUT}/{row.id}"
    assert supervisor.post(address, data={"decision": "approved"}).status_code == 403
    refused = above.post(address, data={"decision": "refused", "words": ""})
    assert (refused.status_code, "不同意请写明理由" in refused.text) == (422, True)
    assert above.post(address, data={"decision": "approved", "words": "情况属实"}).status_code == 303
    assert "按时受理率 — 0 / 0，剔除 1" in words(supervisor.get(HOME).text)
    assert "已剔除" in above.get(LEFT_OUT).text


def test_what_was_typed_is_not_lost_when_it_is_refused(supervisor, late):
    refused = ask(supervisor, late, number="000000000000")
    assert (refused.status_code, "没有找到这件诉求" in refused.text) == (404, True)
    assert "同一件事重复提交" in refused.text
    refused = ask(supervisor, late, measure="beauty")
    assert "请选择从哪项指标剔除" in refused.text
    assert late.number in refused.text
    assert "不计入" in ask(supervisor, late, measure="satisfied").text


def test_the_file_has_the_five_times_and_the_minutes_between_of_own_cases_alone(session, supervisor, late):
    other = make_case(session, make_area(session, Level.COMMUNITY, make_area(session)))
    day = local(now()).date()
    content = supervisor.get(f"{HOME}cases.xlsx?since={day}&until={day}").data
    header, *rows = openpyxl.load_workbook(io.BytesIO(content)).active.iter_rows(values_only=True)
    assert header == case_sheet.HEADERS
    assert {first.label for first in FIRSTS} <= set(header)
    assert {f"{interval.label}（分钟）" for interval in INTERVALS.values()} <= set(header)
    assert [row[0] for row in rows] == [late.number]
    assert rows[0][header.index("发现到受理（分钟）")] == "0"
    text = supervisor.get(f"{HOME}cases.csv").data.decode("utf-8-sig")
    assert late.number in text
    assert other.number not in text


def test_a_file_that_would_leave_some_out_is_not_made(supervisor, late, monkeypatch):
    monkeypatch.setattr(case_sheet, "MOST", 0)
    refused = supervisor.get(f"{HOME}cases.csv")
    assert (refused.status_code, "请把时间段缩短" in refused.text) == (413, True)


def test_officers_without_such_a_post_are_told_who_reads_them(place, as_officer):
    handler = as_officer(place.handler)
    for address in (HOME, LEFT_OUT, f"{HOME}cases.csv"):
        refused = handler.get(address)
        assert (refused.status_code, "指标由督查专员" in refused.text) == (403, True)
    assert "/console/figures/" not in handler.get("/console/areas/").text


def test_the_pages_cost_the_same_number_of_queries_for_one_and_for_three(supervisor, above, late):
    ask(supervisor, late)
    one = [len(queries_of(lambda a=address: above.get(a))) for address in (HOME, LEFT_OUT)]
    for measure in (Measure.RESOLVED, Measure.SOLVED_FIRST_TIME):
        ask(supervisor, late, measure=measure.value)
    assert [len(queries_of(lambda a=address: above.get(a))) for address in (HOME, LEFT_OUT)] == one


def test_the_page_of_a_case_shows_the_five_times(session):
    scene = make_scene(session)
    case = scene.resolve(scene.submit())
    [section] = SECTIONS
    facts = section.facts(session, case, None)
    assert [label for label, _ in facts["times"]] == [first.label for first in FIRSTS]
    assert {Role.SUPERVISOR, Role.LEADER, Role.DISPATCHER} <= exclusions.READERS


@pytest.fixture
def counted(committed):
    """A town with a case that somebody wants left out, and a supervisor who may say so."""
    community = make_community(committed)
    subdistrict = committed.get(Area, community.subdistrict_id)
    asker = make_officer(committed, Role.SUPERVISOR, area=community, name="吴桐")
    at = now()
    case = make_case(committed, community, status=Status.CLOSED, accepted_at=at, closed_at=at, round=2)
    asked = {"measure": Measure.SOLVED_FIRST_TIME, "reason": "重复", "asked_by": asker.id}
    committed.add(Exclusion(case_id=case.id, round=2, **asked))
    committed.commit()
    return make_contact(
        committed, officer=make_officer(committed, Role.SUPERVISOR, area=subdistrict, name="罗岚")
    )


@pytest.mark.browser
def test_the_figures_are_read_and_decided_at_a_phone_and_a_desk(counted, committed, phone, desktop, site):
    for context in (phone, desktop):
        sign_in(committed, context, site, counted)
        page = context.new_page()
        for address in (HOME, LEFT_OUT):
            page.goto(site + address)
            assert not is_cut(page), address
    page.get_by_label("意见").fill("情况属实")
    page.get_by_role("button", name="同意剔除", exact=True).click()
    page.get_by_text("已剔除").wait_for()
