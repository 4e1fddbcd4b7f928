"""Many cases at once: what all of them allow, each done or refused by itself, and nothing twice."""

import re
import threading

import pytest
import sqlalchemy as sa

from backend import auth
from backend.app import create_app
from backend.cases import service
from backend.cases.models import CaseEvent
from backend.cases.workflow import Action, Given, Status
from backend.console import bulk
from backend.notify.models import Notification
from backend.places.models import Area
from backend.places.roles import Level, Role
from tests.browser import add_form_token
from tests.console.conftest import last_event, open_case, queries_of, walk
from tests.console.test_classify import dictionary, rule_by_list
from tests.console.test_duty_desk import actor_of
from tests.factories import make_area, make_case, make_community, make_contact, make_officer, make_unit
from tests.programs import wait_until

HOME = "/console/bulk/"


def numbers(cases):
    return [case.number for case in cases]


def chosen(client, cases, status=200):
    answer = client.get(HOME, query_string={"picked": numbers(cases)})
    assert answer.status_code == status
    return answer.text


def offered(page):
    """The steps that the page has forms for."""
    return re.findall(r'action="/console/bulk/(\w+)"', page)


def do(client, cases, action, page=None, **form):
    """Send the form of a step as the page of the chosen ones shows it, or showed it before."""
    shown = re.findall(r'name="picked" value="([\d.]+)"', page or chosen(client, cases))
    return client.post(f"{HOME}{action}", data={"picked": list(dict.fromkeys(shown)), **form})


def events_of(session, case, action):
    own = sa.select(CaseEvent).where(CaseEvent.case_id == case.id, CaseEvent.action == action)
    return list(session.scalars(own))


@pytest.fixture
def cases(session, place):
    return [open_case(session, place.community, f"玉兰苑 {n} 号楼的路灯不亮了") for n in range(3)]


@pytest.fixture
def client(place, as_officer):
    return as_officer(place.desk)


def test_only_what_every_ticked_case_allows_is_offered(session, place, cases, client):
    assert offered(chosen(client, cases)) == ["accept", "claim", "merge"]
    walk(session, cases[0], place, Action.ACCEPT)
    assert offered(chosen(client, cases)) == ["claim", "merge"]
    assert offered(chosen(client, cases[:1])) == ["assign", "claim"]
    walk(session, cases[0], place, Action.ASSIGN, Action.ACKNOWLEDGE, Action.RESOLVE)
    page = chosen(client, cases)
    assert offered(page) == []
    assert "这几件没有可以一起办的步骤：待确认 1 件、待受理 2 件" in page


def test_others_are_offered_what_is_theirs(session, place, cases, as_officer):
    for case in cases:
        walk(session, case, place, Action.ACCEPT, Action.ASSIGN)
    assert offered(chosen(as_officer(place.handler), cases)) == ["acknowledge", "delegate"]
    assert offered(chosen(as_officer(place.supervisor), cases)) == ["urge"]
    walk(session, cases[0], place, Action.ACKNOWLEDGE)
    page = chosen(as_officer(place.handler), cases[:1])
    assert offered(page) == ["take", "delegate", "progress"]
    walk(session, cases[0], place, Action.RESOLVE)
    dispatcher = make_officer(session, Role.DISPATCHER, area=place.community, name="高远")
    assert offered(chosen(as_officer(dispatcher), cases[:1])) == ["close"]


def test_each_is_done_by_this_officer_and_its_people_are_told(session, place, cases, client):
    answer = do(client, cases, "accept", note="我们马上看")
    assert "受理：办好 3 件</h1>" in answer.text
    session.expire_all()
    for case in cases:
        assert case.status is Status.ACCEPTED
        (event,) = events_of(session, case, Action.ACCEPT)
        assert (event.officer_id, event.note) == (place.desk.id, "我们马上看")
        about = Notification.fields["number"].astext == case.number
        assert session.scalar(sa.select(sa.func.count()).where(about))


