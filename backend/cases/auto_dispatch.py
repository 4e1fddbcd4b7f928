"""Dispatch by itself (自动派单): simple and certain cases go to their unit where an area allows it.

Certain is a case that is not urgent, is filed, and whose duty names a category, has no rival, and agrees with
the code that was scanned; its unit must be open and have people. And nobody has had it in hand yet: what was
sent once, by whomever, and was taken back, or came back for another round, is for people to decide.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from backend.cases import audience, dispatch, duty_rules, service
from backend.cases.category_models import Category
from backend.cases.models import AutoDispatch, Case
from backend.cases.routing import Chain, Decision, decide
from backend.cases.workflow import WITH_DESK, Action, Given, Status
from backend.db import one_of
from backend.errors import Conflict, Invalid, NotFound
from backend.places import changes
from backend.places.changes import Did, Entry
from backend.places.models import Area
from backend.places.roles import LEVEL_LABELS
from backend.places.scope import COLUMNS, Editor
from backend.times import now

SETTLED = timedelta(seconds=30)  # whoever reports may still be writing where it is, or of a danger
BATCH = 200  # cases that are looked at together
PAGE = 50
COLUMNS_KEPT = ("area_id", "category_id")


def allow(session: Session, editor: Editor, area_id: int, category_id: int | None = None) -> AutoDispatch:
    """Let certain cases of this area go by themselves: of this category and those below it, or (None) of all.

    Raises NotFound, Forbidden, Invalid (a building or station) or Conflict (allowed already).
    """
    area = session.get(Area, area_id, with_for_update=True)
    if area is None or area.closed_at is not None:
        raise NotFound("没有这个区域，或者已经停用，请另选一个")
    editor.must_edit(area)
    if area.level not in COLUMNS:
        raise Invalid(f"“{area.name}”是{LEVEL_LABELS[area.level]}，请选择区、街道、社区、片区或网格")
    category = session.get(Category, category_id) if category_id is not None else None
    if category_id is not None and (category is None or category.until_id is not None):
        raise NotFound("事件字典里没有这个事项了，请重新选择")
    if session.scalar(_same(area_id, category_id)) is not None:
        raise Conflict("这里已经允许自动派单了，不用再加")
    row = AutoDispatch(area_id=area_id, category_id=category_id, officer_id=editor.officer_id)
    session.add(row)
    session.flush()
    _record(session, editor, Did.ADDED, row, area)
    return row


def disallow(session: Session, editor: Editor, policy_id: int) -> AutoDispatch:
    """From now on people send these cases; what has gone stays where it is. Raises NotFound or Forbidden."""
    row = session.get(AutoDispatch, policy_id, with_for_update=True)
    if row is None:
        raise NotFound("这一条已经取消了，请刷新页面")
    area = session.get_one(Area, row.area_id)
    editor.must_edit(area)
    _record(session, editor, Did.REMOVED, row, area)
    session.delete(row)
    session.flush()
    return row


def policies(
    session: Session, editor: Editor, *, after: int | None = None, limit: int = PAGE
) -> list[tuple[AutoDispatch, Area, Category | None]]:
    """What is allowed in the areas that this person administers, by key. `after` is the last id seen."""
    query = sa.select(AutoDispatch, Area, Category).join(Area, Area.id == AutoDispatch.area_id)
    query = query.outerjoin(Category, Category.id == AutoDispatch.category_id).where(editor.edits(Area))
    if after is not None:
        query = query.where(AutoDispatch.id > after)
    rows = session.execute(query.order_by(AutoDispatch.id).limit(limit))
    return [(policy, area, category) for policy, area, category in rows]


def waiting(session: Session, at: datetime | None = None, after: int = 0) -> tuple[list[int], int | None]:
    """The ids of cases that may go by themselves, among the next BATCH that wait where it is allowed, and
    after which id to go on, or None. A few queries, however many wait; none is locked or judged in full."""
    allowed = session.scalars(sa.select(AutoDispatch)).all()
    if not allowed:
        return [], None
    query = sa.select(Case).where(*_untouched(at or now()), _lies_in(session, allowed), Case.id > after)
    cases = session.scalars(query.order_by(Case.id).limit(BATCH)).all()
    world = dispatch.in_force(session)
    decided = {case.id: decide(world.index, duty_rules.question(case, world.chains)) for case in cases}
    hopeful = [
        case.id for case in cases if _is_allowed(case, allowed, world.chains) and _is_clear(decided[case.id])
    ]
    return hopeful, cases[-1].id if len(cases) == BATCH else None


def send(session: Session, case_id: int, at: datetime | None = None) -> Case | None:
    """Send one case if it is certain, still allowed where it lies now, and in nobody's hands at this moment;
    None where it is not."""
    moment = at or now()
    free = sa.select(Case).where(Case.id == case_id, *_untouched(moment))
    case = session.scalar(free.with_for_update(skip_locked=True).execution_options(populate_existing=True))
    found = certain(session, case) if case is not None and _may_go(session, case) else None
    if case is None or found is None:
        return None
    if case.status is Status.SUBMITTED:
        service.perform(session, case.number, Action.ACCEPT, service.SYSTEM, at=moment)
    given = Given(note=f"系统按职责清单自动派单：{found.why}", unit_id=found.unit.id)
    return service.perform(session, case.number, Action.ASSIGN, service.SYSTEM, given, at=moment)


def certain(session: Session, case: Case) -> dispatch.Suggestion | None:
    """The unit that a case certainly belongs to, and why; None where somebody should look."""
    decision = dispatch.route(session, case)
    if decision is None or case.urgent or not _is_clear(decision):
        return None
    found = dispatch.suggest(session, case)
    if found is None or found.unit.id != decision.duty.unit_id:
        return None  # that unit is closed, or the scanned code names another
    return found if audience.of_unit(session, found.unit.id) else None


def _untouched(at: datetime) -> list[sa.ColumnElement[bool]]:
    """Waits at a desk in its first round, filed and not urgent, and nobody has had it in hand."""
    return [
        one_of(Case.status, WITH_DESK),
        Case.round == 1,
        ~Case.urgent,
        Case.category_id.is_not(None),
        Case.assigned_at.is_(None),  # not sent before, so not taken back or sent back either
        Case.handler_id.is_(None),
        Case.parent_id.is_(None),
        Case.question.is_(None),
        Case.discovered_at <= at - SETTLED,
    ]


def _lies_in(session: Session, allowed: Sequence[AutoDispatch]) -> sa.ColumnElement[bool]:
    ids = {policy.area_id for policy in allowed}
    areas = session.execute(sa.select(Area.id, Area.level).where(Area.id.in_(ids)))
    return sa.or_(sa.false(), *(getattr(Case, COLUMNS[level]) == area_id for area_id, level in areas))


def _may_go(session: Session, case: Case) -> bool:
    """The same for one case, asked while it is held: it may have been located elsewhere, or the policy taken
    back, since it was found waiting."""
    allowed = session.scalars(sa.select(AutoDispatch).execution_options(populate_existing=True)).all()
    return _is_allowed(case, allowed, dispatch.in_force(session).chains)


def _is_allowed(case: Case, allowed: Sequence[AutoDispatch], chains: Mapping[int, Chain]) -> bool:
    """By a policy for one of the case's places, for everything or for its category or one above."""
    places, own = set(duty_rules.place_chain(case)), chains.get(case.category_id or 0, ())
    for policy in allowed:
        named = policy.category_id and chains.get(policy.category_id, (policy.category_id,))[0]
        if policy.area_id in places and (named is None or named in own):
            return True
    return False


def _is_clear(decision: Decision | None) -> bool:
    """Whether the duty that decides was written for this sort of matter, and nothing contradicts it."""
    return decision is not None and decision.duty.category_id is not None and not decision.overlapping


def _same(area_id: int, category_id: int | None) -> sa.Select[int]:
    is_same = AutoDispatch.category_id.is_not_distinct_from(category_id)
    return sa.select(AutoDispatch.id).where(AutoDispatch.area_id == area_id, is_same)


def _record(session: Session, editor: Editor, did: Did, row: AutoDispatch, area: Area) -> None:
    said = changes.snapshot(row, COLUMNS_KEPT)
    before, after = ({}, said) if did is Did.ADDED else (said, {})
    name = f"自动派单：{area.name}"
    changes.record(session, editor, [Entry(did, "auto_dispatch", row.id, name, area.id, before, after)])
