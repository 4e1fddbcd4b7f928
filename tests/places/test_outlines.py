"""Outlines: GeoJSON comes in checked, goes out the same, and tells which place holds a point."""

# ruff: noqa: E501  (shapes are read across)

import json
from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa

from backend import db
from backend.errors import Forbidden, Invalid, TooLarge
from backend.places import outlines, positions, queries, scope
from backend.places.models import Change, Outline
from backend.places.roles import Datum, Level, Role
from backend.places.scope import COMMAND_LINE, Editor
from bench import district as invented
from tests.factories import make_area, make_officer

L = Level


def square(west, south, side=0.01):
    """A closed ring, counter-clockwise."""
    east, north = west + side, south + side
    return [[west, south], [east, south], [east, north], [west, north], [west, south]]


def polygon(*rings):
    return {"type": "Polygon", "coordinates": list(rings)}


def feature(geometry, **properties):
    return {"type": "Feature", "properties": properties, "geometry": geometry}


def collection(*features):
    return {"type": "FeatureCollection", "features": list(features)}


def read(found, datum=Datum.WGS84):
    return outlines.read(json.dumps(found).encode(), datum)


def take(session, *features, editor=COMMAND_LINE):
    return outlines.take_in(session, editor, read(collection(*features)))


@pytest.fixture
def district(session):
    return make_area(session, name="青岚区")


@pytest.fixture
def street(session, district):
    return make_area(session, L.SUBDISTRICT, district, name="望溪街道")


@pytest.fixture
def community(session, street):
    return make_area(session, L.COMMUNITY, street, name="玉兰社区", code="C-1")


@pytest.fixture
def grid(session, community):
    return make_area(session, L.GRID, community, name="一网格", code="G-1")


def test_polygons_are_read_in_every_wrapping():
    ring = tuple(map(tuple, square(114.2, 22.7)))
    plain = polygon(square(114.2, 22.7))
    many = {"type": "MultiPolygon", "coordinates": [[square(114.2, 22.7)], [square(114.3, 22.7)]]}
    assert read(plain)[0].polygons == ((ring,),)
    assert read(feature(plain, code="C-1"))[0].code == "C-1"
    first, second = read(collection(feature(plain, 名称="玉兰社区"), feature(many, name="枫溪社区", id=7)))
    assert (first.name, second.code, len(second.polygons)) == ("玉兰社区", "7", 2)


def test_a_map_in_gcj02_is_turned_into_wgs84():
    shown = [list(reversed(positions.from_wgs84(lat, lon))) for lon, lat in square(114.2, 22.7)]
    [[ring]] = read(polygon(shown), Datum.GCJ02)[0].polygons
    assert [x for point in ring for x in point] == pytest.approx(
        [x for point in square(114.2, 22.7) for x in point]
    )


@pytest.mark.parametrize(
    ("found", "sentence"),
    [
        ([1], "不是 GeoJSON"),
        ({"type": "Topology"}, "不要放点和线"),
        ({"type": "Point", "coordinates": [114, 22]}, "不要放点和线"),
        (feature({"type": "LineString", "coordinates": square(114, 22)}, name="玉兰社区"), "第 1 个边界“玉兰社区”不是面"),
        (feature(None), "第 1 个边界不是面"),
        (polygon(), "不是面"),
        ({"type": "MultiPolygon", "coordinates": [[]]}, "没有点"),
        (polygon(square(114, 22)[:-1]), "没有闭合"),
        (polygon([[114, 22], [115, 22], [114, 22]]), "没有闭合"),
        (polygon([[114, 22], [115, 22], [114, 22], [114, 22]]), "自己相交"),
        (polygon([[114, 22], [115, 23], [115, 22], [114, 23], [114, 22]]), "自己相交"),
        (polygon([[y, x] for x, y in square(114, 22)]), "填反了"),
        (polygon(square(14, 22)), "不在国内"),
        (feature([114, 22]), "第 1 个边界不是面"),
        (feature("面"), "第 1 个边界不是面"),
        ({"type": "Feature", "properties": ["玉兰社区"], "geometry": polygon(square(114, 22)[:-1])}, "没有闭合"),
        (polygon([{"lon": 114, "lat": 22}] * 4), "坐标读不出来"),
        (polygon([[10**400, 22]] * 4), "坐标读不出来"),
        (polygon([["a", 22], [115, 22], [115, 23], ["a", 22]]), "坐标读不出来"),
        (polygon([[114], [115, 22], [115, 23], [114]]), "坐标读不出来"),
        (polygon([[114, float("nan")], [115, 22], [115, 23], [114, float("nan")]]), "没有闭合|不在国内"),
    ],
)  # fmt: skip
def test_what_cannot_be_an_outline_is_refused_with_its_cure(found, sentence):
    with pytest.raises(Invalid, match=sentence):
        read(found)


