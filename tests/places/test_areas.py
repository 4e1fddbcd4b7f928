"""Places change: the tree stays whole, what lies there follows, and nobody touches what is not theirs."""

import random
import threading
import time

import pytest
import sqlalchemy as sa

from backend import db
from backend.cases.models import Case
from backend.errors import AppError, Conflict, Forbidden, Invalid, NotFound
from backend.places import areas, changes, positions, scope
from backend.places.fields import Told
from backend.places.models import Area, Change, Outline, PlaceCode, Post, Unit
from backend.places.roles import ABOVE, Datum, Level, Role
from backend.places.scope import COLUMNS, COMMAND_LINE, Editor
from tests.factories import make_area, make_case, make_code, make_officer, make_unit

L = Level


@pytest.fixture
def district(session):
    return make_area(session, name="青岚区")


@pytest.fixture
def streets(session, district):
    return [make_area(session, L.SUBDISTRICT, district, name=name) for name in ("望溪街道", "松屿街道")]


@pytest.fixture
def communities(session, streets):
    """玉兰社区 and 枫溪社区, one in each street, each with a grid with a building, and a station."""
    found = []
    for street, name in zip(streets, ("玉兰社区", "枫溪社区"), strict=True):
        community = make_area(session, L.COMMUNITY, street, name=name)
        grid = make_area(session, L.GRID, community, name=f"{name}一网格")
        make_area(session, L.BUILDING, grid, name="1栋")
        make_area(session, L.STATION, community, name=f"{name}东门")
        found.append(community)
    return found


def administrator(session, *places):
    """An editor who administers these places."""
    officer = make_officer(session, Role.ADMINISTRATOR, area=places[0])
    for place in places[1:]:
        session.add(Post(officer_id=officer.id, role=Role.ADMINISTRATOR, area_id=place.id))
    session.flush()
    return Editor(officer.id, tuple(scope.posts_of(session, officer.id)))


def under(session, area):
    return session.scalars(sa.select(Area).where(Area.path.bool_op("<@")(sa.cast(area.path, db.Ltree)))).all()


def wrong_copies(session):
    """Every area whose path or ancestors' ids are not those that its parents say; and misfiled cases."""
    session.expire_all()
    known = {area.id: area for area in session.scalars(sa.select(Area))}
    wrong = []
    for area in known.values():
        line = [area]
        while line[-1].parent_id is not None:
            line.append(known[line[-1].parent_id])
        ids = {COLUMNS[one.level]: one.id for one in line if one.level in COLUMNS}
        copies = {column: getattr(area, column) for column in COLUMNS.values()}
        if area.path != ".".join(str(one.id) for one in reversed(line)):
            wrong.append((area.name, area.path))
        if {column: found for column, found in copies.items() if found} != ids:
            wrong.append((area.name, copies))
    for case in session.scalars(sa.select(Case)):
        if any(getattr(case, column) != getattr(known[case.place_id], column) for column in COLUMNS.values()):
            wrong.append(case.number)
    return wrong


def last_change(session):
    return session.scalar(sa.select(Change).order_by(Change.id.desc()).limit(1))


def test_a_place_is_added_where_it_belongs(session, communities):
    said = Told("二网格", code="G-2", telephone="0755-00001234", latitude=22.7, longitude=114.2)
    grid = areas.add(session, COMMAND_LINE, L.GRID, communities[0].id, said)
    assert (grid.path, grid.grid_id) == (f"{communities[0].path}.{grid.id}", grid.id)
    assert grid.subdistrict_id == communities[0].subdistrict_id
    assert wrong_copies(session) == []
    noted = last_change(session)
    assert (noted.action, noted.subject_id, noted.after["name"]) == ("added", grid.id, "二网格")


