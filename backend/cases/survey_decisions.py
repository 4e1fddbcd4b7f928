"""Deciding about a bad answer (回访复核): bring the case back, with a supervision or a leader in charge, or
uphold what was done with a reason that the resident reads. Each is a step on the case and ends the review."""

from collections.abc import Container, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy.orm import Session, joinedload

from backend.cases import hard_cases, leaders, service, supervisions, survey_reviews, workflow
from backend.cases.models import Case
from backend.cases.service import Actor
from backend.cases.survey_models import ReviewState, Survey, SurveyReview
from backend.cases.workflow import Action, Given
from backend.db import one_of
from backend.errors import Conflict, Forbidden, Invalid, NotFound
from backend.places.models import Officer
from backend.places.roles import Role
from backend.places.scope import visible
from backend.times import now

PAGE = 30
DECIDERS = frozenset(workflow.RULES[Action.UPHOLD].roles)
NOT_FOUND = "没有这条回访复核"


class Decision(StrEnum):
    REOPEN = "reopen"
    SUPERVISE = "supervise"
    CHARGE = "charge"
    UPHOLD = "uphold"


DECISION_LABELS = {
    Decision.REOPEN: "重新办理",
    Decision.SUPERVISE: "重新办理，并督办原单位",
    Decision.CHARGE: "重新办理，由我包案",
    Decision.UPHOLD: "维持原结果，向居民说明",
}


@dataclass(frozen=True)
class Line:
    """A review as it is read: with its case, its survey as it stands now, and who decided."""

    row: SurveyReview
    decided_by: str

    @property
    def case(self) -> Case:
        return self.row.case

    def is_late(self, at: datetime) -> bool:
        return self.row.state is ReviewState.OPEN and self.row.due_at is not None and self.row.due_at < at


def decide(
    session: Session,
    review_id: int,
    actor: Actor,
    decision: Decision,
    words: str,
    until: datetime | None = None,
    at: datetime | None = None,
) -> Case:
    """Decide about a bad answer in these words; `until` is when the unit of a supervision has to answer.

    Raises NotFound, Forbidden for who may not (a leader's is a leader's), Conflict when it is decided
    already, Invalid without words or time, and whatever service.perform raises.
    """
    moment = at or now()
    row, case = _lock(session, review_id, actor)
    _check(session, row, case, actor, decision)
    if not words.strip():
        raise Invalid("请写明理由")
    survey_reviews.keep_whole(session, session.get_one(Survey, row.survey_id))
    if decision is Decision.UPHOLD:
        return service.perform(session, case.number, Action.UPHOLD, actor, Given(note=words), at=moment)
    if decision is Decision.SUPERVISE:
        supervisions.check(words, until or moment, moment)
    unit_id = case.unit_id
    service.perform(session, case.number, Action.REOPEN, actor, Given(note=row.complaint), at=moment)
    row.decision = words.strip()  # among officers: the resident reads the step's note, their own complaint
    session.flush()
    if decision is Decision.SUPERVISE and unit_id is not None and until is not None:
        supervisions.issue(session, case.number, actor, unit_id, words, until, moment)
    if decision is Decision.CHARGE:
        hard_cases.take_charge(session, case.number, actor, actor.officer_id or 0, words, moment)
    return case


def offered(session: Session, lines: Sequence[Line], actor: Actor) -> dict[int, list[Decision]]:
    """What this officer may decide about each that is open, by the review's id (one query at most)."""
    kept = survey_reviews.leaders_own(session, [(line.row, line.case) for line in lines])
    return {line.row.id: _may(line.row, line.case, actor, kept) for line in lines}


def page(
    session: Session,
    actor: Actor,
    state: ReviewState = ReviewState.OPEN,
    after: tuple[datetime, int] | None = None,
    limit: int = PAGE,
) -> list[Line]:
    """Reviews of the cases that this officer may see (one query): what is open soonest due first, after what
    was seen last; what is decided newest first, before it. `after` is (due_at or created_at, id)."""
    is_open = state is ReviewState.OPEN
    moment = SurveyReview.due_at if is_open else SurveyReview.created_at
    key, own = sa.tuple_(moment, SurveyReview.id), one_of(SurveyReview.state, [state])
    query = (
        sa.select(SurveyReview, Officer.name)
        .join(Case, Case.id == SurveyReview.case_id)
        .outerjoin(Officer, Officer.id == SurveyReview.decided_by)
        .where(visible(actor.posts, Case), own)
        .options(
            joinedload(SurveyReview.survey),
            joinedload(SurveyReview.case).options(joinedload(Case.place), joinedload(Case.unit)),
        )
    )
    if after is not None:
        seen = sa.tuple_(sa.literal(after[0]), sa.literal(after[1]))
        query = query.where(key > seen if is_open else key < seen)
    order = (moment, SurveyReview.id) if is_open else (moment.desc(), SurveyReview.id.desc())
    rows = session.execute(query.order_by(*order).limit(limit))
    return [Line(row, name or "") for row, name in rows]


def _lock(session: Session, review_id: int, actor: Actor) -> tuple[SurveyReview, Case]:
    """The review, its case held before it, if the case is theirs to see."""
    case_id = session.scalar(sa.select(SurveyReview.case_id).where(SurveyReview.id == review_id))
    if case_id is None:
        raise NotFound(NOT_FOUND)
    case = session.get_one(Case, case_id, with_for_update=True, populate_existing=True)
    if actor.officer_id is None or not actor.roles_over(case):
        raise NotFound(NOT_FOUND)
    return session.get_one(SurveyReview, review_id, with_for_update=True, populate_existing=True), case


def _check(session: Session, row: SurveyReview, case: Case, actor: Actor, decision: Decision) -> None:
    workflow.acting_role(Action.UPHOLD, actor.roles_over(case))
    if row.state is not ReviewState.OPEN:
        raise Conflict(f"这条回访复核已经有结果了：{survey_reviews.STATE_LABELS[row.state]}")
    if decision in _may(row, case, actor, survey_reviews.leaders_own(session, [(row, case)])):
        return
    if decision is Decision.CHARGE:
        raise Forbidden("包案的应当是这个地方或上级的书记、领导")
    if decision is Decision.SUPERVISE and case.unit_id is None:
        raise Invalid("这件事现在没有承办单位，不能督办，请选“重新办理”")
    raise Forbidden(survey_reviews.FOR_LEADERS)


def _may(row: SurveyReview, case: Case, actor: Actor, kept: Container[int]) -> list[Decision]:
    """`kept` has the ids of the reviews that a leader keeps for themselves."""
    roles = actor.roles_over(case)
    if row.state is not ReviewState.OPEN or roles.isdisjoint(DECIDERS):
        return []
    if row.id in kept and Role.LEADER not in roles:
        return []
    leads = not roles.isdisjoint(leaders.LEADERS)
    known = {Decision.SUPERVISE: case.unit_id is not None, Decision.CHARGE: leads}
    return [decision for decision in Decision if known.get(decision, True)]
