"""A small town whose board can be counted by hand: two communities, two units, work of every colour."""

import os
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace

from backend.cases.deadline_models import Clock, Deadline
from backend.cases.supervision_models import Supervised, Supervision
from backend.cases.workflow import Status
from backend.orders.models import Order, OrderUnit
from backend.orders.workflow import PartStatus
from backend.orders.workflow import Status as OrderStatus
from backend.places.models import Area
from backend.places.roles import Level, Role
from backend.times import now
from tests.factories import make_area, make_case, make_community, make_contact, make_officer, make_unit

HOUR = timedelta(hours=1)
PAST, SOON, LATER = -2 * HOUR, 2 * HOUR, 20 * HOUR


def add(session, row):
    session.add(row)
    session.flush()
    return row


def make_town(session):
    """玉兰社区 and 丹桂社区 of one street, with a supervisor over both."""
    yulan = make_community(session)
    street = session.get_one(Area, yulan.subdistrict_id)
    dangui = make_area(session, Level.COMMUNITY, street, name="丹桂社区")
    city = make_unit(session, street, name="望溪街道市政服务中心")
    power = make_unit(session, street, name="供电所")
    supervisor = make_officer(session, Role.SUPERVISOR, area=street, name="吴桐")
    people = {
        "supervisor": supervisor,
        "handler": make_officer(session, Role.HANDLER, unit=city, name="陈志"),
    }
    make_contact(session, officer=people["handler"])
    return SimpleNamespace(
        session=session, street=street, yulan=yulan, dangui=dangui, city=city, power=power, **people
    )


def open_work(town, place, unit, due, warned=False, **fields):
    """A case that runs out in `due` from now (None: its clocks are paused)."""
    at = now()
    due_at = at + due if due is not None else None
    defaults = {
        "status": Status.IN_PROGRESS if unit else Status.SUBMITTED,
        "unit_id": unit.id if unit else None,
    }
    case = make_case(town.session, place, due_at=due_at, **defaults | fields)
    if due_at is not None:
        clock(town, due_at, warned, case_id=case.id)
    return case


def clock(town, due_at, warned, **of):
    amber_at = now() - HOUR if warned else due_at - timedelta(minutes=1)
    kind = Clock.RESOLVE if "case_id" in of else Clock.ORDER_REPORT
    row = Deadline(round=1, clock=kind, started_at=now() - 9 * HOUR, amber_at=amber_at, due_at=due_at, **of)
    return add(town.session, row)


def supervise(town, case, unit, due=LATER, **fields):
    row = Supervision(
        case_id=case.id,
        unit_id=unit.id,
        officer_id=town.supervisor.id,
        text="请说明原因",
        due_at=now() + due,
        **fields,
    )
    return add(town.session, row)


def order(town, place, parts, number, status=OrderStatus.ISSUED, **fields):
    """An order whose parts are (unit, status, due, warned); the first is the lead."""
    columns = ("district_id", "subdistrict_id", "community_id", "zone_id", "grid_id")
    where = {column: getattr(place, column) for column in columns} | {"place_id": place.id}
    row = Order(number=number, status=status, title=f"清理{number}", text="请清理", unit_id=parts[0][0].id,
                drafted_by=town.supervisor.id, approved_at=now() - HOUR, **where | fields)  # fmt: skip
    add(town.session, row)
    for n, (unit, state, due, warned) in enumerate(parts):
        part = OrderUnit(order_id=row.id, unit_id=unit.id, is_lead=n == 0, status=state, due_at=now() + due)
        clock(town, now() + due, warned, order_unit_id=add(town.session, part).id)
    return row


def fill(town):
    """Seven open cases and three open orders; and what the board must not count."""
    open_work(town, town.yulan, town.city, PAST, urged=2)
    open_work(town, town.yulan, town.city, SOON, warned=True)
    open_work(town, town.yulan, town.city, LATER)
    open_work(town, town.yulan, town.power, None, urged=1)
    open_work(town, town.yulan, None, PAST)
    open_work(town, town.dangui, town.power, LATER, status=Status.DISPUTED)
    town.supervised = open_work(town, town.dangui, town.power, PAST, warned=True)
    closed = open_work(town, town.dangui, town.power, PAST, status=Status.CLOSED)
    supervise(town, town.supervised, town.power, PAST)
    supervise(town, town.supervised, town.city, state=Supervised.CLOSED)
    supervise(town, closed, town.power, state=Supervised.ANSWERED)
    owed, done = PartStatus.OWED, PartStatus.REPORTED
    order(town, town.yulan, [(town.city, owed, PAST, True), (town.power, owed, SOON, True)], "F1", urged=1)
    order(town, town.yulan, [(town.city, done, PAST, True), (town.power, owed, LATER, False)], "F2")
    order(town, town.dangui, [(town.power, done, PAST, True)], "F3")
    order(town, town.dangui, [(town.city, owed, PAST, True)], "F4", status=OrderStatus.ANSWERED)
    town.session.commit()
    return town


def shoot(page, name):
    """A picture of the page, where somebody wants to look at it: SHOTS_DIR names the folder."""
    if folder := os.environ.get("SHOTS_DIR"):
        page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)
