"""What can be done to a case. The only code that writes Case.status after it was opened."""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session, joinedload

from backend.cases import (
    callback_plans,
    deadlines,
    effects,
    kin,
    rounds,
    survey_policies,
    survey_reviews,
    surveys,
    telling,
    workflow,
)
from backend.cases.category_models import Category
from backend.cases.models import Attachment, Case, CaseEvent
from backend.cases.survey_models import Follow, Survey
from backend.cases.workflow import Action, Given, Rule, Status
from backend.errors import Conflict, Forbidden, NotFound
from backend.places.models import Area, Post
from backend.places.roles import Role
from backend.places.scope import roles_over
from backend.times import now

# Steps whose note is between officers.
INTERNAL = workflow.UNTOLD | {
    Action.ASSIGN,
    Action.RETRACT,
    Action.SEND_BACK,
    Action.DISPUTE,
    Action.ARBITRATE,
    Action.SUPERVISE,
    Action.SPLIT,
    Action.MERGE,
    Action.JOIN,
    Action.UNMERGE,
    Action.FIRST_CONTACT,
}


@dataclass(frozen=True)
class Actor:
    """Who takes a step: a resident, an officer with posts, or (neither) the system."""

    resident_id: int | None = None
    officer_id: int | None = None
    posts: tuple[Post, ...] = ()

    def roles_over(self, case: Case) -> set[Role]:
        """In which roles this person may act on this case; empty: it is not theirs to see."""
        if self.officer_id is not None:
            return roles_over(self.posts, case)
        if self.resident_id is not None:
            return {Role.RESIDENT} if case.resident_id == self.resident_id else set()
        return {Role.SYSTEM}


SYSTEM = Actor()


def perform(
    session: Session,
    number: str,
    action: Action,
    actor: Actor,
    given: Given = Given(),  # noqa: B008 - frozen
    *,
    at: datetime | None = None,
) -> Case:
    """Take one step: lock, check, write, add the event, turn the clocks, owe the messages.

    Raises NotFound, Forbidden, Conflict, Invalid or TooMany, each with a Chinese sentence.
    """
    case = lock(session, number, actor)
    meant = workflow.meant(action, case.sent_back)
    role = workflow.acting_role(meant, actor.roles_over(case))
    return _step(session, case, meant, role, actor, given, at or now())


def _step(
    session: Session, case: Case, action: Action, role: Role, actor: Actor, given: Given, moment: datetime
) -> Case:
    rule = workflow.check(case.status, action, role, given)
    former_unit_id = case.unit_id
    event = _event(case, action, rule, role, actor, given, moment)
    effects.apply(session, case, given, event)
    session.add(event)  # only now: an effect may refuse the step, and then nothing of it may remain
    _move(session, case, rule, moment)
    deadlines.turn(session, case, action, moment)
    session.flush()
    telling.tell_all(session, case, rule, event, moment, former_unit_id)
    for step in kin.follows(session, case, action, moment):
        _step(session, step.case, step.action, Role.SYSTEM, SYSTEM, step.given, moment)
    return case


