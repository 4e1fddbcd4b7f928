"""The page of calls to be made: masked numbers, seen on record, and how a call went."""

import pytest
import sqlalchemy as sa

from backend.cases.models import CaseEvent
from backend.cases.workflow import Action, Status
from backend.notify.messages import Message
from backend.notify.models import Delivery, Notification
from backend.notify.outbox import NEXT_VISIT
from backend.notify.telephone_models import TelephoneTask
from backend.places.models import Resident
from backend.places.scope import COLUMNS
from backend.times import now
from backend.wechat import accounts, wecom_binding
from tests.console.conftest import open_case, queries_of

PHONE, PAGE = "13912345678", "/console/telephone/"


@pytest.fixture
def call(session, place):
    """Makes calls to the handler."""
    place.handler.phone = PHONE
    where = {column: getattr(place.community, column) for column in COLUMNS.values()}

    def make(number=1):
        row = Notification(
            key=f"call:{number}", message=Message.CASE_URGED, officer_id=place.handler.id,
            due_at=now() + NEXT_VISIT,
        )  # fmt: skip
        session.add(row)
        session.flush()
        task = TelephoneTask(
            notification_id=row.id, officer_id=place.handler.id, words="【紧急】催办\n请尽快办理",
            why="没有关注公众号", **where,
        )  # fmt: skip
        session.add(task)
        session.commit()
        return task, row

    return make


def test_a_call_is_shown_with_a_masked_number_to_those_who_call(call, place, as_officer):
    call()
    page = as_officer(place.desk).get(PAGE).text
    assert "待打电话" in page
    assert "139****5678" in page
    assert PHONE not in page
    assert "请尽快办理" in page
    assert "没有要打的电话" in as_officer(place.handler).get(PAGE).text


def test_the_number_is_whole_in_one_answer_and_in_no_other(call, place, as_officer):
    task, _ = call()
    client = as_officer(place.desk)
    assert f"tel:{PHONE}" in client.post(f"{PAGE}{task.id}/number").text
    assert PHONE not in client.get(PAGE).text
    assert as_officer(place.handler).post(f"{PAGE}{task.id}/number").status_code == 404


@pytest.fixture
def result(session, place):
    """A result that no text message brings to its resident, who is to be called."""
    case = open_case(session, place.community)
    case.status = Status.RESOLVED
    session.get_one(Resident, case.resident_id).name = "王小明"
    row = Notification(
        key="result", message=Message.CASE_RESOLVED, resident_id=case.resident_id,
        due_at=now() + NEXT_VISIT, fields={"number": case.number},
    )  # fmt: skip
    session.add(row)
    session.flush()
    where = {column: getattr(place.community, column) for column in COLUMNS.values()}
    task = TelephoneTask(notification_id=row.id, words="已办理：灯泡换好了", why="对方退订了短信", **where)
    session.add(task)
    session.commit()
    return case, task


def test_who_calls_a_resident_sees_name_and_number_once_it_stands_in_the_case(
    session, result, place, as_officer
):
    case, task = result
    client, whole = as_officer(place.desk), "13812345678"
    page = client.get(PAGE).text
    assert ("居民王**" in page, "138****5678" in page, "灯泡换好了" in page) == (True, True, True)
    assert (whole in page, "王小明" in page) == (False, False)
    assert f'href="/console/cases/{case.number}"' in page
    seen = client.post(f"{PAGE}{task.id}/number").text
    assert (f"tel:{whole}" in seen, "王小明" in seen, "已记入办理经过" in seen) == (True, True, True)
    session.expire_all()
    looked = sa.select(CaseEvent.officer_id).where(CaseEvent.action == Action.SEE_PHONE)
    assert session.scalars(looked).all() == [place.desk.id]
    wrong = client.post(f"{PAGE}{task.id}/done", data={"outcome": "wrong_number"}, follow_redirects=True)
    assert "号码不对，等本人下次来时再告诉" in wrong.text
    assert as_officer(place.handler).post(f"{PAGE}{task.id}/number").status_code == 404


def test_done_takes_it_off_the_list(call, session, place, as_officer):
    task, row = call()
    client = as_officer(place.desk)
    answer = client.post(f"{PAGE}{task.id}/done", data={"outcome": "told"}, follow_redirects=True)
    assert "本人已经知道" in answer.text
    assert "没有要打的电话" in answer.text
    session.refresh(row)
    assert row.status is Delivery.RECEIVED


def test_a_refused_form_keeps_what_was_typed(call, place, as_officer):
    task, _ = call()
    answer = as_officer(place.desk).post(f"{PAGE}{task.id}/done", data={"note": "明天再打"})
    assert answer.status_code == 422
    assert "请选择打得怎么样" in answer.text
    assert "明天再打" in answer.text


def test_the_page_costs_the_same_for_one_call_and_for_three(call, place, as_officer):
    client = as_officer(place.desk)
    call(1)
    one = len(queries_of(lambda: client.get(PAGE)))
    call(2), call(3)
    assert len(queries_of(lambda: client.get(PAGE))) == one


def test_an_administrator_binds_and_releases_a_member_of_wecom(session, place, admin_client):
    accounts.reset()
    page, form = f"/console/officers/{place.handler.id}", {"account": "demo", "userid": "ChenZhi"}
    assert "企业微信账号" in admin_client.get(page).text
    assert admin_client.post(f"{page}/wecom", data=form).status_code == 303
    assert wecom_binding.userids(session, place.handler.id) == {"demo": "chenzhi"}
    assert "chenzhi" in admin_client.get(page).text
    other = admin_client.post(f"/console/officers/{place.desk.id}/wecom", data=form)
    assert (other.status_code, "已经绑定了另一位" in other.text, "ChenZhi" in other.text) == (409, True, True)
    assert admin_client.post(f"{page}/wecom", data=form | {"userid": "陈志"}).status_code == 422
    admin_client.post(f"{page}/wecom", data=form | {"userid": ""})
    assert wecom_binding.userids(session, place.handler.id) == {}
