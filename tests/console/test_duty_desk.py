"""The duty desk: cards, one tap, many at once, what others do meanwhile, and disputes."""

import re
from datetime import timedelta
from types import SimpleNamespace

import pytest
import sqlalchemy as sa

from backend.cases import arbitration, service
from backend.cases.deadline_models import Clock, Deadline
from backend.cases.models import Attachment, AttachmentKind, CaseEvent, DutyList, Stored
from backend.cases.service import Actor
from backend.cases.workflow import Action, Given, Status
from backend.places.roles import Role
from backend.places.scope import posts_of
from backend.times import now, spoken
from tests.cases import duty_scene
from tests.cases.test_arbitration import dispute
from tests.console.conftest import last_event, open_case, queries_of
from tests.factories import make_officer

HOME = "/console/desk/"
HTMX = {"HX-Request": "true"}


def actor_of(session, officer):
    return Actor(officer_id=officer.id, posts=tuple(posts_of(session, officer.id)))


def set_up(session):
    """青岚区's duty list, and 玉兰社区's desk: 李梅 and 何静."""
    scene = duty_scene.make_scene(session)
    scene.desk = make_officer(session, Role.INFORMATION_OFFICER, area=scene.magnolia, name="李梅")
    scene.colleague = make_officer(session, Role.INFORMATION_OFFICER, area=scene.magnolia, name="何静")
    scene.supervisor = make_officer(session, Role.SUPERVISOR, area=scene.district, name="吴桐")
    scene.arbiter = actor_of(session, scene.supervisor)
    scene.officers = {
        unit.id: actor_of(session, make_officer(session, Role.HANDLER, unit=unit, name=name))
        for unit, name in ((scene.office, "陈志"), (scene.water, "方圆"), (scene.order, "赵明"))
    }
    return scene


@pytest.fixture
def scene(session):
    return set_up(session)


@pytest.fixture
def client(scene, as_officer):
    return as_officer(scene.desk)


def stalls(session, scene, text="玉兰苑门口店外经营，桌椅摆到人行道上", place=None, **fields):
    return open_case(session, place or scene.magnolia, text, **fields)


def form_of(page, case):
    """What one tap on this card sends: the first button's unit, and the fields before it."""
    card = page[page.index(f'data-number="{case.number}"') :]
    form = {"seen": re.search(r'name="seen" value="(\d+)"', card)[1]}
    if chosen := re.search(r'<option value="(\d+)" selected', card.partition("</form>")[0]):
        form["category"] = chosen[1]
    return form | {"unit": re.search(r'name="unit" value="(\d+)"', card)[1]}


def address(case):
    return f"{HOME}{case.number}/send"


def test_a_card_says_what_decides_where_the_case_goes(session, scene, client):
    earlier = stalls(session, scene, "玉兰苑门口店外经营，桌椅都摆到人行道上了")
    case = stalls(session, scene, "玉兰苑门口店外经营，桌椅摆到人行道上，油锅起火了", urgent=True)
    photo = {"kind": AttachmentKind.PHOTO, "state": Stored.STORED, "source": {}}
    session.add(Attachment(case_id=case.id, **photo))
    service.perform(session, case.number, Action.CLAIM, actor_of(session, scene.colleague))
    session.commit()
    page = client.get(HOME).text
    card = page[page.index(f'data-number="{case.number}"') :].partition("</article>")[0]
    for said in (
        "紧急",
        "“起火” 119",
        "待受理",
        "受理时限",
        "玉兰社区",
        "微信公众号",
        "1 张照片",
        "何静已接手",
    ):
        assert said in card
    assert "市容环卫 / 占道经营 / 店外经营</option>" in card
    assert "派给</kbd>" not in card
    assert re.search(r"<kbd>1</kbd>派给城管办</button>", card)
    assert re.search(r"<kbd>2</kbd>城管局</button>", card)
    assert "比“市容环卫 × 青岚区”（城管局）更具体" in card
    assert earlier.number in card
    assert f"/console/cases/{case.number}?into={earlier.number}#merge" in card
    assert '<span class="firsts__one">发现</span>→<span>受理</span>' in card
    assert page.index(case.number) < page.index(f'data-number="{earlier.number}"')  # by deadline


