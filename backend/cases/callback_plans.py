"""Who is called: made when a survey falls due or was never answered, ended when there is no need any more.

One statement for a whole batch of surveys; a round of a case that has a callback gets no second one.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, LiteralString

import sqlalchemy as sa
from sqlalchemy.orm import Session

from backend.cases import callback_samples
from backend.cases.callback_models import HELD, CallbackState, PhoneCallback
from backend.cases.models import Case
from backend.cases.survey_models import Survey
from backend.config import config

# Plain SQL for orders and contacts: cases know nothing of orders. A case that was merged into the one under
# the order was carried out with it. Who has refused lately is left in peace.
_ORDERED: LiteralString = """EXISTS (SELECT FROM order_cases oc JOIN orders o ON o.id = oc.order_id
                WHERE oc.case_id IN (c.id, c.master_id) AND o.wants_callback
                    AND o.approved_at IS NOT NULL)"""
ORDERED = sa.text(f"SELECT {_ORDERED} FROM cases c WHERE c.id = :case_id")
PLAN = sa.text(f"""
    INSERT INTO phone_callbacks (case_id, round, survey_id, resident_id, why, seed, percent, place_id,
        district_id, subdistrict_id, community_id, zone_id, grid_id, next_at, until_at, created_at)
    SELECT s.case_id, s.round, s.id, s.resident_id,
        CASE WHEN given.percent IS NOT NULL THEN 'sampled' WHEN known.ordered THEN 'ordered'
            ELSE 'no_wechat' END,
        CASE WHEN given.percent IS NOT NULL THEN :seed END, given.percent, c.place_id,
        c.district_id, c.subdistrict_id, c.community_id, c.zone_id, c.grid_id, :at, :until, :at
    FROM unnest(CAST(:ids AS bigint[]), CAST(:percents AS smallint[])) given(id, percent)
    JOIN surveys s ON s.id = given.id
    JOIN cases c ON c.id = s.case_id
    JOIN residents r ON r.id = s.resident_id AND r.phone IS NOT NULL
    CROSS JOIN LATERAL (
        SELECT EXISTS (SELECT FROM contacts t WHERE t.resident_id = r.id AND t.follows) AS follows,
            {_ORDERED} AS ordered) known
    WHERE (given.percent IS NOT NULL OR known.ordered OR NOT known.follows)
        AND NOT EXISTS (
            SELECT FROM phone_callbacks p
            WHERE p.resident_id = r.id AND p.state = 'refused' AND p.ended_at > :rested)
    ORDER BY s.id
    ON CONFLICT (case_id, round) DO NOTHING""")
SPOKEN_FOR = (CallbackState.WAITING, CallbackState.REFUSED)


def is_ordered(session: Session, case: Case) -> bool:
    """Whether the order under which this case was carried out asks for a callback."""
    return bool(session.scalar(ORDERED, {"case_id": case.id}))


def plan(session: Session, survey_ids: Sequence[int], at: datetime) -> None:
    """Of the surveys that are due: whoever has no WeChat, or whose order asks for it, is called."""
    _plan(session, survey_ids, [None] * len(survey_ids), at)


def plan_sample(session: Session, survey_ids: Sequence[int], at: datetime) -> None:
    """Of the surveys that nobody answered: the sample is called."""
    found = callback_samples.drawn(session, survey_ids, at) if survey_ids else {}
    _plan(session, list(found), list(found.values()), at)


def _plan(session: Session, ids: Sequence[int], percents: Sequence[int | None], at: datetime) -> None:
    if not ids:
        return
    given: dict[str, Any] = {
        "ids": list(ids),
        "percents": list(percents),
        "seed": callback_samples.seed_of(at),
        "at": at,
        "until": at + timedelta(days=config.callback_days_open),
        "rested": at - timedelta(days=config.callback_rest_days),
    }
    session.execute(PLAN, given)


def spoken_for(session: Session, survey_ids: Sequence[int]) -> set[int]:
    """The surveys about which nothing is written: somebody will call, or was told to leave it."""
    if not survey_ids:
        return set()
    own = sa.select(PhoneCallback.survey_id).where(PhoneCallback.survey_id.in_(survey_ids))
    return set(session.scalars(own.where(PhoneCallback.state.in_(SPOKEN_FOR))))


def awaited(session: Session, survey_ids: Sequence[int]) -> dict[int, datetime]:
    """Until when somebody may still call about these surveys: as long they can be answered."""
    own = sa.select(PhoneCallback.survey_id, PhoneCallback.until_at).where(
        PhoneCallback.survey_id.in_(survey_ids), PhoneCallback.state == CallbackState.WAITING
    )
    return {survey_id: until for survey_id, until in session.execute(own)}


def end_answered(session: Session, survey: Survey, at: datetime) -> None:
    """They have answered by themselves: nobody need call about this round any more."""
    _end(session, PhoneCallback.survey_id == survey.id, CallbackState.REPLIED, at)


def end_reopened(session: Session, case: Case, at: datetime) -> None:
    """The case is worked on again: what there was to ask about it will be asked of the next round."""
    _end(session, PhoneCallback.case_id == case.id, CallbackState.REOPENED, at)


def _end(session: Session, which: sa.ColumnElement[bool], state: CallbackState, at: datetime) -> None:
    waiting = PhoneCallback.state == CallbackState.WAITING
    session.execute(sa.update(PhoneCallback).where(which, waiting).values(state=state, ended_at=at))


def end_late(session: Session, at: datetime, limit: int) -> int:
    """End what could be called until now, but nobody is calling. Returns how many there were. Cost: what
    is due."""
    is_free = PhoneCallback.taken_at.is_(None) | (PhoneCallback.taken_at <= at - HELD)
    waiting = PhoneCallback.state == sa.literal_column("'waiting'")
    late = (
        sa.select(PhoneCallback)
        .where(PhoneCallback.until_at <= at, waiting, is_free)
        .order_by(PhoneCallback.until_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    found = session.scalars(late).all()
    for callback in found:
        callback.state = CallbackState.UNREACHED if callback.tries else CallbackState.UNCALLED
        callback.ended_at = at
    return len(found)
