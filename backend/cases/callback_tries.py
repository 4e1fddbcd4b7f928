"""The tries of a telephone callback: which one goes on, and when nobody picked up."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from backend.cases.callback_models import CallAttempt, Heard, PhoneCallback


def begun(session: Session, callback: PhoneCallback, officer_id: int | None) -> CallAttempt | None:
    """The try of which this officer has not said yet what came of it, since they took the callback."""
    if callback.taken_at is None:  # it was given back, or this is the same form again
        return None
    own = sa.select(CallAttempt).where(
        CallAttempt.callback_id == callback.id,
        CallAttempt.officer_id == officer_id,
        CallAttempt.unmasked_at >= callback.taken_at,
    )
    return session.scalar(own.where(CallAttempt.heard.is_(None)).order_by(CallAttempt.id.desc()).limit(1))


def is_tried(session: Session, callback: PhoneCallback) -> bool:
    """Whether anybody has seen the number."""
    own = sa.select(CallAttempt.id).where(CallAttempt.callback_id == callback.id)
    return session.scalar(own.limit(1)) is not None


def unheard(session: Session, callback: PhoneCallback) -> list[datetime]:
    """When nobody picked up."""
    own = sa.select(CallAttempt.unmasked_at).where(CallAttempt.callback_id == callback.id)
    return list(session.scalars(own.where(CallAttempt.heard == Heard.NO_ANSWER)))
