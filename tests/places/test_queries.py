"""Finding places: by position, by what people call them, by path; and the units that serve them."""

from dataclasses import replace

import pytest
import sqlalchemy as sa

from backend.places import queries
from backend.places.models import Area
from backend.places.queries import NamedPlace
from backend.places.roles import Level
from tests.factories import make_area, make_case, make_code, make_community, make_unit

HERE = (22.7000, 114.2000)
METRE = 1 / 111_195  # degrees of latitude
YULAN = NamedPlace(1, "玉兰社区", "望溪街道")
NAMESAKE = NamedPlace(2, "玉兰社区", "松屿街道")
GATE = NamedPlace(3, "玉兰苑东门", "望溪街道")


def north(metres):
    return {"latitude": HERE[0] + metres * METRE, "longitude": HERE[1]}


@pytest.fixture
def street(session):
    district = make_area(session, name="青岚区")
    return make_area(session, Level.SUBDISTRICT, district, name="望溪街道")


@pytest.fixture
def community(session, street):
    return make_area(session, Level.COMMUNITY, street, name="玉兰社区", **north(800))


def test_the_nearest_grid_is_found(session, street, community):
    near = make_area(session, Level.GRID, community, name="一网格", **north(300))
    make_area(session, Level.GRID, community, name="二网格", **north(-400))
    assert queries.nearest(session, street.id, *HERE) == near


def test_a_position_far_from_everything_finds_nothing(session, street, community):
    assert queries.nearest(session, street.id, *HERE, within_m=700) is None
    assert queries.nearest(session, street.id, *HERE, within_m=900) == community


def test_metres_are_counted_eastward_too(session, street, community):
    east = HERE[1] + 500 * METRE / 0.9225  # a degree of longitude is shorter at this latitude
    grid = make_area(session, Level.GRID, community, latitude=HERE[0], longitude=east)
    assert queries.nearest(session, street.id, *HERE, within_m=499) is None
    assert queries.nearest(session, street.id, *HERE, within_m=501) == grid


def test_a_station_counts_only_for_those_who_stand_at_it(session, street, community):
    make_area(session, Level.STATION, community, name="远处工地", **north(200))
    assert queries.nearest(session, street.id, *HERE) == community
    gate = make_area(session, Level.STATION, community, name="玉兰苑东门", **north(100))
    assert queries.nearest(session, street.id, *HERE) == gate


def test_places_of_another_district_are_not_found(session, street, community):
    other = make_community(session, name="玉兰社区", **north(10))
    assert queries.nearest(session, street.id, *HERE) == community
    found = queries.said_in("玉兰社区", queries.named_places(session, street.id))
    assert [place.id for place in found] == [community.id]
    assert other.id not in {place.id for place in queries.choices(session, street.id)}


def test_closed_places_are_found_by_nobody(session, street, community):
    zone = make_area(session, Level.ZONE, community, name="东片区")
    grid = make_area(session, Level.GRID, zone, name="一网格", **north(100))
    assert queries.nearest(session, zone.id, *HERE) == grid
    grid.closed_at = community.closed_at = sa.func.now()
    session.commit()
    assert queries.nearest(session, street.id, *HERE) is None
    assert queries.named_places(session, street.id) == []
    assert queries.choices(session, street.id) == []


def test_the_telephone_of_places_is_their_own_or_that_of_the_nearest_above(session, street, community):
    gate = make_area(session, Level.STATION, community, name="东门", telephone="0755-00000003")
    grid = make_area(session, Level.GRID, community, name="一网格")
    building = make_area(session, Level.BUILDING, grid, name="1栋")
    lone = make_area(session, name="丹枫区")
    places = [gate, building, street, lone]
    session.get_one(Area, street.parent_id).telephone = "0755-00000001"
    session.flush()
    ids = [place.id for place in places]
    told = dict(zip(ids, ("0755-00000003", "0755-00000001", "0755-00000001", None), strict=True))
    assert queries.telephones(session, places) == told
    community.telephone = "0755-00000002"
    session.flush()
    assert queries.telephones(session, places) == told | {building.id: "0755-00000002"}


def test_the_named_places_of_a_scope_come_with_their_street_and_telephone(session, street, community):
    community.telephone = "0755-00001234"
    gate = make_area(session, Level.STATION, community, name="玉兰苑东门")
    make_area(session, Level.GRID, community, name="一网格")
    make_community(session, name="桂花社区")
    assert queries.named_places(session, street.id) == [
        NamedPlace(community.id, "玉兰社区", "望溪街道", "0755-00001234", community.id),
        NamedPlace(gate.id, "玉兰苑东门", "望溪街道", None, community.id),
    ]


@pytest.mark.parametrize(
    "said", ["玉兰", "玉兰社区", "望溪街道玉兰社区", "青岚区 / 望溪街道 / 玉兰社区", "我在玉兰社区门口。"]
)
def test_people_call_a_community_by_many_names(said):
    assert queries.said_in(said, [YULAN, GATE]) == [YULAN]