def test_a_position_of_a_chinese_map_is_stored_in_wgs84(session, communities):
    shown = positions.from_wgs84(22.7, 114.2)
    said = Told("二网格", latitude=shown[0], longitude=shown[1], datum=Datum.GCJ02)
    grid = areas.add(session, COMMAND_LINE, L.GRID, communities[0].id, said)
    assert (grid.latitude, grid.longitude) == pytest.approx((22.7, 114.2), abs=1e-9)
    assert grid.datum is Datum.GCJ02


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        (Told(" "), "请填名称"),
        (Told("长" * 61), "最多 60 字"),
        (Told("二网格", code="编码一"), "编码只能有"),
        (Told("二网格", telephone="没有电话"), "电话只能有"),
        (Told("二网格", latitude=22.7), "一起填"),
        (Told("二网格", latitude=114.2, longitude=22.7), "填反了"),
        (Told("二网格", latitude=22.7, longitude=14.2), "不在国内"),
        (Told("二网格", latitude=float("nan"), longitude=114.2), "不在国内"),
    ],
)
def test_what_cannot_be_said_of_a_place_is_refused_with_its_cure(session, communities, said, sentence):
    with pytest.raises(Invalid, match=sentence):
        areas.add(session, COMMAND_LINE, L.GRID, communities[0].id, said)
    with pytest.raises(Invalid, match=sentence):
        areas.change(session, COMMAND_LINE, communities[0].id, said)


@pytest.mark.parametrize(
    ("level", "sentence"),
    [
        (L.DISTRICT, "区没有上级"),
        (L.SUBDISTRICT, "街道只能放在区下面"),
        (L.COMMUNITY, "社区只能放在街道下面"),
    ],
)
def test_a_place_goes_only_where_its_level_allows(session, communities, level, sentence):
    with pytest.raises(Invalid, match=sentence):
        areas.add(session, COMMAND_LINE, level, communities[0].id, Told("某处"))


def test_only_a_district_has_nothing_above_it(session):
    with pytest.raises(Invalid, match="街道要有上级"):
        areas.add(session, COMMAND_LINE, L.SUBDISTRICT, None, Told("望溪街道"))
    assert areas.add(session, COMMAND_LINE, L.DISTRICT, None, Told("青岚区")).parent_id is None


def test_siblings_may_not_share_a_name_nor_any_two_a_code(session, communities):
    grid = areas.add(session, COMMAND_LINE, L.GRID, communities[0].id, Told("二网格", code="G-2"))
    with pytest.raises(Conflict, match="已经有“二网格”"):
        areas.add(session, COMMAND_LINE, L.GRID, communities[0].id, Told("二网格"))
    with pytest.raises(Conflict, match="编码 G-2 已经是“二网格”的"):
        areas.add(session, COMMAND_LINE, L.GRID, communities[1].id, Told("二网格", code="G-2"))
    areas.add(session, COMMAND_LINE, L.GRID, communities[1].id, Told("二网格"))
    areas.change(session, COMMAND_LINE, grid.id, Told("二网格", code="G-2", telephone="110"))


def test_a_change_is_recorded_with_before_and_after_and_the_same_again_is_not(session, communities):
    said = Told("玉兰苑社区", code="C-1")
    for _ in range(2):
        areas.change(session, COMMAND_LINE, communities[0].id, said)
    [noted] = session.scalars(sa.select(Change).where(Change.subject_id == communities[0].id))
    assert noted.before == {"name": "玉兰社区", "code": None}
    assert noted.after == {"name": "玉兰苑社区", "code": "C-1"}


def test_saying_again_a_position_as_it_is_shown_does_not_move_it(session, communities):
    from backend.places import fields

    said = Told("玉兰社区", latitude=22.7, longitude=114.2, datum=Datum.GCJ02)
    area = areas.change(session, COMMAND_LINE, communities[0].id, said)
    before = (area.latitude, area.longitude)
    areas.change(session, COMMAND_LINE, area.id, fields.told(area))
    assert (area.latitude, area.longitude) == before


def test_moving_a_community_takes_along_what_lies_in_it(session, streets, communities):
    inside = under(session, communities[0])
    cases = [make_case(session, place) for place in inside]
    areas.move(session, COMMAND_LINE, communities[0].id, streets[1].id)
    assert wrong_copies(session) == []
    assert {place.subdistrict_id for place in inside} == {streets[1].id}
    assert {case.subdistrict_id for case in cases} == {streets[1].id}
    assert last_change(session).before == {"parent_id": streets[0].id}


