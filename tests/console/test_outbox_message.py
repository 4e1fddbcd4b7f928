"""The page of one message: why each way was not taken, and by which one it can go now."""

import re

import pytest
import sqlalchemy as sa

from backend.cases.workflow import Status
from backend.notify import tasks
from backend.notify.messages import Message
from backend.notify.models import Contact, Delivery, Notification
from backend.notify.telephone_models import CallOutcome, TelephoneTask
from backend.places.models import Area, Officer, Resident
from backend.places.roles import Role
from backend.times import now
from tests.factories import make_case, make_community, make_officer, make_resident
from tests.telling import opened, owe, read
from tests.texting import PHONE, address, sms
from tests.weixin import follower

__all__ = ["address", "sms"]
PATH = "/sms"


@pytest.fixture
def session(committed):
    return committed


@pytest.fixture
def case(session):
    """A case of somebody who left a number and has no WeChat."""
    community = make_community(session)
    case = make_case(
        session, community, status=Status.RESOLVED, resident_id=make_resident(session, phone=PHONE).id
    )
    session.commit()
    return case


@pytest.fixture
def client(session, case, as_officer):
    desk = make_officer(session, Role.DISPATCHER, area=session.get_one(Area, case.place_id))
    session.commit()
    return as_officer(desk)


def told(session, case, tries=1, message=Message.CASE_RESOLVED):
    """It is owed to the resident and tried so often; the row."""
    about = {"number": case.number, "area": str(case.place_id), "note": "换好了"}
    owed = owe(Contact(resident_id=case.resident_id), message, **about)
    for _ in range(tries):
        session.execute(sa.update(Notification).values(due_at=now()))
        session.commit()
        tasks.deliver([owed])
    return read(session, owed)


def end(session, row):
    """No worker tries it any more."""
    session.execute(sa.update(Notification).values(status=Delivery.FAILED))
    session.commit()
    return row.id


def page(client, row_id):
    return client.get(f"/console/outbox/{row_id}").text


def usable(text):
    """What the page offers to send it by."""
    return re.findall(r'name="channel" value="(\w+)"', text)


def test_what_was_never_called_is_not_said_to_have_given_no_answer(session, weixin, sms, case, client):
    """The text message got a 502; that the resident has no WeChat is as true at the second attempt."""
    weixin.faults(api=[{"path": PATH, "http_status": 502, "times": 1}])
    row = told(session, case, tries=2)
    said = {(rung["channel"], rung["why"]) for rung in row.rungs if rung["channel"] != "sms"}
    assert said == {
        ("wechat_chat", "对方没有关注公众号"),
        ("wechat_template", "对方没有关注公众号"),
        ("wechat_notice", "没有开通公众号订阅通知"),
        ("wechat_subscription", "对方没有用过小程序"),
        ("telephone", "已经请值班人员打电话"),
    }
    assert "公众号会话：对方没有关注公众号" in page(client, row.id)


def test_who_could_be_reached_in_chat_reads_which_call_is_in_doubt(session, weixin, sms, case, client):
    weixin.faults(api=[{"path": PATH, "http_status": 502, "times": 1}])
    row = told(session, case)
    phone, contact = follower(session, weixin, "li", resident=session.get_one(Resident, case.resident_id))
    opened(session, phone, contact)
    session.execute(sa.update(Notification).values(due_at=now()))
    session.commit()
    tasks.deliver([row.id])
    said = read(session, row.id).rungs
    assert "上次用短信发送没有得到回应，为免重复不再发到会话里" in [rung["why"] for rung in said]


def test_a_text_in_doubt_may_be_sent_by_text_or_in_chat_when_somebody_decides_so(
    session, weixin, sms, case, client
):
    weixin.faults(api=[{"path": PATH, "http_status": 502, "times": 1}])
    row_id = end(session, told(session, case))
    text = page(client, row_id)
    assert usable(text) == ["sms", "telephone"]
    assert "请人打电话" in text
    assert "上次用短信发送没有得到回应，对方可能已经收到" in text
    client.post(f"/console/outbox/{row_id}/channel", data={"channel": "sms"})
    tasks.deliver([row_id])
    assert read(session, row_id).status is Delivery.SENT


