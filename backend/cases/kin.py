"""Cases that hang together: members merged into a master (并案), parts split from a whole (拆分).

A member waits with its own thread and hears what its master's resident hears; once the master is resolved it
is resolved with the same answer, and from then on it is confirmed, asked about and reopened by itself.
A part is worked on by its own unit and has no resident of its own: the whole answers.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session, joinedload

from backend.cases import telling
from backend.cases.models import Case, CaseEvent
from backend.cases.workflow import RULES, UNSOLVED, Action, Audience, Given, Status, check
from backend.notify.messages import Message
from backend.places.roles import Role

NOTHING = Given()
_SPOKEN_OF = (joinedload(Case.place), joinedload(Case.unit))  # what is said to its resident names them


@dataclass(frozen=True)
class Next:
    """A step that the system takes because of another one."""

    case: Case
    action: Action
    given: Given = NOTHING


def follows(session: Session, case: Case, action: Action, at: datetime) -> list[Next]:
    """What the system does to the kin of a case after this step on it, in this order."""
    consequence = CONSEQUENCES.get(action)
    return consequence(session, case, at) if consequence else []


def members_of(session: Session, case: Case) -> list[Case]:
    """What was merged into this case and still is, oldest first, held until the transaction ends."""
    merged = sa.select(Case).where(Case.master_id == case.id, Case.status == Status.MERGED)
    held = merged.order_by(Case.id).with_for_update(of=Case).execution_options(populate_existing=True)
    return list(session.scalars(held.options(*_SPOKEN_OF)))


def parts_of(session: Session, case: Case, statuses: Sequence[Status] = tuple(Status)) -> list[Case]:
    """What was split from this case, oldest first, held until the transaction ends."""
    parts = sa.select(Case).where(Case.parent_id == case.id, Case.status.in_(statuses))
    held = parts.order_by(Case.id).with_for_update().execution_options(populate_existing=True)
    return list(session.scalars(held))


def give(session: Session, case: Case, unit_id: int | None) -> None:
    """The case is this unit's from now on, and so is what was merged into it; nobody there has it yet."""
    case.unit_id, case.handler_id = unit_id, None
    merged = sa.update(Case).where(Case.master_id == case.id, Case.status == Status.MERGED)
    session.execute(merged.values(unit_id=unit_id))


def adopt(session: Session, case: Case, master: Case, at: datetime) -> None:
    """What hung on a case that is merged hangs on its master now; its members say so themselves."""
    why = f"原来并入的 {case.number} 已并入 {master.number}，随着并入"
    _point(session, members_of(session, case), master, why, at)
    session.execute(sa.update(Case).where(Case.parent_id == case.id).values(parent_id=master.id))


def write_down(session: Session, case: Case, action: Action, note: str, at: datetime) -> None:
    """Add to a case's history what a step on its kin means for it: for officers, by the system."""
    check(case.status, action, Role.SYSTEM, Given(note=note))
    session.add(
        CaseEvent(
            case_id=case.id,
            round=case.round,
            action=action,
            role=Role.SYSTEM,
            from_status=case.status,
            to_status=case.status,
            note=note,
            public=False,
            created_at=at,
        )
    )


def _point(session: Session, members: Iterable[Case], master: Case, why: str, at: datetime) -> None:
    for member in members:
        member.master_id, member.unit_id = master.id, master.unit_id
        write_down(session, member, Action.REMERGE, why, at)


def _resolved(session: Session, case: Case, at: datetime) -> list[Next]:
    answer = Given(note=case.answer or "", outcome=case.outcome)
    members = [Next(member, Action.FOLLOW, answer) for member in members_of(session, case)]
    if case.parent_id is None:
        return members
    _tell_of_part(session, case, at)
    return [*members, Next(case, Action.CLOSE)]


def _tell_of_part(session: Session, part: Case, at: datetime) -> None:
    """Whoever has the whole waits for it."""
    whole = session.get_one(Case, part.parent_id)
    who = Audience.UNIT if whole.unit_id is not None else Audience.COMMUNITY
    cause = f"{Message.PART_DONE}:{part.id}:{part.round}"
    telling.tell(session, whole, who, Message.PART_DONE, cause, note=part.answer or "", at=at)


def _rejected(session: Session, case: Case, at: datetime) -> list[Next]:
    why = Given(note=f"一起办的 {case.number} 不予受理，这件单独办理")
    return [Next(member, Action.UNMERGE, why) for member in members_of(session, case)]


def _withdrawn(session: Session, case: Case, at: datetime) -> list[Next]:
    """Its parts end with it. Whoever else reported it still needs it done: the oldest member goes on."""
    can_end = tuple(status for status in RULES[Action.WITHDRAW].sources if status in UNSOLVED)
    parts = [Next(part, Action.WITHDRAW) for part in parts_of(session, case, can_end)]
    return [*parts, *_promoted(session, case, at)]


def _promoted(session: Session, case: Case, at: datetime) -> list[Next]:
    members = members_of(session, case)
    heirs, others = members[:1], members[1:]
    gone = f"一起办的 {case.number} 已由反映人撤回"
    for heir in heirs:
        _point(session, others, heir, f"{gone}，改为并入 {heir.number}", at)
    return [step for heir in heirs for step in _in_its_place(heir, case, f"{gone}，这件接着办")]


def _in_its_place(heir: Case, case: Case, why: str) -> list[Next]:
    apart = Next(heir, Action.UNMERGE, Given(note=why))
    if case.unit_id is None:
        return [apart]
    return [apart, Next(heir, Action.ASSIGN, Given(note=why, unit_id=case.unit_id))]


CONSEQUENCES: dict[Action, Callable[[Session, Case, datetime], list[Next]]] = {
    Action.RESOLVE: _resolved,
    Action.RESOLVE_ON_SPOT: _resolved,
    Action.REJECT: _rejected,
    Action.WITHDRAW: _withdrawn,
}