def test_moving_back_undoes_a_move(session, streets, communities):
    before = {place.id: place.path for place in under(session, communities[0])}
    for street in reversed(streets):
        areas.move(session, COMMAND_LINE, communities[0].id, street.id)
    assert {place.id: place.path for place in under(session, communities[0])} == before


def test_a_move_that_makes_no_sense_is_refused(session, district, streets, communities):
    grid = next(place for place in under(session, communities[0]) if place.level is L.GRID)
    station = make_area(session, L.STATION, grid, name="岗亭")
    with pytest.raises(Invalid, match="不能移到自己下面"):
        areas.move(session, COMMAND_LINE, grid.id, station.id)
    with pytest.raises(Invalid, match="网格只能放在社区、片区下面"):
        areas.move(session, COMMAND_LINE, grid.id, streets[1].id)
    make_area(session, L.COMMUNITY, streets[1], name="玉兰社区")
    with pytest.raises(Conflict, match="已经有“玉兰社区”"):
        areas.move(session, COMMAND_LINE, communities[0].id, streets[1].id)
    with pytest.raises(NotFound):
        areas.move(session, COMMAND_LINE, grid.id, 10**12)


def test_what_a_place_holds_is_counted_before_it_goes(session, streets, communities):
    grid = next(place for place in under(session, communities[0]) if place.level is L.GRID)
    make_code(session, communities[0])
    make_code(session, grid).revoked_at = sa.func.now()
    make_officer(session, Role.SECRETARY, area=communities[0])
    make_unit(session, communities[0])
    for place in (grid, communities[0], communities[1]):
        make_case(session, place)
    assert areas.touches(session, COMMAND_LINE, communities[0].id) == areas.Touches(
        children=2, places=3, codes=1, posts=1, units=1, filed=2
    )


def test_what_is_touched_is_counted_up_to_a_bound(session, communities, monkeypatch):
    monkeypatch.setattr(areas, "MOST", 2)
    for place in (communities[0], communities[0], communities[1]):
        make_case(session, place)
    found = areas.touches(session, COMMAND_LINE, communities[0].id)
    assert (found.places, found.filed) == (2, 2)
    assert areas.touches(session, COMMAND_LINE, communities[1].id).filed == 1


def hung_at(session, area):
    """What hangs at this very place, by table."""
    columns = {PlaceCode: PlaceCode.area_id, Post: Post.area_id, Unit: Unit.area_id, Case: Case.place_id}
    return {
        table.__name__: sorted(session.scalars(sa.select(table.id).where(column == area.id)))
        for table, column in columns.items()
    }


def furnish(session, area):
    """A code, a post, a unit and a case at this place."""
    make_code(session, area)
    make_officer(session, Role.SECRETARY, area=area)
    make_unit(session, area)
    make_case(session, area)
    session.add(Outline(area_id=area.id, ring="((114,22),(115,22),(115,23),(114,22))"))
    session.flush()
    return hung_at(session, area)


def test_a_merger_hands_everything_to_the_one_that_goes_on(session, communities):
    gone, into = communities
    had = {name: ids + hung_at(session, into)[name] for name, ids in furnish(session, gone).items()}
    children = set(session.scalars(sa.select(Area.id).where(Area.parent_id == gone.id)))
    assert areas.merge(session, COMMAND_LINE, gone.id, into.id) is into
    assert hung_at(session, into) == had
    assert not any(hung_at(session, gone).values())
    assert children <= set(session.scalars(sa.select(Area.id).where(Area.parent_id == into.id)))
    assert (gone.closed_at is not None, gone.successor_id) == (True, into.id)
    assert session.scalar(sa.select(Outline.area_id)) == into.id
    assert wrong_copies(session) == []


def test_who_held_the_same_post_at_both_places_holds_it_once(session, communities):
    area, into = communities
    officer = make_officer(session, Role.INFORMATION_OFFICER, area=area)
    session.add(Post(officer_id=officer.id, role=Role.INFORMATION_OFFICER, area_id=into.id))
    session.flush()
    areas.merge(session, COMMAND_LINE, area.id, into.id)
    [held] = scope.posts_of(session, officer.id)
    assert held.area_id == into.id
    areas.reopen(session, COMMAND_LINE, area.id)
    assert [post.area_id for post in scope.posts_of(session, officer.id)] == [into.id]


