"""Evidence that units bring: photos, kept by their content's hash, a few for each unit."""

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from backend.cases.attachments import PHOTOS, Photo
from backend.errors import Conflict
from backend.orders.models import OrderPhoto, OrderUnit


def attach(
    session: Session, part: OrderUnit, officer_id: int | None, photos: Sequence[Photo], at: datetime
) -> None:
    """Add photos to a unit's part, whose order is held; the same photo again is the one that is there.

    Raises Conflict when the unit has brought enough.
    """
    if not photos:
        return
    own = sa.select(OrderPhoto.sha256).where(OrderPhoto.order_unit_id == part.id)
    there = set(session.scalars(own))
    if len(there | {photo.sha256 for photo in photos}) > PHOTOS:
        raise Conflict(f"每个单位最多传 {PHOTOS} 张照片，已经够了")
    rows = [
        {"order_id": part.order_id, "order_unit_id": part.id, "officer_id": officer_id, "created_at": at}
        | vars(photo)
        for photo in photos
    ]
    session.execute(insert(OrderPhoto).values(rows).on_conflict_do_nothing())


def is_there(session: Session, order_id: int) -> bool:
    """Whether any unit has brought a photo: what "solved in fact" rests on."""
    found = sa.select(OrderPhoto.id).where(OrderPhoto.order_id == order_id).limit(1)
    return session.scalar(found) is not None