def test_one_tap_sends_it_on(session, scene, client):
    case = stalls(session, scene)
    answer = client.post(address(case), data=form_of(client.get(HOME).text, case), headers=HTMX)
    assert answer.status_code == 200
    assert "已派给城管办" in answer.text
    session.refresh(case)
    assert (case.status, case.unit_id) == (Status.ASSIGNED, scene.office.id)
    assert case.category_id == scene.entries["512"].id
    assert case.number not in client.get(HOME).text


def test_without_a_running_page_it_goes_back_to_the_desk(session, scene, client):
    case = stalls(session, scene)
    answer = client.post(address(case), data=form_of(client.get(HOME).text, case))
    assert (answer.status_code, answer.location) == (303, HOME)
    assert "已派给城管办" in client.get(HOME).text


def test_another_category_another_unit(session, scene, client):
    case = stalls(session, scene, "店外经营的垃圾，造成暴露垃圾")
    waste = scene.entries["521"].id
    units = client.get(f"{HOME}{case.number}/choices?category={waste}").text
    assert "派给城管局" in units
    plan = re.search(r'name="plan" value="([\d.]+)"', units)[1]
    assert plan.split(".") == [case.number, str(last_event(session, case)), str(scene.order.id), str(waste)]


def test_any_unit_of_the_place_and_a_word_to_it(session, scene, client):
    case = stalls(session, scene)
    assert "水务局" in client.get(f"{HOME}{case.number}/others").text
    form = {"seen": str(last_event(session, case)), "other": str(scene.water.id), "note": "先去看看"}
    client.post(address(case), data=form)
    session.refresh(case)
    assert case.unit_id == scene.water.id
    last = session.scalars(sa.select(CaseEvent).order_by(CaseEvent.id.desc()).limit(1)).one()
    assert (last.action, last.note) == (Action.ASSIGN, "先去看看")


def test_who_comes_second_is_told_who_and_what(session, scene, client, as_officer):
    case = stalls(session, scene)
    form = form_of(client.get(HOME).text, case)
    as_officer(scene.colleague).post(address(case), data=form)
    answer = client.post(address(case), data=form | {"unit": str(scene.order.id)}, headers=HTMX)
    assert re.search("没有派出：信息员 何静在.*已“派单给城管办”，现在是“待签收”", answer.text)
    whole = client.post(address(case), data=form | {"unit": str(scene.order.id)})
    assert whole.status_code == 409
    assert "何静" in whole.text


def test_the_selected_go_each_by_itself_with_its_own_fate(session, scene, client):
    cases = [stalls(session, scene) for _ in range(3)]
    page = client.get(HOME).text
    plans = re.findall(r'name="plan" value="([\d.]+)"', page)
    actor = actor_of(session, scene.colleague)
    service.perform(session, cases[1].number, Action.REJECT, actor, Given(note="不是诉求"))
    session.commit()
    picked = [case.number for case in cases]
    answer = client.post(f"{HOME}bulk", data={"plan": plans, "picked": picked}, headers=HTMX)
    assert "派出 2 件，1 件没有派出" in answer.text
    assert re.search("没有派出：信息员 何静在.*已“不予受理”", answer.text)
    session.expire_all()
    assert [case.status for case in cases] == [Status.ASSIGNED, Status.REJECTED, Status.ASSIGNED]
    assert "没有勾选诉求" in client.post(f"{HOME}bulk", data={"plan": plans}, headers=HTMX).text


