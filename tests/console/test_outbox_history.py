"""What we told a resident, what an officer was told, and who was told of each step of a case."""

import re
from datetime import timedelta

import pytest
import sqlalchemy as sa

from backend.cases.survey_models import Survey, SurveyState
from backend.cases.workflow import Action
from backend.console import outbox_history
from backend.notify.messages import Message
from backend.notify.models import Contact, Delivery, Held, Notification
from backend.notify.outbox import NEXT_VISIT
from backend.notify.troubles import HANDED_ON
from backend.places.models import Area, Resident
from backend.places.roles import Role
from backend.times import now, spoken
from backend.wechat.models import InboundMessage
from tests.console.conftest import open_case, queries_of, walk
from tests.factories import make_case, make_community, make_contact, make_officer

HOUR = timedelta(hours=1)


@pytest.fixture
def case(session, place):
    return open_case(session, place.community)


def owe(session, key, *, number, message=Message.CASE_PROGRESS, **values):
    fields = {"number": number, "note": "明天来修，电话 13900001111"} | values.pop("fields", {})
    row = Notification(key=key, message=message, fields=fields, **values)
    session.add(row)
    session.commit()
    return row


def told(client, case, **query):
    return client.get(f"/console/told/{case.number}", query_string=query)


def test_what_a_resident_was_told_reads_as_it_was_sent(session, place, case, as_officer):
    at = now()
    to = {"resident_id": case.resident_id, "number": case.number}
    sent = {"status": Delivery.RECEIVED, "channel": "wechat_template", "sent_at": at, "received_at": at}
    owe(session, "a", **to, **sent)
    owe(session, "b", **to, status=Delivery.FAILED, attempts=1, error="对方没有关注公众号")
    page = told(as_officer(place.desk), case).text
    assert f"您反映的事情（编号 {case.number}）有进展：明天来修" in page
    assert "从公众号模板消息发出" in page
    assert page.index("对方没有关注公众号") < page.index("送达</p>"), "the latest comes first"
    assert "139****1111" in page
    assert "13900001111" not in page


def test_the_answer_to_a_survey_stands_beside_it(session, place, case, as_officer):
    answered = {"state": SurveyState.ANSWERED, "solved": True, "satisfaction": 4}
    survey = Survey(case_id=case.id, round=1, resident_id=case.resident_id, **answered)
    session.add(survey)
    session.flush()
    to = {"resident_id": case.resident_id, "number": case.number, "status": Delivery.SENT, "sent_at": now()}
    owe(session, "s", **to, message=Message.SURVEY_INVITED, fields={"survey": str(survey.id)})
    assert "已解决，满意" in told(as_officer(place.desk), case).text


def test_all_that_a_resident_was_told_is_for_who_watches_those_areas(session, place, case, as_officer):
    """Their other case is elsewhere: who watches only here reads of this one alone."""
    far = make_community(session)
    other = make_case(session, far, resident_id=case.resident_id)
    for key, one in (("a", case), ("b", other)):
        owe(session, key, resident_id=case.resident_id, number=one.number)
    above = make_officer(session, Role.ADMINISTRATOR, area=session.get_one(Area, far.district_id))
    assert told(as_officer(above), case).status_code == 403
    here = as_officer(place.supervisor)
    assert other.number not in told(here, case, all=1).text
    assert case.number in told(here, case, all=1).text
    assert other.number not in told(as_officer(place.desk), case, all=1).text
    both = make_officer(session, Role.SUPERVISOR, area=place.community)
    session.execute(sa.text("INSERT INTO posts (officer_id, role, area_id) VALUES (:o, 'supervisor', :a)"),
                    {"o": both.id, "a": far.id})  # fmt: skip
    assert other.number in told(as_officer(both), case, all=1).text


