"""The board of an area: every number counted by hand, the rows behind it, and two steps from there."""

import re
from datetime import timedelta

import pytest
import sqlalchemy as sa

from backend.cases.models import CaseEvent
from backend.cases.supervision_models import Supervision
from backend.cases.workflow import Action, Status
from backend.console import board_figures
from backend.console.board_figures import Mark, Wanted
from backend.orders.models import Order
from backend.places import scope
from backend.places.roles import Role
from backend.times import local, now
from tests.cases.test_standings import look
from tests.console.board_town import LATER, PAST, fill, make_town, open_work, supervise
from tests.console.conftest import asked_again, queries_of
from tests.console.desks import HTMX
from tests.factories import make_case, make_community, make_officer

ORDER = ("open", *Mark)


@pytest.fixture
def town(session):
    return fill(make_town(session))


@pytest.fixture
def client(town, as_officer):
    return as_officer(town.supervisor)


def posts_of(session, officer):
    return scope.posts_of(session, officer.id)


def counted(row):
    return [row.cases[mark] for mark in ORDER], [row.orders[mark] for mark in ORDER]


def test_the_board_is_what_one_counts_by_hand(session, town):
    board = board_figures.board(session, posts_of(session, town.supervisor), now())
    #                              open red amber calm disputed supervised urged
    assert counted(board.whole) == ([7, 3, 1, 3, 1, 1, 2], [3, 1, 0, 2, 0, 0, 1])
    assert {row.name: counted(row) for row in board.communities} == {
        "玉兰社区": ([5, 2, 1, 2, 0, 0, 2], [2, 1, 0, 1, 0, 0, 1]),
        "丹桂社区": ([2, 1, 0, 1, 1, 1, 0], [1, 0, 0, 1, 0, 0, 0]),
    }
    assert {row.name: counted(row) for row in board.units} == {
        "望溪街道市政服务中心": ([3, 1, 1, 1, 0, 0, 1], [1, 1, 0, 0, 0, 0, 1]),
        "供电所": ([3, 1, 0, 2, 1, 1, 1], [3, 0, 1, 2, 0, 0, 1]),
        "未派单": ([1, 1, 0, 0, 0, 0, 0], [0, 0, 0, 0, 0, 0, 0]),
    }
    assert [row.name for row in board.units] == ["望溪街道市政服务中心", "供电所", "未派单"]
    assert (board.unanswered, board.late, board.answered) == (1, 1, 1)


def test_every_number_leads_to_as_many_rows(session, town):
    posts, at = posts_of(session, town.supervisor), now()
    board = board_figures.board(session, posts, at)
    places = [(row, {"community_id": row.id or 0}) for row in board.communities]
    places += [(row, {"unit_id": row.id or 0}) for row in board.units] + [(board.whole, {})]
    for row, where in places:
        for mark in (None, *Mark):
            wanted = Wanted(mark, **where)
            assert len(board_figures.cases(session, posts, at, wanted)) == row.cases[mark or "open"]
            assert len(board_figures.orders(session, posts, at, wanted)) == row.orders[mark or "open"]


def test_the_page_shows_the_figures_and_leads_to_the_rows(client, town):
    page = client.get("/console/board/").text
    assert re.findall(r"<strong>(\d+)</strong>(\S+)</a>", page)[:7] == [
        ("7", "在办诉求"), ("3", "已超时"), ("1", "快到时限"), ("3", "时限内"),
        ("1", "待裁定"), ("1", "督办中"), ("2", "被催办"),
    ]  # fmt: skip
    address = f"/console/board/cases?mark=red&amp;community={town.dangui.id}"
    assert address in page
    rows = client.get(address.replace("&amp;", "&")).text
    assert re.findall(r"/console/cases/(\d+)\"", rows) == [town.supervised.number]
    assert "督办 1 张" in rows


def accepted(town, place, minutes, **fields):
    """A case that was discovered an hour ago and accepted so many minutes later."""
    at = now() - timedelta(hours=1)
    times = {"discovered_at": at, "accepted_at": at + timedelta(minutes=minutes)}
    return make_case(town.session, place, **times | fields)


