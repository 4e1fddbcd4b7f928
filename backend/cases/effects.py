"""What a step changes beyond what its row of the table says; each may refuse the step instead.

An effect gets the case (held), what was given, and the event as it will be written: it may add to its note.
"""

from collections.abc import Callable
from datetime import timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from backend.cases import (
    callback_plans,
    clock_ledger,
    deadlines,
    dispatch,
    kin,
    replies,
    rounds,
    survey_reviews,
    surveys,
)
from backend.cases.models import Case, CaseEvent, CaseLink
from backend.cases.survey_models import ReviewState
from backend.cases.workflow import UNSOLVED, Action, Given, Outcome, Status
from backend.errors import Conflict, Invalid, NotFound, TooMany
from backend.places.models import Officer, Post, Unit
from backend.places.roles import Role
from backend.places.scope import is_held, is_there
from backend.times import spoken

URGE_EVERY, DAY = timedelta(minutes=30), timedelta(days=1)
URGES_A_DAY = 3  # by residents
Effect = Callable[[Session, Case, Given, CaseEvent], None]


def apply(session: Session, case: Case, given: Given, event: CaseEvent) -> None:
    """Change what this step changes. Raises NotFound, Conflict, Invalid or TooMany.

    Whatever an officer writes where the resident reads it is looked at first.
    """
    if event.public and event.officer_id is not None:
        replies.must_spare_others(session, case, event.note)
    if effect := EFFECTS.get(event.action):
        effect(session, case, given, event)


def _add(session: Session, case: Case, given: Given, event: CaseEvent) -> None:
    """Whatever the resident says is the answer to what they were asked."""
    if event.resident_id is not None and case.question is not None:
        case.replied_at = event.created_at


def _classify(session: Session, case: Case, given: Given, event: CaseEvent) -> None:
    case.category_id = given.category_id


def _claim(session: Session, case: Case, given: Given, event: CaseEvent) -> None:
    """First come, first served; what a colleague has can be had only once they are there no more."""
    if case.handler_id is not None and case.handler_id != event.officer_id:
        holder = session.get_one(Officer, case.handler_id)
        if holder.left_at is None and _is_here(session, holder.id):
            raise Conflict(f"{holder.name}已经接手了这件事")
    if case.handler_id == event.officer_id:
        raise Conflict("这件事已经在您手里了")
    case.handler_id = event.officer_id


def _is_here(session: Session, officer_id: int) -> bool:
    """Whether the officer holds a post and is not away from all of them."""
    held = sa.select(Post.id).where(Post.officer_id == officer_id, is_held(), is_there())
    return session.scalar(held.limit(1)) is not None


def _assign(session: Session, case: Case, given: Given, event: CaseEvent) -> None:
    unit = _unit(session, case, given, event)
    if case.status is Status.ASSIGNED and case.unit_id == unit.id:
        raise Conflict(f"这件事已经派给“{unit.name}”了，正在等签收")
    kin.give(session, case, unit.id)


def _retract(session: Session, case: Case, given: Given, event: CaseEvent) -> None:
    kin.give(session, case, None)


def _send_back(session: Session, case: Case, given: Given, event: CaseEvent) -> None:
    """The unit has it no longer: it neither sees the case nor hears of it until it is assigned again."""
    if case.arbitrated_at is not None:
        raise Conflict("区里已经裁定由贵单位办理，不能再退，请办理")
    unit = _unit(session, case, given, event)
    if unit.id == case.unit_id:
        raise Invalid("建议的责任单位不能是本单位，请另选一个")
    event.note = f"{event.note}\n依据：{given.basis.strip()}\n建议由{unit.name}办理"
    case.sent_back += 1
    kin.give(session, case, None)


def _arbitrate(session: Session, case: Case, given: Given, event: CaseEvent) -> None:
    kin.give(session, case, _unit(session, case, given, event).id)
    case.arbitrated_at = event.created_at


