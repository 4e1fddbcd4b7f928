"""Scope: a post reaches the rows of its place or unit, whether one asks the database or the row."""

from itertools import combinations

import pytest
import sqlalchemy as sa

from backend.cases.models import Case
from backend.places import scope
from backend.places.models import Post
from backend.places.roles import Level, Role
from backend.times import now
from tests.factories import make_area, make_case, make_officer, make_unit

L = Level
LEAVES = (L.GRID, L.STATION)


@pytest.fixture
def town(session):
    """Two districts, each with two streets, each with two communities, each with a grid and a station."""
    areas = []
    for _ in range(2):
        district = make_area(session)
        areas.append(district)
        for _ in range(2):
            street = make_area(session, L.SUBDISTRICT, district)
            areas.append(street)
            for _ in range(2):
                community = make_area(session, L.COMMUNITY, street)
                leaves = [make_area(session, level, community) for level in LEAVES]
                building = make_area(session, L.BUILDING, leaves[0])
                areas += [community, *leaves, building]
    units = [make_unit(session, areas[0]) for _ in range(2)]
    cases = [make_case(session, area, unit_id=unit and unit.id) for area in areas for unit in (None, *units)]
    return areas, units, cases


def posts_in(areas, units):
    at_areas = [Post(role=Role.SECRETARY, area=area) for area in areas]
    return at_areas + [Post(role=Role.HANDLER, unit_id=unit.id) for unit in units]


def seen(session, posts):
    return set(session.scalars(sa.select(Case.id).where(scope.visible(posts, Case))))


def test_the_database_and_the_row_agree_for_every_post_and_every_two(session, town):
    areas, units, cases = town
    posts = posts_in(areas, units)
    reach = {post: {case.id for case in cases if scope.covers(post, case)} for post in posts}
    for post in posts:
        assert seen(session, [post]) == reach[post]
    for one, other in combinations(posts[::3] + posts[-2:], 2):
        assert seen(session, [one, other]) == reach[one] | reach[other]
        for case in cases:
            held = {post.role for post in (one, other) if case.id in reach[post]}
            assert scope.roles_over([one, other], case) == held


@pytest.mark.parametrize("level", [L.DISTRICT, L.SUBDISTRICT, L.COMMUNITY, L.GRID, L.STATION, L.BUILDING])
def test_a_post_at_an_area_reaches_what_lies_in_it_and_nothing_else(session, town, level):
    areas, _, cases = town
    path = {area.id: area.path.split(".") for area in areas}
    for area in (area for area in areas if area.level is level):
        inside = {case.id for case in cases if str(area.id) in path[case.place_id]}
        assert seen(session, [Post(role=Role.SECRETARY, area=area)]) == inside
        assert 0 < len(inside) < len(cases)


def test_a_post_at_a_unit_reaches_what_is_with_the_unit_wherever_it_is(session, town):
    _, units, cases = town
    for unit in units:
        post = Post(role=Role.HANDLER, unit_id=unit.id)
        assert seen(session, [post]) == {case.id for case in cases if case.unit_id == unit.id}


def test_a_unit_does_not_reach_its_own_areas_other_cases(session, town):
    areas, units, cases = town
    unassigned = next(case for case in cases if case.unit_id is None and case.place_id == areas[0].id)
    assert not scope.covers(Post(role=Role.UNIT_HEAD, unit_id=units[0].id), unassigned)


def test_without_posts_nothing_is_reached(session, town):
    _, _, cases = town
    assert seen(session, []) == set()
    assert all(scope.roles_over([], case) == set() for case in cases)


def test_a_case_whose_place_has_no_community_is_not_everybodys(session, town):
    """Its community and grid are empty, as the unit of a post at an area is: nothing equals nothing."""
    areas, units, _ = town
    vague = make_case(session, areas[0])
    assert (vague.community_id, vague.grid_id, vague.unit_id) == (None, None, None)
    reaching = [post for post in posts_in(areas, units) if scope.covers(post, vague)]
    assert [post.area for post in reaching] == [areas[0]]


def test_only_posts_that_are_held_now_count(session, town):
    officer = make_officer(session, Role.SECRETARY, area=town[0][0])
    other = make_officer(session, Role.DISPATCHER, area=town[0][1])
    session.add(Post(officer_id=officer.id, role=Role.LEADER, area_id=town[0][0].id, until=now()))
    session.commit()
    assert [post.role for post in scope.posts_of(session, officer.id)] == [Role.SECRETARY]
    assert [post.role for post in scope.posts_of(session, other.id)] == [Role.DISPATCHER]
