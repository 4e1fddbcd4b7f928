"""The outbox desk: what did not arrive and why, for those whose it is; sent again, or given up."""

import html
import re
from datetime import timedelta

import pytest
import sqlalchemy as sa

from backend.console import outbox_lists
from backend.notify.messages import Message
from backend.notify.models import Delivery, Notification, NotificationChange
from backend.notify.outbox import NEXT_VISIT
from backend.places.models import Area
from backend.places.roles import Role
from backend.times import now
from backend.wechat.models import Conversation
from tests.console.board_town import LATER, PAST, make_town, open_work, order
from tests.console.conftest import asked_again, queries_of
from tests.factories import make_community, make_contact, make_officer, make_resident, make_unit

HOUR = timedelta(hours=1)
NO_TEMPLATE = "公众号没有配置这类消息的模板"


@pytest.fixture
def town(session):
    town = make_town(session)
    town.case = open_work(town, town.yulan, town.city, LATER)
    town.resident = make_resident(session, name="王小明", phone="13812345678")
    town.dispatcher = make_officer(session, Role.DISPATCHER, area=town.street, name="何静")
    return town


def owed(town, key="k", number=None, message=Message.CASE_PROGRESS, to=None, **values):
    """A message about the town's case that failed; to its resident unless somebody else is named."""
    to = to or {"resident_id": town.resident.id}
    fields = {"number": number or town.case.number, "note": "明天来修"}
    state = {"status": Delivery.FAILED, "attempts": 2, "due_at": now() - HOUR, "error": NO_TEMPLATE}
    rungs = [{"channel": "wechat_chat", "why": "对方近期没有给公众号发过消息", "at": "2026-11-20 10:00"}]
    row = Notification(key=key, message=message, fields=fields, rungs=rungs, **to | state | values)
    town.session.add(row)
    town.session.commit()
    return row


def desk(client, **query):
    return client.get("/console/outbox/", query_string=query).text


def test_a_failed_message_says_to_whom_why_and_what_was_tried(town, as_officer):
    owed(town)
    page = desk(as_officer(town.dispatcher))
    for words in ("王** 138****5678", "办理进展", NO_TEMPLATE, "公众号会话：对方近期没有给公众号发过消息"):
        assert words in page
    assert f'href="/console/cases/{town.case.number}"' in page
    assert "13812345678" not in page
    assert "王小明" not in page


def test_each_trouble_has_its_tab_with_a_number(town, as_officer):
    at = now()
    sent = {"status": Delivery.SENT, "channel": "wechat_template", "provider_id": "7"}
    owed(town, "a")
    owed(town, "b", status=Delivery.WAITING, due_at=at + NEXT_VISIT)
    owed(town, "c", sent_at=at - 2 * HOUR, **sent)
    owed(town, "d", status=Delivery.WAITING, due_at=at - HOUR)
    owed(town, "e", status=Delivery.WAITING, due_at=at + HOUR)
    client = as_officer(town.supervisor)
    assert re.findall(r"ms-1\">(\d+)<", desk(client)) == ["1"] * 5
    said = {"visit": "下次：对方关注公众号", "silent": "还没有说送到没有", "late": "还在排队"}
    said |= {"retried": "再试，已经试过 2 次"}
    for tab, words in said.items():
        assert words in desk(client, tab=tab)
    assert client.get("/console/outbox/?tab=other").status_code == 404


def test_officers_who_have_bound_nothing_are_one_line_and_no_row_for_each_message(session, town, as_officer):
    """What waits for somebody who is bound and cannot be reached now stays a row."""
    strangers = [
        make_officer(session, Role.GRID_OFFICER, area=town.yulan, name=name) for name in ("谷永", "庞德")
    ]
    bound = make_officer(session, Role.GRID_OFFICER, area=town.yulan, name="周晓")
    make_contact(session, officer=bound, follows=False)
    waits = {"status": Delivery.WAITING, "due_at": now() + NEXT_VISIT, "error": "对方没有关注公众号"}
    for officer in (*strangers, *strangers, bound):
        to = {"officer_id": officer.id}
        owed(town, f"k{session.scalar(sa.select(sa.func.count(Notification.id)))}", to=to, **waits)
    owed(town, "failed", to={"officer_id": strangers[0].id})  # was tried, by a text message say
    client = as_officer(town.dispatcher)
    page = desk(client, tab="visit")
    assert ("周晓" in page, "谷永" in page, "庞德" in page) == (True, False, False)
    assert re.findall(r"ms-1\">(\d+)<", page) == ["1", "1"]
    assert re.findall(r"(\d+)</span></p>", page.split("按原因一起处理")[1]) == ["1"]
    line = "发给 2 位还没有绑定的工作人员的消息在等"
    assert (line in page, "绑定以后补发最新的" in page) == (True, True)
    found = desk(client)
    assert ("谷永" in found, line in found) == (True, False)
    people = client.get("/console/officers/?unbound=1").text
    assert ("谷永" in people, "庞德" in people, "周晓" in people) == (True, True, False)
    for stranger in strangers:
        make_contact(session, officer=stranger)
    session.commit()
    assert "谷永" in desk(client, tab="visit")


