"""Officers take steps: once, on the case as they saw it, and told what is missing."""

import re

import pytest
import sqlalchemy as sa

from backend.cases.models import CaseEvent
from backend.cases.service import Actor, perform
from backend.cases.workflow import Action, Given, Status
from backend.notify.models import Notification
from backend.places.models import Area
from backend.places.roles import Level, Role
from tests.console.conftest import last_event, open_case, tap, walk
from tests.factories import make_area, make_community, make_officer, make_unit


def test_one_tap_accepts_a_case(session, place, as_officer):
    case = open_case(session, place.community)
    client = as_officer(place.desk)
    response = tap(client, session, case, "accept", note="马上安排")
    assert response.status_code == 303
    session.refresh(case)
    assert case.status is Status.ACCEPTED
    assert "办好了：受理" in client.get(response.location).text


def test_a_second_tap_changes_nothing_and_says_so(session, place, as_officer):
    case = open_case(session, place.community)
    client, seen = as_officer(place.desk), last_event(session, case)
    tap(client, session, case, "accept", seen)
    tap(client, session, case, "assign", unit=str(place.unit.id))
    again = last_event(session, case)
    for _ in range(2):
        response = tap(client, session, case, "add", again, note="已经看过现场")
    page = client.get(response.location).text
    assert "“补充材料”已经办好了，不用再点" in page
    taken = session.scalars(sa.select(CaseEvent.action).where(CaseEvent.case_id == case.id)).all()
    assert taken.count(Action.ADD) == 1


def test_assigning_twice_from_one_page_alerts_the_unit_once(session, place, as_officer):
    case = open_case(session, place.community)
    walk(session, case, place, Action.ACCEPT)
    client, seen = as_officer(place.desk), last_event(session, case)
    for _ in range(2):
        assert tap(client, session, case, "assign", seen, unit=str(place.unit.id)).status_code == 303
    alerts = sa.select(sa.func.count()).where(
        Notification.officer_id == place.handler.id, Notification.message == "case_assigned"
    )
    assert session.scalar(alerts) == 1


def test_a_step_by_a_colleague_in_between_is_named_and_not_overwritten(session, place, as_officer):
    case = open_case(session, place.community)
    seen = last_event(session, case)
    tap(as_officer(place.colleague), session, case, "reject", seen, note="不属于社区管")
    response = tap(as_officer(place.desk), session, case, "accept", seen)
    assert response.status_code == 409
    assert "信息员 何静在今天" in response.text
    assert "已“不予受理”" in response.text
    session.refresh(case)
    assert case.status is Status.REJECTED


def test_words_that_the_resident_added_meanwhile_do_not_stop_a_step(session, place, as_officer):
    case = open_case(session, place.community)
    seen = last_event(session, case)
    perform(session, case.number, Action.ADD, Actor(resident_id=case.resident_id), Given(note="就在东门"))
    session.commit()
    assert tap(as_officer(place.desk), session, case, "accept", seen).status_code == 303


def test_what_is_missing_is_said_and_what_was_typed_stays(session, place, as_officer):
    case = open_case(session, place.community)
    walk(session, case, place, Action.ACCEPT, Action.ASSIGN, Action.ACKNOWLEDGE)
    response = tap(as_officer(place.handler), session, case, "resolve", note="换了灯泡", outcome="solved")
    assert response.status_code == 422
    assert "“实际解决”需要一张现场照片作证明" in response.text
    assert ">换了灯泡</textarea>" in response.text
    assert re.search(r'value="solved" required [^>]*checked', response.text)


def test_only_units_that_serve_the_place_can_be_chosen(session, place, as_officer):
    case = open_case(session, place.community)
    walk(session, case, place, Action.ACCEPT)
    elsewhere = make_unit(session, make_community(session), name="外区城管中心")
    client = as_officer(place.desk)
    page = client.get(f"/console/cases/{case.number}").text
    assert place.unit.name in page
    assert elsewhere.name not in page
    response = tap(client, session, case, "assign", unit=str(elsewhere.id), note="请今天去看看")
    assert response.status_code == 422
    assert alerts(response.text) == ["这个单位不管这个地方，请重新选择"]
    assert ">请今天去看看</textarea>" in response.text
    session.refresh(case)
    assert case.status is Status.ACCEPTED


def alerts(page):
    """What is said beside the fields, or at the head of their form."""
    return re.findall(r'class="wrong" role="alert">([^<]+)<', page)


@pytest.mark.parametrize(
    ("before", "action", "given", "field"),
    [
        ((), "reject", {}, "note"),
        ((), "locate", {}, "place"),
        ((Action.ACCEPT,), "assign", {}, "unit"),
        ((Action.ACCEPT, Action.ASSIGN), "send_back", {}, "note"),
        ((Action.ACCEPT, Action.ASSIGN, Action.ACKNOWLEDGE), "resolve", {"note": "换了灯泡"}, "outcome"),
    ],
)
def test_the_browser_and_the_server_say_the_same_of_what_is_missing(
    session, place, as_officer, before, action, given, field
):
    case = open_case(session, place.community)
    walk(session, case, place, *before)
    client = as_officer(place.handler if action in {"resolve", "send_back"} else place.desk)
    page = client.get(f"/console/cases/{case.number}").text
    [form] = re.findall(rf'/{action}" .*?</form>', page, re.S)
    asked = re.search(rf'name="{field}".*? data-missing="([^"]+)"', form)[1]
    assert alerts(tap(client, session, case, action, **given).text) == [asked]


def test_a_case_without_a_place_is_given_one_and_reaches_the_officers_there(session, place, as_officer):
    district = session.get_one(Area, place.community.district_id)
    elsewhere = make_community(session, name="银杏社区")
    case = open_case(session, district)
    client = as_officer(make_officer(session, Role.DISPATCHER, area=district))
    assert as_officer(place.desk).get(f"/console/cases/{case.number}").status_code == 403
    assert tap(client, session, case, "locate", place=str(elsewhere.id)).status_code == 422
    assert tap(client, session, case, "locate", place=str(place.community.id)).status_code == 303
    assert as_officer(place.desk).get(f"/console/cases/{case.number}").status_code == 200


def test_an_officer_who_moves_a_case_out_of_their_reach_is_led_back_to_the_list(session, place, as_officer):
    subdistrict = session.get_one(Area, place.community.subdistrict_id)
    other = make_area(session, Level.COMMUNITY, subdistrict, name="银杏社区")
    case = open_case(session, place.community)
    client = as_officer(place.desk)
    response = tap(client, session, case, "locate", place=str(other.id))
    assert (response.status_code, response.location) == (303, "/console/")
    assert "办好了：补充地点" in client.get("/console/").text
