"""The page on which administrators let certain cases go by themselves."""

import pytest
import sqlalchemy as sa

from backend.auth import LoginSession
from backend.cases.models import AutoDispatch
from backend.places.roles import Role
from backend.times import now
from tests.browser import is_cut, sign_in
from tests.cases import duty_scene
from tests.console.conftest import queries_of
from tests.console.test_duty_desk_browser import photograph
from tests.factories import make_contact, make_officer

HOME = "/console/auto/"


@pytest.fixture
def scene(session):
    return duty_scene.make_scene(session)


@pytest.fixture
def client(scene, as_administrator):
    return as_administrator(scene.district)


def allowed(session):
    rows = session.scalars(sa.select(AutoDispatch).order_by(AutoDispatch.id))
    return [(row.area_id, row.category_id) for row in rows]


def test_a_place_is_allowed_for_a_category_and_ended_again(session, scene, client):
    form = {"place": "望溪街道", "category": "市容环卫 / 占道经营"}
    assert client.post(HOME, data=form).status_code == 303
    assert allowed(session) == [(scene.here.id, scene.entries["51"].id)]
    page = client.get(HOME).text
    assert "市容环卫 / 占道经营" in page
    assert "望溪街道" in page
    again = client.post(HOME, data=form)
    assert (again.status_code, "不用再加" in again.text) == (409, True)
    assert 'value="望溪街道"' in again.text
    policy_id = session.scalar(sa.select(AutoDispatch.id))
    assert client.post(f"{HOME}{policy_id}/end").status_code == 303
    assert allowed(session) == []
    assert client.post(f"{HOME}{policy_id}/end").status_code == 404


def test_without_a_category_it_is_for_all(session, scene, client):
    client.post(HOME, data={"place": "玉兰社区", "category": ""})
    assert allowed(session) == [(scene.magnolia.id, None)]
    assert "所有事项" in client.get(HOME).text


@pytest.mark.parametrize(
    ("form", "sentence"),
    [
        ({"place": "", "category": ""}, "请填地点"),
        ({"place": "没有的地方", "category": ""}, "没有找到"),
        ({"place": "玉兰社区", "category": "没有的事项"}, "请从提示里选，或留空"),
    ],
)
def test_what_cannot_be_is_said_beside_its_field(session, client, form, sentence):
    answer = client.post(HOME, data=form)
    assert answer.status_code == 422
    assert sentence in answer.text
    assert allowed(session) == []


def test_it_is_for_administrators_of_the_place(session, scene, client, as_administrator, as_officer):
    client.post(HOME, data={"place": "玉兰社区", "category": ""})
    policy_id = session.scalar(sa.select(AutoDispatch.id))
    other = as_administrator(scene.there)
    assert "玉兰社区" not in other.get(HOME).text
    assert other.post(f"{HOME}{policy_id}/end").status_code == 403
    desk = as_officer(make_officer(session, Role.DISPATCHER, area=scene.district))
    assert desk.get(HOME).status_code == 403
    assert "自动派单" not in desk.get("/console/duties/").text


def test_three_lines_cost_as_many_queries_as_one(client):
    client.post(HOME, data={"place": "玉兰社区", "category": ""})
    one = len(queries_of(lambda: client.get(HOME)))
    for place in ("石桥社区", "松林社区"):
        client.post(HOME, data={"place": place, "category": ""})
    client.get(HOME)
    assert len(queries_of(lambda: client.get(HOME))) == one


@pytest.mark.browser
@pytest.mark.parametrize("size", ["phone", "desktop"])
def test_in_a_browser_nothing_is_cut(request, committed, site, size):
    scene = duty_scene.make_scene(committed)
    officer = make_officer(committed, Role.ADMINISTRATOR, area=scene.district)
    context = request.getfixturevalue(size)
    sign_in(committed, context, site, make_contact(committed, officer=officer))
    committed.execute(sa.update(LoginSession).values(second_factor_at=now()))
    committed.commit()
    page = context.new_page()
    page.goto(f"{site}{HOME}")
    page.get_by_label("地点").fill("望溪街道")
    page.get_by_label("事项").fill("市容环卫 / 占道经营")
    page.get_by_role("button", name="允许自动派单").click()
    page.get_by_text("从现在起自动派单").wait_for()
    assert not is_cut(page)
    photograph(page, f"auto-{size}")