def test_what_others_did_meanwhile_stands_and_is_told_and_the_rest_is_done(session, place, cases, client):
    page = chosen(client, cases)
    colleague = actor_of(session, place.colleague)
    service.perform(session, cases[1].number, Action.REJECT, colleague, Given(note="不是诉求"))
    session.commit()
    answer = do(client, cases, "accept", page)
    assert "受理：办好 2 件，1 件没有办成" in answer.text
    assert re.search("信息员 何静在.*已“不予受理”，现在是“不予受理”", answer.text)
    assert f"{HOME}?picked={cases[1].number}" in answer.text
    session.expire_all()
    assert [case.status for case in cases] == [Status.ACCEPTED, Status.REJECTED, Status.ACCEPTED]


@pytest.mark.parametrize(("action", "form"), [("accept", {}), ("urge", {})])
def test_the_same_form_sent_twice_does_nothing_twice(session, place, cases, as_officer, action, form):
    client = as_officer(place.supervisor if action == "urge" else place.desk)
    page = chosen(client, cases)
    do(client, cases, action, page, **form)
    again = do(client, cases, action, page, **form)
    assert again.text.count("已经办好了，不用再点") == 3
    for case in cases:
        assert len(events_of(session, case, Action(action))) == 1


def test_they_go_to_a_unit_that_may_have_every_one(session, place, as_officer):
    here, street = place.community, session.get_one(Area, place.community.parent_id)
    there = make_area(session, Level.COMMUNITY, street, name="松涛社区")
    joint = make_unit(session, street, name="望溪街道城管办")
    cases = [open_case(session, area, "路灯不亮了") for area in (here, there)]
    desk = make_officer(session, Role.DISPATCHER, area=street, name="高远")
    for case in cases:
        service.perform(session, case.number, Action.ACCEPT, actor_of(session, desk))
    session.commit()
    client = as_officer(desk)
    page = chosen(client, cases)
    assert joint.name in page
    assert place.unit.name not in page  # of one of the two communities
    unsaid = do(client, cases, "assign", page, unit="")
    assert (unsaid.status_code, "请选择责任单位" in unsaid.text) == (422, True)
    partly = do(client, cases, "assign", page, unit=str(place.unit.id))
    assert "派单：办好 1 件，1 件没有办成" in partly.text
    assert "这个单位不管这个地方" in partly.text
    rest = do(client, cases, "assign", page, unit=str(joint.id)).text
    assert rest.count("</a> 办好了") == rest.count("已经办好了，不用再点") == 1
    session.expire_all()
    assert [case.unit_id for case in cases] == [place.unit.id, joint.id]


def test_they_go_to_one_person_of_the_unit(session, place, cases, as_officer):
    colleague = make_officer(session, Role.HANDLER, unit=place.unit, name="伍立新")
    for case in cases:
        walk(session, case, place, Action.ACCEPT, Action.ASSIGN)
    client = as_officer(place.handler)
    assert "伍立新" in chosen(client, cases)
    assert "交办：办好 3 件" in do(client, cases, "delegate", officer=str(colleague.id)).text
    session.expire_all()
    assert {case.handler_id for case in cases} == {colleague.id}


def test_one_note_stands_on_each(session, place, cases, as_officer):
    for case in cases:
        walk(session, case, place, Action.ACCEPT, Action.ASSIGN, Action.ACKNOWLEDGE)
    client = as_officer(place.handler)
    page = chosen(client, cases)
    refused = do(client, cases, "progress", page, note="")
    assert (refused.status_code, "请填写说明" in refused.text) == (422, True)
    do(client, cases, "progress", page, note="灯具已经买到，明天上午更换")
    notes = {event.note for case in cases for event in events_of(session, case, Action.PROGRESS)}
    assert notes == {"灯具已经买到，明天上午更换"}


def test_all_go_into_one_of_them(session, place, cases, client):
    page = chosen(client, cases)
    assert re.search(rf"{cases[0].number} 玉兰苑.*（最早）</option>", page)
    refused = do(client, cases, "merge", page, case="20260101999999")
    assert (refused.status_code, bulk.NO_MASTER in refused.text) == (422, True)
    answer = do(client, cases, "merge", page, case=cases[1].number)
    assert "并案：办好 2 件" in answer.text
    session.expire_all()
    assert [case.status for case in cases] == [Status.MERGED, Status.SUBMITTED, Status.MERGED]
    assert {cases[0].master_id, cases[2].master_id} == {cases[1].id}
    assert do(client, cases, "merge", page, case=cases[1].number).text.count("不用再点") == 2