@pytest.mark.parametrize("content", [b"", b"not json", b"\xff\xfe\x00", b"[" * 100_000])
def test_what_is_no_geojson_is_refused(content):
    with pytest.raises(Invalid, match="不是 GeoJSON"):
        outlines.read(content)


def test_an_outline_of_too_many_points_is_refused(monkeypatch):
    monkeypatch.setattr(outlines, "POINTS", 4)
    with pytest.raises(TooLarge, match="简化"):
        read(polygon(square(114, 22)))


def comb(teeth):
    points = [(114 + n / teeth, 22.7 if n % 2 else 22.1) for n in range(teeth)]
    return [*points, (115, 22), (114, 22), points[0]]


def test_an_outline_that_would_take_minutes_to_check_is_refused_at_once():
    with pytest.raises(TooLarge, match="太复杂，请在地图软件里简化"):
        read(polygon(comb(15_000)))


def test_an_outline_with_a_straight_border_of_many_points_is_taken():
    side = [(114 + 0.00001 * (n % 7), 22 + n / 10_000) for n in range(5_000)]
    east = [(x + 0.5, y) for x, y in reversed(side)]
    [[ring]] = read(polygon([*side, *east, side[0]]))[0].polygons
    assert len(ring) == 10_001


def test_two_uploads_at_once_leave_one_outline(committed):
    area = make_area(committed, code="D-1")
    committed.commit()
    shapes = read(feature(polygon(square(114.2, 22.7)), code="D-1"))

    def upload(_):
        with db.transaction() as session:
            outlines.take_in(session, COMMAND_LINE, shapes)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(upload, range(4)))
    assert committed.scalar(sa.select(sa.func.count()).where(Outline.area_id == area.id)) == 1


def test_outlines_go_to_the_places_that_they_name_and_come_out_the_same(session, community, grid):
    many = {
        "type": "MultiPolygon",
        "coordinates": [[square(114.2, 22.7), square(114.203, 22.703, 0.002)], [square(114.3, 22.7)]],
    }
    assert (
        take(session, feature(many, name="玉兰社区"), feature(polygon(square(114.2, 22.7)), code="G-1")) == 2
    )
    written = json.loads(outlines.write(session, [community, grid]))
    assert [one["properties"]["code"] for one in written["features"]] == ["C-1", "G-1"]
    assert written["features"][0]["geometry"] == many
    again = outlines.read(json.dumps(written).encode())
    assert outlines.take_in(session, COMMAND_LINE, again) == 2
    assert json.loads(outlines.write(session, [community, grid])) == written


def test_an_outline_is_replaced_whole_and_removed_and_both_are_on_the_record(session, grid):
    take(session, feature(polygon(square(114.2, 22.7), square(114.203, 22.703, 0.002)), code="G-1"))
    take(session, feature(polygon(square(114.3, 22.7)), code="G-1"))
    assert session.scalar(sa.select(sa.func.count(Outline.id))) == 1
    outlines.put(session, COMMAND_LINE, grid, ())
    assert session.scalar(sa.select(sa.func.count(Outline.id))) == 0
    noted = session.scalars(sa.select(Change).where(Change.subject_id == grid.id).order_by(Change.id)).all()
    assert [change.after["outline_points"] for change in noted] == [8, 4, None]


