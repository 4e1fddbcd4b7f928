"""The page of supervision orders: the unit answers, the supervisor ends, nobody else sees them."""

import re
from datetime import datetime, timedelta

import pytest
from werkzeug.datastructures import MultiDict

from backend.cases.service import Actor
from backend.cases.supervision_models import Effect, Supervised
from backend.cases.workflow import Action, Status
from backend.console.supervision_forms import FORMS, SECTIONS, default_until
from backend.errors import NotFound
from backend.places import scope
from backend.places.roles import Role
from backend.times import SHANGHAI, now
from tests.console.board_town import LATER, PAST, make_town, open_work, supervise
from tests.console.conftest import asked_again, queries_of
from tests.factories import make_community, make_officer, make_unit


@pytest.fixture
def town(session):
    town = make_town(session)
    town.case = open_work(town, town.yulan, town.city, LATER)
    town.row = supervise(town, town.case, town.city, PAST)
    session.commit()
    return town


def test_the_unit_answers_and_the_supervisor_ends_it(session, town, as_officer):
    handler, supervisor = as_officer(town.handler), as_officer(town.supervisor)
    page = handler.get("/console/supervisions/").text
    assert "请说明原因" in page
    assert "到期未答复" in page
    form = {"supervision": town.row.id, "note": "配件明天到，后天装好"}
    assert handler.post("/console/supervisions/answer", data=form).status_code == 303
    assert "晚答复" in supervisor.get("/console/supervisions/?state=answered").text
    form = {"supervision": town.row.id, "effect": "advanced", "note": "已核实"}
    assert supervisor.post("/console/supervisions/end", data=form).status_code == 303
    session.refresh(town.row)
    assert (town.row.state, town.row.effect) == (Supervised.CLOSED, Effect.ADVANCED)
    assert "<form" not in supervisor.get("/console/supervisions/").text


def test_each_is_offered_their_own_step(town, as_officer):
    for officer, offered in ((town.handler, ["answer"]), (town.supervisor, ["end"])):
        page = as_officer(officer).get("/console/supervisions/").text
        assert re.findall(r'action="/console/supervisions/(\w+)"', page) == offered


@pytest.mark.parametrize("status", [Status.REJECTED, Status.WITHDRAWN])
def test_of_a_case_that_ended_without_work_no_answer_is_asked(session, town, as_officer, status):
    town.case.status = status
    session.commit()
    for officer, offered in ((town.handler, []), (town.supervisor, ["end"])):
        page = as_officer(officer).get("/console/supervisions/").text
        assert re.findall(r'action="/console/supervisions/(\w+)"', page) == offered


def test_a_refused_form_says_why_at_its_row_and_keeps_the_words(town, as_officer):
    form = {"supervision": town.row.id, "note": "已核实", "effect": ""}
    page = as_officer(town.supervisor).post("/console/supervisions/end", data=form)
    assert page.status_code == 422
    assert "请选择督办效果" in page.text
    assert "已核实" in page.text


def test_the_list_says_that_it_changed_and_leaves_what_is_typed(session, town, as_officer):
    supervisor = as_officer(town.supervisor)
    again = asked_again(supervisor.get("/console/supervisions/").text)
    assert supervisor.get(again).status_code == 204
    form = {"supervision": town.row.id, "note": "配件明天到，后天装好"}
    as_officer(town.handler).post("/console/supervisions/answer", data=form)
    assert "这一页有变化" in supervisor.get(again).text
    assert "<form" not in supervisor.get(again).text


@pytest.mark.parametrize(("now_with", "said"), [("power", "由供电所办理"), (None, "已经退回，等待分派")])
def test_a_case_that_went_on_leaves_the_supervision_where_it_was(session, town, as_officer, now_with, said):
    other = make_unit(session, town.yulan, name="供电所")
    town.case.unit_id = other.id if now_with else None
    session.commit()
    page = as_officer(town.handler).get("/console/supervisions/").text
    assert f"这件诉求现在{said}，这张督办单仍请{town.city.name}答复" in page
    assert f"/console/cases/{town.case.number}" not in page, "it is not theirs to open any more"
    assert (
        f"/console/cases/{town.case.number}" in as_officer(town.supervisor).get("/console/supervisions/").text
    )
    form = {"supervision": town.row.id, "note": "当时已派人看过"}
    assert as_officer(town.handler).post("/console/supervisions/answer", data=form).status_code == 303
    assert "仍请" not in as_officer(town.supervisor).get("/console/supervisions/").text


