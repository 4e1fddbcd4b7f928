"""The invented district: complete, consistent, loaded once, and somebody is there for every case."""

import collections
import itertools
import re
from pathlib import Path

import pytest
import sqlalchemy as sa

from backend.cases import audience, duty_checks, intake
from backend.cases.models import Channel, DutyList, ListState
from backend.cases.workflow import Audience
from backend.demo import district
from backend.places import codes, queries
from backend.places.models import Area, Officer, PlaceCode, Post, Shift, Unit
from backend.places.roles import ROLE_LABELS, Level, Role, UnitKind

ROOT = Path(__file__).parents[2]


@pytest.fixture
def loaded(session):
    assert district.load(session) is True
    session.commit()
    return session


def place(session, name):
    return session.scalars(sa.select(Area).where(Area.name == name)).one()


def count(session, table):
    return session.scalar(sa.select(sa.func.count()).select_from(table))


def test_the_district_has_what_is_promised(loaded):
    levels = collections.Counter(loaded.scalars(sa.select(Area.level)))
    expected = {Level.DISTRICT: 1, Level.SUBDISTRICT: 3, Level.COMMUNITY: 10, Level.STATION: 4}
    assert expected.items() <= levels.items()
    assert levels[Level.GRID] == 30
    assert count(loaded, Unit) == 8
    assert set(loaded.scalars(sa.select(Unit.kind))) >= {
        UnitKind.DEPARTMENT,
        UnitKind.OFFICE,
        UnitKind.MEDIATION,
    }


# Who has no post: what they may do comes from elsewhere (places/roles.py).
WITHOUT_POSTS = {Role.RESIDENT, Role.SYSTEM, Role.ARBITER, Role.GROUP_MEMBER}


def test_there_is_an_officer_for_every_role(loaded):
    assert set(loaded.scalars(sa.select(Post.role))) == set(Role) - WITHOUT_POSTS
    forces = set(loaded.scalars(sa.select(Post.force_kind).where(Post.role == Role.SAFETY_OFFICER)))
    assert len(forces) >= 5
    assert None not in forces


def test_loading_again_changes_nothing(loaded):
    before = [count(loaded, table) for table in (Area, Unit, Officer, Post, PlaceCode)]
    assert district.load(loaded) is False
    assert [count(loaded, table) for table in (Area, Unit, Officer, Post, PlaceCode)] == before


def test_areas_know_their_ancestors(loaded):
    station = place(loaded, "玉兰苑东门")
    assert queries.path_names(loaded, station) == "青岚区 / 望溪街道 / 玉兰社区"
    building = place(loaded, "玉兰苑3栋")
    assert building.grid_id == place(loaded, "玉兰一网格").id
    assert building.path.split(".")[0] == str(place(loaded, "青岚区").id)


def test_every_place_has_a_code(loaded):
    for area in loaded.scalars(sa.select(Area)).all():
        scene = loaded.scalar(sa.select(PlaceCode.scene).where(PlaceCode.area_id == area.id))
        assert codes.by_scene(loaded, scene) == area


def test_who_stands_in_a_grid_is_found_there(loaded):
    scope = place(loaded, "青岚区")
    for grid in loaded.scalars(sa.select(Area).where(Area.level == Level.GRID)).all():
        assert queries.nearest(loaded, scope.id, grid.latitude, grid.longitude) == grid


def test_people_find_every_community_by_its_short_name(loaded):
    names = queries.named_places(loaded, place(loaded, "青岚区").id)
    for community in loaded.scalars(sa.select(Area).where(Area.level == Level.COMMUNITY)).all():
        found = queries.said_in(community.name.removesuffix("社区"), names)
        assert [named.id for named in found] == [community.id]


@pytest.mark.parametrize("level", [Level.COMMUNITY, Level.STATION, Level.GRID])
def test_a_case_anywhere_reaches_somebody_who_can_accept_it(loaded, level):
    for area in loaded.scalars(sa.select(Area).where(Area.level == level)).all():
        report = intake.Report("路灯不亮", area.id, area.name, Channel.WECHAT)
        case = intake.open_case(loaded, report)
        told = audience.officers(loaded, Audience.COMMUNITY, case.id)
        roles = set(loaded.scalars(sa.select(Post.role).where(Post.officer_id.in_(told))))
        assert Role.INFORMATION_OFFICER in roles


def test_every_community_has_an_information_officer_with_a_phone():
    communities = {row["名称"] for row in district.read("areas") if row["层级"] == "社区"}
    phones = {row["at"] for row in district.read("phones") if row["role"] == Role.INFORMATION_OFFICER}
    assert phones == communities


def test_every_phone_is_of_an_officer_with_that_post():
    roles = {label: role for role, label in ROLE_LABELS.items()}
    rows = district.read("officers")
    posts = {(row["姓名"], roles[row["岗位"]], row["所在"].rpartition("/")[2]) for row in rows}
    phones = {(row["name"], row["role"], row["at"]) for row in district.read("phones")}
    assert {phone for phone in phones if phone[1] != Role.RESIDENT} <= posts


@pytest.mark.parametrize("readme", ["README.md", "README.zh-CN.md"])
def test_who_has_a_phone_is_named_for_those_who_play(readme):
    text = (ROOT / readme).read_text(encoding="utf-8")
    assert [row["name"] for row in district.read("phones") if row["name"] not in text] == []


def test_telephone_numbers_cannot_be_anyones():
    for table in ("areas", "units", "officers"):
        for row in district.read(table):
            assert re.fullmatch(r"0755-0000\d{4}|", row["电话"])


def test_an_officer_may_hold_several_posts(loaded):
    posts = collections.Counter(loaded.scalars(sa.select(Post.officer_id)))
    assert max(posts.values()) == 3
    assert count(loaded, Officer) == len({row["姓名"] for row in district.read("officers")})


def test_every_entry_of_the_dictionary_has_a_unit_everywhere(loaded):
    """Nobody who plays should meet a case that the duty list is silent about."""
    [duty_list] = loaded.scalars(sa.select(DutyList)).all()
    assert duty_list.state is ListState.CURRENT
    checked = duty_checks.check(loaded, duty_list)
    assert (list(checked.overlaps), list(checked.gaps), list(checked.dead)) == ([], [], [])


def test_somebody_is_on_duty_for_the_district_at_any_hour(loaded):
    shifts = loaded.execute(
        sa.select(Shift.since, Shift.until).join(Post).where(Post.role == Role.DISPATCHER)
    )
    turns = sorted(tuple(shift) for shift in shifts)
    assert len(turns) > 7 * 13
    assert all(one[1] >= other[0] for one, other in itertools.pairwise(turns))
