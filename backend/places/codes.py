"""QR codes of places: a random scene stands for each, so that a code says nothing and cannot be guessed.

What hangs on a wall for years is signed with the key that outlives all changes of keys (`blind_index`), so a
guess is refused before anything is looked up. A bare scene travels in WeChat's own signed deliveries, and in
lists that a person chooses from; a signed one (`payload`) was scanned.
"""

import base64
import hmac
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from backend.config import config
from backend.places import changes, positions
from backend.places.changes import Did, Entry
from backend.places.models import Area, CodeScans, PlaceCode
from backend.places.roles import Carrier
from backend.places.scope import COMMAND_LINE
from backend.privacy import blind_index
from backend.times import local, now

# 80 bits are 16 characters of base32; WeChat takes 64 in an account's scene and 32 in a mini program's.
RANDOM_BYTES = 10
SIGNATURE = 6  # characters of base32: of a thousand million guesses one is looked up
PAYLOAD = 16 + SIGNATURE
PATH = "/c/"
FAR = 500.0  # metres from its place: nobody who stands at a code says that the matter is so far away


@dataclass(frozen=True)
class Found:
    """A code that was made once, and the place it leads to now; whether it still may be used."""

    code: PlaceCode
    area: Area
    is_used: bool


def random_scene() -> str:
    """Sixteen characters of a-z and 2-7, from 80 random bits."""
    return base64.b32encode(secrets.token_bytes(RANDOM_BYTES)).decode().lower()


def payload(scene: str) -> str:
    """The scene with its signature, for an address or a mini program: 22 characters of a-z and 2-7."""
    signed = blind_index(f"place_codes.scene:{scene}")
    return scene + base64.b32encode(signed).decode().lower()[:SIGNATURE]


def scene_in(text: str) -> str | None:
    """The scene of a payload, in letters of any case; None for one that was not signed here."""
    said = text.lower()
    scene = said[:-SIGNATURE]
    return scene if hmac.compare_digest(payload(scene).encode(), said.encode()) else None


def address(scene: str) -> str:
    """The address in the picture. Capitals take fewer modules, which are larger for it on the same paper."""
    return f"{config.public_url}{PATH}{payload(scene).upper()}"


def text_of(code: PlaceCode) -> str | None:
    """The text in the picture; None while WeChat has not made it, and where it gives only the picture."""
    return address(code.scene) if code.carrier is Carrier.URL else code.url


def is_used(code: PlaceCode, at: datetime | None = None) -> bool:
    """Whether the code is neither revoked nor expired."""
    return code.revoked_at is None and (code.expires_at is None or code.expires_at > (at or now()))


def living(at: datetime | None = None) -> sa.ColumnElement[bool]:
    """The condition that a code is neither revoked nor expired."""
    return PlaceCode.revoked_at.is_(None) & sa.func.coalesce(PlaceCode.expires_at > (at or now()), sa.true())


def find(session: Session, said: str) -> Found | None:
    """The code of this scene or payload, also one that is no longer used; None for one that never was.

    A code of a closed place leads to the one that goes on with its work.
    """
    scene = scene_in(said) if len(said) == PAYLOAD else said
    if scene is None:
        return None
    code = session.scalar(sa.select(PlaceCode).where(PlaceCode.scene == scene))
    if code is None:
        return None
    area = session.get_one(Area, code.area_id)
    if area.closed_at is not None and area.successor_id is not None:
        area = session.get_one(Area, area.successor_id)
    return Found(code, area, is_used(code))


def by_scene(session: Session, said: str) -> Area | None:
    """The place that a scene or payload stands for; None for one that is unknown, revoked or expired."""
    found = find(session, said)
    return found.area if found and found.is_used else None


def make_codes(session: Session) -> int:
    """Give every open area that has no living code of any sort a new one, on the record as the command
    line's. Returns how many were made."""
    lock(session)
    known = sa.select(PlaceCode.area_id).where(living())
    open_areas = sa.select(Area).where(Area.closed_at.is_(None), Area.id.not_in(known))
    areas = session.scalars(open_areas.order_by(Area.id)).all()
    made = [PlaceCode(area_id=area.id, carrier=Carrier.ACCOUNT, scene=random_scene()) for area in areas]
    session.add_all(made)
    session.flush()
    after = {"carrier": Carrier.ACCOUNT.value}
    changes.record(
        session,
        COMMAND_LINE,
        [
            Entry(Did.ADDED, "place_codes", code.id, area.name, area.id, after=after)
            for code, area in zip(made, areas, strict=True)
        ],
    )
    return len(made)


def lock(session: Session) -> None:
    """Whoever makes codes waits for who makes some now: both would find the same places without one."""
    session.execute(sa.text("SELECT pg_advisory_xact_lock(hashtextextended('place_codes', 0))"))


def today() -> date:
    """The day in Shanghai, by which scans are counted."""
    return local(now()).date()


def count(session: Session, code_id: int, *, scans: int = 0, far: int = 0) -> None:
    """Add to what is known of today's scans of this code."""
    added = insert(CodeScans).values(code_id=code_id, day=today(), scans=scans, far=far)
    more = {"scans": CodeScans.scans + added.excluded.scans, "far": CodeScans.far + added.excluded.far}
    session.execute(added.on_conflict_do_update(index_elements=["code_id", "day"], set_=more))


def note_position(session: Session, code_id: int, point: positions.Point) -> bool:
    """Count a report that came by this code from further than FAR from its place. The point is WGS-84.

    Call it once for a case, when its position becomes known. Returns whether it was far away; a place
    without a position of its own has nothing near or far.
    """
    area_id = sa.select(PlaceCode.area_id).where(PlaceCode.id == code_id).scalar_subquery()
    place = session.scalars(sa.select(Area).where(Area.id == area_id)).one()
    if place.latitude is None or place.longitude is None:
        return False
    is_far = positions.distance_m((place.latitude, place.longitude), point) > FAR
    if is_far:
        count(session, code_id, far=1)
    return is_far


def days_of(session: Session, code_id: int, since: date) -> Sequence[CodeScans]:
    """The days since then on which this code was scanned, oldest first."""
    wanted = (CodeScans.code_id == code_id, CodeScans.day >= since)
    return session.scalars(sa.select(CodeScans).where(*wanted).order_by(CodeScans.day)).all()