def test_the_board_says_how_long_each_part_of_the_firsts_took_lately(session, client, town):
    for minutes in range(1, 11):
        accepted(town, town.yulan, minutes)
    soon = now() + timedelta(seconds=30)
    accepted(town, town.dangui, 50, resolved_at=soon)
    for fields in ({"accepted_at": now() - timedelta(days=31)}, {"status": Status.WITHDRAWN}):
        accepted(town, town.yulan, 55, **fields)
    first = accepted(town, town.yulan, 7, assigned_at=soon, first_contact_at=soon - timedelta(minutes=5))
    accepted(town, town.yulan, 55, master_id=first.id)
    accepted(town, make_community(session), 55)
    session.flush()
    look(session)
    accepted(town, town.yulan, 12)  # which nobody has looked at yet
    session.commit()
    rows = re.findall(r"<strong>(\S+)</strong>.*?>(\d\S+)</td>.*?>(\d\S+)</td>.*?>(\d+)</td>", spans(client))
    assert rows == [
        ("发现到受理", "7分钟", "12分钟", "13"),
        ("受理到派单", "53分钟", "53分钟", "1"),
        ("发现到办结", "1小时", "1小时", "1"),
    ]


def spans(client):
    address = re.search(r'hx-get="([^"]+spans)"', client.get("/console/board/").text)[1]
    return client.get(address, headers={"HX-Request": "true"}).text


def test_how_long_things_took_is_also_a_page_for_whom_the_board_could_not_fetch_it(client):
    page = client.get("/console/board/spans").text
    assert "督查看板</a>" in page
    assert page.count("没有受理的诉求") == 1
    assert "<html" in page
    assert "<html" not in spans(client)


def test_where_nothing_was_accepted_lately_the_board_says_so(session, as_officer):
    elsewhere = make_officer(session, Role.SUPERVISOR, area=make_community(session))
    assert "没有受理的诉求" in spans(as_officer(elsewhere))


def test_the_figures_come_again_only_when_they_are_others(session, client, town):
    seen = re.search(r"figures\?seen=(\w+)", client.get("/console/board/").text)[1]
    assert client.get(f"/console/board/figures?seen={seen}").status_code == 204
    open_work(town, town.yulan, town.city, LATER)
    session.commit()
    page = client.get(f"/console/board/figures?seen={seen}").text
    assert "<strong>8</strong>在办诉求" in page
    assert "<html" not in page


def test_a_list_says_that_it_changed_and_leaves_what_is_typed(session, client, town):
    page = client.get("/console/board/cases?mark=red").text
    address = re.search(r'hx-get="([^"]+seen=\w+[^"]*)"', page)[1].replace("&amp;", "&")
    assert client.get(address, headers=HTMX).status_code == 204
    open_work(town, town.yulan, town.city, PAST)
    session.commit()
    assert "点这里看最新的" in client.get(address, headers=HTMX).text


def test_the_list_of_orders_says_that_it_changed(session, client, town):
    address = asked_again(client.get("/console/board/orders").text)
    assert client.get(address).status_code == 204
    session.scalars(sa.select(Order).where(Order.number == "F1")).one().urged = 7
    session.commit()
    page = client.get(address).text
    assert 'href="/console/board/orders"' in page
    assert "<form" not in page


def test_the_board_of_one_community_shows_nothing_of_its_neighbour(session, town, as_officer):
    secretary = make_officer(session, Role.SECRETARY, area=town.yulan)
    page = as_officer(secretary).get("/console/board/").text
    assert "玉兰社区" in page
    assert "丹桂社区" not in page
    listed = as_officer(secretary).get("/console/board/cases").text
    assert town.supervised.number not in listed
    assert "催办</summary>" not in listed  # a secretary watches; urging is the supervisor's
    elsewhere = make_officer(session, Role.SUPERVISOR, area=make_community(session))
    assert "<strong>0</strong>在办诉求" in as_officer(elsewhere).get("/console/board/").text


def test_who_has_no_post_that_watches_an_area_is_told_so(town, as_officer):
    for address in ("", "figures", "spans", "cases", "orders"):
        refused = as_officer(town.handler).get(f"/console/board/{address}")
        assert refused.status_code == 403
        assert "督查看板给督查专员" in refused.text


def test_urging_from_the_list_is_the_step_and_leads_back_to_the_list(session, client, town):
    listed = "mark=calm&community=" + str(town.dangui.id)
    case = open_work(town, town.dangui, town.power, LATER)
    address = f"/console/board/cases/{case.number}/urge?{listed}"
    answer = client.post(address, data={"note": "居民又来问了"})
    assert (answer.status_code, answer.location) == (303, f"/console/board/cases?{listed}")
    event = session.scalars(sa.select(CaseEvent).where(CaseEvent.case_id == case.id)).one()
    assert (event.action, event.role, event.note) == (Action.URGE, Role.SUPERVISOR, "居民又来问了")
    again = client.post(address, data={"note": "再催一次"})
    assert again.status_code == 429
    assert "刚刚已经催过了" in again.text
    assert "再催一次" in again.text  # what was typed stays