def test_a_merger_is_undone_by_opening_again(session, communities):
    gone, into = communities
    had = furnish(session, gone)
    areas.merge(session, COMMAND_LINE, gone.id, into.id)
    new = make_case(session, into)
    areas.reopen(session, COMMAND_LINE, gone.id)
    assert hung_at(session, gone) == had
    assert hung_at(session, into)["Case"] == [new.id]
    assert (gone.closed_at, gone.successor_id) == (None, None)
    assert session.scalar(sa.select(Outline.area_id)) == gone.id
    assert wrong_copies(session) == []


def test_places_of_two_levels_or_with_namesakes_below_are_not_merged(session, streets, communities):
    with pytest.raises(Invalid, match="请选择一个社区"):
        areas.merge(session, COMMAND_LINE, communities[0].id, streets[1].id)
    for community in communities:
        make_area(session, L.GRID, community, name="第一网格")
    with pytest.raises(Conflict, match="“第一网格”等 1 个同名"):
        areas.merge(session, COMMAND_LINE, communities[0].id, communities[1].id)
    with pytest.raises(Invalid, match="自己"):
        areas.merge(session, COMMAND_LINE, communities[0].id, communities[0].id)


def test_units_of_one_name_stop_a_merger(session, communities):
    for community in communities:
        make_unit(session, community, name="党群服务中心")
    with pytest.raises(Conflict, match="同名的单位"):
        areas.merge(session, COMMAND_LINE, communities[0].id, communities[1].id)
    assert communities[0].closed_at is None


def test_a_place_with_open_places_below_closes_only_with_them(session, communities):
    gone, into = communities
    grid = next(place for place in under(session, gone) if place.level is L.GRID)
    had = furnish(session, grid)
    with pytest.raises(Conflict, match="下面还有 3 个地点在用"):
        areas.close(session, COMMAND_LINE, gone.id, into.id)
    areas.close(session, COMMAND_LINE, gone.id, into.id, with_places=True)
    assert all(place.closed_at and place.successor_id == into.id for place in under(session, gone))
    assert hung_at(session, into) == had
    assert session.scalar(sa.select(Outline.area_id)) == grid.id
    assert wrong_copies(session) == []
    areas.reopen(session, COMMAND_LINE, gone.id)
    assert all(place.closed_at is None for place in under(session, gone))
    assert hung_at(session, grid) == had
    assert wrong_copies(session) == []


def test_work_does_not_close_without_a_successor(session, communities):
    empty = make_area(session, L.GRID, communities[0], name="空网格")
    assert areas.close(session, COMMAND_LINE, empty.id, None).closed_at is not None
    with pytest.raises(Conflict, match="已经停用"):
        areas.close(session, COMMAND_LINE, empty.id, None)
    grid = make_area(session, L.GRID, communities[0], name="二网格")
    make_code(session, grid)
    with pytest.raises(Conflict, match="由哪个地点接续"):
        areas.close(session, COMMAND_LINE, grid.id, None)
    with pytest.raises(Conflict, match="“空网格”已经停用"):
        areas.close(session, COMMAND_LINE, grid.id, empty.id)


def test_a_place_opens_again_only_where_it_fits(session, communities):
    gone = make_area(session, L.GRID, communities[0], name="二网格")
    with pytest.raises(Conflict, match="不用恢复"):
        areas.reopen(session, COMMAND_LINE, gone.id)
    areas.close(session, COMMAND_LINE, gone.id, None)
    make_area(session, L.GRID, communities[0], name="二网格")
    with pytest.raises(Conflict, match="已经有“二网格”"):
        areas.reopen(session, COMMAND_LINE, gone.id)
    areas.close(session, COMMAND_LINE, communities[0].id, communities[1].id, with_places=True)
    with pytest.raises(Conflict, match="先恢复上级"):
        areas.reopen(session, COMMAND_LINE, gone.id)


