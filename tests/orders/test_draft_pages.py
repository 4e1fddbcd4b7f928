"""The pages on which an order is drafted, changed and decided on."""

import re

import pytest
from flask import render_template

from backend.cases import intake
from backend.cases.intake import Report
from backend.cases.models import Channel
from backend.console import order_sections
from backend.orders import drafting
from backend.orders.workflow import Action
from tests.factories import make_case, make_resident
from tests.orders.forms import form_of, number_of, seen_on


def test_a_draft_from_a_case_is_filled_in(scene, enter):
    report = Report(
        "停车场里有人摆摊，电话13812345678",
        scene.community.id,
        scene.community.name,
        Channel.WECHAT,
        resident_id=make_resident(scene.session).id,
    )
    case = intake.open_case(scene.session, report)
    page = enter("desk").get(f"/console/orders/new?case={case.number}").text
    assert f"来自诉求 {case.number}" in page
    assert "停车场里有人摆摊" in page
    assert "13812345678" not in page


def test_the_page_of_a_case_leads_to_its_orders_or_to_a_draft(app, scene):
    case = make_case(scene.session, scene.community)
    [section] = order_sections.SECTIONS
    assert section.facts(scene.session, case, scene.actor("second")) is None
    with app.test_request_context():
        free = section.facts(scene.session, case, scene.actor("desk"))
        assert f"/console/orders/new?case={case.number}" in render_template(
            section.template, facts=free, case=case
        )
        order = scene.issue(cases=[case.number])
        taken = section.facts(scene.session, case, scene.actor("second"))
        page = render_template(section.template, facts=taken, case=case)
    assert f"/console/orders/{order.number}" in page
    assert "起草" not in page


def test_what_was_typed_stays_when_a_draft_is_refused(scene, enter):
    desk = enter("desk")
    refused = desk.post("/console/orders/", data=form_of(scene, text=""))
    assert refused.status_code == 422
    assert "请写明要办什么" in refused.text
    assert "清理停车场的非法市场" in refused.text
    assert "劝离摊主" in refused.text
    assert "请选一个主办单位" in desk.post("/console/orders/", data=form_of(scene, lead="")).text


def test_the_same_form_sent_twice_is_one_order(scene, enter):
    desk = enter("desk")
    first, second = (desk.post("/console/orders/", data=form_of(scene)) for _ in range(2))
    assert number_of(first) == number_of(second)


def test_a_unit_does_not_draft(scene, enter):
    assert enter("lead").get("/console/orders/new").status_code == 403
    assert enter("lead").post("/console/orders/", data=form_of(scene)).status_code == 403


def test_a_draft_can_be_changed_on_its_page(scene, enter):
    order = scene.draft()
    desk = enter("desk")
    assert "改一改" not in desk.get(f"/console/orders/{order.number}/revise").text
    changed = form_of(scene, title="改一改", unit=[])
    assert desk.post(f"/console/orders/{order.number}/revise", data=changed).status_code == 303
    page = desk.get(f"/console/orders/{order.number}").text
    assert "改一改" in page
    assert "区信访局" not in page
    scene.do(order, Action.APPROVE, "secretary")
    assert desk.get(f"/console/orders/{order.number}/revise").status_code == 409


def test_what_was_typed_stays_when_a_unit_was_closed_meanwhile(scene, enter):
    order, desk = scene.draft(), enter("desk")
    scene.units["second"].closed_at = order.created_at
    scene.session.commit()
    for address in ("/console/orders/", f"/console/orders/{order.number}/revise"):
        refused = desk.post(address, data=form_of(scene, text="今天清走摊位，再看三天"))
        assert refused.status_code == 404
        assert "有的单位已经停用" in refused.text
        assert "今天清走摊位，再看三天" in refused.text


@pytest.mark.parametrize("step", ["approve", "refuse"])
def test_a_text_that_was_changed_after_it_was_read_is_not_decided_on(scene, enter, step):
    order, secretary = scene.draft(), enter("secretary")
    address = f"/console/orders/{order.number}"
    read = {"seen": seen_on(secretary.get(address).text), "note": "先去核实"}
    changed = scene.drafted(title="清理停车场和两条街")
    drafting.revise(scene.session, order.number, scene.actor("desk"), changed)
    scene.session.commit()
    refused = secretary.post(f"{address}/{step}", data=read)
    assert refused.status_code == 409
    assert re.search("desk在.*修改过这张发令单，请看过现在的内容再决定", refused.text)
    assert "清理停车场和两条街" in refused.text
    again = read | {"seen": seen_on(refused.text)}
    assert secretary.post(f"{address}/{step}", data=again).status_code == 303