def test_what_has_no_suggestion_stays_and_is_counted_in_one_sentence(session, scene, client):
    cases = [stalls(session, scene), *(stalls(session, scene, "来看看") for _ in range(2))]
    plans = re.findall(r'name="plan" value="([\d.]+)"', client.get(HOME).text)
    picked = [case.number for case in cases]
    answer = client.post(f"{HOME}bulk", data={"plan": plans, "picked": picked}, headers=HTMX).text
    assert "派出 1 件</h2>" in answer
    assert answer.count("勾选的有 2 件没有建议，没有派出") == answer.count("没有派出") == 1
    session.expire_all()
    assert [case.status for case in cases] == [Status.ASSIGNED, Status.SUBMITTED, Status.SUBMITTED]


def test_what_has_not_changed_is_not_drawn_again(session, scene, client):
    case = stalls(session, scene)
    seen = re.search(r'data-seen="(\w+)"', client.get(HOME).text)[1]
    address_of_cards = f"{HOME}cards?seen={seen}"
    assert client.get(address_of_cards, headers=HTMX).status_code == 204
    service.perform(session, case.number, Action.CLAIM, actor_of(session, scene.colleague))
    session.commit()
    assert "何静已接手" in client.get(address_of_cards, headers=HTMX).text


def test_the_next_page_begins_after_the_last_card(session, scene, client):
    cases = [stalls(session, scene) for _ in range(12)]
    page = client.get(HOME).text
    more = re.search(r'hx-get="([^"]*cards\?after[^"]*)"', page)[1]
    rest = client.get(more.replace("&amp;", "&")).text
    shown = [set(re.findall(r'data-number="(\d+)"', each)) for each in (page, rest)]
    assert [len(each) for each in shown] == [10, 2]
    assert shown[0] | shown[1] == {case.number for case in cases}


def test_a_list_costs_four_queries_and_each_card_no_more_than_nine(session, scene, client):
    stalls(session, scene, "路灯不亮")
    client.get(HOME)
    one = len(queries_of(lambda: client.get(HOME)))
    for _ in range(2):
        stalls(session, scene, "路灯不亮")
    three = len(queries_of(lambda: client.get(HOME)))
    assert three - one <= 2 * 9
    seen = re.search(r'data-seen="(\w+)"', client.get(HOME).text)[1]
    unchanged = queries_of(lambda: client.get(f"{HOME}cards?seen={seen}", headers=HTMX), 204)
    assert len(unchanged) <= one - 4  # nothing is suggested anew for who only waits


def test_others_have_no_desk(session, scene, as_officer):
    case = stalls(session, scene)
    handler = make_officer(session, Role.HANDLER, unit=scene.office)
    client = as_officer(handler)
    assert client.get(HOME).status_code == 403
    assert client.get(f"{HOME}disputes").status_code == 403
    assert "值班台" not in client.get("/console/duties/").text
    neighbour = as_officer(make_officer(session, Role.INFORMATION_OFFICER, area=scene.pines))
    assert case.number not in neighbour.get(HOME).text
    answer = neighbour.post(address(case), data={"unit": str(scene.office.id)})
    assert (answer.status_code, "不归您办理" in answer.text) == (409, True)
    assert neighbour.get(f"{HOME}{case.number}/others").status_code == 403


def dispute_here(session, scene):
    desk = SimpleNamespace(**vars(scene) | {"desk": actor_of(session, scene.desk)})
    case = dispute(session, desk, at=now() - timedelta(minutes=30))
    session.commit()
    return case


