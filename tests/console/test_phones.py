"""Who reported, name and telephone: seen whole by who may act, once, and written down for officers."""

import pytest
import sqlalchemy as sa

from backend import auth
from backend.cases.models import CaseEvent
from backend.cases.workflow import Action, Status
from backend.notify.models import Notification
from backend.places.models import Resident
from backend.places.roles import Role
from tests.console.conftest import open_case, walk
from tests.factories import make_officer

NUMBER, MASKED, LINK = "13812345678", "138****5678", 'href="tel:13812345678"'


@pytest.fixture
def case(session, place):
    return open_case(session, place.community)


def see(client, case):
    return client.post(f"/console/cases/{case.number}/see_phone")


def looks(session):
    seen = sa.select(CaseEvent).where(CaseEvent.action == Action.SEE_PHONE).order_by(CaseEvent.id)
    return list(session.scalars(seen))


def test_whoever_may_act_sees_the_number_in_this_one_answer(session, place, as_officer, case):
    client, address = as_officer(place.desk), f"/console/cases/{case.number}"
    assert f'action="{address}/see_phone"' in client.get(address).text
    answer = see(client, case)
    assert answer.status_code == 200
    assert LINK in answer.text
    assert answer.headers["Cache-Control"] == "no-store"
    for later in (client.get(address).text, client.get("/console/?tab=all").text):
        assert NUMBER not in later
    assert MASKED in client.get(address).text


def test_each_look_is_in_the_history_with_who_and_when_and_nobody_is_told(session, place, as_officer, case):
    told = session.query(Notification).count()
    for officer in (place.desk, place.supervisor):
        see(as_officer(officer), case)
    page = as_officer(place.colleague).get(f"/console/cases/{case.number}").text
    assert [(look.officer_id, look.public, look.to_status) for look in looks(session)] == [
        (place.desk.id, False, Status.SUBMITTED),
        (place.supervisor.id, False, Status.SUBMITTED),
    ]
    assert '<strong>查看电话</strong><span class="timeline__who">信息员 李梅</span>' in page
    assert session.query(Notification).count() == told


def test_the_unit_sees_the_number_while_it_has_the_case(session, place, as_officer, case):
    assert see(as_officer(place.handler), case).status_code == 403
    walk(session, case, place, Action.ACCEPT, Action.ASSIGN)
    assert LINK in see(as_officer(place.handler), case).text
    assert len(looks(session)) == 1


def test_who_only_looks_on_is_offered_no_number_and_refused_it(session, place, as_officer, case):
    client = as_officer(make_officer(session, Role.LEADER, area=place.community))
    page = client.get(f"/console/cases/{case.number}").text
    assert MASKED in page
    assert "see_phone" not in page
    answer = see(client, case)
    assert answer.status_code == 403
    assert NUMBER not in answer.text
    assert looks(session) == []


@pytest.mark.parametrize("status", [Status.CLOSED, Status.REJECTED, Status.WITHDRAWN])
def test_when_nothing_is_left_to_do_nobody_sees_the_number(session, place, as_officer, case, status):
    case.status = status
    session.commit()
    client = as_officer(place.desk)
    assert "see_phone" not in client.get(f"/console/cases/{case.number}").text
    answer = see(client, case)
    assert answer.status_code == 409
    assert "不能“查看电话”" in answer.text
    assert NUMBER not in answer.text
    assert looks(session) == []


@pytest.mark.parametrize(("phone", "shown"), [(NUMBER, f"王** {MASKED}"), (None, "王** ")])
def test_a_name_stands_masked_beside_the_number_and_is_seen_whole_with_it(
    session, place, as_officer, case, phone, shown
):
    resident = session.get_one(Resident, case.resident_id)
    resident.name, resident.phone = "王秀英", phone
    session.commit()
    client = as_officer(place.desk)
    page = client.get(f"/console/cases/{case.number}").text
    assert shown in page
    assert "王秀英" not in page
    assert "王秀英" in see(client, case).text
    assert len(looks(session)) == 1
    assert "王秀英" not in client.get(f"/console/cases/{case.number}").text


def test_without_a_number_there_is_no_button_and_no_look(session, place, as_officer, case):
    session.get_one(Resident, case.resident_id).phone = None
    session.commit()
    client = as_officer(place.desk)
    assert "see_phone" not in client.get(f"/console/cases/{case.number}").text
    answer = see(client, case)
    assert answer.status_code == 409
    assert "这位居民没有留下电话" in answer.text
    assert looks(session) == []


def test_the_page_s_own_token_is_asked_for_and_an_address_alone_shows_nothing(
    session, app, place, as_officer, case
):
    client = as_officer(place.desk)
    assert client.get(f"/console/cases/{case.number}/see_phone").status_code == 405
    elsewhere = app.test_client()
    elsewhere.set_cookie(auth.COOKIE, client.get_cookie(auth.COOKIE).value)
    answer = see(elsewhere, case)
    assert answer.status_code == 400
    assert NUMBER not in answer.text
    assert looks(session) == []
