"""Positions: Chinese maps and phones speak GCJ-02, we store WGS-84; and how far two points lie apart.

GCJ-02 is WGS-84 pushed aside by some hundred metres. The push is the widely published formula on the
Krasovsky 1940 ellipsoid; it has no inverse in closed form, so the way back is by iteration. All in degrees.
"""

from math import asin, cos, hypot, pi, radians, sin, sqrt

AXIS = 6378245.0  # Krasovsky 1940, metres
ECCENTRICITY = 0.00669342162296594323  # squared
EARTH = 6371008.8  # mean radius, metres
CLOSE = 1e-10  # degrees: a hundredth of a millimetre

Point = tuple[float, float]  # latitude, longitude


def from_wgs84(latitude: float, longitude: float) -> Point:
    """The point as Chinese maps show it (GCJ-02). Outside the mainland's frame nothing is pushed."""
    if not _in_frame(latitude, longitude):
        return latitude, longitude
    north, east = _push(latitude, longitude)
    return latitude + north, longitude + east


def to_wgs84(latitude: float, longitude: float) -> Point:
    """The true point behind a GCJ-02 one, to within CLOSE."""
    if not _in_frame(latitude, longitude):
        return latitude, longitude
    true = latitude, longitude
    for _ in range(20):  # each round leaves about a thousandth of the error: four are enough
        north, east = _push(*true)
        better = latitude - north, longitude - east
        moved = hypot(better[0] - true[0], better[1] - true[1])
        true = better
        if moved < CLOSE:
            break
    return true


def distance_m(start: Point, end: Point) -> float:
    """Metres along the ground between two WGS-84 points (great circle)."""
    north, east = radians(end[0] - start[0]), radians(end[1] - start[1])
    chord = sin(north / 2) ** 2 + cos(radians(start[0])) * cos(radians(end[0])) * sin(east / 2) ** 2
    return 2 * EARTH * asin(min(1.0, sqrt(chord)))


def _in_frame(latitude: float, longitude: float) -> bool:
    return 0.8293 <= latitude <= 55.8271 and 72.004 <= longitude <= 137.8347


def _push(latitude: float, longitude: float) -> Point:
    """How far GCJ-02 lies north and east of WGS-84 at a WGS-84 point, in degrees."""
    x, y = longitude - 105.0, latitude - 35.0
    phi = radians(latitude)
    bend = 1 - ECCENTRICITY * sin(phi) ** 2
    north = _north(x, y) * 180 / (AXIS * (1 - ECCENTRICITY) / (bend * sqrt(bend)) * pi)
    east = _east(x, y) * 180 / (AXIS / sqrt(bend) * cos(phi) * pi)
    return north, east


def _waves(at: float, *waves: Point) -> float:
    """A sum of sines given as (height, angle of one unit); two thirds of it, as the formula has it."""
    return sum(height * sin(at * angle) for height, angle in waves) * 2 / 3


def _north(x: float, y: float) -> float:
    """Metres."""
    return (
        -100.0 + 2.0 * x + 3.0 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * sqrt(abs(x))
        + _waves(x, (20.0, 6 * pi), (20.0, 2 * pi))
        + _waves(y, (20.0, pi), (40.0, pi / 3), (160.0, pi / 12), (320.0, pi / 30))
    )  # fmt: skip


def _east(x: float, y: float) -> float:
    """Metres."""
    return (
        300.0 + x + 2.0 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * sqrt(abs(x))
        + _waves(x, (20.0, 6 * pi), (20.0, 2 * pi))
        + _waves(x, (20.0, pi), (40.0, pi / 3), (150.0, pi / 12), (300.0, pi / 30))
    )  # fmt: skip
