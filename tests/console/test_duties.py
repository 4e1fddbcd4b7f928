"""The pages of duty lists."""

import re
from dataclasses import replace

import pytest
import sqlalchemy as sa

from backend import sheets
from backend.cases import categories, duties, duty_queries
from backend.cases.models import DutyList, ListState
from backend.places.models import Officer
from backend.places.roles import Role
from backend.places.scope import COMMAND_LINE
from backend.times import now
from tests.cases.duty_scene import duties_of, make_full_scene, make_scene, told
from tests.console.conftest import queries_of
from tests.factories import make_case, make_officer

HOME = "/console/duties/"


@pytest.fixture
def scene(session):
    return make_scene(session)


@pytest.fixture
def admin(scene, as_administrator):
    return as_administrator(scene.district)


@pytest.fixture
def draft(session, scene):
    row = duties.copy(session, scene.editor, scene.duty_list.id, "修改稿")
    session.commit()
    return row


def cell(row, category, area):
    return f"{HOME}{row.id}/cell?category={category.id}&area={area.id}"


def test_the_lists_are_shown_with_their_state(admin, scene, draft):
    page = admin.get(HOME).text
    assert "第一份" in page
    assert "使用中" in page
    assert "修改稿" in page
    assert "2 条" in page


def test_the_matrix_shows_own_and_inherited_units(admin, scene):
    page = admin.get(f"{HOME}{scene.duty_list.id}?top={scene.entries['5'].id}").text
    assert "占道经营 / 无照经营游商" in page
    assert 'class="inherited"' in page
    assert f'<option value="{scene.entries["5"].id}" selected>市容环卫</option>' in page
    assert "城管办" in page
    assert "东岭街道" in page
    missing = admin.get(f"{HOME}{scene.duty_list.id}?top={scene.entries['6'].id}").text
    assert "没有单位" in missing


def test_what_each_street_answers_for_itself_is_no_gap(session, admin, scene, draft):
    row, entry, top = draft, scene.entries["612"], scene.entries["6"]
    page, alone = f"{HOME}{row.id}?top={top.id}", cell(row, entry, scene.district)
    assert "没有单位负责" in admin.get(alone).text
    duties.fill(session, row, told(scene, ("6", "here", "office")))
    session.commit()
    assert 'class="partly"' in admin.get(page).text
    assert "有的社区没有单位" in admin.get(page).text
    assert "2 个有单位负责，1 个没有" in admin.get(alone).text
    duties.fill(session, row, told(scene, ("6", "pines", "other_office")))
    session.commit()
    shown = admin.get(page).text
    assert shown.count("由各街道的职责决定") == shown.count("由各社区的职责决定") > 0  # of 东岭街道
    assert 'class="nobody"' not in shown
    assert "3 个社区都有单位负责" in admin.get(alone).text
    assert "没有单位负责</strong>" not in admin.get(alone).text


def test_a_street_is_shown_by_its_communities(admin, scene):
    page = admin.get(f"{HOME}{scene.duty_list.id}?under={scene.here.id}").text
    assert "玉兰社区" in page
    assert "松林社区" not in page


def test_a_place_elsewhere_is_not_shown(session, admin, scene, as_administrator):
    own = duties.draft(session, scene.editor, scene.here.id, "望溪的", told(scene, ("5", None, "office")))
    session.commit()
    assert admin.get(f"{HOME}{own.id}?under={scene.there.id}").status_code == 404
    assert (
        admin.get(f"{HOME}{own.id}/cell?category={scene.entries['5'].id}&area={scene.there.id}").status_code
        == 404
    )


def test_a_cell_says_which_rule_decided_and_what_it_beat(admin, scene):
    page = admin.get(cell(scene.duty_list, scene.entries["511"], scene.magnolia)).text
    assert "占道经营 × 望溪街道" in page
    assert "没有采用的" in page
    assert "市容环卫 × 青岚区" in page
    assert "三定方案" in page
    assert "<form" not in page.split("<main")[1]


def test_an_administrator_writes_a_cell_of_a_draft_and_takes_it_out(session, admin, scene, draft):
    url = cell(draft, scene.entries["512"], scene.magnolia)
    form = {"unit": scene.water.id, "assisting": "城管局、城管办（望溪街道）", "source": "会议纪要"}
    assert admin.post(url, data=form).status_code == 303
    page = admin.get(url).text
    assert "会议纪要" in page
    assert "协办：城管局、城管办" in page
    own = duties_of(session, draft)[-1]
    assert (own.unit_id, own.area_id) == (scene.water.id, scene.magnolia.id)
    assert f"/remove/{own.id}" in page
    assert admin.post(f"{HOME}{draft.id}/remove/{own.id}?category=1&area=1").status_code == 303
    assert len(duties_of(session, draft)) == 2


