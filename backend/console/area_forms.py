"""What the forms of places bring, and the picture of an outline."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import cos, radians

from werkzeug.datastructures import FileStorage, MultiDict

from backend.errors import AppError
from backend.places import fields, outlines
from backend.places.fields import Told
from backend.places.models import Area
from backend.places.outlines import Ring, Shape
from backend.places.roles import Datum
from backend.web.forms import WrongFields
from backend.web.words import clean

WIDTH = 320  # of a picture, pixels
POINTS = 400  # of a ring in a picture


@dataclass(frozen=True)
class Picture:
    """An outline as the path of an SVG picture."""

    width: int
    height: int
    path: str


def told(form: MultiDict[str, str]) -> Told:
    """What the form says of a place. Raises WrongFields."""
    said = Told(
        name=clean(form.get("name", "")),
        code=clean(form.get("code", "")) or None,
        telephone=clean(form.get("telephone", "")) or None,
        latitude=_degrees(form, "latitude"),
        longitude=_degrees(form, "longitude"),
        datum=Datum.GCJ02 if form.get("datum") == Datum.GCJ02 else Datum.WGS84,
    )
    if wrong := fields.wrong(said):
        raise WrongFields(wrong)
    return said


def typed(area: Area) -> dict[str, object]:
    """What stands in the fields of an area's form before anybody types."""
    return vars(fields.told(area))


def shapes(file: FileStorage | None, datum: str) -> list[Shape]:
    """The shapes in the uploaded file. Raises WrongFields."""
    if file is None or not file.filename:
        raise WrongFields({"file": "请选择一个 GeoJSON 文件"})
    try:
        return outlines.read(file.read(), Datum.GCJ02 if datum == Datum.GCJ02 else Datum.WGS84)
    except AppError as error:
        raise WrongFields({"file": error.message}) from None


def picture(polygons: Sequence[Sequence[Ring]]) -> Picture | None:
    """The outline drawn north up; None without one. Long rings lose points nobody would see."""
    points = [point for rings in polygons for ring in rings for point in ring]
    if not points:
        return None
    west, north = min(x for x, _ in points), max(y for _, y in points)
    wide, high = max(x for x, _ in points) - west, north - min(y for _, y in points)
    squeeze = cos(radians(north))  # a degree of longitude is shorter than one of latitude
    scale = (WIDTH - 8) / max(wide * squeeze, high, 1e-9)
    path = "".join(
        "M"
        + "L".join(f"{(x - west) * squeeze * scale + 4:.1f} {(north - y) * scale + 4:.1f}" for x, y in few)
        + "Z"
        for few in (_fewer(ring) for rings in polygons for ring in rings)
    )
    return Picture(round(wide * squeeze * scale) + 8, round(high * scale) + 8, path)


def _fewer(ring: Ring) -> Ring:
    return ring[:: max(1, len(ring) // POINTS)]


def _degrees(form: MultiDict[str, str], name: str) -> float | None:
    text = clean(form.get(name, ""))
    try:
        return float(text) if text else None
    except ValueError:
        raise WrongFields({name: "请填以度为单位的小数，如 22.7104"}) from None
