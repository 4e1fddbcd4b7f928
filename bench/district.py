"""An invented district of the size of a real one: its places as a table, its grids' outlines as GeoJSON."""

import json
from collections.abc import Iterator, Sequence

from backend.places.area_rows import (
    CODE,
    DATUM,
    HEADERS,
    IN_USE,
    LATITUDE,
    LEVEL,
    LONGITUDE,
    NAME,
    PARENT_CODE,
    STATE,
)
from backend.places.roles import LEVEL_LABELS, Level
from backend.sheets import write_csv

L = Level
# As many as the district of Longhua has; with the stations 10,600 places.
STREETS, COMMUNITIES, ZONES, GRIDS, BUILDINGS, STATIONS = 6, 69, 432, 3_044, 7_039, 9
NAME_OF_ALL, CODE_OF_ALL = "云栖区", "990001"
CORNER = (22.60, 114.00)  # latitude, longitude of the south-west
WIDE = 56  # grids in a row
SIDE = 0.0036  # degrees of a grid's side, some 400 metres

FIRST = "云松竹梅兰桂枫荷柳杏桃榕樟槐桐"
SECOND = "溪湖泉岭坪湾洲浦川坡塘泽"

Row = dict[str, object]


def areas_csv() -> bytes:
    """All places in our own columns, parents first."""
    return write_csv(HEADERS, ([row.get(header) for header in HEADERS] for row in rows()))


def rows() -> Iterator[Row]:
    """The places by our headers, level by level; each grid is a cell of a chessboard, and has a position."""
    districts = [_row(L.DISTRICT, CODE_OF_ALL, NAME_OF_ALL, None, _centre(GRIDS // 2))]
    streets = list(_spread(L.SUBDISTRICT, STREETS, districts, "街道", 3))
    communities = list(_spread(L.COMMUNITY, COMMUNITIES, streets, "社区", 3))
    zones = list(_spread(L.ZONE, ZONES, communities, "片区", 2))
    grids = list(_spread(L.GRID, GRIDS, zones, "网格", 3))
    buildings = list(_spread(L.BUILDING, BUILDINGS, grids, "栋", 3))
    stations = list(_spread(L.STATION, STATIONS, communities, "信访驿站", 3, "S"))
    for level in (districts, streets, communities, zones, grids, buildings, stations):
        yield from level


def outlines_geojson() -> bytes:
    """The outline of every grid, by its code: squares of a chessboard, which leave no gap."""
    grids = [row for row in rows() if row[LEVEL] == LEVEL_LABELS[L.GRID]]
    features = [
        {"type": "Feature", "properties": {"code": row[CODE]}, "geometry": _square(number)}
        for number, row in enumerate(grids)
    ]
    return json.dumps({"type": "FeatureCollection", "features": features}).encode()


def centre_of_grid(number: int) -> tuple[float, float]:
    """Latitude and longitude (WGS-84) of the middle of a grid, counted from 0."""
    return _centre(number)


def _spread(
    level: Level, many: int, parents: Sequence[Row], ending: str, digits: int, mark: str = ""
) -> Iterator[Row]:
    """So many places in these parents, neighbours together, numbered below each."""
    inside: dict[object, int] = {}
    for number in range(many):
        parent = parents[number * len(parents) // many]
        nth = inside[parent[CODE]] = inside.get(parent[CODE], 0) + 1
        code = f"{parent[CODE]}{mark}{nth:0{digits}}"
        yield _row(level, code, _name(level, number, nth, ending), parent, _centre(number * GRIDS // many))


def _name(level: Level, number: int, nth: int, ending: str) -> str:
    if level in (L.SUBDISTRICT, L.COMMUNITY):
        at = number if level is L.SUBDISTRICT else number + 7
        return f"{FIRST[at % len(FIRST)]}{SECOND[(at + at // len(FIRST)) % len(SECOND)]}{ending}"
    return f"{nth}{ending}" if level is L.BUILDING else f"第{nth}{ending}"


def _row(level: Level, code: str, name: str, parent: Row | None, centre: tuple[float, float]) -> Row:
    return {
        CODE: code,
        LEVEL: LEVEL_LABELS[level],
        NAME: name,
        PARENT_CODE: parent[CODE] if parent else None,
        LATITUDE: centre[0],
        LONGITUDE: centre[1],
        DATUM: "WGS-84",
        STATE: IN_USE,
    }


def _centre(number: int) -> tuple[float, float]:
    row, column = divmod(number, WIDE)
    return round(CORNER[0] + (row + 0.5) * SIDE, 6), round(CORNER[1] + (column + 0.5) * SIDE, 6)


def _square(number: int) -> dict[str, object]:
    row, column = divmod(number, WIDE)
    south, west = CORNER[0] + row * SIDE, CORNER[1] + column * SIDE
    north, east = CORNER[0] + (row + 1) * SIDE, CORNER[1] + (column + 1) * SIDE
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    return {"type": "Polygon", "coordinates": [[[round(x, 6), round(y, 6)] for x, y in ring]]}
