"""Reading telephone callbacks: the worklist of an area, how much there is of it, and what became of one."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, time

import sqlalchemy as sa
from sqlalchemy.orm import Session, aliased, joinedload

from backend.cases import callback_hours, survey_policies
from backend.cases.callback_models import CALLED, HELD, CallAttempt, CallbackState, PhoneCallback
from backend.cases.callbacks import callers
from backend.cases.models import Case
from backend.cases.survey_models import Survey, SurveyAnswer
from backend.cases.survey_policies import Terms
from backend.places.models import Area, Officer, Post
from backend.places.scope import visible
from backend.times import SHANGHAI, local

PAGE = 20
C = PhoneCallback
WAITS = C.state == sa.literal_column("'waiting'")
Key = tuple[datetime, int]


@dataclass(frozen=True)
class Line:
    """A callback as the list shows it; `state` in words, `holder` has it in hand now, `opens_at` is when it
    may be dialled."""

    row: PhoneCallback
    case: Case
    place: str
    state: str
    holder: str
    opens_at: datetime

    @property
    def key(self) -> Key:
        return self.row.next_at, self.row.id


@dataclass(frozen=True)
class Counts:
    """How many are to be called now (the list of these), how many of all that wait were tried before, how
    many ended today after somebody had called."""

    due: int
    tried: int
    done: int


@dataclass(frozen=True)
class Try:
    """One try with who made it."""

    row: CallAttempt
    who: str


VIEWS: dict[str, tuple[str, Callable[[datetime, int | None], sa.ColumnElement[bool]]]] = {
    "due": ("该打的", lambda at, officer_id: WAITS & (C.next_at <= at) & ~_held(at)),
    "mine": ("我在打的", lambda at, officer_id: WAITS & (C.officer_id == officer_id)),
    "later": ("以后再打", lambda at, officer_id: WAITS & (C.next_at > at) & ~_held(at)),
    "done": ("结束的", lambda at, officer_id: C.state != CallbackState.WAITING),
}


def _held(at: datetime) -> sa.ColumnElement[bool]:
    """Whether somebody has it in hand."""
    return C.taken_at.is_not(None) & (C.taken_at > at - HELD)


def page(
    session: Session,
    posts: Sequence[Post],
    view: str,
    at: datetime,
    *,
    officer_id: int | None = None,
    after: Key | None = None,
) -> list[Line]:
    """A page of a view: what waits in its turn, what is over with the newest first. Two queries, and one more
    where survey_policies.read has it."""
    holder, is_over = aliased(Officer), view == "done"
    query = (
        sa.select(C, Case, Area.name, Survey.via, sa.case((_held(at), holder.name)))
        .join(Case, Case.id == C.case_id)
        .join(Area, Area.id == C.place_id)
        .join(Survey, Survey.id == C.survey_id)
        .outerjoin(holder, holder.id == C.officer_id)
        .where(visible(callers(posts), C), VIEWS[view][1](at, officer_id))
    )
    if after is not None:
        query = query.where(C.id < after[1] if is_over else sa.tuple_(C.next_at, C.id) > sa.tuple_(*after))
    ordered = (C.id.desc(),) if is_over else (C.next_at, C.id)
    rows = session.execute(query.order_by(*ordered).limit(PAGE))
    rules = survey_policies.read(session)
    return [
        Line(row, case, place, row.state_label(via), name or "", _opens(row, rules.terms(case), view, at))
        for row, case, place, via, name in rows
    ]


def _opens(row: PhoneCallback, terms: Terms, view: str, at: datetime) -> datetime:
    """Whoever has it in hand may have called already, and need not wait for the next turn."""
    return callback_hours.opens(at if view == "mine" else max(row.next_at, at), terms.hours)


def counts(session: Session, posts: Sequence[Post], at: datetime) -> Counts:
    """The figures above the list (two queries): of what waits, and of what was called and ended since
    midnight."""
    own = visible(callers(posts), C)
    midnight = datetime.combine(local(at).date(), time.min, SHANGHAI)
    count = sa.func.count
    due, tried = session.execute(
        sa.select(count().filter((C.next_at <= at) & ~_held(at)), count().filter(C.tries > 0)).where(
            own, WAITS
        )
    ).one()
    done = session.scalar(sa.select(count()).where(own, C.ended_at >= midnight, C.state.in_(CALLED))) or 0
    return Counts(due, tried, done)


def tries(session: Session, callback_ids: Sequence[int]) -> dict[int, list[Try]]:
    """Every try of these callbacks, by the callback's id, the first one first (one query)."""
    rows = session.execute(
        sa.select(CallAttempt, Officer.name)
        .join(Officer, Officer.id == CallAttempt.officer_id)
        .where(CallAttempt.callback_id.in_(callback_ids))
        .order_by(CallAttempt.id)
    )
    found: dict[int, list[Try]] = {one: [] for one in callback_ids}
    for row, name in rows:
        found[row.callback_id].append(Try(row, name))
    return found


def answers(session: Session, callback: PhoneCallback) -> dict[int, SurveyAnswer]:
    """What was answered in a try, by the try's id (one query)."""
    same = (SurveyAnswer.officer_id == CallAttempt.officer_id) & (
        SurveyAnswer.created_at == CallAttempt.ended_at
    )
    wanted = sa.select(CallAttempt.id, SurveyAnswer).join(SurveyAnswer, same)
    own = (CallAttempt.callback_id == callback.id, SurveyAnswer.survey_id == callback.survey_id)
    return {try_id: row for try_id, row in session.execute(wanted.where(*own))}


def of_case(session: Session, case_id: int) -> list[PhoneCallback]:
    """The callbacks about a case with their surveys, round by round (one query)."""
    own = sa.select(C).where(C.case_id == case_id).options(joinedload(C.survey))
    return list(session.scalars(own.order_by(C.round)))
