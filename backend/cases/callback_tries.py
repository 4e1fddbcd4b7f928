"""The tries of a telephone callback: which one goes on, when nobody picked up, and who may call now."""

from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from backend.cases.callback_models import CallAttempt, CallbackState, Heard, PhoneCallback
from backend.cases.survey_models import Survey
from backend.errors import Conflict
from backend.places.models import Officer
from backend.times import spoken

CORRECTED_WITHIN = timedelta(minutes=10)
WRONG_TAPS = (CallbackState.REFUSED, CallbackState.WRONG_NUMBER)  # from which nothing has followed yet


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


def correctable(
    session: Session, callback: PhoneCallback, officer_id: int | None, at: datetime
) -> CallAttempt | None:
    """The try with which this officer has just ended the callback, if that may have been a wrong tap."""
    if callback.state not in WRONG_TAPS:
        return None
    own = sa.select(CallAttempt).where(CallAttempt.callback_id == callback.id)
    last = session.scalar(
        own.where(CallAttempt.ended_at.is_not(None)).order_by(CallAttempt.id.desc()).limit(1)
    )
    if last is None or last.ended_at is None or last.officer_id != officer_id:
        return None
    return last if at - last.ended_at <= CORRECTED_WITHIN else None


def must_wait(session: Session, callback: PhoneCallback) -> None:
    """Raises Conflict that says how it ended."""
    if callback.state is not CallbackState.WAITING:
        via = session.scalar(sa.select(Survey.via).where(Survey.id == callback.survey_id))
        raise Conflict(f"这个回访已经结束了（{callback.state_label(via)}），不用再打")


def must_be_free(session: Session, callback: PhoneCallback, officer_id: int | None, at: datetime) -> None:
    if callback.is_held(at) and callback.officer_id != officer_id:
        holder = session.get_one(Officer, callback.officer_id)
        raise Conflict(f"{holder.name}正在打这个电话，请打别的")


def must_be_apart(session: Session, callback: PhoneCallback, at: datetime) -> None:
    """Raises Conflict within two hours after a try, unless they asked for this time themselves."""
    if is_tried(session, callback) and callback.next_at > at:
        raise Conflict(f"刚刚打过，请{spoken(callback.next_at, at)}再打")