def test_foreign_and_made_up_numbers_are_not_found_alike(session, place, cases, as_officer):
    stranger = as_officer(
        make_officer(session, Role.SECRETARY, area=make_community(session, name="松涛社区"))
    )
    pages = [
        re.sub(r"\d{6,}", "", stranger.get(HOME, query_string={"picked": [number]}).text)
        for number in (cases[0].number, "20260101999999")
    ]
    assert "有 1 件没有找到" in pages[0]
    assert "玉兰苑" not in pages[0]
    strip = re.compile(r'value="[^"]*"|nonce="[^"]*"')
    assert strip.sub("", pages[0]) == strip.sub("", pages[1])
    marks = [f"{cases[0].number}.{last_event(session, cases[0])}", "20260101999999.1"]
    for action in ("accept", "merge", "urge"):
        answers = [
            stranger.post(f"{HOME}{action}", data={"picked": marks, "case": mark.partition(".")[0]}).text
            for mark in marks
        ]
        assert "玉兰苑" not in answers[0]
        assert "不归您办理" not in answers[0]
        assert answers[0].count(bulk.NOT_FOUND) == answers[1].count(bulk.NOT_FOUND)
    session.expire_all()
    assert cases[0].status is Status.SUBMITTED


def test_a_step_that_is_not_for_many_is_refused(session, place, cases, client):
    marks = [f"{case.number}.{last_event(session, case)}" for case in cases]
    for action in ("reject", "see_phone", "x"):
        assert client.post(f"{HOME}{action}", data={"picked": marks, "note": "不是诉求"}).status_code == 404
    session.expire_all()
    assert {case.status for case in cases} == {Status.SUBMITTED}


def test_more_than_fifty_are_refused_in_words(session, place, client):
    cases = [make_case(session, place.community, report="路灯不亮") for _ in range(51)]
    session.commit()
    marks = [f"{case.number}.0" for case in cases]
    for answer in (
        client.get(HOME, query_string={"picked": numbers(cases)}),
        client.post(f"{HOME}accept", data={"picked": marks}),
    ):
        assert answer.status_code == 422
        assert "一次最多办 50 件，您勾选了 51 件" in answer.text
    session.expire_all()
    assert {case.status for case in cases} == {Status.SUBMITTED}
    assert "受理：办好 50 件" in client.post(f"{HOME}accept", data={"picked": marks[:50]}).text


def test_no_tick_is_said_in_words(client):
    for answer in (client.get(HOME), client.post(HOME), client.post(f"{HOME}accept")):
        assert (answer.status_code, bulk.NONE in answer.text) == (422, True)


def test_the_desk_leads_to_an_address_that_holds_the_ticks_alone(cases, client):
    answer = client.post(HOME, data={"picked": numbers(cases), "plan": "x"})
    assert answer.status_code == 303
    assert answer.location == HOME + "?" + "&".join(f"picked={case.number}" for case in cases)


def test_the_list_has_a_box_for_what_can_be_done_together_only(session, place, cases, client, as_officer):
    walk(session, cases[0], place, Action.ACCEPT, Action.ASSIGN, Action.ACKNOWLEDGE, Action.RESOLVE)
    page = client.get("/console/?tab=all").text
    ticks = re.findall(r'name="picked" value="(\d+)"', page)
    assert set(ticks) == set(numbers(cases[1:]))
    assert 'id="bulk" method="get" action="/console/bulk/"' in page
    assert 'id="bulk"' not in as_officer(place.handler).get("/console/?tab=all").text


def cost(client, cases):
    return len(queries_of(lambda: client.get(HOME, query_string={"picked": numbers(cases)})))


