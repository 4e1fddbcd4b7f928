"""The page of calls to be made: masked numbers, seen on record, and how a call went."""

import pytest

from backend.notify.messages import Message
from backend.notify.models import Delivery, Notification
from backend.notify.outbox import NEXT_VISIT
from backend.notify.telephone_models import TelephoneTask
from backend.places.scope import COLUMNS
from backend.times import now
from backend.wechat import accounts, wecom_binding
from tests.console.conftest import queries_of

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
