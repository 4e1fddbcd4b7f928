"""Hard cases (难案): their marks, the leader in charge 包案, the working group 专班, the log, the review.

Who is told of a step stands on the case: so it is written once the step is known to be allowed, and before it
is taken.
"""

from collections.abc import Collection, Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session, joinedload

from backend.cases import leaders, service, workflow
from backend.cases.hard_marks import Mark, words_of
from backend.cases.models import Case
from backend.cases.service import Actor
from backend.cases.workflow import Action, Given
from backend.errors import Conflict, Invalid, NotFound
from backend.places import officers, posts
from backend.places.models import Area, Officer, Post, Unit
from backend.places.roles import Role
from backend.places.scope import is_held

MOST = 30  # members of a group
OFFERED = 500
FORCE = (Role.SAFETY_OFFICER, Role.ADMINISTRATOR)  # thousands of the one, and the other works on no case
NOT_IN_DISTRICT = "这位工作人员不在本区任职，请从提示里选"


def mark(
    session: Session,
    number: str,
    actor: Actor,
    marks: Collection[str],
    *,
    is_legacy: bool = False,
    note: str = "",
    at: datetime | None = None,
) -> Case:
    """Say all that makes a case hard, and whether it is a legacy case; nothing: it is hard no longer.

    Raises as `service.perform` does, Invalid for a mark that there is not, Conflict where it stands so.
    """
    if not set(marks) <= set(Mark):
        raise Invalid("没有这种难案标记，请重新选择")
    chosen = [mark.value for mark in Mark if mark in marks]
    given = Given(
        note="。".join(filter(None, (words_of(chosen, is_legacy), note.strip()))), marks=tuple(chosen)
    )
    case = _allowed(session, number, actor, Action.MARK, given)
    if (case.marks, case.is_legacy) == (chosen, is_legacy):
        raise Conflict("已经是这样标记的")
    case.marks, case.is_legacy = chosen, is_legacy
    return service.perform(session, number, Action.MARK, actor, given, at=at)


def take_charge(
    session: Session, number: str, actor: Actor, officer_id: int, note: str = "", at: datetime | None = None
) -> Case:
    """Put a leader in charge (包案): someone with a leader's or secretary's post over the case.

    Raises as `service.perform` does, NotFound for anybody else, Conflict for who is in charge already.
    """
    case = service.lock(session, number, actor)
    words = leaders.words(leaders.over(session, case)).get(officer_id)
    if words is None:
        raise NotFound("包案的应当是这个地方或上级的书记、领导，请重新选择")
    given = Given(note="。".join(filter(None, (f"由{words}包案", note.strip()))), officer_id=officer_id)
    _allowed(session, number, actor, Action.TAKE_CHARGE, given)
    if case.leader_id == officer_id:
        raise Conflict(f"已经由{words}包案了")
    case.leader_id = officer_id
    return service.perform(session, number, Action.TAKE_CHARGE, actor, given, at=at)


def form_group(
    session: Session,
    number: str,
    actor: Actor,
    officer_ids: Sequence[int],
    note: str = "",
    at: datetime | None = None,
) -> Case:
    """Form the joint working group (专班), or change who is in it: officers of any unit in the district.

    From then on its members see the case. Raises as `service.perform` does, NotFound for an officer of
    another district, Invalid for more than MOST, Conflict where the same are in it already.
    """
    ids = list(dict.fromkeys(officer_ids))
    if len(ids) > MOST:
        raise Invalid(f"专班最多 {MOST} 人")
    case = service.lock(session, number, actor)
    words = people(session, case, ids)
    if len(words) < len(ids):
        raise NotFound(NOT_IN_DISTRICT)
    said = f"成员：{'、'.join(words[one] for one in ids)}" if ids else ""
    given = Given(note="。".join(filter(None, (said, note.strip()))), officer_ids=tuple(ids))
    _allowed(session, number, actor, Action.FORM_GROUP, given)
    if set(case.group_ids) == set(ids):
        raise Conflict("专班已经是这些人了")
    case.group_ids = ids
    return service.perform(session, number, Action.FORM_GROUP, actor, given, at=at)


def log(session: Session, number: str, actor: Actor, note: str, at: datetime | None = None) -> Case:
    """Write down what was done today: between officers. Raises as `service.perform` does."""
    return service.perform(session, number, Action.LOG, actor, Given(note=note), at=at)


def review(
    session: Session,
    number: str,
    actor: Actor,
    *,
    cause: str,
    worked: str,
    change: str,
    at: datetime | None = None,
) -> Case:
    """Look back on a closed case (复盘): what caused it, what worked, what to change. Raises as `perform`."""
    lines = zip(("起因", "有效的做法", "要改进的"), (cause, worked, change), strict=True)
    note = "\n".join(f"{label}：{said.strip()}" for label, said in lines if said.strip())
    return service.perform(session, number, Action.REVIEW, actor, Given(note=note), at=at)


def people(session: Session, case: Case, ids: Sequence[int] | None = None) -> dict[int, str]:
    """Who of the case's district may be in its group, of these ids if given: id → 陈志（经办人 · 某中心）."""
    wanted = _in_district(case) if ids is None else _in_district(case).where(Post.officer_id.in_(ids))
    return leaders.words(session.scalars(wanted.limit(OFFERED)).all())


def called(session: Session, case: Case, typed: str) -> int | None:
    """The one officer of the case's district who was typed: as offered, or by name, code or phone."""
    is_called = officers.is_called(typed.partition("（")[0])
    found = leaders.words(session.scalars(_in_district(case).where(is_called)).all())
    exact = [one for one, words in found.items() if words == typed] or list(found)
    return exact[0] if len(exact) == 1 else None


def _in_district(case: Case) -> sa.Select[Post]:
    """The posts in the case's district whose holders may be in its group, those of units first."""
    unit_area, own = sa.orm.aliased(Area), sa.orm.aliased(Area)
    within = (own.district_id == case.district_id) | (unit_area.district_id == case.district_id)
    return (
        sa.select(Post)
        .join(Officer, Officer.id == Post.officer_id)
        .outerjoin(own, own.id == Post.area_id)
        .outerjoin(Unit, Unit.id == Post.unit_id)
        .outerjoin(unit_area, unit_area.id == Unit.area_id)
        .where(within, is_held(), Officer.left_at.is_(None), Post.role.not_in(FORCE))
        .options(joinedload(Post.officer), *posts.PLACES)
        .order_by(Post.unit_id.nulls_last(), Post.id)
    )


def _allowed(session: Session, number: str, actor: Actor, action: Action, given: Given) -> Case:
    """The case, held, if this step may be taken on it; else raises as `perform` will."""
    case = service.lock(session, number, actor)
    workflow.check(case.status, action, workflow.acting_role(action, actor.roles_over(case)), given)
    return case