def lock(session: Session, number: str, actor: Actor) -> Case:
    """The case, held until the transaction ends. Raises NotFound or Forbidden when it is not theirs."""
    case = session.scalar(
        sa.select(Case)
        .where(Case.number == number)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    if case is None:
        raise NotFound("没有找到这件诉求")
    if not actor.roles_over(case):
        raise NotFound("没有找到这件诉求") if actor.officer_id is None else Forbidden("这件诉求不归您办理")
    return case


def _event(
    case: Case, action: Action, rule: Rule, role: Role, actor: Actor, given: Given, at: datetime
) -> CaseEvent:
    return CaseEvent(
        case_id=case.id,
        round=case.round,
        action=action,
        role=role,
        officer_id=actor.officer_id,
        resident_id=actor.resident_id if actor.officer_id is None else None,
        unit_id=given.unit_id,
        from_status=case.status,
        to_status=rule.target or case.status,
        note=given.note.strip(),
        public=action not in INTERNAL,
        created_at=at,
    )


def _move(session: Session, case: Case, rule: Rule, at: datetime) -> None:
    rounds.stamp(case, rule, at)
    if rule.target is None:
        return
    case.status = rule.target
    if rule.target is Status.CLOSED and case.closed_at is None:  # what is closed again was asked about then
        case.closed_at = case.fed_back_at = at
        surveys.plan(session, case, at)


def locate(
    session: Session,
    number: str,
    actor: Actor,
    area: Area,
    *,
    latitude: float | None = None,
    longitude: float | None = None,
    address: str | None = None,
) -> Case:
    """Say where a case is after it was opened; the people of that place are then alerted.

    The right to do so comes from where the case was: an officer may send it to where they have no post.
    A position within the place where it is already is something added, and no news to anybody.
    """
    case = lock(session, number, actor)
    is_there = area.id == case.place_id
    action = Action.ADD if is_there else Action.LOCATE
    role = workflow.acting_role(action, actor.roles_over(case))
    workflow.check(case.status, action, role, Given())
    if not is_there:
        _place(case, area)
    if latitude is not None:  # who only names the place does not unsay where on the map it is
        case.latitude, case.longitude = latitude, longitude
    case.address = address or case.address
    session.flush()
    note = address or area.name if is_there else area.name
    return _step(session, case, action, role, actor, Given(note=note), now())


def classify(
    session: Session, number: str, actor: Actor, category_id: int, at: datetime | None = None
) -> Case:
    """Say what a case is about, by an entry of the dictionary as it stands now; the history quotes it.

    Raises as `perform` does, and NotFound for an entry that is not in the dictionary any more.
    """
    category = session.get(Category, category_id)
    if category is None or category.until_id is not None:
        raise NotFound("事件字典里没有这个事项了，请重新选择")
    given = Given(note=category.path, category_id=category.id)
    return perform(session, number, Action.CLASSIFY, actor, given, at=at)


def _place(case: Case, area: Area) -> None:
    case.place_id, case.district_id, case.subdistrict_id = area.id, area.district_id, area.subdistrict_id
    case.community_id, case.zone_id, case.grid_id = area.community_id, area.zone_id, area.grid_id


def has_proof(session: Session, case: Case) -> bool:
    """Whether an officer has attached a photo in this round: what "solved in fact" rests on."""
    found = sa.select(Attachment.id).where(
        Attachment.case_id == case.id, Attachment.round == case.round, ~Attachment.by_resident
    )
    return session.scalar(found.limit(1)) is not None


def find(session: Session, number: str, actor: Actor) -> Case:
    """The case with what its page shows, or NotFound / Forbidden when it is not this person's."""
    case = session.scalar(
        sa.select(Case)
        .where(Case.number == number)
        .options(*(joinedload(to) for to in (Case.place, Case.community, Case.unit, Case.category)))
    )
    if case is None or (not actor.roles_over(case) and actor.officer_id is None):
        raise NotFound("没有找到这件诉求")
    if not actor.roles_over(case):
        raise Forbidden("这件诉求不归您办理")
    return case


def answer_survey(
    session: Session, survey: Survey, actor: Actor, at: datetime | None = None, *, was_bad: bool = False
) -> bool:
    """After an answer: "not solved" or "dissatisfied" brings the case back, with a new round, or before a
    supervisor, as the policy has it. A good one in its place (`was_bad`) closes again what came back, as long
    as nobody has done anything about it, and ends the review that nobody has decided.

    Else what is said of an earlier round changes nothing in this one, and of a review that is open already
    nothing more is begun. Returns whether a step on the case says it.
    """
    moment = at or now()
    callback_plans.end_answered(session, survey, moment)
    case = session.get_one(Case, survey.case_id, with_for_update=True, populate_existing=True)
    is_bad = surveys.is_bad(survey)
    if survey.round != case.round:
        regrets = was_bad and not is_bad and survey.round == case.round - 1
        return regrets and _close_again(session, survey, case, actor, moment)
    if is_bad:
        return _take_bad_answer(session, survey, case, actor, moment)
    if case.confirmed_at is None and survey.solved:
        case.confirmed_at = moment
    return was_bad and _assent(session, survey, case, actor, moment)


def _close_again(session: Session, survey: Survey, case: Case, actor: Actor, at: datetime) -> bool:
    """Where somebody has begun to work on it, it goes on: a call to the resident must not end it unseen."""
    given = Given(note=surveys.in_words(survey))
    try:
        perform(session, case.number, Action.CLOSE_AGAIN, actor, given, at=at)
    except Conflict:
        return False
    case.confirmed_at = case.confirmed_at or at
    survey_reviews.note_taken_back(session, survey, at)
    return True


def _assent(session: Session, survey: Survey, case: Case, actor: Actor, at: datetime) -> bool:
    """Where somebody has decided about the bad answer, that stands."""
    if survey_reviews.open_of(session, case) is None:
        return False
    given = Given(note=f"改了评价：{surveys.in_words(survey)}")
    perform(session, case.number, Action.ASSENT, actor, given, at=at)
    return True


def _take_bad_answer(session: Session, survey: Survey, case: Case, actor: Actor, at: datetime) -> bool:
    given, terms = Given(note=surveys.complaint(survey)), survey_policies.read(session).terms(case)
    follow = survey_reviews.follow(session, survey, case, terms, solved=bool(survey.solved))
    if follow is None or (follow is Follow.REVIEW and survey_reviews.open_of(session, case) is not None):
        return False
    perform(session, case.number, survey_reviews.STEPS[follow], actor, given, at=at)
    begin = survey_reviews.begin if follow is Follow.REVIEW else survey_reviews.note_reopened
    begin(session, survey, case, at)
    return True