def test_the_form_of_a_cell_begins_with_what_it_inherits(session, admin, scene, draft):
    wider = replace(told(scene, ("512", "here", "office"))[0], assisting=(scene.order.id, scene.water.id))
    duties.put(session, scene.editor, draft.id, wider)
    session.commit()
    form = admin.get(cell(draft, scene.entries["512"], scene.magnolia)).text.split("专门写明这一格")[1]
    assert f'<option value="{scene.office.id}" selected>' in form
    typed = dict(re.findall(r'name="(assisting|source)".*? value="([^"]*)"', form))
    assert typed == {"assisting": "城管局、水务局", "source": "三定方案"}
    url = cell(draft, scene.entries["512"], scene.magnolia)
    assert admin.post(url, data=typed | {"unit": scene.office.id}).status_code == 303
    own = duties_of(session, draft)[-1]
    assert (own.area_id, own.assisting) == (scene.magnolia.id, [scene.order.id, scene.water.id])


@pytest.mark.parametrize(
    ("form", "said"),
    [({}, "请选择责任单位"), ({"unit": "999999999"}, "已停用"), ({"assisting": "没有这个局"}, "没有登记")],
)
def test_what_cannot_be_written_is_said_and_what_was_typed_stays(admin, scene, draft, form, said):
    if "assisting" in form:
        form = form | {"unit": scene.water.id}
    answer = admin.post(cell(draft, scene.entries["512"], scene.magnolia), data=form | {"source": "会议纪要"})
    assert answer.status_code == 422
    assert said in answer.text
    assert "会议纪要" in answer.text


def test_a_list_in_force_is_not_edited(admin, scene):
    answer = admin.post(
        cell(scene.duty_list, scene.entries["512"], scene.here), data={"unit": scene.water.id}
    )
    assert answer.status_code == 409


def test_a_draft_is_made_copied_and_thrown_away(session, admin, scene):
    form = {"name": "新的", "area": scene.district.id, "from": "empty"}
    assert admin.post(HOME, data=form).status_code == 303
    assert admin.post(f"{HOME}{scene.duty_list.id}/copy").status_code == 303
    names = [row.DutyList.name for row in duty_queries.lists(session, COMMAND_LINE)]
    assert names[1:] == ["新的", "第一份"]
    assert admin.post(f"{HOME}{scene.duty_list.id}/copy").status_code == 303
    latest, before = (row.DutyList.name for row in duty_queries.lists(session, COMMAND_LINE)[:2])
    assert latest != before
    newest = duty_queries.lists(session, COMMAND_LINE)[0].DutyList
    assert admin.post(f"{HOME}{newest.id}/discard").status_code == 303
    assert len(duty_queries.lists(session, COMMAND_LINE)) == 3


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({"name": ""}, "起个名称"),
        ({"area": ""}, "请选择"),
        ({"from": "past"}, "推不出职责；请先把诉求归类、派单"),
    ],
)
def test_a_draft_that_cannot_be_made_is_said(admin, scene, form, said):
    whole = {"name": "新的", "area": scene.district.id, "from": "empty"} | form
    answer = admin.post(HOME, data=whole)
    assert answer.status_code == 422
    assert said in answer.text


def test_the_checks_tell_twins_gaps_and_the_dead(session, admin, scene, draft):
    duties.fill(session, draft, told(scene, ("51", "here", "water"), ("612", "here", "water")))
    scene.office.closed_at = now()
    categories.end(session, COMMAND_LINE, scene.entries["52"].id)
    session.commit()
    page = admin.get(f"{HOME}{draft.id}/check").text
    assert "责任单位已停用" in page
    assert "写重了的 1 处" in page
    assert "没有单位负责的 2 项" in page
    assert "在东岭街道：1 项" in page


def test_past_cases_are_tried(session, admin, scene, draft):
    case = make_case(session, scene.magnolia, category_id=scene.entries["511"].id, unit_id=scene.office.id)
    duties.put(session, scene.editor, draft.id, *told(scene, ("511", None, "water")))
    session.commit()
    page = admin.get(f"{HOME}{draft.id}/trial").text
    assert case.number in page
    assert "原来 1 件，现在 0 件" in page
    assert "水务局" in page


