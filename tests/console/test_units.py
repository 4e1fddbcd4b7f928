"""The pages of units: what is listed to whom, what forms do, and what they keep when refused."""

import pytest
import sqlalchemy as sa

from backend.console import choosing
from backend.places.models import Area, Unit
from backend.places.roles import Level, Role
from backend.places.scope import COMMAND_LINE
from tests.console.conftest import queries_of
from tests.factories import make_area, make_case, make_officer, make_unit


@pytest.fixture
def street(session, place):
    return session.get_one(Area, place.community.subdistrict_id)


@pytest.fixture
def far(session, place):
    """A street beside it, with a unit that is nobody's here."""
    district = session.get_one(Area, place.community.district_id)
    other = make_area(session, Level.SUBDISTRICT, district, name="松屿街道")
    return make_unit(session, other, name="松屿街道综治办", code="F1")


def form(**fields):
    return {"name": "望溪街道综治办", "kind": "office", "area": "青岚区/望溪街道", **fields}


def test_the_list_shows_the_units_where_one_works(place, far, as_officer):
    page = as_officer(place.desk).get("/console/units/").text
    assert "望溪街道市政服务中心" in page
    assert "松屿街道综治办" not in page
    assert "新增单位" not in page


def test_the_search_answers_with_the_list_alone(place, street, session, admin_client):
    make_unit(session, street, name="城建办", aliases=["城市建设办公室"])
    found = admin_client.get("/console/units/?q=建设办公", headers={"HX-Request": "true"}).text
    assert "城建办" in found
    assert "市政服务中心" not in found
    assert "<html" not in found
    assert "没有找到" in admin_client.get("/console/units/?q=没有这个").text


def test_the_list_goes_on_by_key_with_as_many_queries_for_three_as_for_one(session, street, admin_client):
    one = len(queries_of(lambda: admin_client.get("/console/units/")))
    for n in range(60):
        make_unit(session, street, name=f"单位{n:02}")
    assert len(queries_of(lambda: admin_client.get("/console/units/"))) == one
    first = admin_client.get("/console/units/").text
    assert "更多" in first
    last = session.scalar(sa.select(Unit.id).where(Unit.name == "单位49"))
    rest = admin_client.get(f"/console/units/?after={last}", headers={"HX-Request": "true"}).text
    assert "单位50" in rest
    assert "单位49" not in rest


def test_a_unit_is_added_and_what_was_typed_stays_when_refused(session, place, admin_client):
    added = admin_client.post("/console/units/new", data=form(aliases="综治办，平安办"))
    assert added.status_code == 303
    unit = session.scalar(sa.select(Unit).where(Unit.name == "望溪街道综治办"))
    assert unit.aliases == ["综治办", "平安办"]
    again = admin_client.post("/console/units/new", data=form(telephone="0755-77"))
    assert again.status_code == 409
    assert "已经有“望溪街道综治办”" in again.text
    assert "0755-77" in again.text
    lost = admin_client.post("/console/units/new", data=form(name="别的", area="没有这里"))
    assert lost.status_code == 422
    assert "没有找到地点“没有这里”" in lost.text


def test_an_administrator_of_a_street_cannot_reach_another(session, street, far, as_administrator):
    client = as_administrator(street)
    assert client.get(f"/console/units/{far.id}").status_code == 404
    for act in ("change", "close", "reopen", "merge"):
        answer = client.post(f"/console/units/{far.id}/{act}", data=form(twin=far.name))
        assert answer.status_code in (403, 404, 422), act
    assert session.get_one(Unit, far.id).closed_at is None
    assert client.post("/console/units/new", data=form(area="青岚区/松屿街道")).status_code == 403


def test_the_unit_shows_what_it_has_and_who_works_there(session, place, admin_client):
    make_case(session, place.community, unit_id=place.unit.id)
    page = admin_client.get(f"/console/units/{place.unit.id}").text
    for words in ("1 件诉求", "陈志", "经办人", "没有人", "合并后不能撤回"):
        assert words in page


