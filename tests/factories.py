"""Plain functions that build one valid thing each. Override only what the test is about."""

from itertools import count

import sqlalchemy as sa

from backend.cases.category_models import CaseKind, Category, Edition
from backend.cases.models import Case, Channel
from backend.notify.messages import haste
from backend.notify.models import Contact, Notification
from backend.places.models import Area, Officer, PlaceCode, Post, Resident, Unit
from backend.places.roles import Level, UnitKind

_numbers = count(1)
COLUMNS = {
    Level.DISTRICT: "district_id",
    Level.SUBDISTRICT: "subdistrict_id",
    Level.COMMUNITY: "community_id",
    Level.ZONE: "zone_id",
    Level.GRID: "grid_id",
}


def _add(session, row):
    session.add(row)
    session.commit()
    return row


def make_area(session, level=Level.DISTRICT, parent=None, **fields):
    """An area below its parent, with its ancestors' ids beside it."""
    n = next(_numbers)
    area = Area(
        level=level, parent_id=parent.id if parent else None, path="", **{"name": f"地方{n}"} | fields
    )
    for column in COLUMNS.values():
        setattr(area, column, getattr(parent, column) if parent else None)
    session.add(area)
    session.flush()
    area.path = f"{parent.path}.{area.id}" if parent else str(area.id)
    if level in COLUMNS:
        setattr(area, COLUMNS[level], area.id)
    session.commit()
    return area


def make_community(session, name="玉兰社区", **fields):
    """A community with a district of its own and a subdistrict above it."""
    is_taken = session.scalar(sa.select(Area.id).where(Area.parent_id.is_(None), Area.name == "青岚区"))
    district = make_area(session, **({} if is_taken else {"name": "青岚区"}))
    subdistrict = make_area(session, Level.SUBDISTRICT, district, name="望溪街道")
    return make_area(session, Level.COMMUNITY, subdistrict, name=name, **fields)


def make_code(session, area, scene=None):
    return _add(session, PlaceCode(area_id=area.id, scene=scene or f"scene{next(_numbers)}"))


def make_unit(session, area, **fields):
    defaults = {"kind": UnitKind.DEPARTMENT, "name": f"市政服务中心{next(_numbers)}"}
    return _add(session, Unit(area_id=area.id, **defaults | fields))


def make_category(session, name="路灯不亮", parent=None, edition=None, **fields):
    """An entry of the dictionary, below its parent, in an edition of its own unless one is given."""
    edition = edition or _add(session, Edition(name="第一版"))
    defaults = {
        "code": f"C{next(_numbers):05d}",
        "level": parent.level + 1 if parent else 1,
        "kind": CaseKind.COMPLAINT,
        "path": f"{parent.path} / {name}" if parent else name,
        "initials": "",
        "since_id": edition.id,
        "parent_id": parent.id if parent else None,
    }
    return _add(session, Category(name=name, **defaults | fields))


def make_officer(session, role, *, area=None, unit=None, name="周明"):
    officer = _add(session, Officer(name=name))
    post = Post(
        officer_id=officer.id, role=role, area_id=area.id if area else None, unit_id=unit.id if unit else None
    )
    _add(session, post)
    return officer


def make_resident(session, **fields):
    return _add(session, Resident(**fields))


def make_contact(session, resident=None, officer=None, **fields):
    """Someone's WeChat at the account `demo`."""
    resident = resident or make_resident(session)
    defaults = {"account": "demo", "openid": f"o{next(_numbers):027d}"}
    row = Contact(resident_id=resident.id, officer_id=officer.id if officer else None, **defaults | fields)
    return _add(session, row)


def make_case(session, place=None, **fields):
    """A case at a place; the event of its submission is not made, use intake.open_case for that."""
    place = place or make_community(session)
    defaults = {
        "number": f"261121{next(_numbers):06d}",
        "channel": Channel.WECHAT,
        "report": "玉兰苑门口的路灯不亮了，晚上走路看不清",
        "place_id": place.id,
        **{column: getattr(place, column) for column in COLUMNS.values()},
    }
    return _add(session, Case(**defaults | fields))


def misplaced(session):
    """The messages whose place in the queue is another than the catalogue says."""
    rows = session.scalars(sa.select(Notification)).all()
    assert rows
    return [row.key for row in rows if row.haste != haste(row.message, row.fields)]
