"""The invented district: areas, units and officers from the tables in data/, loaded once."""

import csv
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.orm import Session

from backend.places.codes import make_codes
from backend.places.models import Area, Officer, Post, Unit
from backend.places.roles import Level, Role, UnitKind

DATA = Path(__file__).parent / "data"
ANCESTORS = {
    Level.DISTRICT: "district_id",
    Level.SUBDISTRICT: "subdistrict_id",
    Level.COMMUNITY: "community_id",
    Level.ZONE: "zone_id",
    Level.GRID: "grid_id",
}


def load(session: Session) -> bool:
    """Load areas, units, officers and place codes. Returns False when the district is there already."""
    rows = read("areas")
    known = sa.select(Area.id).where(Area.name == rows[0]["name"], Area.parent_id.is_(None))
    if session.scalar(known) is not None:
        return False
    areas = _load_areas(session, rows)
    units = _load_units(session, areas)
    _load_officers(session, areas, units)
    make_codes(session)
    return True


def read(name: str) -> list[dict[str, str]]:
    """The rows of one table in data/."""
    with (DATA / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _load_areas(session: Session, rows: list[dict[str, str]]) -> dict[str, Area]:
    """By name, which in these tables is unique; a parent comes before its children."""
    areas: dict[str, Area] = {}
    for row in rows:
        areas[row["name"]] = _add_area(session, row, areas.get(row["parent"]))
    session.flush()
    return areas


def _add_area(session: Session, row: dict[str, str], parent: Area | None) -> Area:
    level = Level(row["level"])
    area = Area(
        level=level,
        name=row["name"],
        parent_id=parent.id if parent else None,
        path="",  # holds the area's own id, which is not known before the first flush
        latitude=float(row["latitude"]) if row["latitude"] else None,
        longitude=float(row["longitude"]) if row["longitude"] else None,
        telephone=row["telephone"] or None,
    )
    for column in ANCESTORS.values():
        setattr(area, column, getattr(parent, column) if parent else None)
    session.add(area)
    session.flush()
    area.path = f"{parent.path}.{area.id}" if parent else str(area.id)
    if level in ANCESTORS:
        setattr(area, ANCESTORS[level], area.id)
    return area


def _load_units(session: Session, areas: dict[str, Area]) -> dict[str, Unit]:
    units = {
        row["name"]: Unit(
            kind=UnitKind(row["kind"]),
            name=row["name"],
            area_id=areas[row["area"]].id,
            telephone=row["telephone"],
        )
        for row in read("units")
    }
    session.add_all(units.values())
    session.flush()
    return units


def _load_officers(session: Session, areas: dict[str, Area], units: dict[str, Unit]) -> None:
    """One row is one post; the same name again is another post of the same officer."""
    officers: dict[str, Officer] = {}
    for row in read("officers"):
        name = row["name"]
        if name not in officers:
            officers[name] = Officer(name=name, phone=row["telephone"])
            session.add(officers[name])
            session.flush()
        session.add(
            Post(
                officer_id=officers[name].id,
                role=Role(row["role"]),
                area_id=areas[row["at"]].id if row["at"] in areas else None,
                unit_id=units[row["at"]].id if row["at"] in units else None,
                force_kind=row["force_kind"] or None,
            )
        )
    session.flush()