def test_the_administrator_of_a_neighbouring_street_can_do_nothing_here(session, streets, communities):
    neighbour = administrator(session, streets[1])
    grid = next(place for place in under(session, communities[0]) if place.level is L.GRID)
    own = make_area(session, L.GRID, communities[1], name="二网格")
    closed = make_area(session, L.GRID, communities[0], name="旧网格", closed_at=sa.func.now())
    said = Told("改名")
    for attempt in (
        lambda: areas.add(session, neighbour, L.GRID, communities[0].id, said),
        lambda: areas.add(session, neighbour, L.DISTRICT, None, said),
        lambda: areas.change(session, neighbour, grid.id, said),
        lambda: areas.move(session, neighbour, grid.id, communities[1].id),
        lambda: areas.move(session, neighbour, own.id, communities[0].id),
        lambda: areas.merge(session, neighbour, own.id, grid.id),
        lambda: areas.merge(session, neighbour, grid.id, own.id),
        lambda: areas.close(session, neighbour, grid.id, None, with_places=True),
        lambda: areas.close(session, neighbour, own.id, grid.id),
        lambda: areas.reopen(session, neighbour, closed.id),
    ):
        with pytest.raises(Forbidden):
            attempt()
    for read in (areas.touches, areas.find):
        with pytest.raises(NotFound):
            read(session, neighbour, grid.id)
    assert areas.change(session, neighbour, own.id, said).name == "改名"
    assert [change.name for change in changes.page(session, neighbour)] == ["改名"]


def test_only_administrators_change_places(session, streets, communities):
    officer = make_officer(session, Role.LEADER, area=streets[0])
    leader = Editor(officer.id, tuple(scope.posts_of(session, officer.id)))
    assert areas.find(session, leader, communities[0].id) is communities[0]
    with pytest.raises(Forbidden):
        areas.change(session, leader, communities[0].id, Told("改名"))


@pytest.mark.parametrize("seed", range(4))
def test_whatever_is_done_in_whatever_order_the_tree_stays_whole(session, communities, seed):
    chance = random.Random(seed)
    for place in session.scalars(sa.select(Area)).all():
        make_case(session, place)
    done = 0
    for step in range(60):
        places = session.scalars(sa.select(Area).order_by(Area.id)).all()
        one, other = chance.choice(places), chance.choice(places)
        level = chance.choice([level for level, above in ABOVE.items() if one.level in above] or [L.STATION])
        acts = (
            lambda one=one, level=level, step=step: areas.add(
                session, COMMAND_LINE, level, one.id, Told(f"地点{step}")
            ),
            lambda one=one, other=other: areas.move(session, COMMAND_LINE, one.id, other.id),
            lambda one=one, other=other: areas.merge(session, COMMAND_LINE, one.id, other.id),
            lambda one=one, other=other: areas.close(
                session, COMMAND_LINE, one.id, other.id, with_places=True
            ),
            lambda one=one: areas.reopen(session, COMMAND_LINE, one.id),
        )
        try:
            with session.begin_nested():
                chance.choices(acts, weights=(3, 4, 2, 1, 2))[0]()
                done += 1
        except AppError:
            continue
        assert wrong_copies(session) == []
    assert done > 5


def test_two_moves_at_once_leave_a_whole_tree(committed):
    district = make_area(committed, name="青岚区")
    streets = [make_area(committed, L.SUBDISTRICT, district) for _ in range(2)]
    community, other = (make_area(committed, L.COMMUNITY, streets[0]) for _ in range(2))
    zone, grid = make_area(committed, L.ZONE, community), make_area(committed, L.GRID, other)
    make_case(committed, grid)
    committed.rollback()

    def move_community():
        with db.transaction() as session:
            areas.move(session, COMMAND_LINE, community.id, streets[1].id)

    second = threading.Thread(target=move_community)
    with db.transaction() as session:
        areas.move(session, COMMAND_LINE, grid.id, zone.id)
        second.start()  # it must not take the grid for one of another community
        time.sleep(0.3)
    second.join()
    committed.expire_all()
    assert wrong_copies(committed) == []
    assert grid.subdistrict_id == streets[1].id
