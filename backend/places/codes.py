"""QR codes of places: a random scene stands for each, so that a code says nothing and cannot be guessed."""

import base64
import secrets

import sqlalchemy as sa
from sqlalchemy.orm import Session

from backend.places.models import Area, PlaceCode

# 80 bits are 16 characters of base32; WeChat takes 64 in an account's scene and 32 in a mini program's.
RANDOM_BYTES = 10


def random_scene() -> str:
    """Sixteen characters of a-z and 2-7, from 80 random bits."""
    return base64.b32encode(secrets.token_bytes(RANDOM_BYTES)).decode().lower()


def make_codes(session: Session) -> int:
    """Give every area that has no living code a new one. Returns how many were made."""
    # Two that run at once would both find the same areas without a code: the second waits for the first.
    session.execute(sa.text("SELECT pg_advisory_xact_lock(hashtextextended('place_codes', 0))"))
    living = sa.select(PlaceCode.area_id).where(PlaceCode.revoked_at.is_(None))
    areas = session.scalars(sa.select(Area.id).where(Area.id.not_in(living)).order_by(Area.id))
    codes = [PlaceCode(area_id=area_id, scene=random_scene()) for area_id in areas]
    session.add_all(codes)
    session.flush()
    return len(codes)


def by_scene(session: Session, scene: str) -> Area | None:
    """The place that a scene stands for; None for one that is unknown or was revoked."""
    return session.scalar(
        sa.select(Area)
        .join(PlaceCode, PlaceCode.area_id == Area.id)
        .where(PlaceCode.scene == scene, PlaceCode.revoked_at.is_(None))
    )
