"""Two streets of one district with those who administer them: where tests of units and people start."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest
import sqlalchemy as sa

from backend.places.models import Area, Change, Officer
from backend.places.roles import Level, Role
from backend.places.scope import Editor, posts_of
from tests.factories import make_area, make_officer

AT = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)  # a Monday, 10:00 in Shanghai


@dataclass
class Town:
    """A district, two streets, a community in each with a grid."""

    session: Any
    district: Area
    street: Area
    other_street: Area
    community: Area
    other_community: Area
    grid: Area
    editor: Editor  # of the street
    neighbour: Editor  # of the other street
    chief: Editor  # of the district

    def editor_of(self, officer: Officer) -> Editor:
        return editor_of(self.session, officer)

    def changes(self, subject: str) -> list[Change]:
        own = sa.select(Change).where(Change.subject == subject).order_by(Change.id)
        return list(self.session.scalars(own))


def editor_of(session, officer):
    return Editor(officer.id, tuple(posts_of(session, officer.id)))


def administrator(session, area, name):
    return editor_of(session, make_officer(session, Role.ADMINISTRATOR, area=area, name=name))


def make_town(session) -> Town:
    district = make_area(session, name="青岚区")
    streets = [
        make_area(session, Level.SUBDISTRICT, district, name=name) for name in ("望溪街道", "松屿街道")
    ]
    names = ("玉兰社区", "桂香社区")
    communities = [
        make_area(session, Level.COMMUNITY, street, name=name)
        for street, name in zip(streets, names, strict=True)
    ]
    grid = make_area(session, Level.GRID, communities[0], name="玉兰一网格")
    areas = zip((*streets, district), ("街道管理员", "邻街管理员", "区管理员"), strict=True)
    editors = [administrator(session, area, name) for area, name in areas]
    return Town(session, district, *streets, *communities, grid, *editors)


@pytest.fixture
def town(session):
    return make_town(session)