def test_the_page_costs_the_same_for_two_and_for_eight(session, place, as_officer):
    """Also with words that the dictionary knows, a duty list, and places of their own."""
    lamp, office = dictionary(session)[0], make_unit(session, place.community, name="青岚区城管局")
    rule_by_list(session, place, lamp, office)
    spots = [make_area(session, Level.GRID, place.community, name=f"第 {n} 网格") for n in range(8)]
    cases = [open_case(session, spot, "门口的路灯坏了三天") for spot in spots]
    for case in cases[::2]:
        case.category_id = lamp.id
    desk, handler = as_officer(place.desk), as_officer(place.handler)
    assert cost(desk, cases) == cost(desk, cases[:2]) > 0
    for case in cases:
        walk(session, case, place, Action.ACCEPT)
    assert office.name in chosen(desk, cases)
    assert cost(desk, cases) == cost(desk, cases[:2])
    for case in cases:
        walk(session, case, place, Action.ASSIGN)
    assert "delegate" in offered(chosen(handler, cases))
    assert cost(handler, cases) == cost(handler, cases[:2])


def test_whom_only_the_list_names_may_have_those_it_names(session, place, as_officer):
    """A unit of elsewhere stands there only while each of the ticked cases is filed under its matter."""
    lamp, drain = dictionary(session)
    far = make_unit(session, make_community(session, name="松涛社区"), name="供电所")
    rule_by_list(session, place, lamp, far)
    cases = [open_case(session, place.community, "门口的路灯坏了三天") for _ in range(3)]
    for case in cases:
        case.category_id = lamp.id
        walk(session, case, place, Action.ACCEPT)
    client = as_officer(place.desk)
    assert far.name in chosen(client, cases)
    cases[2].category_id = drain.id
    session.commit()
    assert far.name not in chosen(client, cases)
    assert place.unit.name in chosen(client, cases)


def test_two_officers_at_once_share_them_and_the_second_is_told(committed):
    place = make_community(committed)
    officers = [
        make_officer(committed, Role.INFORMATION_OFFICER, area=place, name=n) for n in ("李梅", "何静")
    ]
    cases = [open_case(committed, place, f"{n} 号楼的路灯不亮了") for n in range(6)]
    app, start, answers = create_app(), threading.Barrier(2), {}
    clients = [signed_in(app, committed, officer) for officer in officers]
    pages = [chosen(client, cases) for client in clients]

    def send(client, page, order):
        start.wait()
        answers[client] = do(client, cases[::order], "accept", page).text

    threads = [threading.Thread(target=send, args=each) for each in zip(clients, pages, (1, -1), strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sum(text.count("</a> 办好了") for text in answers.values()) == 6
    assert sum(len(re.findall("(?:李梅|何静)在今天.*已“受理”", text)) for text in answers.values()) == 6
    assert all(len(events_of(committed, case, Action.ACCEPT)) == 1 for case in cases)


def held_up(engine):
    """Whether somebody waits for what another transaction holds."""
    with engine.connect() as connection:
        return connection.scalar(sa.text("SELECT count(*) FROM pg_locks WHERE NOT granted"))


def test_who_waited_for_a_colleague_reads_how_it_stands_now(committed, engine):
    place = make_community(committed)
    officers = [
        make_officer(committed, Role.INFORMATION_OFFICER, area=place, name=n) for n in ("李梅", "何静")
    ]
    case = open_case(committed, place, "路灯不亮了")
    client, answers = signed_in(create_app(), committed, officers[0]), []
    page, colleague = chosen(client, [case]), actor_of(committed, officers[1])
    service.perform(committed, case.number, Action.REJECT, colleague, Given(note="不是诉求"))  # and holds it
    waiting = threading.Thread(target=lambda: answers.append(do(client, [case], "accept", page).text))
    waiting.start()
    wait_until(lambda: held_up(engine))
    committed.commit()
    waiting.join(30)
    assert "现在是“不予受理”" in answers[0]


def signed_in(app, session, officer):
    client = app.test_client()
    add_form_token(client)
    token, _ = auth.start_session(session, make_contact(session, officer=officer).id)
    session.commit()
    client.set_cookie(auth.COOKIE, token)
    return client
