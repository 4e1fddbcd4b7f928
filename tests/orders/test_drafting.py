"""A draft: what it must say, whom it may name, who hears of it, and how it is changed."""

import re
from datetime import timedelta

import pytest
import sqlalchemy as sa

from backend.cases.deadline_models import Deadline
from backend.errors import Conflict, Forbidden, Invalid, NotFound
from backend.orders import drafting, service
from backend.orders.models import Order
from backend.orders.workflow import Action, Status
from backend.places.models import Area, Post
from backend.places.roles import Role
from tests.factories import make_area, make_community
from tests.orders.scene import AT

MINUTE = timedelta(minutes=1)


def test_a_draft_waits_for_its_secretary_and_binds_nobody(scene):
    order = scene.draft()
    assert re.fullmatch(r"F261123\d{5}", order.number)
    assert (order.status, order.unit_id) == (Status.DRAFTED, scene.units["lead"].id)
    assert scene.told(order) == [("order_drafted", "secretary")]
    assert scene.session.scalars(sa.select(Deadline.id)).all() == []
    for key in scene.units:
        with pytest.raises(Forbidden):
            service.find(scene.session, order.number, scene.actor(key))


def test_where_no_secretary_is_at_hand_those_above_hear_of_the_draft(scene):
    scene.session.execute(
        sa.update(Post).where(Post.role == Role.SECRETARY).values(since=AT - 2 * MINUTE, until=AT - MINUTE)
    )
    scene.add(
        "dispatcher",
        Role.DISPATCHER,
        area=scene.session.get(Area, scene.community.district_id),
    )
    assert scene.told(scene.draft()) == [("order_drafted", "dispatcher")]


def test_the_same_form_twice_is_one_order(scene):
    first, second = scene.draft(key="one tap"), scene.draft(key="one tap")
    assert first.number == second.number
    assert scene.session.scalar(sa.select(sa.func.count(Order.id))) == 1
    with pytest.raises(NotFound):
        scene.draft(by="secretary", key="one tap")


def test_a_draft_that_is_refused_or_withdrawn_is_no_news_to_its_units(scene):
    refused, withdrawn = scene.draft(), scene.draft()
    scene.do(refused, Action.REFUSE, "secretary", note="先去核实")
    scene.do(withdrawn, Action.WITHDRAW, "secretary", note="重复了")
    assert scene.told(refused)[1:] == [("order_refused", "desk")]
    assert scene.told(withdrawn)[1:] == [("order_withdrawn", "desk")]


def test_a_draft_keeps_a_unit_that_has_moved_away_until_it_is_closed(scene):
    order, second = scene.draft(), scene.units["second"]
    second.area_id = make_community(scene.session).id
    scene.session.flush()
    drafting.revise(
        scene.session, order.number, scene.actor("desk"), scene.drafted(title="先清理南门"), at=AT
    )
    assert {part.unit_id for part in order.parts} == {unit.id for unit in scene.units.values()}
    with pytest.raises(NotFound, match="不管这个地方"):
        scene.draft()
    second.closed_at = AT
    scene.session.flush()
    with pytest.raises(NotFound, match="已经停用"):
        drafting.revise(scene.session, order.number, scene.actor("desk"), scene.drafted(), at=AT)


def test_a_draft_that_goes_to_another_community_names_its_units_anew(scene):
    order, district = scene.draft(), scene.session.get(Area, scene.community.district_id)
    scene.add("dispatcher", Role.DISPATCHER, area=district)
    other = make_area(scene.session, scene.community.level, district, name="丹桂社区")
    there = scene.drafted(place_id=other.id)
    with pytest.raises(NotFound, match="不管这个地方"):
        drafting.revise(scene.session, order.number, scene.actor("dispatcher"), there, at=AT)


def test_a_draft_is_revised_until_it_is_approved(scene):
    order = scene.draft()
    changed = scene.drafted(title="改过的标题", lead_id=scene.units["third"].id, assisting=[])
    drafting.revise(scene.session, order.number, scene.actor("desk"), changed, at=AT)
    order = scene.do(order, Action.APPROVE, "secretary")
    assert [part.unit.name for part in order.parts] == ["街道综治办"]
    assert [who for message, who in scene.told(order) if message == "order_issued"] == ["third"]
    with pytest.raises(Conflict, match="执行中"):
        drafting.revise(scene.session, order.number, scene.actor("desk"), changed, at=AT)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"title": ""}, "请写一句标题"),
        ({"title": "很" * 61}, "标题太长"),
        ({"text": "长" * 601}, "内容太长"),
        ({"lead_id": None, "assisting": []}, "请选择受令单位"),
    ],
)
def test_a_draft_says_what_it_lacks(scene, wrong, said):
    with pytest.raises(Invalid, match=said):
        scene.draft(**wrong)


def test_an_order_is_a_communitys(scene):
    with pytest.raises(Invalid, match="社区里的地点"):
        scene.draft(place_id=scene.community.subdistrict_id)


def test_a_unit_that_is_closed_or_of_another_district_cannot_be_named(scene):
    scene.units["second"].closed_at = AT
    scene.session.commit()
    with pytest.raises(NotFound, match="已经停用"):
        scene.draft()