def _unit(session: Session, case: Case, given: Given, event: CaseEvent) -> Unit:
    """The unit that is named, if it may have this case. The system only repeats what somebody has decided."""
    unit = session.get(Unit, given.unit_id)
    if unit is None or unit.closed_at is not None:
        raise NotFound("没有这个单位，或者已经撤销，请重新选择")
    if event.role is not Role.SYSTEM and not dispatch.may_have(session, case, unit):
        raise Invalid("这个单位不管这个地方，请重新选择")
    return unit


def _acknowledge(session: Session, case: Case, given: Given, event: CaseEvent) -> None:
    """Who signs for it has it, but a head signs for whoever will be told to do it."""
    if event.role is not Role.UNIT_HEAD and case.handler_id is None:
        case.handler_id = event.officer_id


def _delegate(session: Session, case: Case, given: Given, event: CaseEvent) -> None:
    officer = _colleague(session, case, given.officer_id)
    if case.handler_id == officer.id:
        raise Conflict(f"这件事已经在{officer.name}手里了")
    case.handler_id = officer.id
    event.note = "。".join(filter(None, (f"交给{officer.name}", event.note)))


def _colleague(session: Session, case: Case, officer_id: int | None) -> Officer:
    in_unit = sa.select(Post.officer_id).where(Post.unit_id == case.unit_id, is_held())
    named = sa.select(Officer).where(Officer.id == officer_id, Officer.id.in_(in_unit))
    officer = session.scalar(named.where(Officer.left_at.is_(None)))
    if officer is None:
        raise NotFound("这位工作人员不在承办单位，请重新选择")
    return officer


def _ask(session: Session, case: Case, given: Given, event: CaseEvent) -> None:
    if case.resident_id is None:
        raise Conflict("这件事没有登记反映人，没有人可以问")
    if clock_ledger.is_asked(case, event.created_at):
        raise Conflict("已经问了居民一个问题，还没有回复；请等回复后再问")
    case.question, case.asked_at, case.replied_at = event.note, event.created_at, None


def _progress(session: Session, case: Case, given: Given, event: CaseEvent) -> None:
    replies.must_say_something(event.note)
    case.answered_at = case.answered_at or event.created_at


def _resolve(session: Session, case: Case, given: Given, event: CaseEvent) -> None:
    if kin.parts_of(session, case, UNSOLVED):
        raise Conflict("拆出去的部分还没有全部办好，请等各单位办好后再汇总答复")
    replies.must_say_something(event.note)
    _answer(session, case, given, event)


def _answer(session: Session, case: Case, given: Given, event: CaseEvent) -> None:
    case.answer = event.note
    case.outcome = given.outcome or Outcome.SOLVED
    case.answered_at = case.answered_at or event.created_at
    case.question = case.asked_at = case.replied_at = None


def _reject(session: Session, case: Case, given: Given, event: CaseEvent) -> None:
    replies.must_say_something(event.note)


def _withdraw(session: Session, case: Case, given: Given, event: CaseEvent) -> None:
    """What runs goes on with the member that takes its place (kin.py): nobody wins time by it."""
    if kin.parts_of(session, case, (Status.IN_PROGRESS,)):
        raise Conflict("已经有单位在办这件事的一部分，不能撤回了")
    for heir in kin.members_of(session, case)[:1]:
        deadlines.move(session, case, heir, event.created_at)


def _reopen(session: Session, case: Case, given: Given, event: CaseEvent) -> None:
    if event.officer_id is not None:
        survey_reviews.check(session, case, event)
    surveys.expire_open(session, case)
    callback_plans.end_reopened(session, case, event.created_at)
    survey_reviews.settle(session, case, event, ReviewState.REOPENED)
    rounds.begin(case)


def _close_again(session: Session, case: Case, given: Given, event: CaseEvent) -> None:
    """The step belongs to the round that it closes: to the resident there was no other."""
    if not rounds.is_untouched(session, case):
        raise Conflict("已经有人在重新办理这件事，不能直接结案")
    rounds.take_back(case, event.created_at)
    event.round = case.round


def _uphold(session: Session, case: Case, given: Given, event: CaseEvent) -> None:
    """Whoever does not agree reads why."""
    survey_reviews.check(session, case, event)
    replies.must_say_something(event.note)
    survey_reviews.settle(session, case, event, ReviewState.UPHELD)


