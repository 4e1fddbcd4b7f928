"""What can be done to a case. The only code that writes Case.status after it was opened."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session, joinedload

from backend.cases import audience, deadlines, surveys, workflow
from backend.cases.intake import summary
from backend.cases.models import Attachment, Case, CaseEvent, Category, Survey
from backend.cases.workflow import Action, Audience, Given, Rule, Status
from backend.errors import Conflict, Forbidden, NotFound, TooMany
from backend.notify import service as notify
from backend.notify.messages import Message
from backend.places.models import Area, Post, Unit
from backend.places.roles import Role
from backend.places.scope import roles_over
from backend.times import now, spoken, stamp

URGE_EVERY = timedelta(minutes=30)
INTERNAL = workflow.UNTOLD | {Action.ASSIGN, Action.SEND_BACK}  # steps whose note is between officers


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
    case = _lock(session, number, actor)
    role = workflow.acting_role(action, actor.roles_over(case))
    return _step(session, case, action, role, actor, given, at or now())


def _step(
    session: Session, case: Case, action: Action, role: Role, actor: Actor, given: Given, moment: datetime
) -> Case:
    rule = workflow.check(case.status, action, role, given)
    event = _event(case, action, rule, role, actor, given, moment)
    EFFECTS.get(action, _nothing)(session, case, given, moment)
    session.add(event)  # only now: an effect may refuse the step, and then nothing of it may remain
    _move(session, case, rule, moment)
    deadlines.turn(session, case, action, moment)
    session.flush()
    _tell(session, case, rule, event, moment)
    return case


def _lock(session: Session, number: str, actor: Actor) -> Case:
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
    if rule.stamps:
        setattr(case, rule.stamps, at)
    if rule.target is None:
        return
    case.status = rule.target
    if rule.target is Status.CLOSED:
        case.closed_at = case.fed_back_at = at
        surveys.plan(session, case, at)


def _nothing(session: Session, case: Case, given: Given, at: datetime) -> None:
    """Most steps change nothing but what their row of the table says."""


def _assign(session: Session, case: Case, given: Given, at: datetime) -> None:
    unit = session.get(Unit, given.unit_id)
    if unit is None:
        raise NotFound("没有这个单位")
    if case.status is Status.ASSIGNED and case.unit_id == unit.id:
        raise Conflict(f"这件事已经派给“{unit.name}”了，正在等签收")
    case.unit_id = unit.id


def _classify(session: Session, case: Case, given: Given, at: datetime) -> None:
    case.category_id = given.category_id


def _send_back(session: Session, case: Case, given: Given, at: datetime) -> None:
    """The unit has it no longer: it neither sees the case nor hears of it until it is assigned again."""
    case.unit_id = None


def _resolve(session: Session, case: Case, given: Given, at: datetime) -> None:
    case.answer = given.note.strip()
    case.outcome = given.outcome or workflow.Outcome.SOLVED


def _reopen(session: Session, case: Case, given: Given, at: datetime) -> None:
    surveys.expire_open(session, case)
    case.round += 1
    case.resolved_at = case.confirmed_at = case.fed_back_at = case.closed_at = None
    case.outcome = None


def _urge(session: Session, case: Case, given: Given, at: datetime) -> None:
    if case.urged_at is not None and at - case.urged_at < URGE_EVERY:
        raise TooMany("刚刚已经催过了，负责的单位正在处理，请半小时后再催")
    case.urged += 1
    case.urged_at = at


EFFECTS = {
    Action.CLASSIFY: _classify,
    Action.ASSIGN: _assign,
    Action.SEND_BACK: _send_back,
    Action.RESOLVE: _resolve,
    Action.RESOLVE_ON_SPOT: _resolve,
    Action.REOPEN: _reopen,
    Action.URGE: _urge,
}


def _tell(session: Session, case: Case, rule: Rule, event: CaseEvent, at: datetime) -> None:
    """Owe what the row says, but nothing to whoever took the step: they were answered on the spot."""
    for who, message in rule.tells:
        if who is Audience.RESIDENT and event.resident_id is not None:
            continue
        note = "" if who is Audience.RESIDENT and not event.public else event.note
        cause = f"{message}:{event.id}"
        tell(session, case, who, message, cause, note=note, at=at, but=event.officer_id)


def tell(
    session: Session,
    case: Case,
    who: Audience,
    message: Message,
    cause: str,
    *,
    note: str,
    at: datetime,
    but: int | None = None,
) -> None:
    """Owe one message about a case to everyone in the audience but one. `cause` makes it owed once."""
    key = f"case:{case.id}:{cause}"
    fields = fields_of(session, case, note, at)
    if who is not Audience.RESIDENT:
        officers = [officer for officer in audience.officers(session, who, case.id) if officer != but]
        notify.owe(session, message, key, fields, officers=officers)
    elif case.resident_id is not None:
        notify.owe(session, message, key, fields, residents=[case.resident_id])


def fields_of(session: Session, case: Case, note: str, at: datetime) -> dict[str, Any]:
    """What a message about this case may say (see notify/messages.py)."""
    unit = session.get(Unit, case.unit_id) if case.unit_id else None
    return {
        "number": case.number,
        "urgent": "1" if case.urgent else "",
        "place": session.get_one(Area, case.place_id).name,
        "summary": summary(case.report),
        "at": stamp(at),
        "until": spoken(case.due_at, at) if case.due_at else "",
        "note": note,
        "answer": case.answer or "",
        "who": unit.name if unit else "工作人员",
    }


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
    case = _lock(session, number, actor)
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


def answer_survey(session: Session, survey: Survey, actor: Actor, at: datetime | None = None) -> None:
    """After an answer: "not solved" or "dissatisfied" brings the case back, with a new round.

    What is said of an earlier round changes nothing in this one.
    """
    moment = at or now()
    case = session.get_one(Case, survey.case_id, with_for_update=True, populate_existing=True)
    if survey.round != case.round:
        return
    if surveys.is_bad(survey):
        if case.status in workflow.RULES[Action.REOPEN].sources:
            perform(
                session, case.number, Action.REOPEN, actor, Given(note=surveys.complaint(survey)), at=moment
            )
    elif case.confirmed_at is None and survey.solved:
        case.confirmed_at = moment