def test_a_station_is_found_by_its_whole_name_and_asked_about_by_its_beginning():
    assert queries.said_in("玉兰社区玉兰苑东门", [YULAN, GATE]) == [GATE]
    assert queries.said_in("玉兰苑", [YULAN, GATE]) == []
    assert queries.beginning("玉兰苑", [YULAN, GATE]) == [GATE]


@pytest.mark.parametrize(
    ("said", "is_name"),
    [
        ("玉兰", True),
        ("玉兰社区。", True),
        ("望溪街道 / 玉兰社区", True),
        ("在玉兰社区", False),
        ("玉", False),
    ],
)
def test_a_name_alone_is_told_from_words_that_contain_one(said, is_name):
    assert queries.is_name_of(YULAN, said) is is_name


@pytest.mark.parametrize("said", ["", "玉", " 。"])
def test_too_little_is_the_beginning_of_no_name(said):
    assert queries.beginning(said, [YULAN, GATE]) == []


def test_an_exact_name_beats_one_that_is_only_short_of_its_kind():
    shop = NamedPlace(9, "玉兰", "望溪街道")
    assert queries.said_in("玉兰", [YULAN, shop]) == [shop]


@pytest.mark.parametrize("said", ["地铁4号线-玉兰站", "地铁4号线玉兰站", "地铁4号线 玉兰站"])
def test_the_marks_in_a_name_may_be_left_out(said):
    stop = NamedPlace(9, "地铁4号线-玉兰站", "望溪街道")
    assert queries.said_in(said, [YULAN, stop]) == [stop]


def test_at_most_three_places_are_there_to_choose_from():
    gates = [NamedPlace(number, f"玉兰苑{side}门", "望溪街道") for number, side in enumerate("东南西北")]
    assert queries.to_choose(gates) == ["玉兰苑东门", "玉兰苑南门", "玉兰苑西门"]


def test_each_name_to_choose_from_finds_one_place_when_said_back():
    names = queries.to_choose([YULAN, NAMESAKE])
    assert names == ["望溪街道玉兰社区", "松屿街道玉兰社区"]
    assert [queries.said_in(name, [YULAN, NAMESAKE]) for name in names] == [[YULAN], [NAMESAKE]]


def test_namesakes_that_nothing_tells_apart_are_not_there_to_choose():
    assert queries.to_choose([YULAN, replace(YULAN, id=9), GATE]) == ["玉兰苑东门"]


def test_of_namesakes_the_one_whose_street_is_mentioned_is_found():
    nowhere = NamedPlace(9, "玉兰社区", "")
    places = [YULAN, NAMESAKE, nowhere]
    assert queries.said_in("玉兰", places) == places
    assert queries.said_in("松屿街道玉兰社区", places) == [NAMESAKE]
    assert queries.said_in("望溪玉兰社区", places) == [YULAN]


@pytest.mark.parametrize("said", ["", "玉", "月季社区", "%", "路灯不亮了"])
def test_words_that_name_no_place_find_none(said):
    assert queries.said_in(said, [YULAN, GATE]) == []


def test_the_path_ends_at_the_community(session, community):
    gate = make_area(session, Level.STATION, community, name="玉兰苑东门")
    assert queries.path_names(session, gate) == "青岚区 / 望溪街道 / 玉兰社区"
    assert queries.path_names(session, community) == "青岚区 / 望溪街道 / 玉兰社区"


def test_communities_and_stations_are_there_to_choose(session, street, community):
    gate = make_area(session, Level.STATION, community, name="玉兰苑东门")
    make_area(session, Level.GRID, community, name="一网格")
    code = make_code(session, gate)
    assert queries.choices(session, street.id) == [
        queries.Place(community.id, "玉兰社区", Level.COMMUNITY, None, "青岚区 / 望溪街道 / 玉兰社区"),
        queries.Place(gate.id, "玉兰苑东门", Level.STATION, code.scene, "青岚区 / 望溪街道 / 玉兰社区"),
    ]


@pytest.mark.parametrize("read", [queries.choices, queries.named_places])
def test_choosing_costs_one_query_however_many_places_there_are(session, street, community, read):
    asked = []
    sa.event.listen(
        session.connection(),
        "before_cursor_execute",
        lambda *call: asked.append(call[2]) if call[2].startswith("SELECT") else None,
    )
    read(session, street.id)
    one = len(asked)
    for number in range(3):
        make_code(session, make_area(session, Level.COMMUNITY, street, name=f"新{number}社区"))
    asked.clear()
    read(session, street.id)
    assert len(asked) == one == 1


def test_units_of_the_place_serve_a_case_and_the_nearest_come_first(session, street, community):
    district = session.get_one(type(street), street.district_id)
    top = make_unit(session, district, name="市场监督管理局")
    middle = make_unit(session, street, name="市政服务中心")
    bottom = make_unit(session, community, name="人民调解委员会")
    make_unit(session, make_area(session, Level.SUBDISTRICT, district), name="别的街道的单位")
    case = make_case(session, community)
    assert queries.units_serving(session, case) == [bottom, middle, top]