def test_supervising_from_the_list_takes_words_and_one_tap(session, client, town):
    case = open_work(town, town.dangui, town.power, LATER)
    until = local(now() + timedelta(days=2)).strftime("%Y-%m-%dT%H:%M")
    form = {"unit": town.power.id, "until": until, "note": "请三天内办结"}
    address = f"/console/board/cases/{case.number}/supervise"
    empty = client.post(address, data=form | {"note": ""})
    assert empty.status_code == 422
    assert "请填写说明" in empty.text
    assert client.post(address, data=form).status_code == 303
    row = session.scalars(sa.select(Supervision).where(Supervision.case_id == case.id)).one()
    assert (row.text, row.unit_id, local(row.due_at).strftime("%Y-%m-%dT%H:%M")) == (
        "请三天内办结",
        town.power.id,
        until,
    )
    assert "还有一张督办单没有答复" in client.post(address, data=form).text


def test_a_unit_under_an_order_is_supervised_from_the_list_of_orders(session, client, town):
    until = local(now() + timedelta(days=2)).strftime("%Y-%m-%dT%H:%M")
    form = {"unit": town.power.id, "until": until, "note": "请说明值守情况"}
    assert "督办哪个单位" in client.get("/console/board/orders").text
    empty = client.post("/console/board/orders/F1/supervise", data=form | {"note": ""})
    assert (empty.status_code, "请填写说明" in empty.text) == (422, True)
    assert client.post("/console/board/orders/F1/supervise", data=form).status_code == 303
    row = session.scalars(sa.select(Supervision).where(Supervision.order_id.is_not(None))).one()
    assert (row.text, row.unit_id) == ("请说明值守情况", town.power.id)
    assert "发令单 F1" in client.get("/console/supervisions/").text


def test_a_neighbours_case_can_be_neither_urged_nor_supervised(session, town, as_officer):
    elsewhere = as_officer(make_officer(session, Role.SUPERVISOR, area=make_community(session)))
    form = {"unit": town.power.id, "until": "2099-01-01T00:00", "note": "请办"}
    for step in ("urge", "supervise"):
        address = f"/console/board/cases/{town.supervised.number}/{step}"
        assert elsewhere.post(address, data=form).status_code == 403


def test_an_order_is_urged_with_one_tap_and_not_twice_at_once(session, client, town):
    assert "/console/board/orders/F1/urge" in client.get("/console/board/orders").text
    assert client.post("/console/board/orders/F1/urge").status_code == 303
    assert "催办 2 次" in client.get("/console/board/orders").text
    again = client.post("/console/board/orders/F1/urge")
    assert (again.status_code, "请半小时后再催" in again.text) == (429, True)


@pytest.mark.parametrize("page", ["", "cases", "orders"])
def test_the_board_takes_the_same_queries_for_one_and_for_many(session, as_officer, page):
    town = make_town(session)
    client = as_officer(town.supervisor)
    fill(town)
    few = queries_of(lambda: client.get(f"/console/board/{page}"))
    fill_again(town)
    assert len(queries_of(lambda: client.get(f"/console/board/{page}"))) == len(few)


def fill_again(town):
    for _ in range(3):
        case = open_work(town, town.yulan, town.power, PAST)
        supervise(town, case, town.power)
    town.session.commit()


def test_pages_of_a_list_follow_without_gap_or_repeat(session, client, town):
    for _ in range(38):
        open_work(town, town.yulan, town.city, PAST)
    session.commit()
    address, seen = "/console/board/cases?mark=red", []
    while address:
        page = client.get(address, headers=HTMX if seen else {}).text
        seen += re.findall(r"/console/cases/(\d+)\"", page)
        more = re.search(r'href="(/console/board/cases\?[^"]*after=[^"]+)"', page)
        address = more[1].replace("&amp;", "&") if more else None
    assert len(seen) == len(set(seen)) == 41


@pytest.mark.parametrize("query", ["mark=x", "community=x", "unit=-1", "after=x", f"after={'9' * 30}"])
def test_a_made_up_address_never_breaks(client, query):
    assert client.get(f"/console/board/cases?{query}").status_code in {200, 404, 422}
