"""Reading cases the way officers do: what is theirs, what waits for them, what happened, what can be done."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session, joinedload

from backend.cases import clock_ledger
from backend.cases.attachments import brought
from backend.cases.models import Attachment, Case, CaseEvent, CaseLink
from backend.cases.service import Actor
from backend.cases.workflow import LOOKS, OPEN, RULES, UNIT, Action, Rule, Status, allowed
from backend.db import one_of
from backend.places.models import Officer, Post, Unit
from backend.places.roles import ROLE_LABELS, Role
from backend.places.scope import roles_of, visible
from backend.times import now

PAGE = 20
NEVER = datetime(9999, 1, 1, tzinfo=UTC)
VERDICT = re.compile(r"^(?:没有解决(?:[：:，,。.！!、\s]+|$))+")

# The step by which a case in this status goes forward. A resolved case waits for its resident.
NEXT_STEP = {
    Status.SUBMITTED: Action.ACCEPT,
    Status.ACCEPTED: Action.ASSIGN,
    Status.ASSIGNED: Action.ACKNOWLEDGE,
    Status.DISPUTED: Action.ARBITRATE,
    Status.IN_PROGRESS: Action.RESOLVE,
}
# What would be refused as the case stands at a moment is not offered; whatever is not named here always is.
POSSIBLE: dict[Action, Callable[[Case, datetime], bool]] = {
    Action.SEND_BACK: lambda case, at: case.arbitrated_at is None and not case.sent_back,
    Action.DISPUTE: lambda case, at: case.arbitrated_at is None and bool(case.sent_back),
    # A closed one has no other clock than a review's.
    Action.UPHOLD: lambda case, at: case.due_at is not None,
    Action.SPLIT: lambda case, at: case.parent_id is None,
    Action.MERGE: lambda case, at: case.parent_id is None,
    Action.ASK: lambda case, at: case.resident_id is not None and not clock_ledger.is_asked(case, at),
}
LINKED = "关联"
GIVES = frozenset({Action.ASSIGN, Action.ARBITRATE})  # the case, to the unit that is named
_LISTED = (joinedload(Case.place), joinedload(Case.community), joinedload(Case.unit))


@dataclass(frozen=True)
class Step:
    """One line of a case's history, as officers read it."""

    id: int
    at: datetime
    action: Action
    officer_id: int | None
    label: str
    who: str
    note: str
    round: int


def officer_cases(
    session: Session,
    posts: Sequence[Post],
    *,
    before: int | None = None,
    status: Status | None = None,
    limit: int = PAGE,
) -> list[Case]:
    """What these posts reach, newest first, in one query. `before` is the id of the last row seen."""
    query = sa.select(Case).where(visible(posts, Case)).options(*_LISTED)
    if status is not None:
        query = query.where(one_of(Case.status, [status]))
    if before is not None:
        query = query.where(Case.id < before)
    return list(session.scalars(query.order_by(Case.id.desc()).limit(limit)))


def waiting_cases(
    session: Session, posts: Sequence[Post], *, after: tuple[datetime, int] | None = None, limit: int = PAGE
) -> list[Case]:
    """The cases whose next step is up to these posts, soonest deadline first, in one query.

    A case without a deadline comes last, but it comes. `after` is (due_at or NEVER, id) of the last row seen.
    """
    query = sa.select(Case).where(one_of(Case.status, NEXT_STEP), _waits_for(posts)).options(*_LISTED)
    if after is not None:
        query = query.where(_comes_after(*after))
    return list(session.scalars(query.order_by(Case.due_at.nulls_last(), Case.id).limit(limit)))


def own_cases(
    session: Session, officer_id: int, *, before: int | None = None, limit: int = PAGE
) -> list[Case]:
    """What this officer has taken on: as handler, as leader in charge, in a working group. Newest first."""
    mine = sa.or_(
        Case.handler_id == officer_id,
        Case.leader_id == officer_id,
        Case.group_ids.contains([officer_id]) & (Case.group_ids != sa.literal_column("'{}'")),
    )
    query = sa.select(Case).where(mine, one_of(Case.status, OPEN)).options(*_LISTED)
    if before is not None:
        query = query.where(Case.id < before)
    return list(session.scalars(query.order_by(Case.id.desc()).limit(limit)))


def _comes_after(due_at: datetime, case_id: int) -> sa.ColumnElement[bool]:
    if due_at == NEVER:
        return Case.due_at.is_(None) & (Case.id > case_id)
    later = sa.tuple_(Case.due_at, Case.id) > sa.tuple_(sa.literal(due_at), sa.literal(case_id))
    return later | Case.due_at.is_(None)