def waiting(town, officer, key, **values):
    """A message about the town's case that waits until this officer comes to us."""
    waits = {"status": Delivery.WAITING, "due_at": now() + NEXT_VISIT, "error": "对方没有关注公众号"}
    return owed(town, key, to={"officer_id": officer.id}, **waits | values)


def test_the_line_says_of_whom_rows_are_hidden_wherever_those_work(session, town, as_officer):
    """A unit of the district has a case of the street; who only reads the other community hears of nobody."""
    district = session.get_one(Area, town.yulan.district_id)
    helper = make_officer(
        session, Role.HANDLER, unit=make_unit(session, district, name="区水务所"), name="谷永"
    )
    make_officer(session, Role.GRID_OFFICER, area=town.yulan, name="庞德")  # nothing waits for them
    for key in ("one", "two"):
        waiting(town, helper, key)
    page = desk(as_officer(town.dispatcher), tab="visit")
    assert ("谷永" in page, "发给 1 位还没有绑定的工作人员的消息在等" in page) == (False, True)
    elsewhere = desk(as_officer(make_officer(session, Role.SUPERVISOR, area=town.dangui)), tab="visit")
    assert "还没有绑定" not in elsewhere


def test_what_is_hidden_takes_no_room_among_what_is_looked_at(session, town, as_officer, monkeypatch):
    monkeypatch.setattr(outbox_lists, "LOOKED_AT", 3)
    stranger = make_officer(session, Role.GRID_OFFICER, area=town.yulan, name="谷永")
    bound = make_officer(session, Role.GRID_OFFICER, area=town.yulan, name="周晓")
    make_contact(session, officer=bound, follows=False)
    for n in range(4):  # later than the other, and so before it in the list
        waiting(town, stranger, f"hidden{n}", due_at=now() + NEXT_VISIT + HOUR)
    waiting(town, bound, "shown")
    page = desk(as_officer(town.dispatcher), tab="visit")
    assert ("周晓" in page, "接着找" in page) == (True, False)
    assert re.findall(r"ms-1\">(\d+)<", page) == ["1"]
    assert re.findall(r"(\d+)</span></p>", page.split("按原因一起处理")[1]) == ["1"]


def test_one_tap_sends_it_again_and_the_next_one_is_told(town, as_officer):
    row = owed(town)
    client = as_officer(town.dispatcher)
    address = f"/console/outbox/{row.id}/resend?tab=failed"
    done = client.post(address, follow_redirects=True)
    assert "已重新安排发送 1 条消息" in done.text
    again = client.post(address)
    assert (again.status_code, "已经在排队发送了，不用再点" in again.text) == (409, True)
    town.session.refresh(row)
    assert (row.status, row.attempts) == (Delivery.WAITING, 0)


def test_giving_up_keeps_the_reason_and_without_one_says_so_at_the_row(town, as_officer):
    row = owed(town)
    client = as_officer(town.dispatcher)
    address = f"/console/outbox/{row.id}/give_up?tab=failed"
    refused = client.post(address, data={"reason": ""})
    assert (refused.status_code, "请写明为什么不再发送" in refused.text) == (422, True)
    client.post(address, data={"reason": "已经当面告诉他了"})
    assert "这里没有消息" in desk(client)
    [change] = town.session.scalars(sa.select(NotificationChange))
    assert (change.reason, change.officer_id) == ("已经当面告诉他了", town.dispatcher.id)


def test_the_page_of_a_message_says_by_what_else_it_can_be_sent(session, town, as_officer):
    """The resident follows and wrote an hour ago; asking the channels has taken nothing from that window."""
    contact = make_contact(session, town.resident)
    window = Conversation(contact_id=contact.id, window_until=now() + HOUR, window_left=1)
    session.add(window)
    row = owed(town)
    client = as_officer(town.dispatcher)
    page = client.get(f"/console/outbox/{row.id}").text
    assert "有进展：明天来修" in page
    assert "用公众号会话发" in page
    assert "现在用不了：" in page
    session.refresh(window)
    assert window.window_left == 1
    address = f"/console/outbox/{row.id}/channel"
    sent = client.post(address, data={"channel": "wechat_chat"}, follow_redirects=True)
    assert "已安排改用公众号会话发送" in sent.text
    assert "何静 改用公众号会话" in sent.text
    assert client.post(address, data={"channel": "wechat_chat"}).status_code == 409
    assert client.post(address, data={"channel": "pigeon"}).status_code == 422
    stranger = as_officer(make_officer(session, Role.SUPERVISOR, area=town.dangui))
    assert stranger.get(f"/console/outbox/{row.id}").status_code == 404
    assert stranger.post(address, data={"channel": "wechat_chat"}).status_code == 404


