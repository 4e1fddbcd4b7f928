"""Supervision of orders: a unit under an order is asked, answers, is reminded; one list shows all."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from backend.cases import supervisions
from backend.cases.supervision_models import Effect, Supervised, Supervision
from backend.errors import Conflict, Forbidden, Invalid, NotFound
from backend.notify.messages import Message
from backend.notify.models import Notification
from backend.orders import queries, supervising, supervision_lists
from backend.orders.models import OrderEvent
from backend.orders.workflow import Action
from backend.places.models import Area
from backend.places.roles import Role
from tests.factories import make_case, make_community, make_officer, make_unit
from tests.orders.scene import AT

DAY = timedelta(days=1)
WORDS = "摊位又回来了，请说明值守情况"


def issue(scene, order, by="supervisor", unit="second", at=AT, **given):
    defaults = {"text": WORDS, "due_at": AT + DAY}
    unit_id = scene.units[unit].id
    return supervising.issue_on_order(
        scene.session, order.number, scene.actor(by), unit_id, at=at, **defaults | given
    )


def told(scene, message):
    rows = sa.select(Notification.officer_id).where(Notification.message == message)
    return sorted(scene.session.scalars(rows))


def test_a_unit_under_an_order_is_asked_answers_and_the_order_remembers(scene):
    order = scene.issue()
    row = issue(scene, order)
    assert told(scene, Message.ORDER_SUPERVISED) == [scene.people["second"].id]
    supervising.answer(scene.session, row.id, scene.actor("second"), "今晚加派两人", AT)
    assert told(scene, Message.ORDER_SUPERVISION_ANSWERED) == [scene.people["supervisor"].id]
    supervising.end(scene.session, row.id, scene.actor("supervisor"), Effect.SOLVED, "现场看过", AT)
    assert (row.state, row.effect) == (Supervised.CLOSED, Effect.SOLVED)
    name = scene.units["second"].name
    own = sa.select(OrderEvent.note).where(OrderEvent.order_id == order.id).order_by(OrderEvent.id)
    assert scene.session.scalars(own).all()[-3:] == [
        f"{WORDS}\n请在2026-11-24 10:00前答复",
        "今晚加派两人",
        "问题已解决：现场看过",
    ]
    said = [(step.label, step.who) for step in queries.timeline(scene.session, order)[-3:]]
    assert said == [
        (f"督办：{name}", "督查专员 supervisor"),
        ("答复督办", f"{name} second"),
        (f"办结督办：{name}", "督查专员 supervisor"),
    ]


def test_what_will_not_do_is_refused_in_words(scene):
    draft, order = scene.draft(), scene.issue()
    with pytest.raises(Conflict, match="“待批准”，不能“督办”"):
        issue(scene, draft, by="supervisor")
    with pytest.raises(Invalid, match="请填写说明"):
        issue(scene, order, text=" ")
    scene.units["other"] = make_unit(scene.session, scene.community)
    with pytest.raises(Invalid, match="不在这张发令单里"):
        issue(scene, order, unit="other")
    issue(scene, order)
    with pytest.raises(Conflict, match="还有一张督办单没有答复"):
        issue(scene, order)


def test_each_may_do_their_own_part_and_no_more(scene):
    order = scene.issue()
    for by in ("secretary", "second"):
        with pytest.raises(Forbidden):
            issue(scene, order, by=by)
    row = issue(scene, order)
    for by in ("supervisor", "third"):
        with pytest.raises(NotFound):
            supervising.answer(scene.session, row.id, scene.actor(by), "办好了", AT)
    for by in ("second", "secretary"):
        with pytest.raises(Forbidden):
            supervising.end(scene.session, row.id, scene.actor(by), Effect.SOLVED, "办好了", AT)
    with pytest.raises(NotFound):
        supervising.answer(scene.session, row.id + 999, scene.actor("second"), "办好了", AT)


def test_silence_is_said_once_and_of_an_order_in_its_own_words(scene):
    row = issue(scene, scene.issue())
    assert supervisions.remind(scene.session, AT + DAY, 100) == 0  # that is for cases
    assert supervising.remind(scene.session, AT + DAY, 100) == 1
    assert supervising.remind(scene.session, AT + DAY, 100) == 0
    assert told(scene, Message.ORDER_SUPERVISION_OVERDUE) == sorted(
        scene.people[key].id for key in ("second", "supervisor")
    )
    assert row.reminded_at == AT + DAY


def test_nobody_is_reminded_about_an_order_that_was_withdrawn(scene):
    order = scene.issue()
    issue(scene, order)
    scene.do(order, Action.WITHDRAW, "secretary", note="情况有误")
    supervising.remind(scene.session, AT + DAY, 100)
    assert told(scene, Message.ORDER_SUPERVISION_OVERDUE) == []


def test_a_unit_that_was_taken_out_still_owes_its_answer_and_is_reminded(scene):
    order = scene.issue()
    row = issue(scene, order)
    scene.do(order, Action.WITHDRAW_UNIT, "secretary", part_id=scene.part(order, "second").id, note="另派")
    supervising.remind(scene.session, AT + DAY, 100)
    assert scene.people["second"].id in told(scene, Message.ORDER_SUPERVISION_OVERDUE)
    assert supervising.offered(order, row, scene.actor("second")) == [Action.ANSWER_SUPERVISION]
    supervising.answer(scene.session, row.id, scene.actor("second"), "当时已派人看过", AT)
    assert supervising.offered(order, row, scene.actor("second")) == []
    assert supervising.offered(order, row, scene.actor("supervisor")) == [Action.END_SUPERVISION]


def test_of_an_order_that_was_withdrawn_no_answer_is_asked_and_the_supervisor_ends_it(scene):
    order = scene.issue()
    row = issue(scene, order)
    scene.do(order, Action.WITHDRAW, "secretary", note="情况有误")
    assert supervising.offered(order, row, scene.actor("second")) == []
    with pytest.raises(Conflict, match="“已撤回”，不能“答复督办”"):
        supervising.answer(scene.session, row.id, scene.actor("second"), "已经办好", AT)
    assert row.state is Supervised.OPEN
    supervising.end(scene.session, row.id, scene.actor("supervisor"), Effect.NONE, "发令单撤回", AT)
    assert row.state is Supervised.CLOSED


def test_a_leader_who_asked_about_an_order_hears_the_answer(scene):
    district = scene.session.get(Area, scene.community.district_id)
    scene.add("leader", Role.LEADER, area=district)
    row = issue(scene, scene.issue(), by="leader")
    supervising.answer(scene.session, row.id, scene.actor("second"), "今晚加派两人", AT)
    both = sorted(scene.people[key].id for key in ("leader", "supervisor"))
    assert told(scene, Message.ORDER_SUPERVISION_ANSWERED) == both


@pytest.mark.parametrize("action", [Action.SUPERVISE, Action.ANSWER_SUPERVISION, Action.END_SUPERVISION])
def test_a_supervision_step_without_its_form_is_no_step(scene, action):
    order = scene.issue()
    with pytest.raises(Invalid, match="请用督办单的表格"):
        scene.do(order, action, "supervisor", note="请说明")
    assert scene.events(order)[-1].action is Action.APPROVE


def test_one_list_has_those_of_cases_and_of_orders_for_whose_they_are(scene):
    order, case = scene.issue(), make_case(scene.session, scene.community)
    of_order = issue(scene, order)
    asked = {"unit_id": scene.units["third"].id, "officer_id": scene.people["supervisor"].id}
    of_case = Supervision(case_id=case.id, text="请说明", due_at=AT + DAY, **asked)
    scene.session.add(of_case)
    scene.session.flush()

    def listed(posts, **narrowed):
        return [line.row.id for line in supervision_lists.page(scene.session, posts, **narrowed)]

    supervisor = scene.actor("supervisor").posts
    assert listed(supervisor) == [of_case.id, of_order.id]
    assert listed(supervisor, limit=1) == [of_case.id]
    assert listed(supervisor, before=of_case.id) == [of_order.id]
    assert listed(supervisor, state=Supervised.CLOSED) == []
    assert listed(scene.actor("second").posts) == [of_order.id]
    assert listed(scene.actor("third").posts) == [of_case.id]
    scene.people["stranger"] = make_officer(
        scene.session, Role.SUPERVISOR, area=make_community(scene.session)
    )
    assert listed(scene.actor("stranger").posts) == []
