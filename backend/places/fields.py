"""What may be said of a place: its name, code, telephone and position, and what is wrong with them."""

import re
from dataclasses import dataclass, replace

from backend.places import positions
from backend.places.models import Area
from backend.places.roles import Datum

NAME, CODE, TELEPHONE = 60, 40, 40  # characters
# The frame of the mainland, degrees: what lies outside is a slip of the pen.
LATITUDES = (3.0, 54.0)
LONGITUDES = (73.0, 136.0)
_TELEPHONE = re.compile(r"[0-9+()（）\-— 转,，;；/、]+")
_CODE = re.compile(r"[0-9A-Za-z._\-]+")


@dataclass(frozen=True)
class Told:
    """What is said of a place. The position is in degrees of `datum`, as it was given."""

    name: str
    code: str | None = None
    telephone: str | None = None
    latitude: float | None = None
    longitude: float | None = None
    datum: Datum = Datum.WGS84

    def true_position(self) -> tuple[float | None, float | None]:
        """In WGS-84, as it is stored."""
        if self.latitude is None or self.longitude is None:
            return None, None
        if self.datum is Datum.GCJ02:
            return positions.to_wgs84(self.latitude, self.longitude)
        return self.latitude, self.longitude


def told(area: Area) -> Told:
    """What is known of the area, with its position as it was once given (to seven places: a centimetre)."""
    known = Told(area.name, area.code, area.telephone, area.latitude, area.longitude, area.datum)
    if area.latitude is None or area.longitude is None or area.datum is not Datum.GCJ02:
        return known
    latitude, longitude = positions.from_wgs84(area.latitude, area.longitude)
    return replace(known, latitude=round(latitude, 7), longitude=round(longitude, 7))


def wrong(said: Told) -> dict[str, str]:
    """What cannot be taken, by field, each with its cure; empty when all is well."""
    checks = {
        "name": _wrong_name(said.name),
        "code": _wrong_code(said.code),
        "telephone": wrong_telephone(said.telephone),
        "latitude": wrong_position(said.latitude, said.longitude),
    }
    return {field: sentence for field, sentence in checks.items() if sentence}


def wrong_position(latitude: float | None, longitude: float | None) -> str:
    """What is wrong with a position; empty when nothing is, or when there is none."""
    if latitude is None and longitude is None:
        return ""
    if latitude is None or longitude is None:
        return "纬度和经度要一起填，或者都不填"
    if _is_in(latitude, LATITUDES) and _is_in(longitude, LONGITUDES):
        return ""
    if _is_in(longitude, LATITUDES) and _is_in(latitude, LONGITUDES):
        return "纬度和经度填反了，请对调：纬度是较小的那个数"
    return "这个位置不在国内，请核对纬度和经度（用度，如 22.7104、114.2138）"


def _wrong_name(name: str) -> str:
    if not name.strip():
        return "请填名称"
    return f"名称最多 {NAME} 字，请写短一些" if len(name) > NAME else ""


def _wrong_code(code: str | None) -> str:
    if code is None or (_CODE.fullmatch(code) and len(code) <= CODE):
        return ""
    return f"编码只能有数字、字母、点和横线，最多 {CODE} 位"


def wrong_telephone(telephone: str | None) -> str:
    """Why this cannot be a telephone number; empty when it can."""
    if telephone is None or (_TELEPHONE.fullmatch(telephone) and len(telephone) <= TELEPHONE):
        return ""
    return f"电话只能有数字、括号、横线和“转”，最多 {TELEPHONE} 位"


def _is_in(value: float, frame: tuple[float, float]) -> bool:
    return frame[0] <= value <= frame[1]