def chat(session, case, reply, minutes, **contact):
    """The resident wrote in the chat so many minutes ago, and this was answered."""
    known = make_contact(session, session.get_one(Resident, case.resident_id), **contact)
    said = {"kind": "text", "content": {}, "received_at": now() - timedelta(minutes=minutes)}
    session.add(InboundMessage(dedupe_key=f"{reply}{minutes}", contact_id=known.id, reply=reply, **said))
    session.commit()


def test_what_the_chat_answered_about_the_case_stands_among_the_messages(session, place, case, as_officer):
    """Without links, which open pages without signing in; and nothing of other cases."""
    other = make_case(session, make_community(session), resident_id=case.resident_id)
    hour = {"resident_id": case.resident_id, "number": case.number}
    owe(session, "a", **hour, created_at=now() - HOUR)
    link = '<a href="https://example.test/r/surveys/secret-token">点这里</a>'
    chat(session, case, f"收到，已登记。\n编号：{case.number}", 90)
    chat(session, case, f"编号 {case.number} 会重新办理，电话 13900001111。请{link}", 30)
    chat(session, case, f"编号 {case.number}，待受理\n编号 {other.number}，处置中", 20)
    chat(session, case, f"已替您催办（编号 {other.number}）", 10)
    chat(session, case, f"编号 {case.number} 请{link}；编号{other.number}也在办", 4)
    chat(session, case, f"编号 {case.number} 见https://example.test/r；编号{other.number}也在办", 3)
    chat(session, case, "您好，请说说是什么事。", 5)
    for query in ({}, {"all": 1}):
        page = told(as_officer(place.supervisor), case, **query).text
        order = [page.index(words) for words in ("会重新办理", "有进展：明天来修", "收到，已登记")]
        assert order == sorted(order)
        assert page.count("会话里的答复") == 2
        assert [words in page for words in ("secret-token", other.number, "13900001111")] == [False] * 3


def test_a_page_of_messages_has_the_answers_of_its_time(session, place, case, as_officer, monkeypatch):
    monkeypatch.setattr(outbox_history, "PAGE", 2)
    for n in range(3):
        owe(session, f"k{n}", resident_id=case.resident_id, number=case.number,
            created_at=now() - (3 - n) * HOUR)  # fmt: skip
        chat(session, case, f"答复{n}，编号 {case.number}", 60 * (3 - n) - 30)
    client = as_officer(place.desk)
    first = told(client, case).text
    assert [f"答复{n}" in first for n in range(3)] == [False, True, True]
    before = re.search(r"before=(\d+)", first)[1]
    assert [f"答复{n}" in told(client, case, before=before).text for n in range(3)] == [True, False, False]


def test_strangers_do_not_read_what_a_resident_was_told(session, place, case, as_officer):
    owe(session, "a", resident_id=case.resident_id, number=case.number)
    for role in (Role.SUPERVISOR, Role.ADMINISTRATOR, Role.INFORMATION_OFFICER):
        stranger = make_officer(session, role, area=make_community(session))
        assert told(as_officer(stranger), case).status_code == 403


def test_an_officer_reads_their_own_messages_and_nobody_elses(session, place, case, as_officer):
    own = {"number": case.number, "message": Message.CASE_URGED}
    owe(session, "a", **own, officer_id=place.desk.id, status=Delivery.SENT, sent_at=now())
    owe(session, "b", **own, officer_id=place.desk.id, due_at=now() + NEXT_VISIT, error="对方没有关注公众号")
    owe(session, "c", number="261100000001", officer_id=place.colleague.id)
    owe(session, "d", number="261100000002", officer_id=place.desk.id,
        status=Delivery.FAILED, error=HANDED_ON)  # fmt: skip
    page = as_officer(place.desk).get("/console/messages/").text
    assert "群众或督查催办" in page
    assert page.count("群众或督查催办") == 1, "what did not arrive shows no words"
    assert "有 1 条消息没有送到您的微信。给公众号随便发一句话" in page
    assert "26110000000" not in page


