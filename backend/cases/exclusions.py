"""Exclusions (剔除): one case left out of one published rate, asked for with a reason, decided by another.

Both are on the record of the case (工作日志), so that they are sealed with its other steps.
"""

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session, joinedload

from backend.cases import formulas, service
from backend.cases.deadline_models import Decision
from backend.cases.formulas import FORMULAS
from backend.cases.models import Case
from backend.cases.service import Actor
from backend.cases.supervision_models import Exclusion, Measure
from backend.cases.workflow import Action, Given
from backend.errors import Conflict, Forbidden, Invalid, NotFound
from backend.places.models import Area, Post
from backend.places.roles import Level, Role
from backend.places.scope import covers, is_held, lies_in, visible
from backend.times import now

PAGE = 20
ASKERS = frozenset({Role.UNIT_HEAD, Role.DISPATCHER, Role.SUPERVISOR})
READERS = ASKERS | {Role.LEADER}  # of the figures, too
STATE_LABELS = {Decision.ASKED: "待审批", Decision.APPROVED: "已剔除", Decision.REFUSED: "不同意剔除"}
# Who may decide, by the level at which they stand.
DECIDERS = frozenset(
    {
        (Role.SUPERVISOR, Level.SUBDISTRICT),
        (Role.SUPERVISOR, Level.DISTRICT),
        (Role.LEADER, Level.DISTRICT),
    }
)
NOT_FOUND = "没有这条剔除申请"


def ask(
    session: Session, number: str, actor: Actor, measure: Measure, reason: str, at: datetime | None = None
) -> Exclusion:
    """Ask that a case be left out of a rate, in the round that the rate judges.

    Raises Forbidden for who may not ask, Invalid without a reason, Conflict where the case does not count in
    the rate or was asked about already, and whatever service.perform raises.
    """
    moment = at or now()
    case = service.lock(session, number, actor)
    if not actor.roles_over(case) & ASKERS:
        raise Forbidden("剔除由单位负责人、分拨员或督查专员申请")
    if not reason.strip():
        raise Invalid("请写明剔除的理由")
    judged = _judged(session, case, measure)
    note = f"申请从“{FORMULAS[measure].label}”剔除：{reason.strip()}"
    service.perform(session, number, Action.LOG, actor, Given(note=note), at=moment)
    assert actor.officer_id is not None
    asked = {"asked_by": actor.officer_id, "reason": reason.strip(), "created_at": moment}
    row = Exclusion(case_id=case.id, round=judged, measure=measure, **asked)
    session.add(row)
    session.flush()
    return row


def _judged(session: Session, case: Case, measure: Measure) -> int:
    """The round that is judged. Raises Conflict where there is none, or it was asked about already."""
    label = FORMULAS[measure].label
    judged = formulas.judged_round(session, case, measure)
    if judged is None:
        raise Conflict(f"这件诉求现在不计入“{label}”，不用剔除")
    same = sa.select(Exclusion.state).filter_by(case_id=case.id, round=judged, measure=measure)
    state = session.scalar(same.where(Exclusion.state != Decision.REFUSED))
    if state is not None:
        raise Conflict(f"这件诉求的“{label}”{STATE_LABELS[state]}，不用再申请")
    return judged


def decide(
    session: Session,
    exclusion_id: int,
    actor: Actor,
    words: str,
    *,
    is_approved: bool,
    at: datetime | None = None,
) -> Exclusion:
    """Allow or refuse what was asked for. A refusal says why.

    Raises NotFound, Forbidden for who may not decide it, Conflict when it is decided, Invalid without words.
    """
    moment = at or now()
    row = _find(session, exclusion_id, actor)
    case = service.lock(session, row.case.number, actor)
    session.refresh(row, ["state"])  # whoever decides at the same time holds the case first
    if row.state is not Decision.ASKED:
        raise Conflict(f"这条申请{STATE_LABELS[row.state]}，不用再办")
    if not decidable(session, [row], actor):
        raise Forbidden("剔除由上一级的督查专员或区领导决定，申请人自己不能批")
    if not is_approved and not words.strip():
        raise Invalid("不同意请写明理由")
    row.state = Decision.APPROVED if is_approved else Decision.REFUSED
    row.decided_by, row.decided_at, row.decision = actor.officer_id, moment, words.strip()
    service.perform(session, case.number, Action.LOG, actor, Given(note=_said(row)), at=moment)
    return row


def _said(row: Exclusion) -> str:
    did = "同意" if row.state is Decision.APPROVED else "不同意"
    return "：".join(filter(None, (f"{did}从“{FORMULAS[row.measure].label}”剔除", row.decision)))


def _find(session: Session, exclusion_id: int, actor: Actor) -> Exclusion:
    """Raises NotFound for one that is not there or not this officer's to see."""
    own = sa.select(Exclusion).join(Case).where(Exclusion.id == exclusion_id, visible(actor.posts, Case))
    row = session.scalar(own.options(joinedload(Exclusion.case)))
    if row is None:
        raise NotFound(NOT_FOUND)
    return row


def decidable(session: Session, rows: Sequence[Exclusion], actor: Actor) -> set[int]:
    """The ids of those that wait for a decision which this officer may take, with two queries at most: who
    stands above every area where the asker could ask, and is not the asker."""
    waiting = [row for row in rows if row.state is Decision.ASKED and row.asked_by != actor.officer_id]
    askers = sa.select(Post).where(Post.officer_id.in_({row.asked_by for row in waiting}), is_held())
    held = session.scalars(askers.where(Post.role.in_(ASKERS)).options(joinedload(Post.area))).all()
    return {row.id for row in waiting if _stands_above(row, held, actor)}


def _stands_above(row: Exclusion, held: Sequence[Post], actor: Actor) -> bool:
    asked_at = [
        post.area
        for post in held
        if post.area is not None and post.officer_id == row.asked_by and covers(post, row.case)
    ]
    return any(covers(post, row.case) and _is_above(post, asked_at) for post in actor.posts)


def _is_above(post: Post, areas: Sequence[Area]) -> bool:
    if post.area is None or (post.role, post.area.level) not in DECIDERS:
        return False
    if post.role is Role.LEADER:
        return True
    return all(lies_in(area, post.area) and area.id != post.area.id for area in areas)


def listed(session: Session, posts: Sequence[Post], *, before: int | None = None) -> list[Exclusion]:
    """What was asked about the cases that these posts reach, newest first, a page at a time."""
    query = sa.select(Exclusion).join(Case).where(visible(posts, Case)).options(joinedload(Exclusion.case))
    if before is not None:
        query = query.where(Exclusion.id < before)
    return list(session.scalars(query.order_by(Exclusion.id.desc()).limit(PAGE)))
