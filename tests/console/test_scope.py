"""Nobody sees or touches a case that their posts do not give them, by any route."""

import pytest

from backend.cases.workflow import Action, Status
from backend.places.models import Area, Post
from backend.places.roles import Role
from backend.times import now
from tests.browser import add_form_token
from tests.factories import make_case, make_community, make_officer, make_resident, make_unit

SECRET, PHONE = "三号楼王家的事不能让别人知道", "13812345678"


@pytest.fixture
def case(session, place):
    resident = make_resident(session, phone=PHONE)
    return make_case(session, place.community, report=SECRET, resident_id=resident.id)


def routes(app, case):
    """Every console address, filled in for this case, with its method."""
    found = []
    for rule in app.url_map.iter_rules():
        if rule.endpoint.startswith("console."):
            actions = list(Action) if "<action>" in rule.rule else [""]
            for action in actions:
                address = rule.rule.replace("<number>", case.number).replace("<action>", action)
                found += [(method, address) for method in rule.methods & {"GET", "POST"}]
    assert ("POST", f"/console/cases/{case.number}/see_phone") in found
    return found + [("GET", f"/console/?tab={tab}") for tab in ("all", "submitted")]


def test_a_stranger_is_sent_to_log_in_or_refused(app, case):
    client = app.test_client()
    add_form_token(client)
    for method, address in routes(app, case):
        response = client.open(address, method=method)
        assert response.status_code in ({302} if method == "GET" else {401}), address
        assert SECRET not in response.text
        assert PHONE not in response.text
        if method == "GET":
            assert response.location.startswith("/console/login?next=/console/")


def test_a_resident_without_a_post_is_refused_in_plain_words(app, case, as_officer):
    client = as_officer(None)
    for method, address in routes(app, case):
        response = client.open(address, method=method)
        assert response.status_code == 401, address
        assert "这个页面只给已绑定的工作人员使用" in response.text
        assert SECRET not in response.text


@pytest.mark.parametrize("where", ["other community", "other unit"])
def test_an_officer_of_elsewhere_is_refused_in_plain_words(app, session, case, as_officer, where):
    elsewhere = make_community(session, name="银杏社区")
    officer = {
        "other community": lambda: make_officer(session, Role.SECRETARY, area=elsewhere),
        "other unit": lambda: make_officer(session, Role.HANDLER, unit=make_unit(session, elsewhere)),
    }[where]()
    client = as_officer(officer)
    for method, address in routes(app, case):
        response = client.open(address, method=method, data={"note": "我来办", "seen": "0"})
        if case.number in address:
            assert response.status_code == 403, address
            assert "这件诉求不归您办理" in response.text
            assert 'href="/console/">返回诉求列表<' in response.text
        assert SECRET not in response.text
        assert PHONE not in response.text
        assert case.number not in response.text.replace(address, "")
    session.refresh(case)
    assert case.status is Status.SUBMITTED


def test_an_officer_who_holds_no_post_any_more_is_refused_in_plain_words(app, session, case, as_officer):
    client = as_officer(_retired(session, case.place_id))
    for method, address in routes(app, case):
        response = client.open(address, method=method, data={"note": "我来办", "seen": "0"})
        assert response.status_code == 403, address
        assert "您现在没有岗位" in response.text
        assert SECRET not in response.text
        assert PHONE not in response.text
    session.refresh(case)
    assert case.status is Status.SUBMITTED


def _retired(session, area_id):
    area = session.get_one(Area, area_id)
    officer = make_officer(session, Role.SECRETARY, area=area)
    session.execute(Post.__table__.update().where(Post.officer_id == officer.id).values(until=now()))
    session.commit()
    return officer


def test_an_officer_who_has_left_is_refused_though_the_post_was_not_ended(
    session, app, case, place, as_officer
):
    client = as_officer(place.desk)
    assert client.get(f"/console/cases/{case.number}").status_code == 200
    place.desk.left_at = now()
    session.commit()
    for method, address in routes(app, case):
        response = client.open(address, method=method)
        assert response.status_code == 401, address
        assert SECRET not in response.text


def test_a_case_that_is_not_there_is_not_found(place, as_officer):
    for number in ("261121000000", "x", "%00"):
        response = as_officer(place.desk).get(f"/console/cases/{number}")
        assert response.status_code == 404, number
        assert "没有" in response.text


def test_a_step_that_is_not_there_is_not_found(case, place, as_officer):
    assert as_officer(place.desk).post(f"/console/cases/{case.number}/burn").status_code == 404
