"""A community with a secretary, supervisors and three units: what the tests of orders start from."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest
import sqlalchemy as sa

from backend import storage
from backend.cases.attachments import Photo
from backend.cases.service import Actor
from backend.cases.workflow import Outcome
from backend.notify.models import Notification
from backend.orders import drafting, service
from backend.orders.drafting import Draft
from backend.orders.effects import Told
from backend.orders.models import Order, OrderEvent, OrderUnit
from backend.orders.workflow import Action
from backend.places import scope
from backend.places.models import Area, Officer, Unit
from backend.places.roles import Role
from tests.cases.pictures import jpeg
from tests.factories import make_area, make_community, make_officer, make_unit

AT = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)  # a Monday, 10:00 in Shanghai
ANSWER = "摊位已经清走，现场有人值守"


def photo() -> Photo:
    content = jpeg()
    return Photo(storage.save(content), "image/jpeg", len(content))


@dataclass
class Scene:
    """Officers by key: secretary, desk, supervisor, and <unit's key> for each unit's handler."""

    session: Any
    community: Area
    units: dict[str, Unit]
    people: dict[str, Officer] = field(default_factory=dict)

    def add(self, key: str, role: Role, **where) -> Officer:
        self.people[key] = make_officer(self.session, role, name=key, **where)
        return self.people[key]

    def actor(self, key: str, session=None) -> Actor:
        officer_id = self.people[key].id
        return Actor(officer_id=officer_id, posts=tuple(scope.posts_of(session or self.session, officer_id)))

    def drafted(self, **fields) -> Draft:
        defaults = {
            "title": "清理停车场的非法市场",
            "text": "今天之内清走停车场里的摊位，并值守三天",
            "place_id": self.community.id,
            "lead_id": self.units["lead"].id,
            "assisting": [self.units["second"].id, self.units["third"].id],
            "tasks": {self.units["second"].id: "劝离摊主"},
        }
        return Draft(**defaults | fields)

    def draft(self, by="desk", at=AT, **fields) -> Order:
        return drafting.draft(self.session, self.actor(by), self.drafted(**fields), at=at)

    def issue(self, at=AT, **fields) -> Order:
        order = self.draft(at=at, **fields)
        return self.do(order, Action.APPROVE, "secretary", at=at)

    def do(self, order, action, by, *, at=AT, session=None, **told) -> Order:
        used = session or self.session
        return service.perform(used, order.number, action, self.actor(by, used), Told(**told), at=at)

    def part(self, order, key) -> OrderUnit:
        own = sa.select(OrderUnit).where(
            OrderUnit.order_id == order.id, OrderUnit.unit_id == self.units[key].id
        )
        return self.session.scalars(own, execution_options={"populate_existing": True}).one()

    def report_all(self, order, at=AT) -> None:
        """Everybody signs, and the assisting units report."""
        for key in self.units:
            self.do(order, Action.ACKNOWLEDGE, key, at=at)
        for key in list(self.units)[1:]:
            self.do(order, Action.REPORT_BACK, key, note=f"{key}办好了", at=at)

    def answer(self, order, by="lead", at=AT, **told) -> Order:
        defaults = {"note": ANSWER, "outcome": Outcome.SOLVED, "photos": (photo(),)}
        return self.do(order, Action.ANSWER, by, at=at, **defaults | told)

    def told(self, order) -> list[tuple[str, str]]:
        """What is owed about the order, as (message, key of the officer), in the order of owing."""
        names = {officer.id: key for key, officer in self.people.items()}
        about = Notification.fields["number"].astext == order.number
        rows = self.session.scalars(sa.select(Notification).where(about).order_by(Notification.id))
        return [(row.message.value, names[row.officer_id]) for row in rows]

    def events(self, order) -> list[OrderEvent]:
        own = sa.select(OrderEvent).where(OrderEvent.order_id == order.id).order_by(OrderEvent.id)
        return list(self.session.scalars(own))


def make_scene(session) -> Scene:
    community = make_community(session)
    district = session.get(Area, community.district_id)
    units = {
        "lead": make_unit(session, district, name="区市场监管局"),
        "second": make_unit(session, district, name="区信访局"),
        "third": make_unit(session, community, name="街道综治办"),
    }
    scene = Scene(session, community, units)
    scene.add("desk", Role.INFORMATION_OFFICER, area=community)
    scene.add("secretary", Role.SECRETARY, area=community)
    scene.add("supervisor", Role.SUPERVISOR, area=district)
    for key, unit in units.items():
        scene.add(key, Role.HANDLER, unit=unit)
    return scene


def make_neighbours(scene) -> list[str]:
    """Officers of another community of the same street, and of a unit that the order does not name."""
    street = scene.session.get(Area, scene.community.subdistrict_id)
    other = make_area(scene.session, scene.community.level, street, name="丹桂社区")
    unit = make_unit(scene.session, other, name="丹桂社区工作站")
    scene.add("other secretary", Role.SECRETARY, area=other)
    scene.add("other handler", Role.HANDLER, unit=unit)
    return ["other secretary", "other handler"]


@pytest.fixture
def scene(session):
    return make_scene(session)


@pytest.fixture
def committed_scene(committed):
    return make_scene(committed)