def test_twins_are_offered_with_what_hangs_on_them_and_merged(session, place, street, admin_client):
    one, other = (make_unit(session, street, name=name) for name in ("望溪街道城建办", "城市建设办公室"))
    make_case(session, place.community, unit_id=other.id)
    assert "/console/units/twins" in admin_client.get("/console/units/").text
    page = admin_client.get("/console/units/twins").text
    assert "1 件诉求（1 件没有办完）" in page
    merged = admin_client.post("/console/units/twins", data={"into": one.id, "unit": [other.id], "sure": "1"})
    assert merged.status_code == 303
    session.expire_all()
    assert session.get_one(Unit, other.id).successor_id == one.id
    assert "没有发现重复" in admin_client.get("/console/units/twins").text
    assert admin_client.post("/console/units/twins", data={"into": one.id}).status_code == 422


def test_many_twins_cost_as_many_queries_as_two(session, street, admin_client):
    def asked():
        return len(queries_of(lambda: admin_client.get("/console/units/twins")))

    for name in ("望溪街道城建办", "城市建设办公室"):
        make_unit(session, street, name=name)
    asked()
    of_two = asked()
    for name in ("望溪街道安监办", "安全生产监督管理办公室", "望溪街道城管办", "城市管理办公室"):
        make_unit(session, street, name=name)
    assert asked() == of_two


def test_a_unit_is_merged_into_one_that_was_typed_but_not_suggested(
    session, place, street, admin_client, monkeypatch
):
    monkeypatch.setattr(choosing, "SUGGESTED", 0)
    one, other = (make_unit(session, street, name=name) for name in ("望溪街道城建办", "城市建设办公室"))
    address = f"/console/units/{other.id}/merge"
    for said, words in (("", "请填并入哪个单位"), (other.id, "没有找到这个单位")):
        answer = admin_client.post(address, data={"twin": said, "sure": "1"})
        assert (answer.status_code, words in answer.text) == (422, True)
    assert admin_client.post(address, data={"twin": "望溪街道城建办", "sure": "1"}).status_code == 303
    assert session.get_one(Unit, other.id, populate_existing=True).successor_id == one.id


def test_a_busy_unit_is_closed_with_a_successor_and_reopened(session, place, street, admin_client):
    make_unit(session, street, name="综治办")
    address = f"/console/units/{place.unit.id}"
    refused = admin_client.post(f"{address}/close")
    assert refused.status_code == 409
    assert "请指定由哪个单位接手" in refused.text
    unknown = admin_client.post(f"{address}/close", data={"successor": "没有这个"})
    assert (unknown.status_code, "没有找到这个单位" in unknown.text) == (422, True)
    assert f"综治办（{street.name}）" in unknown.text
    said = f"综治办（{street.name}）"
    assert admin_client.post(f"{address}/close", data={"successor": said}).status_code == 303
    assert "由<a" in admin_client.get(address).text
    assert admin_client.post(f"{address}/reopen").status_code == 303


def test_who_is_no_administrator_sees_no_forms(session, place, as_officer):
    page = as_officer(place.handler).get(f"/console/units/{place.unit.id}").text
    assert "停用" not in page
    assert make_officer(session, Role.SECRETARY, area=place.community)
    assert as_officer(place.desk).post(f"/console/units/{place.unit.id}/close").status_code == 403


def test_units_that_read_the_same_are_told_apart_by_their_path(session, place, admin_client):
    for name in ("望溪街道", "松屿街道"):
        district = session.get_one(Area, place.community.district_id)
        street = make_area(session, Level.SUBDISTRICT, district, name=name + "二")
        make_unit(session, make_area(session, Level.COMMUNITY, street, name="银杏社区"), name="物业科")
    offered = [words for words in choosing.units(session, COMMAND_LINE) if "物业科" in words]
    assert offered == ["物业科（青岚区/望溪街道二/银杏社区）", "物业科（青岚区/松屿街道二/银杏社区）"]
    for words in offered:
        assert choosing.unit_called(session, COMMAND_LINE, words, "twin")
    page = f"/console/units/{place.unit.id}"
    for words in ("物业科", "物业科（银杏社区）"):
        answer = admin_client.post(f"{page}/merge", data={"twin": words, "sure": "1"})
        assert answer.status_code == 422
        assert f"有几个单位叫“{words}”，请写编码或全称，例如：{offered[0]}" in answer.text