def _waits_for(posts: Sequence[Post]) -> sa.ColumnElement[bool]:
    turns = [visible([post], Case) & Case.status.in_(waits) for post in posts if (waits := _turns_of(post))]
    return sa.or_(*turns) if turns else sa.false()


def _turns_of(post: Post) -> list[Status]:
    """The statuses in which the next step is up to this post."""
    return [status for status, action in NEXT_STEP.items() if set(roles_of(post)) & set(RULES[action].roles)]


def timeline(session: Session, case: Case, files: Sequence[Attachment] = (), *, after: int = 0) -> list[Step]:
    """What happened to a case, oldest first, with names and internal notes: for officers. One query.

    With the case's `files`, a step at which some came says so. `after` is the id of the last step known.
    """
    rows = session.execute(
        sa.select(CaseEvent, Unit.name, Officer.name)
        .outerjoin(Unit, Unit.id == CaseEvent.unit_id)
        .outerjoin(Officer, Officer.id == CaseEvent.officer_id)
        .where(CaseEvent.case_id == case.id, CaseEvent.id > after)
        .order_by(CaseEvent.id)
    )
    steps, assigned_to = [], ""
    for event, unit, name in rows:
        assigned_to = unit if unit and event.action in GIVES else assigned_to
        steps.append(_step(event, _label(event, unit, files), _who(event, assigned_to, name)))
    return steps


def _step(event: CaseEvent, label: str, who: str) -> Step:
    return Step(
        id=event.id,
        at=event.created_at,
        action=event.action,
        officer_id=event.officer_id,
        label=label,
        who=who,
        note=said(event),
        round=event.round,
    )


def _label(event: CaseEvent, unit: str | None, files: Sequence[Attachment]) -> str:
    label = RULES[event.action].label
    if what := brought(event, files):
        return f"{label}（{what}）"
    return f"{label}给{unit}" if unit and event.action in {*GIVES, Action.SPLIT} else label


def said(event: CaseEvent) -> str:
    """The note of a step. A verdict that the step's own name gives already (没有解决：…) is left out."""
    if event.action is not Action.REOPEN:
        return event.note
    return VERDICT.sub("", event.note)


def _who(event: CaseEvent, assigned_to: str, name: str | None) -> str:
    """The unit for those who act for it, else the kind of person; then the officer's name."""
    is_for_unit = event.role in UNIT and assigned_to
    return f"{assigned_to if is_for_unit else ROLE_LABELS[event.role]} {name or ''}".strip()


def kin(session: Session, case: Case, actor: Actor) -> list[tuple[str, list[tuple[Case, bool]]]]:
    """The cases that this one hangs together with, by how; and whether this person may open them (one query).

    A linked case that is not theirs is left out; of a part or a member they know that it is there.
    """
    linked = sa.union_all(
        sa.select(CaseLink.case_id).where(CaseLink.other_id == case.id),
        sa.select(CaseLink.other_id).where(CaseLink.case_id == case.id),
    )
    relations = {
        "并入": Case.id == case.master_id,
        "并进来的": (Case.master_id == case.id) & (Case.status == Status.MERGED),
        "拆自": Case.id == case.parent_id,
        "拆出去的": Case.parent_id == case.id,
        LINKED: Case.id.in_(linked),
    }
    how = sa.case(*((condition, name) for name, condition in relations.items())).label("how")
    query = sa.select(Case, how).where(sa.or_(*relations.values())).options(*_LISTED).order_by(Case.id)
    found = [(name, other, bool(actor.roles_over(other))) for other, name in session.execute(query)]
    known = [one for one in found if one[2] or one[0] != LINKED]
    by_name = {name: [(other, may) for how, other, may in known if how == name] for name in relations}
    return [(name, others) for name, others in by_name.items() if others]


def attachments(session: Session, case: Case) -> list[Attachment]:
    """Everything that was attached, in the order in which it came; also what is not fetched yet, or lost."""
    own = sa.select(Attachment).where(Attachment.case_id == case.id)
    return list(session.scalars(own.order_by(Attachment.id)))


def steps_for(case: Case, roles: set[Role], at: datetime | None = None) -> list[tuple[Action, Rule]]:
    """The steps open to someone with these roles (now by default); the one by which the case goes forward
    comes first."""
    open_steps, moment = allowed(case.status, roles), at or now()
    steps = [(action, RULES[action]) for action in open_steps if _is_possible(case, action, moment)]
    return sorted(steps, key=lambda step: step[0] is not NEXT_STEP.get(case.status))


def _is_possible(case: Case, action: Action, at: datetime) -> bool:
    is_possible = POSSIBLE.get(action)
    return action not in LOOKS and (is_possible is None or is_possible(case, at))
