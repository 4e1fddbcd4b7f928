"""Similar recent cases nearby, for the dispatcher."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from backend.cases import similar
from backend.cases.workflow import Status
from backend.places.models import Area
from backend.places.roles import Level, Role
from backend.places.scope import posts_of
from tests.cases.scene import AT
from tests.factories import make_area, make_case, make_category, make_officer

LAMP = "玉兰苑三号楼门口的路灯不亮了，晚上走路看不清"
ALIKE = "三号楼门口路灯不亮，晚上看不清路"
OTHER = "楼上装修噪音太大，孩子没法睡觉"


@pytest.fixture
def building(session, scene):
    return make_area(session, Level.BUILDING, scene.community, name="三号楼")


@pytest.fixture
def posts(session, scene):
    officer = make_officer(session, Role.INFORMATION_OFFICER, area=scene.community)
    return posts_of(session, officer.id)


def make(session, place, report=LAMP, days=0, **fields):
    return make_case(session, place, report=report, discovered_at=AT - timedelta(days=days), **fields)


def found(session, case, posts, **fields):
    return similar.nearby(session, case, posts, at=AT, **fields)


def test_the_likest_comes_first_and_each_says_in_what(session, scene, building, posts):
    lamps = make_category(session)
    case = make(session, building, category_id=lamps.id)
    twin = make(session, building, ALIKE, category_id=lamps.id)
    elsewhere = make(session, scene.community, LAMP)
    make(session, building, OTHER)
    make(session, scene.community, OTHER, category_id=lamps.id)
    first, second = found(session, case, posts)
    assert (first.number, first.why) == (twin.number, "同一地点、同类事项、说法相近")
    assert (second.number, second.why) == (elsewhere.number, "说法几乎一样")
    assert 1 > first.score > second.score == 0.5
    assert first.place == "三号楼"


def test_two_positions_close_together_are_one_place(session, scene, posts):
    case = make(session, scene.community, LAMP, latitude=22.7, longitude=114.3)
    near = make(session, scene.community, ALIKE, latitude=22.7005, longitude=114.3005)
    far = make(session, scene.community, ALIKE, latitude=22.71, longitude=114.3)
    whys = {each.number: each.why for each in found(session, case, posts)}
    assert whys[near.number] == "同一地点、说法相近"
    assert whys.get(far.number, "说法相近") == "说法相近"


def test_what_is_old_elsewhere_or_hangs_together_with_it_is_left_out(session, scene, building, posts):
    case = make(session, building)
    make(session, building, days=31)
    neighbour = make_area(session, Level.COMMUNITY, session.get_one(Area, scene.community.subdistrict_id))
    make(session, neighbour)
    make(session, building, status=Status.MERGED, master_id=case.id)
    make(session, building, parent_id=case.id)
    assert found(session, case, posts) == []
    member = make(session, building, status=Status.MERGED, master_id=case.id)
    assert found(session, member, posts) == []


def test_it_shows_what_the_posts_reach_and_nothing_else(session, scene, building, posts):
    case, twin = make(session, building), make(session, building)
    stranger = make_officer(session, Role.INFORMATION_OFFICER, area=make_area(session))
    assert [each.number for each in found(session, case, posts)] == [twin.number]
    assert found(session, case, posts_of(session, stranger.id)) == []


def test_only_the_newest_of_a_community_are_looked_at(session, building, posts, monkeypatch):
    monkeypatch.setattr(similar, "NEWEST", 3)
    old = make(session, building)
    newer = [make(session, building) for _ in range(3)]
    numbers = {each.number for each in found(session, newer[-1], posts)}
    assert numbers == {each.number for each in newer[:2]}
    assert old.number not in numbers


def test_one_query_serves_however_many_cases(session, building, posts):
    cases = [make(session, building) for _ in range(3)]
    statements = []
    note = lambda *said: statements.append(said[2])  # noqa: E731
    sa.event.listen(sa.Engine, "before_cursor_execute", note)
    by_case = similar.nearby_each(session, cases, posts, at=AT)
    sa.event.remove(sa.Engine, "before_cursor_execute", note)
    assert len([each for each in statements if each.startswith("SELECT")]) == 1
    assert [len(by_case[case.id]) for case in cases] == [2, 2, 2]


@pytest.mark.parametrize(
    ("one", "other", "least", "most"),
    [
        (LAMP, LAMP, 1, 1),
        (LAMP, ALIKE, 0.5, 0.7),
        (LAMP, OTHER, 0, 0.1),
        ("", LAMP, 0, 0),
        ("灯", "灯", 0, 0),
    ],
)
def test_the_likeness_of_words(one, other, least, most):
    assert least <= similar.likeness(one, other) <= most


def test_at_a_busy_gate_the_place_alone_makes_nothing_alike(session, building, posts):
    case = make(session, building, "电梯坏了，老人上不了楼")
    make(session, building, "路灯坏了，晚上看不清路")
    assert found(session, case, posts) == []
