"""Reviews of bad answers (回访复核): begun when one comes, ended by the step that somebody takes then.

What follows a bad answer is a step on the case (service.py); here is the row, and who is told of it. The time
that a review has is a clock of the case like any other (clocks.py).
"""

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from backend.cases import audience, deadlines, ladders, leaders, surveys, telling
from backend.cases.deadline_models import Clock
from backend.cases.ladders import Group
from backend.cases.models import Case, CaseEvent
from backend.cases.survey_models import Follow, ReviewState, Survey, SurveyReview
from backend.cases.survey_policies import LEADERS_ROUND, Terms
from backend.cases.workflow import RULES, UNSOLVED, Action, Audience, Status
from backend.errors import Conflict, Forbidden
from backend.notify import service as notify
from backend.notify.messages import Message
from backend.places.roles import Role
from backend.times import spoken

STATE_LABELS = {
    ReviewState.OPEN: "待复核",
    ReviewState.REOPENED: "已重新办理",
    ReviewState.UPHELD: "维持原结果",
    ReviewState.TAKEN_BACK: "居民改了评价",
}
# What holds once a bad answer has become a good one, for the resident and for who has the case.
HOLDS = {
    ReviewState.TAKEN_BACK: "这件事不再重新办理",
    ReviewState.REOPENED: "这件事已经有人在重新办理，会接着办完",
}
NO_REVIEW = "督查人员不再核查这件事"  # where that was what a bad answer had brought
STEPS = {Follow.REOPEN: Action.REOPEN, Follow.REVIEW: Action.DISSENT}
BY_RESIDENT = {
    ReviewState.REOPENED: "居民自己要求重新办理",
    ReviewState.TAKEN_BACK: "居民改了评价，当时还没有人决定",
}
BEFORE_ANYBODY = "居民改了评价，当时还没有人重新办理，已经结案"
NONE_OPEN = "这件事没有要复核的回访意见"
FOR_LEADERS = "办了三次以上，居民仍不认可：请领导决定，督查专员不能代替"


def follow(session: Session, survey: Survey, case: Case, terms: Terms, *, solved: bool) -> Follow | None:
    """What a bad answer brings as things stand: perhaps a review that is open already.

    None: it is written down and told to the unit, no more. The case is at work again, or what was done was
    upheld by a review."""
    found = terms.follow(solved, survey.round)
    if survey.round != case.round or case.status not in RULES[STEPS[found]].sources:
        return None
    if found is Follow.REVIEW and state_of(session, survey.id) is ReviewState.UPHELD:
        return None
    return found


def state_of(session: Session, survey_id: int) -> ReviewState | None:
    """How the review of a survey's answer stands; None where there was none."""
    return session.scalar(sa.select(SurveyReview.state).where(SurveyReview.survey_id == survey_id))


def after_all(session: Session, survey: Survey) -> str:
    """What holds now that this answer is a good one; empty where it never was a bad one, where what was done
    has been upheld, and once the case has gone on to where it holds no longer."""
    own = sa.select(SurveyReview).where(SurveyReview.survey_id == survey.id)
    row = None if surveys.is_bad(survey) else session.scalar(own.execution_options(populate_existing=True))
    if row is None:
        return ""
    case = session.get_one(Case, survey.case_id)
    still = {
        ReviewState.TAKEN_BACK: case.status is Status.CLOSED and case.round == survey.round,
        ReviewState.REOPENED: case.status in UNSOLVED and case.round == survey.round + 1,
    }
    if not still.get(row.state):
        return ""
    return NO_REVIEW if row.state is ReviewState.TAKEN_BACK and row.due_at else HOLDS[row.state]


def keep_whole(session: Session, survey: Survey) -> None:
    """Before a bad answer is decided about, or another takes its place: reasons and words that followed it
    are part of what was complained of, and stay with its review. What was decided stays as it was read."""
    if not surveys.is_bad(survey):
        return
    undecided = (SurveyReview.survey_id == survey.id) & SurveyReview.decided_by.is_(None)
    row = session.scalar(sa.select(SurveyReview).where(undecided))
    said = surveys.complaint(survey)
    if row is not None and said not in row.complaint:
        row.complaint = said if said.startswith(row.complaint) else f"{row.complaint}\n{said}"


def note_taken_back(session: Session, survey: Survey, at: datetime) -> None:
    """A good answer took the place of the bad one in time: there is nothing left to see to."""
    own = sa.update(SurveyReview).where(SurveyReview.survey_id == survey.id)
    decided = {"decided_by": None, "decided_at": at, "decision": BEFORE_ANYBODY}
    session.execute(own.values(state=ReviewState.TAKEN_BACK, **decided))


def note_reopened(session: Session, survey: Survey, case: Case, at: datetime) -> None:
    """A bad answer brought its case back at once: there is nothing to decide, but supervisors see it."""
    _put(session, survey, case, ReviewState.REOPENED, decided_at=at)


