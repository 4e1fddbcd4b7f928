"""The pages of orders as each kind of officer meets them."""

import io
import re

import pypdfium2
import pytest
import sqlalchemy as sa

from backend.cases.supervision_models import Supervision
from backend.orders.workflow import Action, Status
from tests.cases.pictures import jpeg
from tests.console.conftest import queries_of
from tests.orders.forms import form_of, number_of
from tests.orders.scene import make_neighbours


def test_an_order_goes_all_the_way_through_its_pages(scene, enter):
    desk, secretary, lead, second = map(enter, ("desk", "secretary", "lead", "second"))
    page = desk.get("/console/orders/new").text
    assert "区市场监管局" in page
    number = number_of(desk.post("/console/orders/", data=form_of(scene)))
    assert "批准发令" not in desk.get(f"/console/orders/{number}").text
    assert "清理停车场的非法市场" in secretary.get("/console/orders/?tab=approve").text
    assert "批准发令" in secretary.get(f"/console/orders/{number}").text
    assert second.get(f"/console/orders/{number}").status_code == 403
    assert secretary.post(f"/console/orders/{number}/approve").status_code == 303
    assert "劝离摊主" in second.get(f"/console/orders/{number}").text
    assert number in second.get("/console/orders/").text
    for client in (lead, second):
        assert client.post(f"/console/orders/{number}/acknowledge").status_code == 303
    assert "等区信访局反馈以后" in lead.get(f"/console/orders/{number}").text
    proof = {"note": "摊主已劝离", "photos": (io.BytesIO(jpeg()), "a.jpg")}
    assert second.post(f"/console/orders/{number}/report_back", data=proof).status_code == 303
    page = lead.get(f"/console/orders/{number}").text
    assert "摊主已劝离" in page
    picture = re.search(r'src="(/console/orders/\w+/photos/\d+)"', page)[1]
    assert lead.get(picture).mimetype == "image/jpeg"
    answer = {"note": "摊位已经清走，有人值守", "outcome": "solved"}
    assert lead.post(f"/console/orders/{number}/answer", data=answer).status_code == 303
    assert "已办结" in secretary.get(f"/console/orders/{number}").text


def test_a_second_tap_is_told_so_and_a_late_one_who_was_quicker(scene, enter):
    order = scene.issue()
    again = enter("secretary").post(f"/console/orders/{order.number}/approve", follow_redirects=True)
    assert "已经办好了，不用再点" in again.text
    page = enter("secretary").post(f"/console/orders/{order.number}/refuse", data={"note": "先不发"})
    assert page.status_code == 409
    assert "已“批准发令”" in page.text


def test_a_refused_step_keeps_what_was_typed(scene, enter):
    order = scene.issue()
    scene.do(order, Action.ACKNOWLEDGE, "second")
    part = scene.part(order, "second")
    client = enter("second")
    page = client.post(
        f"/console/orders/{order.number}/report_back", data={"note": "字" * 501, "part": part.id}
    )
    assert page.status_code == 422
    assert "说明太长了" in page.text
    assert "字" * 501 in page.text


def test_neighbours_get_nothing(scene, enter):
    order = scene.issue()
    for key in make_neighbours(scene):
        client = enter(key)
        for path in ("", "/print", "/revise", "/photos/1"):
            answer = client.get(f"/console/orders/{order.number}{path}")
            assert answer.status_code == 403
            assert order.title not in answer.text
        assert order.number not in client.get("/console/orders/?tab=all").text
        assert client.post(f"/console/orders/{order.number}/approve").status_code == 403


def test_what_was_typed_stays_when_the_unit_to_be_added_was_closed(scene, enter):
    order = scene.issue(assisting=[])
    scene.units["second"].closed_at = order.created_at
    scene.session.commit()
    form = {"unit": scene.units["second"].id, "task": "把住路口"}
    refused = enter("secretary").post(f"/console/orders/{order.number}/add_unit", data=form)
    assert refused.status_code == 404
    assert "有的单位已经停用" in refused.text
    assert "把住路口" in refused.text


@pytest.mark.parametrize("tab", ["mine", "approve", "all", "issued"])
def test_a_list_costs_the_same_for_one_and_for_three(scene, enter, tab):
    key = "second" if tab == "mine" else "secretary"
    client = enter(key)
    make = scene.draft if tab == "approve" else scene.issue
    make()
    one = queries_of(lambda: client.get(f"/console/orders/?tab={tab}"))
    make()
    make()
    three = queries_of(lambda: client.get(f"/console/orders/?tab={tab}"))
    assert len(one) == len(three)
    assert client.get(f"/console/orders/?tab={tab}").text.count("清理停车场") == 3


