"""Who is told: each audience with people who must be and people who must not, and no case without anybody."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from backend.cases import audience
from backend.cases.workflow import Audience
from backend.notify.models import Notification
from backend.places.models import Area, Officer, Post
from backend.places.roles import Level, Role
from backend.times import now
from tests.cases.scene import add_post
from tests.factories import make_area, make_case, make_community, make_officer, make_unit


@pytest.fixture
def places(session):
    """A community with its grid and station; the street and district above it; a neighbour of each."""
    community = make_community(session)
    return {
        "community": community,
        "grid": make_area(session, Level.GRID, community),
        "other grid": make_area(session, Level.GRID, community),
        "station": make_area(session, Level.STATION, community),
        "street": session.get_one(Area, community.subdistrict_id),
        "district": session.get_one(Area, community.district_id),
        "other community": make_area(
            session, Level.COMMUNITY, session.get_one(Area, community.subdistrict_id)
        ),
        "other street": make_community(session, name="桂花社区"),
    }


def told(session, who, case):
    """The names of those who are told. One who is told twice stands twice."""
    found = audience.officers(session, who, case.id)
    names = {officer.id: officer.name for officer in session.scalars(sa.select(Officer))}
    return sorted(names[officer] for officer in found)


def staff(session, places, *wanted):
    """Officers from pairs of role and place; each is called by them: "dispatcher, street"."""
    for role, place in wanted:
        make_officer(session, role, area=places[place], name=f"{role}, {place}")


def test_the_communitys_own_people_are_told_and_no_neighbour(session, places):
    R = Role  # noqa: N806
    staff(session, places, (R.INFORMATION_OFFICER, "community"), (R.GRID_OFFICER, "grid"))
    staff(session, places, (R.SAFETY_OFFICER, "station"), (R.GRID_OFFICER, "other grid"))
    staff(session, places, (R.INFORMATION_OFFICER, "other community"), (R.SAFETY_OFFICER, "other street"))
    staff(session, places, (R.DISPATCHER, "street"), (R.SUPERVISOR, "community"), (R.LEADER, "community"))
    at_grid = make_case(session, places["grid"])
    assert told(session, Audience.COMMUNITY, at_grid) == [
        "grid_officer, grid",
        "information_officer, community",
    ]
    at_station = make_case(session, places["station"])
    assert told(session, Audience.COMMUNITY, at_station) == [
        "information_officer, community",
        "safety_officer, station",
    ]


def test_where_nobody_can_accept_the_dispatchers_are_told_too(session, places):
    staff(session, places, (Role.GRID_OFFICER, "community"), (Role.SAFETY_OFFICER, "community"))
    staff(session, places, (Role.DISPATCHER, "street"), (Role.DISPATCHER, "district"))
    staff(session, places, (Role.DISPATCHER, "other street"), (Role.INFORMATION_OFFICER, "other community"))
    assert told(session, Audience.COMMUNITY, make_case(session, places["community"])) == [
        "dispatcher, district",
        "dispatcher, street",
        "grid_officer, community",
        "safety_officer, community",
    ]


def test_of_danger_the_dispatchers_are_told_at_once(session, places):
    staff(session, places, (Role.INFORMATION_OFFICER, "community"), (Role.DISPATCHER, "street"))
    staff(session, places, (Role.DISPATCHER, "other street"))
    assert told(session, Audience.COMMUNITY, make_case(session, places["community"], urgent=True)) == [
        "dispatcher, street",
        "information_officer, community",
    ]


def test_an_information_officer_who_left_is_as_none(session, places):
    staff(session, places, (Role.INFORMATION_OFFICER, "community"), (Role.DISPATCHER, "street"))
    session.execute(sa.update(Post).where(Post.role == Role.INFORMATION_OFFICER).values(until=now()))
    assert told(session, Audience.COMMUNITY, make_case(session, places["community"])) == [
        "dispatcher, street"
    ]


def test_a_case_that_is_only_known_to_be_in_the_district_goes_to_its_dispatchers(session, places):
    staff(session, places, (Role.INFORMATION_OFFICER, "community"), (Role.DISPATCHER, "district"))
    staff(session, places, (Role.DISPATCHER, "street"), (Role.DISPATCHER, "other street"))
    assert told(session, Audience.COMMUNITY, make_case(session, places["district"])) == [
        "dispatcher, district"
    ]


def test_a_new_case_alerts_the_same_people_as_the_service_would(session, scene):
    make_officer(session, Role.GRID_OFFICER, area=scene.community)
    district = session.get_one(Area, scene.community.district_id)
    make_officer(session, Role.DISPATCHER, area=district)
    case = scene.submit()
    alerted = session.scalars(sa.select(Notification.officer_id)).all()
    assert len(alerted) == 2
    assert sorted(alerted) == sorted(audience.officers(session, Audience.COMMUNITY, case.id))


def test_the_units_own_people_are_told_and_no_other_unit(session, places):
    unit, other = make_unit(session, places["district"]), make_unit(session, places["district"])
    for role in (Role.HANDLER, Role.UNIT_HEAD, Role.MEDIATOR, Role.LAWYER, Role.COUNSELLOR):
        make_officer(session, role, unit=unit, name=role)
    make_officer(session, Role.HANDLER, unit=other, name="another unit's")
    staff(session, places, (Role.DISPATCHER, "district"), (Role.INFORMATION_OFFICER, "community"))
    case = make_case(session, places["community"], unit_id=unit.id)
    assert told(session, Audience.UNIT, case) == ["handler", "mediator", "unit_head"]


def test_a_unit_where_nobody_works_leaves_the_case_to_the_dispatchers(session, places):
    unit = make_unit(session, places["district"])
    gone = make_officer(session, Role.HANDLER, unit=unit, name="gone")
    session.execute(sa.update(Post).where(Post.officer_id == gone.id).values(until=now()))
    staff(session, places, (Role.DISPATCHER, "street"), (Role.DISPATCHER, "district"))
    staff(session, places, (Role.DISPATCHER, "other street"), (Role.DISPATCHER, "community"))
    case = make_case(session, places["community"], unit_id=unit.id)
    assert told(session, Audience.UNIT, case) == ["dispatcher, district", "dispatcher, street"]


def test_a_case_without_a_unit_has_nobody_of_a_unit_to_tell(session, places):
    make_officer(session, Role.HANDLER, unit=make_unit(session, places["district"]))
    staff(session, places, (Role.DISPATCHER, "street"), (Role.HANDLER, "community"))
    assert told(session, Audience.UNIT, make_case(session, places["community"])) == []


def test_supervisors_are_told_of_what_lies_in_their_area(session, places):
    for place in ("community", "street", "district", "other community", "other street"):
        staff(session, places, (Role.SUPERVISOR, place))
    staff(session, places, (Role.LEADER, "district"), (Role.DISPATCHER, "street"))
    assert told(session, Audience.SUPERVISORS, make_case(session, places["grid"])) == [
        "supervisor, community",
        "supervisor, district",
        "supervisor, street",
    ]


def test_who_holds_two_posts_is_told_once(session, places):
    officer = make_officer(session, Role.INFORMATION_OFFICER, area=places["community"], name="twice")
    for role in (Role.GRID_OFFICER, Role.SAFETY_OFFICER):
        add_post(session, officer.id, role, area_id=places["grid"].id)
    assert told(session, Audience.COMMUNITY, make_case(session, places["grid"])) == ["twice"]


def test_a_post_that_ended_hears_nothing(session, places):
    unit = make_unit(session, places["district"])
    staff(session, places, (Role.INFORMATION_OFFICER, "community"), (Role.SUPERVISOR, "community"))
    make_officer(session, Role.HANDLER, unit=unit)
    session.execute(
        sa.update(Post).values(since=now() - timedelta(days=1), until=now() - timedelta(seconds=1))
    )
    case = make_case(session, places["community"], unit_id=unit.id)
    assert [told(session, who, case) for who in audience.OFFICERS] == [[] for _ in audience.OFFICERS]


def test_every_audience_of_officers_has_its_statement():
    """Whose the case was before a step is not to be read off the case (of_unit)."""
    assert set(audience.OFFICERS) == set(Audience) - {Audience.RESIDENT, Audience.FORMER_UNIT}
