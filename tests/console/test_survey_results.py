"""The results of surveys in the console: numbers, bars, what the unhappy said, and the file."""

import io
import re
from datetime import timedelta
from urllib.parse import quote

import openpyxl
import pytest
import sqlalchemy as sa

from backend.cases.callback_models import PhoneCallback, Why
from backend.cases.formulas import FORMULAS, SURVEYED
from backend.cases.intervals import wilson
from backend.cases.supervision_models import Exclusion
from backend.cases.survey_models import Survey, SurveyState
from backend.cases.workflow import Status
from backend.console import survey_results
from backend.places.models import Area
from backend.places.roles import Level, Role
from backend.times import local, now
from tests.browser import is_cut, sign_in
from tests.console.board_town import shoot
from tests.console.conftest import queries_of
from tests.factories import (
    make_area,
    make_case,
    make_community,
    make_contact,
    make_officer,
    make_resident,
    make_unit,
)

HOME = "/console/survey-results/"
DAY = timedelta(days=1)


def words(page):
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page))


def ask(session, place, unit, state=SurveyState.ANSWERED, **said):
    at = now()
    case = make_case(session, place, status=Status.CLOSED, unit_id=unit.id, closed_at=at)
    known = {"solved": True, "satisfaction": 5, "answered_at": at} if state is SurveyState.ANSWERED else {}
    row = Survey(
        case_id=case.id,
        round=1,
        resident_id=make_resident(session).id,
        unit_id=unit.id,
        state=state,
        **{"sent_at": at, "next_at": None if known or state is SurveyState.EXPIRED else at + DAY}
        | known
        | said,
    )
    session.add(row)
    session.commit()
    return case


def to_call(session, place, sent_at):
    """A survey that was sent then, and is to be asked by telephone."""
    case = ask(session, place.community, place.unit, SurveyState.SENT, sent_at=sent_at)
    survey = session.scalars(sa.select(Survey).where(Survey.case_id == case.id)).one()
    of = {"case_id": case.id, "round": 1, "survey_id": survey.id, "resident_id": survey.resident_id}
    times = {"next_at": sent_at, "until_at": sent_at + DAY}
    session.add(PhoneCallback(why=Why.NO_WECHAT, place_id=place.community.id, **of | times))
    session.commit()


@pytest.fixture
def unhappy(session, place):
    """Two answers of this minute, one of them bad, and one that expired."""
    ask(session, place.community, place.unit)
    ask(session, place.community, place.unit, SurveyState.EXPIRED)
    return ask(
        session,
        place.community,
        place.unit,
        solved=False,
        satisfaction=1,
        words="灯还是不亮，打13812345678找我",
    )


@pytest.fixture
def supervisor(place, as_officer):
    return as_officer(place.supervisor)


def test_what_was_left_out_leads_to_who_allowed_it_and_why(session, place, unhappy, supervisor, as_officer):
    left_out = Exclusion(
        case_id=unhappy.id, round=1, measure=SURVEYED[0], reason="同一个人又报了一次", state="approved",
        asked_by=place.handler.id, decided_by=place.supervisor.id, decided_at=now(), decision="属实",
    )  # fmt: skip
    session.add(left_out)
    session.commit()
    page = supervisor.get(HOME).text
    assert '<a href="/console/figures/exclusions">剔除 1</a>' in page
    listed = words(supervisor.get("/console/figures/exclusions").text)
    for said in ("同一个人又报了一次", "已剔除", "吴桐", "属实"):
        assert said in listed
    street = session.get_one(Area, place.community.subdistrict_id)
    administrator = as_officer(make_officer(session, Role.ADMINISTRATOR, area=street))
    assert '<a href="/console/figures/exclusions">剔除' not in administrator.get(HOME).text
    assert "剔除 1" in words(administrator.get(HOME).text)


def test_what_nobody_was_asked_yet_stands_apart_from_the_rate(supervisor, unhappy, session, place):
    assert "不算在内" not in words(supervisor.get(HOME).text)
    ask(session, place.community, place.unit, SurveyState.DUE, sent_at=None)
    lately, past = (month for month, _ in survey_results._months()[:2])
    for month, many in ((lately, 1), (past, 2)):
        for _ in range(many):
            to_call(session, place, survey_results._period(month, "unit")[0])
    page = words(supervisor.get(HOME).text)
    assert "回访答复率 66.7% 2 / 3" in page
    assert "不算在内：还没有发出的 1；要打电话问、还没有答的 1" in page
    file = supervisor.get(f"{HOME}rates.csv").get_data(as_text=True).splitlines()
    assert file[-1].startswith("要打电话问、还没有答的（不算在内）,1")
    assert file[-2].startswith("还没有发出的（不算在内）,1")
    assert file[-3].startswith("合计,66.7%,2,3,")
    assert "不算在内：要打电话问、还没有答的 2 " in words(supervisor.get(f"{HOME}?month={past}").text)
    file = supervisor.get(f"{HOME}rates.csv?month={past}").get_data(as_text=True).splitlines()
    assert file[-1].startswith("要打电话问、还没有答的（不算在内）,2")


def test_each_rate_stands_with_what_it_is_of_how_sure_it_is_and_how_it_is_reckoned(supervisor, unhappy):
    page = words(supervisor.get(HOME).text)
    assert f"回访答复率 66.7% 2 / 3，区间 {wilson(2, 3).words}" in page
    assert f"满意率 50.0% 1 / 2，区间 {wilson(1, 2).words}" in page
    assert "望溪街道市政服务中心 66.7% 2 / 3" in page
    for measure in SURVEYED:
        assert FORMULAS[measure].sentence in page
    for by, name in (("community", "玉兰社区"), ("subdistrict", "望溪街道"), ("category", "（还没有归类）")):
        assert f"{name} 66.7% 2 / 3" in words(supervisor.get(f"{HOME}?by={by}").text)
    assert "月 66.7% 2 / 3" in words(supervisor.get(f"{HOME}?by=month").text)
    assert "66.7% 2 / 3" in words(supervisor.get(f"{HOME}?month=year").text)


