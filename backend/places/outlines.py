"""Outlines of places: taken from GeoJSON, checked, kept and given back; which holds a point: queries.py."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from backend.errors import Invalid, TooLarge
from backend.places import changes, fields, positions, tree
from backend.places.changes import Did, Entry
from backend.places.models import Area, Outline
from backend.places.roles import Datum
from backend.places.scope import Editor

POINTS = 20_000  # of one outline; a street's own has some hundreds
FEATURES = 20_000
NEARBY = 40  # sides that each side of an outline is compared with, on average: maps need a tenth of it
SLANT = 0.618  # of the line along which sides are swept, so that borders along a meridian are no pile
CODES = ("code", "编码", "代码", "adcode", "id")  # properties that may hold an area's code
NAMES = ("name", "名称", "NAME")

Point = tuple[float, float]  # longitude, latitude: as GeoJSON has it
Ring = tuple[Point, ...]  # the last point is the first
Side = tuple[float, float, Point, Point, int]  # from and to on the line of the sweep, its ends, its number
UNREADABLE = "这个文件不是 GeoJSON，请从地图软件里导出为 GeoJSON（.geojson、.json）再上传"


@dataclass(frozen=True)
class Shape:
    """What one feature says: of which place, and its polygons, each an outer ring and its holes (WGS-84)."""

    code: str
    name: str
    polygons: tuple[tuple[Ring, ...], ...]


def read(content: bytes, datum: Datum = Datum.WGS84) -> list[Shape]:
    """The shapes of a GeoJSON file (RFC 7946: Polygon, MultiPolygon, Feature, FeatureCollection).

    Raises Invalid with a sentence for what is not one, or for a ring that cannot be an outline.
    """
    try:
        features = list(_features(json.loads(content.decode("utf-8-sig"))))
    except (ValueError, RecursionError):
        raise Invalid(UNREADABLE) from None
    if not features:
        raise Invalid("文件里没有一个边界，请检查是不是选错了文件")
    if len(features) > FEATURES:
        raise TooLarge(f"一次最多 {FEATURES} 个地点的边界，请拆成几个文件")
    return [_shape(number, feature, datum) for number, feature in enumerate(features, start=1)]


def put(session: Session, editor: Editor, area: Area, polygons: Sequence[Sequence[Ring]]) -> None:
    """Let these polygons be the area's outline; none of them removes it. Raises Forbidden."""
    editor.must_edit(area)
    _put(session, editor, [(area, polygons)])


def take_in(session: Session, editor: Editor, shapes: Sequence[Shape]) -> int:
    """Give each shape's outline to the open place of its code, else of its name. Returns how many.

    Raises Invalid, and changes nothing, when a shape names no place of this person's, or several.
    """
    areas = list(session.scalars(sa.select(Area).where(editor.edits(Area), Area.closed_at.is_(None))))
    by_code = {area.code: area for area in areas if area.code}
    by_name: dict[str, list[Area]] = {}
    for area in areas:
        by_name.setdefault(area.name, []).append(area)
    found = {}
    for shape in shapes:
        area = by_code.get(shape.code) or _only(by_name.get(shape.name, []), shape)
        if area in found:
            raise Invalid(f"“{area.name}”的边界在文件里有两个，请合成一个（MultiPolygon）再上传")
        found[area] = shape.polygons
    _put(session, editor, list(found.items()))
    return len(shapes)


def polygons_of(session: Session, area_ids: Sequence[int]) -> dict[int, list[list[Ring]]]:
    """The polygons of each of these areas that has an outline: an outer ring, then its holes."""
    rows = session.execute(
        sa.select(Outline.area_id, sa.cast(Outline.ring, sa.Text), Outline.is_hole)
        .where(_is_one_of(area_ids))
        .order_by(Outline.id)
    )
    found: dict[int, list[list[Ring]]] = {}
    for area_id, text, is_hole in rows:
        polygons, ring = found.setdefault(area_id, []), _from_text(text)
        if is_hole and polygons:
            polygons[-1].append(ring)
        else:
            polygons.append([ring])
    return found


def write(session: Session, areas: Sequence[Area]) -> bytes:
    """The outlines of these areas as GeoJSON; one without an outline is left out."""
    polygons = polygons_of(session, [area.id for area in areas])
    features = [
        {
            "type": "Feature",
            "properties": {"code": area.code, "name": area.name, "level": area.level.value},
            "geometry": {"type": "MultiPolygon", "coordinates": polygons[area.id]},
        }
        for area in areas
        if area.id in polygons
    ]
    return json.dumps({"type": "FeatureCollection", "features": features}, ensure_ascii=False).encode()


def _features(found: Any) -> Iterator[Mapping[str, Any]]:
    kind = found.get("type") if isinstance(found, dict) else None
    if kind == "FeatureCollection" and isinstance(found.get("features"), list):
        for feature in found["features"]:
            yield from _features(feature)
    elif kind == "Feature":
        yield found
    elif kind in ("Polygon", "MultiPolygon"):
        yield {"geometry": found, "properties": {}}
    else:
        raise Invalid(UNREADABLE if kind is None else "只能导入面（Polygon、MultiPolygon），请不要放点和线")


def _shape(number: int, feature: Mapping[str, Any], datum: Datum) -> Shape:
    geometry, properties = (_object(feature, name) for name in ("geometry", "properties"))
    name, code = _property(properties, NAMES), _property(properties, CODES)
    where = f"第 {number} 个边界" + (f"“{name or code}”" if name or code else "")
    kind, found = geometry.get("type"), geometry.get("coordinates")
    if kind not in ("Polygon", "MultiPolygon") or not isinstance(found, list) or not found:
        raise Invalid(f"{where}不是面（Polygon、MultiPolygon），请删去后再上传")
    polygons = [found] if kind == "Polygon" else found
    try:
        rings = tuple(tuple(_ring(ring, where, datum) for ring in rings) for rings in polygons)
    except (TypeError, ValueError, LookupError, OverflowError):
        raise Invalid(f"{where}的坐标读不出来，请在地图软件里检查后重新导出") from None
    if not all(rings):
        raise Invalid(f"{where}没有点，请重新导出")
    return Shape(code, name, rings)


