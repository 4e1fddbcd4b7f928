"""Cases that hang together: members merged into a master (并案), parts split from a whole (拆分).

A member waits with its own thread and hears what its master's resident hears; once the master is resolved it
is resolved with the same answer, and from then on it is confirmed, asked about and reopened by itself.
A part is worked on by its own unit and has no resident of its own: the whole answers.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.orm import Session

from backend.cases import telling
from backend.cases.models import Case
from backend.cases.workflow import RULES, UNSOLVED, Action, Audience, Given, Status
from backend.notify.messages import Message
from backend.times import now

NOTHING = Given()


@dataclass(frozen=True)
class Next:
    """A step that the system takes because of another one."""

    case: Case
    action: Action
    given: Given = NOTHING


def follows(session: Session, case: Case, action: Action) -> list[Next]:
    """What the system does to the kin of a case after this step on it, in this order."""
    consequence = CONSEQUENCES.get(action)
    return consequence(session, case) if consequence else []


def members_of(session: Session, case: Case) -> list[Case]:
    """What was merged into this case and still is, oldest first, held until the transaction ends."""
    merged = sa.select(Case).where(Case.master_id == case.id, Case.status == Status.MERGED)
    held = merged.order_by(Case.id).with_for_update().execution_options(populate_existing=True)
    return list(session.scalars(held))


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


def adopt(session: Session, case: Case, master: Case) -> None:
    """What hung on a case that is merged hangs on its master now."""
    merged = sa.update(Case).where(Case.master_id == case.id, Case.status == Status.MERGED)
    session.execute(merged.values(master_id=master.id, unit_id=master.unit_id))
    session.execute(sa.update(Case).where(Case.parent_id == case.id).values(parent_id=master.id))


def _resolved(session: Session, case: Case) -> list[Next]:
    answer = Given(note=case.answer or "", outcome=case.outcome)
    members = [Next(member, Action.FOLLOW, answer) for member in members_of(session, case)]
    if case.parent_id is None:
        return members
    _tell_of_part(session, case)
    return [*members, Next(case, Action.CLOSE)]


def _tell_of_part(session: Session, part: Case) -> None:
    """Whoever has the whole waits for it."""
    whole = session.get_one(Case, part.parent_id)
    who = Audience.UNIT if whole.unit_id is not None else Audience.COMMUNITY
    cause = f"{Message.PART_DONE}:{part.id}:{part.round}"
    at = part.resolved_at or now()
    telling.tell(session, whole, who, Message.PART_DONE, cause, note=part.answer or "", at=at)


def _rejected(session: Session, case: Case) -> list[Next]:
    why = Given(note=f"一起办的 {case.number} 不予受理，这件单独办理")
    return [Next(member, Action.UNMERGE, why) for member in members_of(session, case)]


def _withdrawn(session: Session, case: Case) -> list[Next]:
    """Its parts end with it. Whoever else reported it still needs it done: the oldest member goes on."""
    can_end = tuple(status for status in RULES[Action.WITHDRAW].sources if status in UNSOLVED)
    parts = [Next(part, Action.WITHDRAW) for part in parts_of(session, case, can_end)]
    return [*parts, *_promoted(session, case)]


def _promoted(session: Session, case: Case) -> list[Next]:
    members = members_of(session, case)
    for other in members[1:]:
        other.master_id = members[0].id
    why = f"一起办的 {case.number} 已由反映人撤回，这件接着办"
    return [step for heir in members[:1] for step in _in_its_place(heir, case, why)]


def _in_its_place(heir: Case, case: Case, why: str) -> list[Next]:
    apart = Next(heir, Action.UNMERGE, Given(note=why))
    if case.unit_id is None:
        return [apart]
    return [apart, Next(heir, Action.ASSIGN, Given(note=why, unit_id=case.unit_id))]


CONSEQUENCES: dict[Action, Callable[[Session, Case], list[Next]]] = {
    Action.RESOLVE: _resolved,
    Action.RESOLVE_ON_SPOT: _resolved,
    Action.REJECT: _rejected,
    Action.WITHDRAW: _withdrawn,
}