def test_nobody_sees_or_mends_what_is_not_theirs(session, town, as_officer):
    """Neither by the tabs, nor by a reason, nor by a number in the address."""
    row = owed(town)
    late = owed(town, "late", status=Delivery.WAITING, due_at=now() - HOUR)
    order(town, town.yulan, [(town.city, "owed", PAST, False)], "F261121000001")
    owed(town, "order", "F261121000001", Message.ORDER_URGED, {"officer_id": town.handler.id})
    elsewhere = make_community(session)
    dangui = make_officer(session, Role.SUPERVISOR, area=town.dangui)
    for officer in (make_officer(session, Role.SUPERVISOR, area=elsewhere), dangui):
        client = as_officer(officer)
        for tab in ("failed", "late"):
            assert "这里没有消息" in desk(client, tab=tab)
        assert client.post(f"/console/outbox/{row.id}/resend").status_code == 404
        everything = client.post("/console/outbox/all/resend", query_string={"error": NO_TEMPLATE})
        assert everything.status_code == 409
    handler = as_officer(town.handler)
    assert handler.get("/console/outbox/").status_code == 403
    assert handler.post(f"/console/outbox/{row.id}/resend").status_code == 403
    session.refresh(row)
    session.refresh(late)
    assert (row.status, late.attempts) == (Delivery.FAILED, 2)
    assert desk(as_officer(town.supervisor)).count('class="card board-case"') == 2


def test_what_is_about_no_case_is_for_who_administers_all_that_the_officer_does(session, town, as_officer):
    street = make_officer(session, Role.ADMINISTRATOR, area=town.street)
    near = make_officer(session, Role.ADMINISTRATOR, area=town.yulan)
    district = make_officer(session, Role.ADMINISTRATOR, area=session.get_one(Area, town.yulan.district_id))
    owed(town, number="nothing", to={"officer_id": town.handler.id}, message=Message.CASE_URGED)
    seen = ["陈志" in desk(as_officer(officer)) for officer in (street, near, district, town.supervisor)]
    assert seen == [True, False, True, False]


def test_the_list_says_that_it_changed(town, as_officer):
    client = as_officer(town.dispatcher)
    row = owed(town)
    again = asked_again(desk(client))
    assert client.get(again).status_code == 204
    client.post(f"/console/outbox/{row.id}/resend")
    assert "这一页有变化" in client.get(again).text


def test_pages_go_on_by_key_with_the_same_queries_for_one_and_for_many(town, as_officer):
    owed(town)
    client = as_officer(town.dispatcher)
    few = queries_of(lambda: client.get("/console/outbox/"))
    for n in range(24):
        owed(town, f"more{n}", due_at=now() - n * HOUR)
    assert len(queries_of(lambda: client.get("/console/outbox/"))) <= len(few)
    page = desk(client)
    assert page.count('class="card board-case"') == 20
    after = re.search(r'after=([^"&]+)', page)[1]
    rest = client.get(f"/console/outbox/?tab=failed&after={after}").text
    assert rest.count('class="card board-case"') == 5
    assert client.get(f"/console/outbox/?tab=failed&error={NO_TEMPLATE}&after={after}").status_code == 200


@pytest.mark.parametrize("tab", ["failed", "late"])
def test_who_has_few_among_a_citys_many_looks_on_where_the_page_ends(town, as_officer, monkeypatch, tab):
    """Each page looks at five messages, whoever may read them; nothing is skipped, and each page says so."""
    monkeypatch.setattr(outbox_lists, "LOOKED_AT", 5)
    waiting = {"status": Delivery.WAITING, "attempts": 0} if tab == "late" else {}
    other = make_officer(town.session, Role.GRID_OFFICER, area=make_community(town.session, name="别处社区"))
    for n in range(12):
        to = {} if n in (1, 11) else {"to": {"officer_id": other.id}, "number": "none"}
        owed(town, f"m{n}", due_at=now() - (n + 1) * HOUR, **to, **waiting)
    client, address, found, pages = as_officer(town.dispatcher), f"/console/outbox/?tab={tab}", [], []
    while address:
        page = client.get(address).text
        pages.append("看过 5 条" in page)
        found += re.findall(r'id="message-(\d+)"', page)
        more = re.search(r'<a class="btn" href="([^"]+after=[^"]+)"', page)
        address = more and html.unescape(more[1])
    assert len(found) == len(set(found)) == 2
    assert pages == [True, True, False]