def test_an_arbiter_hears_both_sides_decides_and_makes_a_duty(session, scene, as_officer):
    case, client = dispute_here(session, scene), as_officer(scene.supervisor)
    assert client.get(HOME).location == f"{HOME}disputes"
    page = client.get(f"{HOME}disputes").text
    for said in ("城管办 陈志", "不归城管办", "水务局 方圆", "建议由城管局办理", "按“占道经营 × 望溪街道”"):
        assert said in page
    where, seen = f"{HOME}disputes/{case.number}", str(last_event(session, case))
    unreasoned = client.post(f"{where}/decide", data={"seen": seen, "unit": str(scene.order.id)})
    assert unreasoned.status_code == 422
    assert "请写明裁定的理由" in unreasoned.text
    form = {"seen": seen, "unit": str(scene.order.id), "note": "店外经营由城管局统一管"}
    assert client.post(f"{where}/decide", data=form).status_code == 303
    session.refresh(case)
    assert (case.status, case.unit_id) == (Status.ASSIGNED, scene.order.id)
    page = client.get(f"{HOME}disputes").text
    assert "店外经营 → 城管局" in page
    again = client.post(f"{where}/decide", data=form | {"unit": str(scene.office.id)})
    assert (again.status_code, "吴桐在" in again.text) == (409, True)
    assert client.post(f"{where}/duty").status_code == 303
    assert "已写入职责清单" in client.get(f"{HOME}disputes").text
    twice = client.post(f"{where}/duty")
    assert (twice.status_code, "不用再写" in twice.text) == (409, True)
    assert session.scalar(sa.select(sa.func.count(DutyList.id))) == 1


def test_a_dispute_names_the_clock_that_runs_out_first(session, scene, as_officer):
    case, client = dispute_here(session, scene), as_officer(scene.supervisor)
    page = f"{HOME}disputes"
    assert f"裁定时限 {spoken(case.due_at)}</span>" in client.get(page).text
    case.due_at = now() - timedelta(minutes=1)
    resolve = sa.update(Deadline).where(Deadline.case_id == case.id, Deadline.clock == Clock.RESOLVE)
    session.execute(resolve.values(due_at=case.due_at))
    session.commit()
    assert f"办结时限 {spoken(case.due_at)}，已超时</span>" in client.get(page).text


def test_a_supervisor_of_a_street_decides_nothing(session, scene, as_officer):
    case = dispute_here(session, scene)
    client = as_officer(make_officer(session, Role.SUPERVISOR, area=scene.here))
    assert case.number not in client.get(f"{HOME}disputes").text
    form = {"unit": str(scene.order.id), "note": "归城管局"}
    assert client.post(f"{HOME}disputes/{case.number}/decide", data=form).status_code == 403
    assert client.post(f"{HOME}disputes/{case.number}/duty").status_code == 403


def test_several_disputes_cost_as_many_queries_but_for_the_duty_list(session, scene, as_officer):
    client = as_officer(scene.supervisor)
    dispute_here(session, scene)
    client.get(f"{HOME}disputes")
    one = len(queries_of(lambda: client.get(f"{HOME}disputes")))
    for _ in range(2):
        dispute_here(session, scene)
    three = len(queries_of(lambda: client.get(f"{HOME}disputes")))
    assert three - one <= 2 * 7


def test_decisions_cost_no_look_at_the_duty_list_each(session, scene, as_officer):
    client, desk = as_officer(scene.supervisor), actor_of(session, scene.supervisor)

    def decided():
        arbitration.decide(
            session, dispute_here(session, scene).number, desk, scene.order.id, "由城管局统一管"
        )
        session.commit()

    decided()
    client.get(f"{HOME}disputes")
    one = len(queries_of(lambda: client.get(f"{HOME}disputes")))
    for _ in range(3):
        decided()
    assert len(queries_of(lambda: client.get(f"{HOME}disputes"))) == one


def test_disputes_that_have_not_changed_are_not_drawn_again(session, scene, as_officer):
    client, case = as_officer(scene.supervisor), dispute_here(session, scene)
    seen = re.search(r"disputes\?seen=(\w+)", client.get(f"{HOME}disputes").text)[1]
    again = {"query_string": {"seen": seen}}
    assert client.get(f"{HOME}disputes", **again).status_code == 204
    who = actor_of(session, scene.supervisor)
    arbitration.decide(session, case.number, who, scene.order.id, "由城管局统一管")
    session.commit()
    assert client.get(f"{HOME}disputes", **again).status_code == 200
