"""The pages of places: the tree, the search, one place, its forms, and what an act would touch."""

import io
import json

import pytest
import sqlalchemy as sa

from backend.places import area_lists, areas
from backend.places.models import Area, Outline
from backend.places.roles import Datum, Level, Role
from tests.console.conftest import queries_of
from tests.factories import make_area, make_case, make_code, make_officer, make_unit

HOME = "/console/areas/"
L = Level
PART = {"HX-Request": "true"}
SHAPE = {"type": "Polygon", "coordinates": [[[114, 22], [114.01, 22], [114.01, 22.01], [114, 22]]]}


@pytest.fixture
def community(place):
    return place.community


@pytest.fixture
def district(session, community):
    return session.get_one(Area, community.district_id)


@pytest.fixture
def street(session, community):
    return session.get_one(Area, community.subdistrict_id)


@pytest.fixture
def grid(session, community):
    return make_area(session, L.GRID, community, name="一网格", code="G-1")


@pytest.fixture
def elsewhere(session, district):
    """A neighbouring street with a community and a grid: data that could leak."""
    other = make_area(session, L.SUBDISTRICT, district, name="松屿街道")
    community = make_area(session, L.COMMUNITY, other, name="枫溪社区", code="990002")
    return make_area(session, L.GRID, community, name="枫溪一网格", code="G-9")


@pytest.fixture
def client(session, street, as_administrator):
    """The administrator of the street in which the community lies."""
    return as_administrator(street)


def address(area, act=""):
    return f"{HOME}{area.id}/{act}".rstrip("/")


def file_of(found):
    return (io.BytesIO(json.dumps(found).encode()), "边界.geojson")


def test_the_tree_begins_where_one_works_and_opens_branch_by_branch(client, street, community, grid):
    page = client.get(HOME).text
    assert address(street) in page
    assert "玉兰社区" not in page
    part = client.get(address(community, "below"), headers=PART).text
    assert address(grid) in part
    assert "<html" not in part


def test_officers_of_a_unit_see_the_area_that_it_serves(as_officer, place, community):
    assert address(community) in as_officer(place.handler).get(HOME).text


def test_a_place_is_found_by_name_and_by_the_beginning_of_its_code(client, community, grid):
    assert "<mark>一网</mark>格" in client.get(HOME + "?q=一网").text
    part = client.get(HOME + "?q=g-1", headers=PART).text
    assert "青岚区 / 望溪街道 / 玉兰社区" not in part
    part = client.get(HOME + "?q=G-", headers=PART).text
    assert "<mark>G-</mark>1" in part
    assert "青岚区 / 望溪街道 / 玉兰社区" in part
    assert "<html" not in part
    assert "可以少写几个字" in client.get(HOME + "?q=<b>没有").text
    assert "没有找到“&lt;b&gt;" in client.get(HOME + "?q=<b>没有").text
    assert "可以少写几个字" in client.get(HOME + "?q=%25").text


def test_what_lies_elsewhere_is_neither_shown_nor_found(client, elsewhere):
    assert "枫溪" not in client.get(HOME).text
    assert "可以少写几个字" in client.get(HOME + "?q=枫溪").text
    for act in ("", "below", "outline.geojson", "move", "merge", "close", "reopen"):
        assert client.get(address(elsewhere, act)).status_code == 404
    for act in ("add", "change", "outline", "move", "merge", "close", "reopen"):
        assert client.post(address(elsewhere, act), data={"name": "改名"}).status_code == 404


def test_a_list_goes_on_by_key(monkeypatch, session, client, community):
    monkeypatch.setattr(area_lists, "PAGE", 2)
    monkeypatch.setattr(area_lists, "FOUND", 2)
    rows = [make_area(session, L.GRID, community, name=f"第{number}网格") for number in range(3)]
    for first in (address(community, "below?after=0"), HOME + "?q=网格"):
        page = client.get(first, headers=PART).text
        assert (address(rows[1]) in page, address(rows[2]) in page) == (True, False)
        more = f"after={rows[1].id}"
        assert more in page
        part = client.get(
            first.replace("?after=0", "") + ("&" if "q=" in first else "?") + more, headers=PART
        ).text
        assert (address(rows[1]) in part, address(rows[2]) in part) == (False, True)
    assert client.get(address(community, "below?after=x")).status_code == 422