def test_where_no_way_is_left_the_page_says_so_and_why_for_each(session, weixin, sms, case, client):
    text = page(client, told(session, case, message=Message.CASE_PROGRESS).id)
    assert usable(text) == []
    assert "现在一种办法都用不了" in text
    offered = text.split("换个办法发")[1]
    assert (
        '<strong>公众号会话</strong> <span class="text-secondary">现在用不了：对方没有关注公众号' in offered
    )
    assert "这类消息没有短信模板" in offered


def test_a_reason_that_has_changed_since_is_said_beside_the_one_of_then(session, weixin, sms, case, client):
    row = told(session, case, message=Message.CASE_PROGRESS)
    rungs = [{"channel": "sms", "why": "留的不是手机号", "at": "2026-11-20 10:00"}]
    session.execute(sa.update(Notification).values(rungs=rungs))
    session.commit()
    text = page(client, row.id)
    assert "现在用不了：这类消息没有短信模板（上次试的时候：留的不是手机号）" in text
    assert text.count("上次试的时候") == 1


@pytest.fixture
def asked(session, weixin, sms, case, client):
    """The result of the case, about which somebody was asked to call its resident."""
    weixin.faults(api=[{"path": PATH, "http_status": 502, "times": 1}])
    return told(session, case, tries=2)


def test_that_somebody_was_asked_to_call_reads_as_such_and_as_no_failure(session, asked, case, client):
    for text in (page(client, asked.id), client.get("/console/outbox/?tab=visit").text):
        assert "已经请人打电话" in text
        assert "已经请值班人员打电话" not in text
        assert "没有走通的办法（6）" in text
    assert ">已经请人打电话</span>" in page(client, asked.id)
    session.execute(sa.update(TelephoneTask).values(tries=1, tried_at=now()))
    session.commit()
    assert "已经请人打电话，打过 1 次，没有人接" in page(client, asked.id)
    session.execute(sa.update(TelephoneTask).values(done_at=now(), outcome=CallOutcome.WRONG_NUMBER))
    session.commit()
    over = page(client, asked.id)
    assert ("已经请人打电话" in over, "等对方下次来" in over) == (False, True)


@pytest.fixture
def own(session, case, client):
    """An urgent message to the dispatcher who reads the desk, whom nothing reaches but the telephone."""
    officer = session.scalars(sa.select(Officer)).one()
    officer.phone = PHONE
    session.commit()
    session.execute(sa.update(Contact).values(follows=False))
    about = {"number": case.number, "area": str(case.place_id)}
    row_id = owe(Contact(officer_id=officer.id), Message.CASE_URGED, **about)
    return end(session, read(session, row_id))


def test_where_only_they_could_call_themselves_the_telephone_is_refused(session, weixin, own, case, client):
    session.execute(sa.update(Notification).values(attempts=1))
    make_officer(session, Role.DISPATCHER, area=make_community(session, "别处社区"))
    session.commit()
    text = page(client, own)
    assert "现在用不了：除了本人，这里没有别人可以打这个电话" in text
    refused = client.post(f"/console/outbox/{own}/channel", data={"channel": "telephone"})
    assert (refused.status_code, "除了本人，这里没有别人" in refused.text) == (409, True)
    assert session.scalars(sa.select(TelephoneTask)).all() == []


def test_what_is_to_be_said_to_an_officer_by_telephone_stands_in_anothers_list_and_not_in_theirs(
    session, weixin, own, case, client, as_officer
):
    session.execute(sa.update(Notification).values(attempts=1))
    colleague = make_officer(session, Role.SECRETARY, area=session.get_one(Area, case.place_id))
    session.commit()
    assert client.post(f"/console/outbox/{own}/channel", data={"channel": "telephone"}).status_code == 303
    tasks.deliver([own])
    mine, theirs = (who.get("/console/telephone/").text for who in (client, as_officer(colleague)))
    assert ("没有要打的电话" in mine, "没有要打的电话" in theirs) == (True, False)
    assert "还有同事在消息台请人打电话的" in mine
    task_id = session.scalars(sa.select(TelephoneTask.id)).one()
    assert client.post(f"/console/telephone/{task_id}/number").status_code == 404
