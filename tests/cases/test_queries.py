"""Officers' lists cost what they show, not what is stored."""

import pytest
import sqlalchemy as sa

from backend.cases import queries
from backend.cases.models import Case
from backend.cases.workflow import Status
from backend.places import scope
from backend.places.roles import Level, Role
from tests.factories import make_area, make_case, make_community, make_officer, make_unit


@pytest.fixture
def crowd(session):
    """Two communities with a thousand closed cases each, all with one unit, and one that waits."""
    here = make_community(session)
    there = make_area(session, Level.COMMUNITY, session.get(type(here), here.parent_id), name="桂花社区")
    unit = make_unit(session, here)
    make_case(session, here, unit_id=unit.id)
    for community in (here, there):
        done = {"status": Status.CLOSED, "unit_id": unit.id}
        rows = [
            {
                "number": f"{community.id}-{n}",
                "channel": "web",
                "report": "路灯不亮了",
                "place_id": community.id,
            }
            | {name: getattr(community, name) for name in scope.COLUMNS.values()}
            | done
            for n in range(1_000)
        ]
        session.execute(sa.insert(Case), rows)
    session.execute(sa.text("ANALYZE cases"))
    return here, unit


def plan_of(session, read):
    """How PostgreSQL finds what this reads."""
    asked = []

    def keep(connection, cursor, statement, values, *rest):
        asked.append((statement, values))

    connection = session.connection()
    sa.event.listen(connection, "before_cursor_execute", keep)
    read()
    sa.event.remove(connection, "before_cursor_execute", keep)
    [(statement, values)] = asked
    return "\n".join(connection.exec_driver_sql(f"EXPLAIN {statement}", values).scalars())


def test_what_waits_is_found_among_what_waits(session, crowd):
    here, unit = crowd
    for officer in (
        make_officer(session, Role.DISPATCHER, area=session.get(type(here), here.district_id)),
        make_officer(session, Role.INFORMATION_OFFICER, area=here),
        make_officer(session, Role.HANDLER, unit=unit),
    ):
        posts = scope.posts_of(session, officer.id)
        assert "ix_cases_pending" in plan_of(
            session, lambda posts=posts: queries.waiting_cases(session, posts)
        )


@pytest.mark.parametrize("status", [Status.SUBMITTED, Status.IN_PROGRESS, Status.REJECTED, Status.WITHDRAWN])
def test_what_is_rare_is_found_without_reading_what_is_closed(session, crowd, status):
    posts = scope.posts_of(session, make_officer(session, Role.SECRETARY, area=crowd[0]).id)
    plan = plan_of(session, lambda: queries.officer_cases(session, posts, status=status))
    assert "ix_cases_pending" in plan or "ix_cases_refused" in plan


def test_all_of_a_community_is_found_by_the_community_alone(session, crowd):
    posts = scope.posts_of(session, make_officer(session, Role.SECRETARY, area=crowd[0]).id)
    plan = plan_of(session, lambda: queries.officer_cases(session, posts))
    assert "community_id =" in plan
    assert "district_id =" not in plan