def test_strangers_see_none_and_can_do_nothing_to_one(session, town, as_officer):
    elsewhere = make_officer(session, Role.SUPERVISOR, area=make_community(session))
    colleague = make_officer(session, Role.HANDLER, unit=make_unit(session, town.street))
    for officer in (elsewhere, colleague):
        client = as_officer(officer)
        assert "这里没有督办单" in client.get("/console/supervisions/").text
        form = {"supervision": town.row.id, "effect": "none", "note": "办结"}
        for step in ("answer", "end"):
            assert client.post(f"/console/supervisions/{step}", data=form).status_code in {403, 404}


def test_the_list_takes_the_same_queries_for_one_and_for_four(session, town, as_officer):
    client = as_officer(town.supervisor)
    few = queries_of(lambda: client.get("/console/supervisions/"))
    for _ in range(3):
        supervise(town, open_work(town, town.dangui, town.power, LATER), town.power)
    session.commit()
    assert len(queries_of(lambda: client.get("/console/supervisions/"))) == len(few)


def actor_of(session, officer):
    return Actor(officer_id=officer.id, posts=tuple(scope.posts_of(session, officer.id)))


def test_the_case_page_offers_a_form_only_where_there_is_something_to_do(session, town):
    supervisor, handler = actor_of(session, town.supervisor), actor_of(session, town.handler)
    other = open_work(town, town.yulan, None, LATER)
    assert FORMS[Action.SUPERVISE].offer(session, town.case, supervisor)["units"] == [
        (town.city.id, town.city.name)
    ]
    assert FORMS[Action.SUPERVISE].offer(session, other, supervisor) is None
    assert FORMS[Action.ANSWER_SUPERVISION].offer(session, town.case, handler)["lines"][0].row is town.row
    assert FORMS[Action.ANSWER_SUPERVISION].offer(session, town.case, supervisor) is None
    assert FORMS[Action.END_SUPERVISION].offer(session, other, supervisor) is None
    assert SECTIONS[0].facts(session, town.case, handler)["lines"][0].supervisor == "吴桐"
    assert SECTIONS[0].facts(session, other, handler) is None


def test_the_form_of_one_case_does_not_answer_for_another(session, town):
    other = open_work(town, town.yulan, town.city, LATER)
    form = MultiDict({"supervision": str(town.row.id), "note": "好了"})
    with pytest.raises(NotFound):
        FORMS[Action.ANSWER_SUPERVISION].take(
            session, other.number, actor_of(session, town.handler), form, ()
        )


def test_an_answer_is_asked_for_tomorrow_evening_and_of_an_urgent_case_in_four_hours(town):
    at = datetime(2026, 11, 23, 10, tzinfo=SHANGHAI)
    assert default_until(town.case, at) == "2026-11-24T18:00"
    town.case.urgent = True
    assert default_until(town.case, at) == "2026-11-23T14:00"


def test_the_page_of_a_case_shows_them_and_takes_the_supervisors_words(session, town, as_officer):
    town.row.state, town.row.effect, town.row.closed_at = Supervised.CLOSED, Effect.NONE, now()
    session.commit()
    supervisor, address = as_officer(town.supervisor), f"/console/cases/{town.case.number}"
    page = supervisor.get(address).text
    assert "没有效果" in page
    assert "督办哪个单位" in page
    form = {"seen": "0", "unit": town.city.id, "until": "", "note": "请三天内办结"}
    refused = supervisor.post(f"{address}/supervise", data=form)
    assert (refused.status_code, "请填写答复时限" in refused.text) == (422, True)
    assert "请三天内办结" in refused.text
    until = (now() + timedelta(days=3)).strftime("%Y-%m-%dT%H:%M")
    assert supervisor.post(f"{address}/supervise", data=form | {"until": until}).status_code == 303
    answer = as_officer(town.handler).get(address).text
    assert "请三天内办结" in answer
    assert "答复督办" in answer