def _object(feature: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = feature.get(name)
    return found if isinstance(found, dict) else {}


def _property(properties: Mapping[str, Any], names: Sequence[str]) -> str:
    return next(
        (str(properties[name]).strip() for name in names if properties.get(name) not in (None, "")), ""
    )


def _ring(found: Sequence[Sequence[float]], where: str, datum: Datum) -> Ring:
    if len(found) > POINTS:
        raise TooLarge(f"{where}超过 {POINTS} 个点，请在地图软件里简化后再上传")
    ring = tuple((float(point[0]), float(point[1])) for point in found)
    if len(ring) < 4 or ring[0] != ring[-1]:
        raise Invalid(f"{where}没有闭合：至少 4 个点，最后一点要和第一点相同")
    for longitude, latitude in ring:
        if sentence := fields.wrong_position(latitude, longitude):
            raise Invalid(f"{where}有一点（{longitude}, {latitude}）不对：{sentence}")
    if _crosses_itself(ring, where):
        raise Invalid(f"{where}的边线自己相交，请在地图软件里修好后再上传")
    return ring if datum is Datum.WGS84 else tuple(_true(point) for point in ring)


def _true(point: Point) -> Point:
    latitude, longitude = positions.to_wgs84(point[1], point[0])
    return longitude, latitude


def _crosses_itself(ring: Ring, where: str) -> bool:
    """Whether two sides that are not neighbours meet. Raises TooLarge when too many lie side by side."""
    if len(set(ring)) < 3:
        return True
    last, left, active = len(ring) - 2, NEARBY * len(ring), list[Side]()
    for side in sorted(_sides(ring)):
        active = [other for other in active if other[1] >= side[0]]
        left -= len(active)
        if left < 0:
            raise TooLarge(f"{where}的边界太复杂，请在地图软件里简化后再上传")
        if any(_meet(side, other) for other in active if abs(side[4] - other[4]) not in (1, last)):
            return True
        active.append(side)
    return False


def _sides(ring: Ring) -> Iterator[Side]:
    for nth, (a, b) in enumerate(pairwise(ring)):
        begin, end = a[0] + SLANT * a[1], b[0] + SLANT * b[1]
        yield min(begin, end), max(begin, end), a, b, nth


def _meet(one: Side, other: Side) -> bool:
    """Whether two sides cross. That they merely touch is how many maps draw a neck of land."""
    (a, b), (c, d) = one[2:4], other[2:4]
    return _turn(a, b, c) * _turn(a, b, d) < 0 and _turn(c, d, a) * _turn(c, d, b) < 0


def _turn(a: Point, b: Point, c: Point) -> float:
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])


def _only(found: Sequence[Area], shape: Shape) -> Area:
    if len(found) == 1:
        return found[0]
    label = shape.name or shape.code or "没有名称的边界"
    if found:
        raise Invalid(f"有 {len(found)} 个地点叫“{label}”，请在属性里写编码（code）")
    raise Invalid(f"没有找到“{label}”，请核对属性里的编码（code）或名称（name）；只能改您管理的地点")


def _put(session: Session, editor: Editor, outlines: Sequence[tuple[Area, Sequence[Sequence[Ring]]]]) -> None:
    """In five statements, however many. The record counts the points: they themselves would fill it."""
    tree.lock(session)  # or two uploads at once would leave both their outlines
    is_one = _is_one_of([area.id for area, _ in outlines])
    points = sa.func.sum(sa.func.npoints(Outline.ring))
    counted = session.execute(sa.select(Outline.area_id, points).where(is_one).group_by(Outline.area_id))
    before = {area_id: count for area_id, count in counted}
    session.execute(sa.delete(Outline).where(is_one))
    if rows := [row for area, polygons in outlines for row in _rows(area, polygons)]:
        session.execute(sa.insert(Outline), rows)
    changes.record(session, editor, [_entry(area, before.get(area.id), given) for area, given in outlines])


def _is_one_of(area_ids: Sequence[int]) -> sa.ColumnElement[bool]:
    return Outline.area_id == sa.any_(sa.literal(list(area_ids), sa.ARRAY(sa.BigInteger)))


def _rows(area: Area, polygons: Sequence[Sequence[Ring]]) -> Iterator[dict[str, Any]]:
    for rings in polygons:
        for nth, ring in enumerate(rings):
            yield {"area_id": area.id, "ring": _as_text(ring), "is_hole": nth > 0}


def _entry(area: Area, before: int | None, polygons: Sequence[Sequence[Ring]]) -> Entry:
    after = sum(len(ring) - 1 for rings in polygons for ring in rings) or None
    counts = [{"outline_points": count} for count in (before, after)]
    return Entry(Did.CHANGED, "areas", area.id, area.name, area.id, *counts)


def _as_text(ring: Ring) -> str:
    """PostgreSQL closes a polygon by itself."""
    return "(" + ",".join(f"({x!r},{y!r})" for x, y in ring[:-1]) + ")"


def _from_text(text: str) -> Ring:
    numbers = [float(number) for number in text.replace("(", "").replace(")", "").split(",")]
    points = tuple(zip(numbers[::2], numbers[1::2], strict=True))
    return (*points, points[0])