def test_the_words_of_the_unhappy_lead_to_the_case_without_their_number(supervisor, unhappy):
    page = supervisor.get(HOME).text
    assert "灯还是不亮" in page
    assert "13812345678" not in page
    assert f'href="/console/cases/{unhappy.number}"' in page
    assert "没有解决 · 很不满意" in page


def test_more_words_come_by_key(session, place, supervisor, monkeypatch):
    monkeypatch.setattr(survey_results.survey_figures, "PAGE", 1)
    for said in ("第一句", "第二句"):
        ask(session, place.community, place.unit, solved=False, words=said)
    page = supervisor.get(HOME).text
    assert ("第二句" in page, "第一句" in page) == (True, False)
    more = re.search(r'hx-get="([^"]+voices[^"]+)"', page)[1].replace("&amp;", "&")
    rest = supervisor.get(more).text
    assert ("第二句" in rest, "第一句" in rest) == (False, True)
    assert supervisor.get(f"{HOME}voices?before=yesterday").status_code == 422


def test_more_words_of_all_months_come_too(session, place, supervisor, monkeypatch):
    monkeypatch.setattr(survey_results.survey_figures, "PAGE", 1)
    last_month = now().replace(day=1) - timedelta(days=3)
    ask(session, place.community, place.unit, solved=False, words="上个月说的", answered_at=last_month)
    ask(session, place.community, place.unit, solved=False, words="这个月说的")
    page = supervisor.get(f"{HOME}?by=month").text
    assert ("这个月说的" in page, "上个月说的" in page) == (True, False)
    more = re.search(r'hx-get="([^"]+voices[^"]+)"', page)[1].replace("&amp;", "&")
    assert "上个月说的" in supervisor.get(more).text


def test_the_head_of_a_unit_reads_of_that_unit_alone(session, place, as_officer, unhappy):
    other = make_unit(session, place.community, name="房管所")
    ask(session, place.community, other, solved=False, words="漏水没修")
    head = as_officer(make_officer(session, Role.UNIT_HEAD, unit=other, name="孙立"))
    page = head.get(HOME).text
    assert "漏水没修" in page
    assert "灯还是不亮" not in page
    assert "望溪街道市政服务中心" not in page


def test_the_table_is_taken_away_as_it_stands(supervisor, unhappy):
    content = supervisor.get(f"{HOME}rates.xlsx").data
    header, *rows = openpyxl.load_workbook(io.BytesIO(content)).active.iter_rows(values_only=True)
    assert header == ("单位", *survey_results.HEADERS)
    assert [row[0] for row in rows] == ["望溪街道市政服务中心", "合计"]
    assert rows[0][1:6] == ("66.7%", "2", "3", "0", wilson(2, 3).words)
    monthly = supervisor.get(f"{HOME}rates.csv?by=month")
    assert f"{local(now()):%Y年%m月},66.7%" in monthly.data.decode("utf-8-sig")
    assert quote("回访结果-近十二个月-按月.csv") in monthly.headers["Content-Disposition"]


def test_who_has_no_such_post_is_told_who_reads_them(place, as_officer):
    handler = as_officer(place.handler)
    for address in (HOME, f"{HOME}voices", f"{HOME}rates.csv"):
        refused = handler.get(address)
        assert (refused.status_code, "回访结果由督查专员" in refused.text) == (403, True)
    assert HOME not in handler.get("/console/areas/").text


def test_an_unknown_month_or_sorting_is_refused(supervisor):
    for query in ("?month=2020-01", "?month=never", "?by=colour"):
        assert supervisor.get(HOME + query).status_code == 404


def test_the_page_costs_the_same_number_of_queries_for_one_and_for_three(session, place, supervisor, unhappy):
    one = len(queries_of(lambda: supervisor.get(HOME)))
    for _ in range(2):
        ask(session, place.community, make_unit(session, place.community), solved=False, words="没修")
    assert len(queries_of(lambda: supervisor.get(HOME))) == one


@pytest.fixture
def counted(committed):
    """A town with answers of several units."""
    community = make_community(committed)
    subdistrict = committed.get(Area, community.subdistrict_id)
    other = make_area(committed, Level.COMMUNITY, subdistrict, name="海棠社区")
    for number, name in enumerate(("市政服务中心", "房管所", "城市管理和综合执法办公室")):
        unit = make_unit(committed, subdistrict, name=name)
        for answer in range(8):
            ask(
                committed,
                community,
                unit,
                solved=answer % 4 > 0,
                satisfaction=1 + (answer + number) % 5,
                words="楼下的灯换了又坏，晚上老人看不见台阶" if answer % 4 == 0 else None,
            )
        ask(committed, other, unit, SurveyState.EXPIRED)
        ask(committed, other, unit, SurveyState.DUE, sent_at=None)
    return make_contact(
        committed, officer=make_officer(committed, Role.SUPERVISOR, area=subdistrict, name="罗岚")
    )


@pytest.mark.browser
def test_the_results_are_read_at_a_phone_and_a_desk(counted, committed, phone, desktop, site):
    for context in (phone, desktop):
        sign_in(committed, context, site, counted)
        page = context.new_page()
        for query in ("", "?by=community", "?by=month"):
            page.goto(site + HOME + query)
            assert not is_cut(page), query
            shoot(page, f"survey-results-{query[4:] or 'unit'}-{page.viewport_size['width']}")
        assert page.locator(".rate-bar__fill").first.bounding_box()["width"] > 10