def test_the_pages_take_the_same_number_of_queries_for_one_place_and_for_three(
    session, client, community, grid
):
    def count():
        pages = (HOME, HOME + "?q=网格", address(community), address(community, "below"))
        return [len(queries_of(lambda page=page: client.get(page))) for page in pages]

    before = count()
    for number in range(2):
        row = make_area(session, L.GRID, community, name=f"第{number}网格")
        make_area(session, L.BUILDING, row, name="1栋")
        make_unit(session, community)
        make_officer(session, Role.SECRETARY, area=community)
    assert count() == before


def test_a_place_shows_what_hangs_there(session, client, community, grid):
    make_code(session, community)
    community.telephone = "0755-00001234"
    session.add(Outline(area_id=community.id, ring="((114,22),(114.01,22),(114.01,22.01))"))
    session.commit()
    page = client.get(address(community)).text
    for shown in (
        "0755-00001234",
        f'<a href="/console/codes/?area={community.id}">1 个</a>',
        "望溪街道市政服务中心",
        "李梅（信息员）",
        "一网格",
        "<svg",
        "上北下南",
    ):
        assert shown in page
    assert f'href="{address(community)}"' not in page.split("</ol>")[0]


def test_only_administrators_are_offered_and_taken_changes(as_officer, place, community):
    client = as_officer(place.desk)
    page = client.get(address(community)).text
    for hidden in ("保存", "停用", "上传边界", "新增"):
        assert hidden not in page
    assert client.post(address(community, "change"), data={"name": "改名"}).status_code == 403
    assert client.get(address(community, "close")).status_code == 403


def test_a_place_is_added_and_changed(session, client, community):
    form = {"level": "grid", "name": "二网格", "latitude": "22.7", "longitude": "114.2", "datum": "gcj02"}
    answer = client.post(address(community, "add"), data=form)
    grid = session.scalar(sa.select(Area).where(Area.name == "二网格"))
    assert (answer.status_code, answer.location) == (303, address(grid))
    assert (grid.datum, grid.community_id) == (Datum.GCJ02, community.id)
    assert 'value="22.7"' in client.get(address(grid)).text
    client.post(address(grid, "change"), data={"name": "东二网格", "telephone": "110"})
    session.refresh(grid)
    assert (grid.name, grid.telephone, grid.latitude) == ("东二网格", "110", None)
    assert "已经保存" in client.get(address(grid)).text


@pytest.mark.parametrize(
    ("form", "sentence"),
    [
        ({"level": "grid", "name": ""}, "请填名称"),
        ({"level": "", "name": "二网格"}, "请选择层级"),
        ({"level": "subdistrict", "name": "二街道"}, "街道只能放在区下面"),
        ({"level": "grid", "name": "二网格", "latitude": "北"}, "请填以度为单位的小数"),
        ({"level": "grid", "name": "二网格", "latitude": "114.2", "longitude": "22.7"}, "填反了"),
        ({"level": "grid", "name": "一网格"}, "已经有“一网格”"),
        ({"level": "grid", "name": "二网格", "code": "G-9"}, "编码 G-9 已经是“枫溪一网格”的"),
    ],
)
def test_a_refused_form_keeps_what_was_typed_and_says_why(
    session, client, community, grid, elsewhere, form, sentence
):
    answer = client.post(address(community, "add"), data=form | {"telephone": "0755-00009999"})
    assert answer.status_code in (409, 422)
    assert sentence in answer.text
    assert 'value="0755-00009999"' in answer.text
    assert session.scalar(sa.select(sa.func.count(Area.id)).where(Area.parent_id == community.id)) == 1


def test_an_act_first_shows_what_it_touches(session, client, community, grid):
    make_case(session, grid)
    make_code(session, grid)
    page = client.get(address(community, "close")).text
    for shown in (
        "<strong>1</strong> 个下级地点",
        "<strong>1</strong> 件诉求",
        "<strong>1</strong> 个二维码",
    ):
        assert shown in page
    assert "下面的 1 个地点一并停用" in page
    assert "会一起回来" in client.get(address(community, "reopen")).text