def begin(session: Session, survey: Survey, case: Case, at: datetime) -> None:
    """Somebody has to decide about this answer, until its clock runs out; those who may are told."""
    due_at, is_leaders = deadlines.until(session, case, Clock.REVIEW), survey.round >= LEADERS_ROUND
    _put(session, survey, case, ReviewState.OPEN, due_at=due_at, is_leaders=is_leaders, created_at=at)
    session.flush()
    fields = telling.fields_of(session, case, surveys.complaint(survey), at)
    fields["until"] = spoken(due_at, at) if due_at else ""
    for message, officers in _told(session, case, is_leaders=is_leaders).items():
        key = f"{message}:{survey.id}:{at.isoformat()}"
        notify.owe(session, message, key, fields, officers=sorted(officers))


def settle(session: Session, case: Case, event: CaseEvent, state: ReviewState) -> None:
    """A step has decided what was open about this case: an officer's, or the resident's own."""
    decided = {"state": state, "decided_by": event.officer_id, "decided_at": event.created_at}
    words = event.note if event.officer_id else _by_resident(state, event)
    session.execute(
        sa.update(SurveyReview)
        .where(SurveyReview.case_id == case.id, SurveyReview.state == ReviewState.OPEN)
        .values(**decided, decision=words)
    )


def tell_ended(session: Session, case: Case, review: SurveyReview, event: CaseEvent) -> None:
    """Whoever was asked to decide, or heard that somebody else was, need not any more."""
    fields = telling.fields_of(session, case, event.note, event.created_at)
    told = _told(session, case, is_leaders=review.is_leaders).values()
    key = f"{Message.REVIEW_ENDED}:{event.id}"
    notify.owe(session, Message.REVIEW_ENDED, key, fields, officers=sorted(set[int]().union(*told)))


def _by_resident(state: ReviewState, event: CaseEvent) -> str:
    """Why they bring it back is theirs alone to say; what they say now stands beside what they said first."""
    said = event.note if state is ReviewState.REOPENED else ""
    return "：".join(filter(None, (BY_RESIDENT[state], said)))


def open_of(session: Session, case: Case) -> SurveyReview | None:
    """The review of a case that nobody has decided yet."""
    own = (SurveyReview.case_id == case.id) & (SurveyReview.state == ReviewState.OPEN)
    return session.scalars(sa.select(SurveyReview).where(own)).one_or_none()


def check(session: Session, case: Case, event: CaseEvent) -> None:
    """Whoever upholds needs a review that is open, and of a leader's the leader alone decides, as long as
    there is one. Raises Conflict or Forbidden."""
    review = open_of(session, case)
    if review is None and event.action is Action.UPHOLD:
        raise Conflict(NONE_OPEN)
    if review is not None and event.role is not Role.LEADER and leaders_own(session, [(review, case)]):
        raise Forbidden(FOR_LEADERS)


def leaders_own(session: Session, rows: Sequence[tuple[SurveyReview, Case]]) -> set[int]:
    """Of these reviews with their cases, the ids of those that a leader has to decide (one query at most)."""
    wanted = [(row, case) for row, case in rows if row.is_leaders and row.state is ReviewState.OPEN]
    are_led = leaders.are_led(session, [case for _, case in wanted])
    return {row.id for (row, _), is_led in zip(wanted, are_led, strict=True) if is_led}


def _told(session: Session, case: Case, *, is_leaders: bool) -> dict[Message, set[int]]:
    """Who hears of it, and how: those who decide are asked to; where a leader does, supervisors only know."""
    supervisors = set(audience.officers(session, Audience.SUPERVISORS, case.id))
    if not is_leaders or not leaders.are_led(session, [case])[0]:
        return {Message.REVIEW_WANTED: supervisors}
    deciding = set(_leaders(session, case))
    return {Message.REVIEW_FOR_LEADER: deciding, Message.REVIEW_WITH_LEADER: supervisors - deciding}


def _leaders(session: Session, case: Case) -> Sequence[int]:
    """The leader in charge of a case, and those of its area."""
    key = (False, case.id)
    return ladders.people(session, {Group.LEADERS: {key}}).get((Group.LEADERS, key), ())


def _put(session: Session, survey: Survey, case: Case, state: ReviewState, **facts: object) -> None:
    """One for each survey: who changes an answer to and fro comes back to the same. After one that was taken
    back only the new complaint counts."""
    said, before = surveys.complaint(survey), SurveyReview.complaint
    values = {"case_id": case.id, "state": state} | facts
    added = insert(SurveyReview).values(survey_id=survey.id, complaint=said, **values)
    whole = sa.case(
        (SurveyReview.state == ReviewState.TAKEN_BACK, said),
        (sa.func.strpos(before, said) > 0, before),
        else_=before + f"\n{said}",
    )
    anew = {"decided_by": None, "decided_at": None, "decision": "", "due_at": None, "complaint": whole}
    session.execute(added.on_conflict_do_update(index_elements=["survey_id"], set_=anew | values))
