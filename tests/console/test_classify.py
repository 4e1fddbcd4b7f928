"""Saying what a case is about: the officer chooses from the dictionary, which finds while one types."""

from backend.cases.models import Case, Duty, DutyList, ListState
from backend.cases.workflow import Action
from backend.places.models import Area
from backend.times import now
from tests.console.conftest import open_case, tap, walk
from tests.factories import make_category, make_code, make_unit


def choice(category):
    return f'name="category" value="{category.id}"'


def dictionary(session):
    lighting = make_category(session, "市政设施")
    lamp = make_category(session, "路灯不亮", lighting, initials="ldbl", synonyms=["路灯坏了"])
    drain = make_category(session, "下水道堵塞", lighting, initials="xsdds")
    return lamp, drain


def rule_by_list(session, place, category, unit):
    """The duty list of the district says that this matter is that unit's."""
    duty_list = DutyList(
        area_id=place.community.district_id, name="职责清单", state=ListState.CURRENT, switched_on_at=now()
    )
    session.add(duty_list)
    session.flush()
    session.add(Duty(list_id=duty_list.id, category_id=category.id, unit_id=unit.id, source="三定方案"))


def test_the_form_offers_what_the_report_says(session, place, as_officer):
    lamp, drain = dictionary(session)
    case = open_case(session, place.community, "门口的路灯坏了三天")
    page = as_officer(place.desk).get(f"/console/cases/{case.number}").text
    assert choice(lamp) in page
    assert choice(drain) not in page


def test_typing_initials_finds_the_entry(session, place, as_officer):
    _, drain = dictionary(session)
    found = as_officer(place.desk).get("/console/categories", query_string={"q": "xsd"}).text
    assert drain.path in found
    assert found.count("<input") == 1


def test_a_chosen_entry_stands_on_the_page_and_in_the_history(session, place, as_officer):
    lamp, _ = dictionary(session)
    case = open_case(session, place.community)
    client = as_officer(place.desk)
    done = tap(client, session, case, "classify", category=lamp.id)
    assert done.status_code == 303
    page = client.get(done.location).text
    assert page.count("市政设施 / 路灯不亮") >= 2
    assert session.get_one(Case, case.id, populate_existing=True).category_id == lamp.id


def test_without_a_choice_the_form_stays_with_what_was_typed_and_what_that_finds(session, place, as_officer):
    _, drain = dictionary(session)
    case = open_case(session, place.community)
    refused = tap(as_officer(place.desk), session, case, "classify", q="下水道")
    assert refused.status_code == 422
    assert "请选择事项" in refused.text
    assert choice(drain) in refused.text


def test_an_entry_that_ended_meanwhile_is_refused_in_words(session, place, as_officer):
    lamp, drain = dictionary(session)
    case = open_case(session, place.community)
    lamp.until_id = drain.since_id
    session.commit()
    refused = tap(as_officer(place.desk), session, case, "classify", category=lamp.id)
    assert refused.status_code == 404
    assert "重新选择" in refused.text


def test_a_unit_sees_what_it_is_about_but_does_not_say_it(session, place, as_officer):
    lamp, _ = dictionary(session)
    case = open_case(session, place.community)
    session.get_one(Case, case.id).unit_id = place.unit.id
    session.commit()
    refused = tap(as_officer(place.handler), session, case, "classify", category=lamp.id)
    assert refused.status_code == 403


def test_the_duty_list_chooses_the_unit_and_says_why(session, place, as_officer):
    lamp, _ = dictionary(session)
    case = open_case(session, place.community)
    office = make_unit(session, session.get_one(Area, place.community.district_id), name="青岚区城管局")
    rule_by_list(session, place, lamp, office)
    walk(session, case, place, Action.ACCEPT)
    client = as_officer(place.desk)
    tap(client, session, case, "classify", category=lamp.id)
    page = client.get(f"/console/cases/{case.number}").text
    assert f'<option value="{office.id}" selected>青岚区城管局' in page
    assert "职责清单：按" in page
    assert "如果归类为" not in page
    tap(client, session, case, "assign", unit=office.id)
    assert session.get_one(Case, case.id, populate_existing=True).unit_id == office.id


def test_the_page_says_where_the_scanned_code_hangs_and_whose_that_is(session, place, as_officer):
    code = make_code(session, place.community)
    code.label, code.unit_id = "一楼大堂", make_unit(session, place.community, name="电梯维保站").id
    session.commit()
    case = open_case(session, place.community, code_id=code.id)
    walk(session, case, place, Action.ACCEPT)
    page = as_officer(place.desk).get(f"/console/cases/{case.number}").text
    assert "扫的二维码贴在：一楼大堂" in page
    assert f'<option value="{code.unit_id}" selected>电梯维保站' in page


def test_a_unit_is_suggested_by_what_the_report_says_before_anybody_has_filed_it(session, place, as_officer):
    lamp, _ = dictionary(session)
    case = open_case(session, place.community, "门口的路灯坏了三天")
    office = make_unit(session, session.get_one(Area, place.community.district_id), name="青岚区城管局")
    rule_by_list(session, place, lamp, office)
    walk(session, case, place, Action.ACCEPT)
    page = as_officer(place.desk).get(f"/console/cases/{case.number}").text
    assert f'<option value="{office.id}" selected>青岚区城管局' in page
    assert "如果归类为“路灯不亮”：职责清单：按“路灯不亮" in page