def test_a_shape_that_names_no_place_or_several_stops_the_file(session, street, community, grid):
    known = feature(polygon(square(114.2, 22.7)), code="G-1")
    make_area(session, L.GRID, make_area(session, L.COMMUNITY, street, name="枫溪社区"), name="一网格")
    for named, sentence in (("没有的地方", "没有找到“没有的地方”"), ("一网格", "有 2 个地点叫“一网格”")):
        with pytest.raises(Invalid, match=sentence):
            take(session, known, feature(polygon(square(114.2, 22.7)), name=named))
    assert session.scalar(sa.select(sa.func.count(Outline.id))) == 0


def test_the_administrator_of_a_neighbouring_street_draws_nothing_here(session, district, grid):
    other = make_area(session, L.SUBDISTRICT, district, name="松屿街道")
    officer = make_officer(session, Role.ADMINISTRATOR, area=other)
    neighbour = Editor(officer.id, tuple(scope.posts_of(session, officer.id)))
    shape = feature(polygon(square(114.2, 22.7)), code="G-1")
    with pytest.raises(Invalid, match="只能改您管理的地点"):
        take(session, shape, editor=neighbour)
    with pytest.raises(Forbidden):
        outlines.put(session, neighbour, grid, read(shape)[0].polygons)


def test_the_deepest_place_whose_outline_holds_the_point_is_found(session, street, community, grid):
    take(
        session,
        feature(polygon(square(114.2, 22.7, 0.02)), code="C-1"),
        feature(polygon(square(114.2, 22.7)), code="G-1"),
    )
    assert queries.containing(session, street.id, 22.705, 114.205) == grid
    assert queries.containing(session, street.id, 22.715, 114.215) == community
    assert queries.containing(session, street.id, 22.75, 114.25) is None


def test_a_hole_is_not_inside_but_what_fills_it_is(session, street, community):
    hole = square(114.203, 22.703, 0.002)
    take(session, feature(polygon(square(114.2, 22.7), hole), code="C-1"))
    assert queries.containing(session, street.id, 22.704, 114.204) is None
    assert queries.containing(session, street.id, 22.701, 114.201) == community
    island = {"type": "MultiPolygon", "coordinates": [[square(114.2, 22.7), hole], [hole]]}
    take(session, feature(island, code="C-1"))
    assert queries.containing(session, street.id, 22.704, 114.204) == community


def test_a_point_is_looked_up_by_the_index_of_rings(session, street):
    session.execute(sa.text("SET LOCAL enable_seqscan = off"))
    where = {"scope_id": street.id, "latitude": 22.7, "longitude": 114.2}
    lines = session.scalars(sa.text(f"EXPLAIN {queries._CONTAINING.element.text}"), where).all()
    assert any("ix_outlines_ring" in line for line in lines)


def test_places_of_another_district_or_closed_ones_hold_nothing(session, street, community, grid):
    other = make_area(session)
    take(session, feature(polygon(square(114.2, 22.7)), code="G-1"))
    assert queries.containing(session, other.id, 22.705, 114.205) is None
    grid.closed_at = sa.func.now()
    session.flush()
    assert queries.containing(session, street.id, 22.705, 114.205) is None


def test_a_point_is_where_an_outline_says_and_else_at_the_nearest_centre(session, street, community, grid):
    near = make_area(session, L.GRID, community, name="二网格", latitude=22.7101, longitude=114.2101)
    assert queries.at_point(session, street.id, 22.7095, 114.2095) == near
    take(session, feature(polygon(square(114.2, 22.7)), code="G-1"))
    assert queries.at_point(session, street.id, 22.7095, 114.2095) == grid
    assert queries.at_point(session, street.id, 22.7105, 114.2105) == near


def test_the_outline_of_a_whole_street_does_not_hide_the_grid_that_is_nearest(
    session, district, street, community
):
    take(session, feature(polygon(square(114.2, 22.7, 0.2)), name="望溪街道"))
    assert queries.at_point(session, district.id, 22.71, 114.21) == street
    near = make_area(session, L.GRID, community, name="二网格", latitude=22.7101, longitude=114.2101)
    assert queries.at_point(session, district.id, 22.71, 114.21) == near


def test_the_invented_grids_leave_no_gap():
    shapes = outlines.read(invented.outlines_geojson())
    assert len(shapes) == invented.GRIDS
    latitude, longitude = invented.centre_of_grid(100)
    [[ring]] = shapes[100].polygons
    assert ring[0] < (longitude, latitude) < ring[2]
