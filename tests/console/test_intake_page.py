"""The page on which officers take down what people telephone, bring to the window or write."""

import re

import pytest
import sqlalchemy as sa

from backend.cases.models import Case, Channel
from backend.places.models import Area, Resident
from backend.places.roles import Level, Role
from tests.browser import is_cut, sign_in
from tests.factories import make_area, make_category, make_community, make_contact, make_officer

HOME = "/console/intake/"


@pytest.fixture
def client(place, as_officer):
    return as_officer(place.desk)


def form(**fields):
    default = {
        "channel": "telephone",
        "report": "三号楼电梯停了两天，老人下不了楼",
        "place": "玉兰社区",
        "key": "first",
    }
    return default | fields


def cases(session):
    return session.scalars(sa.select(Case).execution_options(populate_existing=True)).all()


def test_a_call_is_taken_down_and_its_case_is_shown(session, client, place):
    answer = client.post(HOME, data=form(name="何丽", phone="139 0000 0001", urgent="1", address="三号楼"))
    [case] = cases(session)
    assert (answer.status_code, answer.location) == (303, f"/console/cases/{case.number}")
    assert (case.channel, case.urgent, case.address) == (Channel.TELEPHONE, True, "三号楼")
    assert (case.place_id, case.officer_id) == (place.community.id, place.desk.id)
    assert session.get_one(Resident, case.resident_id).name == "何丽"
    assert "来电" in client.get(answer.location).text


def test_the_same_form_sent_twice_makes_one_case(session, client, as_officer, place):
    first = client.post(HOME, data=form())
    assert client.post(HOME, data=form()).location == first.location
    assert len(cases(session)) == 1
    other = as_officer(place.colleague).post(HOME, data=form())  # the same key in another's hands
    assert other.location != first.location
    assert len(cases(session)) == 2


def test_every_page_of_the_form_has_a_key_of_its_own(client):
    first, second = (re.search(r'name="key" value="([^"]+)"', client.get(HOME).text)[1] for _ in range(2))
    assert first != second


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"channel": "wechat"}, "请选择来件渠道"),
        ({"report": " "}, "请填写反映的内容"),
        ({"place": ""}, "请填地点"),
        ({"place": "月季社区"}, "没有找到这个地点"),
        ({"phone": "12"}, "电话号码不对"),
        ({"report": "长" * 2001}, "太长"),
    ],
)
def test_what_cannot_be_taken_is_said_and_nothing_typed_is_lost(session, client, fields, sentence):
    make_community(session, name="月季社区")
    answer = client.post(HOME, data=form(name="何丽") | fields)
    assert answer.status_code == 422
    assert sentence in answer.text
    assert 'value="何丽"' in answer.text
    assert cases(session) == []


def test_a_chosen_entry_of_the_dictionary_goes_with_the_case(session, client):
    entry = make_category(session, name="电梯故障", keywords=["电梯"])
    assert "电梯故障" in client.get(f"{HOME}categories?report=三号楼电梯停了").text
    client.post(HOME, data=form(category=str(entry.id)))
    assert [case.category_id for case in cases(session)] == [entry.id]


def test_places_are_offered_while_one_types_and_are_the_callers_own(session, client, place):
    make_area(session, Level.STATION, place.community, name="玉兰苑东门")
    make_community(session, name="玉泉社区")
    for typed in ("玉兰", "yl"):
        offered = client.get(f"{HOME}places?place={typed}").text
        assert re.findall(r'value="([^"]+)"', offered)[0] == "青岚区/望溪街道/玉兰社区"
        assert "玉泉" not in offered
    assert "玉兰苑东门" in client.get(f"{HOME}places?place=东门").text


def test_of_two_places_of_one_name_the_street_says_which(session, as_officer, place):
    street = make_area(
        session, Level.SUBDISTRICT, session.get_one(Area, place.community.district_id), name="东岭街道"
    )
    other = make_area(session, Level.COMMUNITY, street, name="玉兰社区")
    district = session.get_one(Area, place.community.district_id)
    dispatcher = as_officer(make_officer(session, Role.DISPATCHER, area=district))
    assert "有几个地点叫" in dispatcher.post(HOME, data=form()).text
    dispatcher.post(HOME, data=form(place="东岭街道/玉兰社区"))
    assert [case.place_id for case in cases(session)] == [other.id]


def test_who_takes_no_reports_is_told_so_and_has_no_such_menu(session, client, as_officer, place):
    assert "登记诉求" in client.get("/console/duties/").text
    handler = as_officer(place.handler)
    assert handler.get(HOME).status_code == 403
    assert "登记诉求" not in handler.get("/console/duties/").text


@pytest.mark.browser
def test_a_call_is_taken_down_with_the_keyboard_alone(committed, desktop, site):
    community = make_community(committed)
    make_category(committed, name="电梯故障", keywords=["电梯"])
    desk = make_officer(committed, Role.INFORMATION_OFFICER, area=community, name="李梅")
    sign_in(committed, desktop, site, make_contact(committed, officer=desk))
    page = desktop.new_page()
    complaints = []
    page.on("console", lambda message: complaints.append(message.text))
    page.goto(site + HOME)
    page.keyboard.press("Space")  # the first channel has the cursor
    page.keyboard.press("Tab")
    page.keyboard.type("三号楼电梯停了两天")
    page.get_by_text("电梯故障").wait_for()
    page.keyboard.press("Control+Enter")
    page.wait_for_url("**/console/cases/*")
    assert committed.scalars(sa.select(Case.report)).one() == "三号楼电梯停了两天"
    assert complaints == []


@pytest.mark.browser
def test_the_form_fits_a_phone(committed, phone, site):
    community = make_community(committed)
    officer = make_officer(committed, Role.GRID_OFFICER, area=community, name="李梅")
    sign_in(committed, phone, site, make_contact(committed, officer=officer))
    page = phone.new_page()
    page.goto(site + HOME)
    assert not is_cut(page)
    assert page.locator(".channels__one").first.bounding_box()["height"] >= 44