def test_a_list_goes_on_by_key(scene, enter):
    orders = [scene.issue() for _ in range(21)]
    for key, tab in (("second", "mine"), ("secretary", "all")):
        client = enter(key)
        first = client.get(f"/console/orders/?tab={tab}").text
        onward = re.search(r'href="(/console/orders/\?tab=\w+&amp;after=[^"]+)"', first)[1]
        second = client.get(onward.replace("&amp;", "&")).text
        seen = re.findall(r"/console/orders/(F\d{11})", first) + re.findall(
            r"/console/orders/(F\d{11})", second
        )
        assert sorted(seen) == sorted(order.number for order in orders)


def test_the_page_refreshes_itself_and_says_when_something_is_new(scene, enter):
    order = scene.issue()
    client = enter("secretary")
    whole = client.get(f"/console/orders/{order.number}").text
    again = re.search(r'hx-get="([^"]+)" hx-trigger="every 15s"', whole)[1]
    assert "有新进展" not in client.get(again, headers={"HX-Request": "true"}).text
    scene.do(order, Action.ACKNOWLEDGE, "second")
    live = client.get(again, headers={"HX-Request": "true"}).text
    assert "有新进展" in live
    assert "<html" not in live


def test_in_a_withdrawn_order_nothing_waits_for_the_units_any_more(scene, enter):
    order = scene.issue()
    scene.do(order, Action.ACKNOWLEDGE, "second")
    scene.do(order, Action.REPORT_BACK, "second", note="摊位已经清走")
    scene.do(order, Action.WITHDRAW, "secretary", note="转区里统一办")
    client, page = enter("secretary"), f"/console/orders/{order.number}"
    stands = re.findall(
        r'<span class="badge bg-\w+-lt">(\w+)</span>\s*</p>', client.get(page).text.split("受令单位")[-1]
    )
    assert stands == ["已撤回", "已反馈", "已撤回"]
    printed = pypdfium2.PdfDocument(client.get(f"{page}/print").data)[0].get_textpage().get_text_bounded()
    assert "待签收" not in printed


def test_the_print_is_one_a4_page_that_says_all(scene, enter):
    long = scene.drafted().text * 20
    order = scene.issue(text=long[:600])
    scene.report_all(order)
    scene.answer(order)
    answer = enter("secretary").get(f"/console/orders/{order.number}/print")
    assert answer.mimetype == "application/pdf"
    document = pypdfium2.PdfDocument(answer.data)
    assert len(document) == 1
    assert [round(side) for side in document[0].get_size()] == [595, 842]
    words = document[0].get_textpage().get_text_bounded().replace("\r\n", "")
    for said in (order.number, order.title, "区市场监管局", "劝离摊主", "摊位已经清走", "玉兰社区电子发令单"):
        assert said in words
    assert order.status is Status.ISSUED or "已办结" in words


def test_a_unit_is_supervised_answers_and_is_done_with_on_the_orders_own_page(scene, enter):
    number = scene.issue().number
    supervisor, second = enter("supervisor"), enter("second")
    page = f"/console/orders/{number}"
    assert "/supervise" in supervisor.get(page).text
    assert "/supervise" not in second.get(page).text
    asked = {"unit": scene.units["second"].id, "until": "2027-01-08T18:00", "note": "摊位又回来了"}
    refused = supervisor.post(f"{page}/supervise", data=asked | {"until": ""})
    assert (refused.status_code, "请填写答复时限" in refused.text) == (422, True)
    assert "摊位又回来了" in refused.text, "what was typed is kept"
    assert supervisor.post(f"{page}/supervise", data=asked).status_code == 303
    [row] = scene.session.scalars(sa.select(Supervision))
    form = {"supervision": row.id, "note": "今晚加派两人"}
    assert f'name="supervision" value="{row.id}"' in second.get(page).text
    assert "answer_supervision" not in enter("third").get(page).text
    assert second.post(f"{page}/answer_supervision", data=form).status_code == 303
    ended = form | {"note": "现场看过", "effect": "solved"}
    other = scene.issue().number
    assert supervisor.post(f"/console/orders/{other}/end_supervision", data=ended).status_code == 404
    assert supervisor.post(f"{page}/end_supervision", data=ended).status_code == 303
    assert "问题已解决" in second.get(page).text
