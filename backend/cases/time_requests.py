"""Requests for time (申请挂起、延期): asked for with reason and proof, granted or denied by another post."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from backend.cases import audience, clock_ledger, ladders, pauses, policies, service, telling
from backend.cases.clock_ledger import nearest, note, running
from backend.cases.clock_words import span
from backend.cases.clocks import EXTENDABLE, POLICY
from backend.cases.deadline_models import ChangeKind, Clock, Deadline, DeadlineChange, Decision
from backend.cases.models import Case
from backend.cases.service import Actor
from backend.cases.workflow import Action, Audience, Given
from backend.errors import Conflict, Forbidden, Invalid, NotFound
from backend.notify import service as notify
from backend.notify.messages import Message
from backend.times import now, stamp

LONGEST = timedelta(days=90)  # of a pause, and of an extension
NO_PROOF = "请附上证明材料的照片，例如现场情况、订货单"
NO_REQUEST = "没有这份申请，或者已经批过了"


@dataclass(frozen=True)
class Wish:
    """What is asked for: more time (`minutes`, as the clock counts them) or a pause (`until_at`)."""

    clock: Clock
    reason: str
    minutes: int | None = None
    until_at: datetime | None = None
    proof: str | None = None  # the sha256 of a photo in the store; without one it is refused


def ask_pause(
    session: Session, number: str, actor: Actor, wish: Wish, at: datetime | None = None
) -> DeadlineChange:
    """Ask that a clock stand still until `wish.until_at`. Who grants it is told at once.

    Raises Invalid or Conflict for a wish that cannot be granted, and whatever service.perform raises.
    """
    moment = at or now()
    if wish.until_at is None or not moment < wish.until_at <= moment + LONGEST:
        raise Invalid(f"请选择恢复计时的时间，最长 {LONGEST.days} 天以内")
    return _ask(session, number, actor, wish, ChangeKind.PAUSE, moment)


def ask_extension(
    session: Session, number: str, actor: Actor, wish: Wish, at: datetime | None = None
) -> DeadlineChange:
    """Ask for so many minutes more, as the clock counts them. Raises as `ask_pause` does."""
    moment = at or now()
    if wish.minutes is None or not 0 < wish.minutes <= LONGEST // timedelta(minutes=1):
        raise Invalid(f"请填写延长多久，最长 {LONGEST.days} 天以内")
    return _ask(session, number, actor, wish, ChangeKind.EXTEND, moment)


def decide(
    session: Session,
    number: str,
    actor: Actor,
    change_id: int,
    *,
    is_granted: bool,
    words: str = "",
    at: datetime | None = None,
) -> DeadlineChange:
    """Grant or deny a request; a pause begins with its being granted. Whoever asked does not decide.

    Raises NotFound for a request that is not open on this case, Forbidden for one's own, Conflict for one
    that would leave the clock late, and whatever service.perform raises.
    """
    moment = at or now()
    case = service.lock(session, number, actor)
    running(session, case.id, to_change=True)
    change, row = _request(session, case, change_id)
    if change.asked_by == actor.officer_id:
        raise Forbidden("不能审批自己提出的申请，请由其他人审批")
    change.state = Decision.APPROVED if is_granted else Decision.REFUSED
    change.decided_by, change.decided_at, change.decision = actor.officer_id, moment, words.strip()
    said = _grant(session, case, change, row, moment) if is_granted else "不同意"
    given = Given(note="。".join(filter(None, (f"{_name(change, row)}：{said}", words.strip()))))
    case.due_at = nearest(running(session, case.id))
    service.perform(session, number, Action.GRANT if is_granted else Action.DENY, actor, given, at=moment)
    return change


def resume(session: Session, number: str, actor: Actor, words: str = "", at: datetime | None = None) -> Case:
    """End the pauses of a case before their time. Raises Conflict without any, and as perform does."""
    moment = at or now()
    case = service.lock(session, number, actor)
    paused = [row for row in running(session, case.id, to_change=True) if row.paused_at is not None]
    if not paused:
        raise Conflict("没有挂起的时限，不用恢复")
    pauses.end(session, case, paused, moment)
    return service.perform(session, number, Action.RESUME, actor, Given(note=words), at=moment)


def open_requests(session: Session, case: Case) -> list[tuple[DeadlineChange, Deadline]]:
    """What was asked about the running clocks of a case and waits to be decided, the oldest first."""
    query = (
        sa.select(DeadlineChange, Deadline)
        .join(Deadline, Deadline.id == DeadlineChange.deadline_id)
        .where(Deadline.case_id == case.id, DeadlineChange.state == Decision.ASKED)
        .order_by(DeadlineChange.id)
    )
    return [(change, row) for change, row in session.execute(query)]


def askable(session: Session, case: Case) -> list[Deadline]:
    """The clocks of a case about which time may be asked for now."""
    asked = {row.id for _, row in open_requests(session, case)}
    return [row for row in running(session, case.id) if row.clock in EXTENDABLE and row.id not in asked]


def _ask(
    session: Session, number: str, actor: Actor, wish: Wish, kind: ChangeKind, at: datetime
) -> DeadlineChange:
    case = service.lock(session, number, actor)
    if not wish.reason.strip():
        raise Invalid("请写明理由")
    if not wish.proof:
        raise Invalid(NO_PROOF)
    row = _clock(session, case, wish.clock)
    asked: dict[str, Any] = {"state": Decision.ASKED, "decided_at": None, "asked_by": actor.officer_id}
    if kind is ChangeKind.PAUSE:
        _must_run(row, at)
        action, how = Action.PAUSE, f"挂起到{stamp(wish.until_at)}"
        asked["until_at"] = wish.until_at
    else:
        action, how = Action.EXTEND, f"延长 {span(policies.in_force(session), case, row, wish.minutes or 0)}"
        asked["minutes"] = wish.minutes
    words = f"申请把{POLICY[wish.clock].label}时限{how}：{wish.reason.strip()}"
    service.perform(session, number, action, actor, Given(note=words), at=at)
    change = note(session, row, kind, wish.reason.strip(), at, proof=wish.proof, **asked)
    session.flush()
    _tell_desk(session, case, change, words, at)
    return change


def _must_run(row: Deadline, at: datetime) -> None:
    if row.paused_at is not None:
        raise Conflict("这个时限已经挂起了，恢复以后才能再申请")
    if row.due_at <= at:
        raise Conflict("这个时限已经超时，不能挂起；需要更多时间的，请申请延期")


def _clock(session: Session, case: Case, clock: Clock) -> Deadline:
    if clock not in EXTENDABLE:
        raise Invalid("这个时限不能挂起或延期")
    found = [row for row in running(session, case.id) if row.clock is clock]
    if not found:
        raise Conflict(f"{POLICY[clock].label}时限没有在计时，不用申请")
    if any(row.id == found[0].id for _, row in open_requests(session, case)):
        raise Conflict(f"{POLICY[clock].label}时限已经有一份申请在等审批")
    return found[0]


def _request(session: Session, case: Case, change_id: int) -> tuple[DeadlineChange, Deadline]:
    """The request goes with its clock, also to another case."""
    found = [pair for pair in open_requests(session, case) if pair[0].id == change_id]
    if not found:
        raise NotFound(NO_REQUEST)
    return found[0]


def _grant(session: Session, case: Case, change: DeadlineChange, row: Deadline, at: datetime) -> str:
    """Do what was asked for, and say what it comes to."""
    change.due_before = row.due_at
    if change.kind is ChangeKind.PAUSE:
        if change.until_at is None or change.until_at <= at:
            raise Conflict("申请里恢复计时的时间已经过了，请选“不同意申请”，让单位重新申请")
        _must_run(row, at)
        clock_ledger.pause(row, at)
        return f"同意到 {_short(change.until_at)}"
    clock_ledger.extend(policies.in_force(session), case, row, change.minutes or 0, at)
    if row.due_at <= at:
        raise Conflict("这样延期以后仍然是超时的，请选“不同意申请”，让单位重新申请")
    change.due_after = row.due_at
    return f"同意到 {_short(row.due_at)}"


def _short(moment: datetime) -> str:
    """11-25 18:00: with what is decided it fits into the twenty characters of a card."""
    return stamp(moment)[5:]


def _name(change: DeadlineChange, row: Deadline) -> str:
    return f"{POLICY[row.clock].label}{'挂起' if change.kind is ChangeKind.PAUSE else '延期'}"


def _tell_desk(session: Session, case: Case, change: DeadlineChange, words: str, at: datetime) -> None:
    """Where nobody supervises, the duty desk decides."""
    if audience.officers(session, Audience.SUPERVISORS, case.id):
        return
    key = (False, case.id)
    desk = ladders.people(session, {ladders.Group.DESK: [key]}).get((ladders.Group.DESK, key), ())
    fields = telling.fields_of(session, case, words, at)
    notify.owe(session, Message.TIME_WANTED, f"deadline_change:{change.id}", fields, officers=desk)