def test_what_comes_by_itself_says_when_and_asks_nobody_to_write(session, place, case, as_officer):
    at, own = now(), {"number": case.number, "message": Message.CASE_URGED, "officer_id": place.desk.id}
    later = at + HOUR
    owe(session, "digest", **own, held=Held.DIGEST, error="稍后和别的消息一起发", due_at=later)
    owe(session, "outage", **own, held=Held.OUTAGE, error="微信接口暂时不通，恢复后马上发", due_at=later)
    owe(session, "sending", **own, status=Delivery.SENDING, due_at=at)
    page = as_officer(place.desk).get("/console/messages/").text
    assert "随便发一句话" not in page
    for words in (f"{spoken(later, at)}发到您的微信", "恢复后马上发，不用您做什么", "正在发，马上就到"):
        assert words in page


def test_whoever_does_not_follow_is_told_how_to_be_reached(session, place, as_officer):
    client = as_officer(place.desk)
    assert "没有关注公众号" not in client.get("/console/messages/").text
    session.execute(sa.update(Contact).values(follows=False))
    session.commit()
    assert "您的微信没有关注公众号，系统提醒不到您" in client.get("/console/messages/").text


def test_each_step_says_who_was_told_and_whether_it_arrived(session, place, case, as_officer):
    walk(session, case, place, Action.ACCEPT)
    rows = session.scalars(sa.select(Notification).order_by(Notification.id)).all()
    to_resident = next(row for row in rows if row.resident_id)
    to_resident.status, to_resident.channel = Delivery.RECEIVED, "wechat_template"
    to_resident.received_at = to_resident.created_at
    for row in rows:
        if row.officer_id == place.colleague.id:
            row.status, row.attempts, row.error = Delivery.FAILED, 1, "对方没有关注公众号"
    session.commit()
    page = as_officer(place.desk).get(f"/console/cases/{case.number}").text
    assert "已通知居民（公众号模板消息，" in page
    assert "送达）" in page
    assert "2 人的通知，其中 1 人没有送达" in page
    assert "没有送达何静：对方没有关注公众号" in page
    assert "正在通知李梅" in page


def test_another_case_whose_number_begins_alike_is_not_mixed_in(session, place, case, as_officer):
    event = session.scalar(sa.text("SELECT max(id) FROM case_events"))
    owe(session, f"case:{case.id}0:case_urged:{event}:officer:{place.supervisor.id}", number="1",
        officer_id=place.supervisor.id)  # fmt: skip
    page = as_officer(place.desk).get(f"/console/cases/{case.number}").text
    assert "正在通知李梅" in page
    assert "吴桐" not in page


def test_the_page_of_a_case_takes_the_same_queries_for_many_messages(session, place, case, as_officer):
    client = as_officer(place.desk)
    address = f"/console/cases/{case.number}"
    few = queries_of(lambda: client.get(address))
    event = session.scalar(sa.text("SELECT max(id) FROM case_events"))
    for officer in (place.supervisor, place.handler):
        key = f"case:{case.id}:case_urged:{event}:officer:{officer.id}"
        owe(session, key, number=case.number, officer_id=officer.id)
    assert len(queries_of(lambda: client.get(address))) == len(few)


def test_an_administrator_sees_on_the_first_page_how_many_failed(
    session, place, case, admin_client, as_officer
):
    for n, hours in enumerate((1, 2, 30)):
        failed = {"status": Delivery.FAILED, "attempts": 1, "due_at": now() - hours * HOUR, "error": "繁忙"}
        owe(session, f"k{n}", number=case.number, resident_id=case.resident_id, **failed)
    assert "近一天有 2 条消息没发出去" in admin_client.get("/console/").text
    elsewhere = make_officer(session, Role.ADMINISTRATOR, area=make_community(session))
    for officer in (place.desk, elsewhere):
        assert "没发出去" not in as_officer(officer).get("/console/").text