def _assent(session: Session, case: Case, given: Given, event: CaseEvent) -> None:
    """Whoever did not agree does so now, before anybody has decided."""
    review = survey_reviews.open_of(session, case)
    if review is None:
        raise Conflict(survey_reviews.NONE_OPEN)
    survey_reviews.settle(session, case, event, ReviewState.TAKEN_BACK)
    survey_reviews.tell_ended(session, case, review, event)


def _merge(session: Session, case: Case, given: Given, event: CaseEvent) -> None:
    """merging.py has locked the master and asked whether it may be one."""
    if case.parent_id is not None:
        raise Conflict("这是拆出来的一部分，不能并案")
    master = session.get_one(Case, given.case_id)
    kin.adopt(session, case, master, event.created_at)
    case.master_id, case.unit_id, case.handler_id = master.id, master.unit_id, None
    case.accepted_at = case.accepted_at or event.created_at
    event.note = "。".join(filter(None, (f"并入 {master.number}", event.note)))


def _unmerge(session: Session, case: Case, given: Given, event: CaseEvent) -> None:
    case.master_id = case.unit_id = None


def _link(session: Session, case: Case, given: Given, event: CaseEvent) -> None:
    other = session.get_one(Case, given.case_id)
    pair = dict(zip(("case_id", "other_id"), sorted((case.id, other.id)), strict=True))
    if session.scalar(sa.select(CaseLink.id).filter_by(**pair)) is not None:
        raise Conflict(f"这两件事已经关联了：{other.number}")
    session.add(CaseLink(**pair, officer_id=event.officer_id, why=event.note))
    event.note = "。".join(filter(None, (f"关联 {other.number}", event.note)))


def _urge(session: Session, case: Case, given: Given, event: CaseEvent) -> None:
    if _urged(session, case, event, URGE_EVERY):
        raise TooMany("刚刚已经催过了，负责的单位正在处理，请半小时后再催")
    if event.resident_id is not None and _urged(session, case, event, DAY) >= URGES_A_DAY:
        again = spoken(event.created_at + DAY, event.created_at)
        raise TooMany(f"一天最多催 {URGES_A_DAY} 次，我们都记下了，也转告了负责的单位；{again}以后可以再催")
    case.urged += 1
    case.urged_at = event.created_at


def _urged(session: Session, case: Case, event: CaseEvent, within: timedelta) -> int:
    """How often the same side has urged lately: a resident's word does not keep a supervisor from theirs."""
    is_resident = CaseEvent.officer_id.is_(None)
    same_side = is_resident if event.officer_id is None else sa.not_(is_resident)
    own = (CaseEvent.case_id == case.id) & (CaseEvent.action == Action.URGE) & same_side
    since = CaseEvent.created_at > event.created_at - within
    return session.scalar(sa.select(sa.func.count()).select_from(CaseEvent).where(own, since)) or 0


EFFECTS: dict[Action, Effect] = {
    Action.ADD: _add,
    Action.CLASSIFY: _classify,
    Action.CLAIM: _claim,
    Action.TAKE: _claim,
    Action.ASSIGN: _assign,
    Action.RETRACT: _retract,
    Action.SEND_BACK: _send_back,
    Action.DISPUTE: _send_back,
    Action.ARBITRATE: _arbitrate,
    Action.ACKNOWLEDGE: _acknowledge,
    Action.DELEGATE: _delegate,
    Action.ASK: _ask,
    Action.PROGRESS: _progress,
    Action.RESOLVE: _resolve,
    Action.RESOLVE_ON_SPOT: _resolve,
    Action.FOLLOW: _answer,
    Action.REJECT: _reject,
    Action.REOPEN: _reopen,
    Action.CLOSE_AGAIN: _close_again,
    Action.UPHOLD: _uphold,
    Action.ASSENT: _assent,
    Action.WITHDRAW: _withdraw,
    Action.MERGE: _merge,
    Action.JOIN: _merge,
    Action.UNMERGE: _unmerge,
    Action.LINK: _link,
    Action.URGE: _urge,
}
