"""A small town for benches: communities with a secretary each, units with their people, and their phones."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.orm import Session

from backend import db
from backend.notify.messages import Message
from backend.notify.models import Contact
from backend.places import scope
from backend.places.models import Area, Officer, Post, Unit
from backend.places.roles import Level, Role, UnitKind
from bench.report import progress
from tests.sandbox_client import Sandbox

COMMUNITIES, ALL_UNITS = 20, 60  # of the district
PEOPLE = 2  # of one unit
MESSAGES = (Message.ORDER_ISSUED, Message.ORDER_WATCHED, Message.ORDER_DRAFTED)
ACCOUNT = """[accounts.bench]
app_id = "wx00000000000000be"
app_secret = "00000000000000000000000000000000"
original_id = "gh_0000000000be"
token = "onlyForMeasuringHere2026"
aes_key = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"
mode = "secure"
area = "量测区"
"""
SLOTS = {
    "number": "character_string1",
    "place": "thing2",
    "note": "thing3",
    "status": "phrase4",
    "time": "time5",
}


@dataclass(frozen=True)
class Town:
    """Ids of rows, and how to sign in."""

    secretaries: Sequence[tuple[int, int]]  # (community, officer)
    units: Sequence[int]
    people: Mapping[int, Sequence[int]]  # the officers of each unit
    officers: Sequence[int]


def templates() -> str:
    """The accounts' file's tables of what these benches send."""
    return "".join(map(_template, MESSAGES))


def _template(message: Message) -> str:
    slots = "".join(f'{field} = "{slot}"\n' for field, slot in SLOTS.items())
    return f'[accounts.bench.templates.{message}]\nid = "{template_id(message)}"\n{slots}'


def template_id(message: Message) -> str:
    """The template's id at the sandbox, of the length that WeChat's have."""
    return f"bench-{message}".ljust(43, "x")


def make_area(session: Session, level: Level, parent: Area | None, name: str) -> Area:
    """A place below another, with its path and the columns by which it is found."""
    area = Area(level=level, parent_id=parent.id if parent else None, path="", name=name)
    for column in scope.COLUMNS.values():
        setattr(area, column, getattr(parent, column) if parent else None)
    session.add(area)
    session.flush()
    area.path = f"{parent.path}.{area.id}" if parent else str(area.id)
    setattr(area, scope.COLUMNS[level], area.id)
    session.flush()
    return area


def _officer(session: Session, role: Role, *, area: Area | None = None, unit: Unit | None = None) -> int:
    officer = Officer(name="某人")
    session.add(officer)
    session.flush()
    where = {"area_id": area.id if area else None, "unit_id": unit.id if unit else None}
    session.add(Post(officer_id=officer.id, role=role, **where))
    session.flush()
    return officer.id


def build() -> Town:
    """Communities with a secretary each, units of the district with their people, one supervisor."""
    with db.transaction() as session:
        district = session.scalars(sa.select(Area)).one()
        street = make_area(session, Level.SUBDISTRICT, district, "量测街道")
        secretaries = []
        for n in range(COMMUNITIES):
            community = make_area(session, Level.COMMUNITY, street, f"第{n}社区")
            secretaries.append((community.id, _officer(session, Role.SECRETARY, area=community)))
        people: dict[int, list[int]] = {}
        for n in range(ALL_UNITS):
            unit = Unit(area_id=district.id, kind=UnitKind.DEPARTMENT, name=f"第{n}单位")
            session.add(unit)
            session.flush()
            people[unit.id] = [_officer(session, Role.HANDLER, unit=unit) for _ in range(PEOPLE)]
        supervisor = _officer(session, Role.SUPERVISOR, area=district)
        officers = [one for _, one in secretaries] + [one for each in people.values() for one in each]
        return Town(secretaries, list(people), people, [*officers, supervisor])


def introduce(sandbox: Sandbox, town: Town, site: str) -> dict[int, str]:
    """Every officer follows the account with a phone of their own; returns the openids."""
    keywords = {slot: name for name, slot in SLOTS.items()}
    sandbox.app(
        kind="service_account",
        app_id="wx00000000000000be",
        app_secret="0" * 32,
        name="量测",
        original_id="gh_0000000000be",
        token="onlyForMeasuringHere2026",
        aes_key="abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG",
        mode="secure",
        callback_url=f"{site}/wechat/bench",
        templates=[
            {"template_id": template_id(message), "title": message, "keywords": keywords}
            for message in MESSAGES
        ],
    )
    openids: dict[int, str] = {}
    for officer in progress(town.officers, "phones"):
        phone = sandbox.user(f"officer{officer}", app_id="wx00000000000000be")
        phone.follow()
        openids[officer] = phone.openid()
    with db.transaction() as session:
        for officer, openid in openids.items():
            own = sa.update(Contact).where(Contact.openid == openid)
            session.execute(own.values(officer_id=officer))
    return openids