def test_a_place_is_moved_merged_closed_and_opened_again(session, client, street, community, grid):
    other = make_area(session, L.COMMUNITY, street, name="桂香社区", code="C-2")
    client.post(address(grid, "move"), data={"to": "望溪街道/桂香社区"})
    assert session.get_one(Area, grid.id, populate_existing=True).community_id == other.id
    answer = client.post(address(community, "merge"), data={"to": "C-2"})
    assert (answer.status_code, answer.location) == (303, address(other))
    session.refresh(community)
    assert community.successor_id == other.id
    assert "接续" in client.get(address(community)).text
    client.post(address(community, "reopen"))
    assert session.get_one(Area, community.id, populate_existing=True).closed_at is None
    client.post(address(other, "close"), data={"to": "玉兰社区", "with_places": "1"})
    assert session.get_one(Area, grid.id, populate_existing=True).successor_id == community.id


def test_more_than_one_cares_to_count_is_said_as_such(session, place, admin_client, monkeypatch):
    monkeypatch.setattr(areas, "MOST", 1)
    asked = admin_client.get(f"/console/areas/{place.community.district_id}/close").text
    assert "<strong>1 以上</strong> 个下级地点" in asked
    assert "<strong>0</strong> 个二维码" in asked


def test_an_act_without_a_clear_target_is_refused_beside_the_field(
    session, client, street, community, grid, elsewhere
):
    for name in ("东", "西"):
        near = make_area(session, L.COMMUNITY, street, name=f"{name}桂社区")
        make_area(session, L.ZONE, near, name="一片区")
    for typed, sentence in (
        ("", "请填地点的编码"),
        ("没有的", "没有找到能选的“没有的”"),
        ("枫溪社区", "没有找到能选的"),
        ("一片区", "有几个地点符合，请写清上级：青岚区/望溪街道/东桂社区/一片区、"),
    ):
        answer = client.post(address(grid, "move"), data={"to": typed})
        assert (answer.status_code, sentence in answer.text) == (422, True)
        assert f'value="{typed}"' in answer.text
    answer = client.post(address(community, "close"), data={"to": "东桂社区"})
    assert (answer.status_code, "下面还有 1 个地点在用" in answer.text) == (409, True)


def test_targets_are_offered_while_one_types_from_ones_own_places_alone(
    session, client, street, community, grid, elsewhere
):
    make_area(session, L.COMMUNITY, street, name="桂溪社区")
    part = client.get(address(grid, "move/targets?to=溪社")).text
    assert "青岚区/望溪街道/桂溪社区" in part
    assert "枫溪" not in part
    assert "<option" not in client.get(address(grid, "move/targets?to=")).text
    assert "<option" not in client.get(address(community, "merge/targets?to=玉兰")).text


def test_an_outline_is_uploaded_downloaded_and_removed(session, client, community, grid):
    answer = client.post(address(community, "outline"), data={"file": file_of(SHAPE)})
    assert answer.status_code == 303
    named = {"type": "Feature", "properties": {"code": "G-1"}, "geometry": SHAPE}
    client.post(
        address(community, "outline"),
        data={"file": file_of({"type": "FeatureCollection", "features": [named]})},
    )
    assert set(session.scalars(sa.select(Outline.area_id))) == {community.id, grid.id}
    found = client.get(address(community, "outline.geojson")).get_json(force=True)
    assert [one["properties"]["name"] for one in found["features"]] == ["玉兰社区", "一网格"]
    client.post(address(community, "outline"), data={"remove": "1"})
    assert session.scalars(sa.select(Outline.area_id)).all() == [grid.id]


def test_what_is_no_outline_is_refused_beside_the_field(client, community, elsewhere):
    named = {"type": "Feature", "properties": {"code": "G-9"}, "geometry": SHAPE}
    for upload, sentence in (
        (None, "请选择一个 GeoJSON 文件"),
        (file_of([]), "不是 GeoJSON"),
        (file_of(named), "只能改您管理的地点"),
    ):
        answer = client.post(address(community, "outline"), data={"file": upload} if upload else {})
        assert (answer.status_code, sentence in answer.text) == (422, True)