def test_a_list_is_switched_on_after_saying_what_changes_and_back(session, admin, scene, draft):
    duties.put(session, scene.editor, draft.id, *told(scene, ("51", "here", "water")))
    session.commit()
    page = admin.get(f"{HOME}{draft.id}/switch").text
    assert "换单位 1 条" in page
    assert "还没有派单的诉求" in page
    assert "已经派出去的诉求" in page
    assert "第一份" in page
    assert admin.post(f"{HOME}{draft.id}/switch").status_code == 303
    assert admin.post(f"{HOME}{draft.id}/switch").status_code == 409
    assert admin.post(f"{HOME}{scene.duty_list.id}/switch").status_code == 303
    session.expire_all()
    assert session.get_one(DutyList, scene.duty_list.id).state is ListState.CURRENT


def test_a_list_with_dead_duties_offers_no_switch(session, admin, scene, draft):
    scene.office.closed_at = now()
    session.commit()
    page = admin.get(f"{HOME}{draft.id}/switch").text
    assert "改好之后" in page
    assert admin.post(f"{HOME}{draft.id}/switch").status_code == 409


def test_a_list_is_given_out(admin, scene):
    answer = admin.get(f"{HOME}{scene.duty_list.id}/export.csv")
    table = sheets.read(answer.data, "职责.csv")
    assert [row["责任单位"] for _, row in table.rows] == ["城管局", "城管办（望溪街道）"]


def test_a_neighbour_sees_and_changes_nothing_of_a_streets_list(session, scene, as_administrator):
    own = duties.draft(session, scene.editor, scene.here.id, "望溪的", told(scene, ("5", None, "office")))
    session.commit()
    neighbour = as_administrator(scene.there)
    assert "望溪的" not in neighbour.get(HOME).text
    duty = duties_of(session, own)[0]
    url = f"{HOME}{own.id}"
    for path in ("", "/check", "/trial", "/switch", "/export.csv", f"/cell?category={scene.entries['5'].id}"):
        assert neighbour.get(url + path).status_code == 404
    for path in (
        "/copy",
        "/discard",
        "/switch",
        f"/remove/{duty.id}",
        f"/cell?category={scene.entries['5'].id}",
    ):
        assert neighbour.post(url + path, data={"unit": scene.other_office.id}).status_code in (403, 404)
    for path in ("/copy", "/switch", "/discard"):
        assert neighbour.post(f"{HOME}{scene.duty_list.id}{path}").status_code == 403
    assert session.scalar(sa.select(sa.func.count()).select_from(DutyList)) == 2


def test_others_read_only(session, scene, as_officer, draft):
    leader = as_officer(make_officer(session, Role.LEADER, area=scene.district))
    page = leader.get(f"{HOME}{draft.id}").text
    assert "启用…" not in page
    assert leader.get(f"{HOME}{draft.id}/check").status_code == 200
    assert leader.post(f"{HOME}{draft.id}/switch").status_code >= 400
    assert session.get_one(DutyList, draft.id).state is ListState.DRAFT
    assert session.scalar(sa.select(sa.func.count()).select_from(Officer)) == 2


def test_lists_cost_the_same_queries_whatever_their_length(session, admin, scene, draft):
    urls = (HOME, f"{HOME}{draft.id}?top={scene.entries['5'].id}", f"{HOME}{draft.id}/check")
    few = [len(queries_of(lambda url=url: admin.get(url))) for url in urls]
    for n in range(3):
        duties.copy(session, scene.editor, draft.id, f"又一份{n}")
        categories.add(
            session, COMMAND_LINE, f"新的{n}", under_id=scene.entries["51"].id, kind=scene.entries["51"].kind
        )
    duties.fill(session, draft, told(scene, ("511", "here", "water"), ("512", "there", "water")))
    session.commit()
    assert [len(queries_of(lambda url=url: admin.get(url))) for url in urls] == few


def test_pages_of_a_full_list_are_paged_by_key(session, as_administrator):
    full = make_full_scene(session)
    client = as_administrator(full.district)
    url = f"{HOME}{full.duty_list.id}"
    leaf = full.entries["1234"]
    for path in (f"?under={full.streets[0].id}", f"/cell?category={leaf.id}", "/check", "/switch"):
        assert client.get(url + path).status_code == 200
    page = client.get(url).text
    more = page.split('hx-get="')[-1].split('"')[0].replace("&amp;", "&")
    part = client.get(more, headers={"HX-Request": "true"}).text
    assert part.count('scope="row"') == 50
    assert "<html" not in part
