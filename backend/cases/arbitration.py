"""Arbitration (裁定) at the district: what waits for a decision, and how a decision becomes a duty rule."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session, joinedload

from backend.cases import dispatch, duties, duty_queries, duty_rules, meanwhile, routing, service
from backend.cases.category_models import Category
from backend.cases.duties import LONGEST_NAME, Told
from backend.cases.models import Case, CaseEvent, Duty, DutyList, ListState
from backend.cases.queries import NEVER
from backend.cases.routing import Duty as Rule
from backend.cases.routing import Index
from backend.cases.service import Actor
from backend.cases.workflow import Action, Given, Status
from backend.db import one_of
from backend.errors import Conflict, Forbidden
from backend.places import changes
from backend.places.changes import Did, Entry
from backend.places.models import Area, Change, Officer, Post, Unit
from backend.places.roles import Role
from backend.places.scope import Editor, lies_in, roles_of, visible
from backend.times import local, now

PAGE = 20
LATELY = 20  # decisions that are still being carried out, to make a duty of
SENT = (Action.ASSIGN, Action.SEND_BACK, Action.DISPUTE)
BACK = frozenset({Action.SEND_BACK, Action.DISPUTE})
WITH_UNIT = (Status.ASSIGNED, Status.IN_PROGRESS)
WRITTEN = "裁定已写入职责清单"  # with which the line in the case's log begins; that line proves nothing
ONLY_ARBITERS = "只有区里的督查专员和分拨员可以把裁定写入职责清单"
# From wide to narrow: a decision between departments is seldom about one community alone.
WIDTHS = ("subdistrict_id", "community_id", "zone_id", "grid_id", "place_id")
_LISTED = tuple(joinedload(to) for to in (Case.place, Case.community, Case.unit, Case.category))


@dataclass(frozen=True)
class SendBack:
    """Who sent a case back, when, and in what words (reason, the duty it rests on, whom they propose)."""

    by: str
    at: datetime
    words: str
    proposed_id: int | None


@dataclass(frozen=True)
class Precedent:
    """The duty that a decision would become, and in which places it would hold."""

    category: Category
    area: Area
    unit: Unit
    source: str

    @property
    def said(self) -> str:
        """路灯 × 望溪街道 → 城管局"""
        return f"{self.category.name} × {self.area.name} → {self.unit.name}"


def disputed(
    session: Session, posts: Sequence[Post], *, after: tuple[datetime, int] | None = None, limit: int = PAGE
) -> list[Case]:
    """The cases that wait for a decision of these posts, soonest deadline first, in one query. `after` is
    (due_at or NEVER, id) of the last one seen."""
    query = (
        sa.select(Case)
        .where(one_of(Case.status, (Status.DISPUTED,)), visible(_arbiters(posts), Case))
        .options(*_LISTED)
    )
    if after is not None:
        due_at = sa.func.coalesce(Case.due_at, NEVER)
        query = query.where(sa.tuple_(due_at, Case.id) > sa.tuple_(*map(sa.literal, after)))
    return list(session.scalars(query.order_by(Case.due_at.nulls_last(), Case.id).limit(limit)))


def decided(session: Session, posts: Sequence[Post], limit: int = LATELY) -> list[Case]:
    """What was decided and is with its unit now, the latest decision first, in one query."""
    query = sa.select(Case).where(one_of(Case.status, WITH_UNIT), Case.arbitrated_at.is_not(None))
    query = query.where(visible(_arbiters(posts), Case)).options(*_LISTED)
    return list(session.scalars(query.order_by(Case.arbitrated_at.desc(), Case.id).limit(limit)))


def sent_back(session: Session, cases: Sequence[Case]) -> Mapping[int, list[SendBack]]:
    """Both sides of the dispute, by the case's id, oldest first; one query for all of them."""
    rounds = sa.tuple_(CaseEvent.case_id, CaseEvent.round).in_([(case.id, case.round) for case in cases])
    steps = sa.select(CaseEvent, Unit.name, Officer.name).outerjoin(Unit, Unit.id == CaseEvent.unit_id)
    steps = steps.outerjoin(Officer, Officer.id == CaseEvent.officer_id)
    steps = steps.where(rounds, CaseEvent.action.in_(SENT)).order_by(CaseEvent.id)
    found: dict[int, list[SendBack]] = defaultdict(list)
    with_unit: dict[int, str] = {}
    for event, unit, officer in session.execute(steps):
        if event.action in BACK:
            who = f"{with_unit.get(event.case_id, '')} {officer or ''}".strip()
            found[event.case_id].append(SendBack(who, event.created_at, event.note, event.unit_id))
        else:
            with_unit[event.case_id] = unit or ""
    return found


def decide(
    session: Session,
    number: str,
    actor: Actor,
    unit_id: int,
    note: str,
    at: datetime | None = None,
    seen: int | None = None,
) -> Case:
    """Decide whose this case is, with the reason; it goes to that unit and cannot be sent back in this round.

    `seen` is the last event that the arbiter's page showed. Raises as `service.perform` does; Conflict names
    who decided first.
    """
    case = service.lock(session, number, actor)
    meanwhile.check(session, case, actor, seen, [Status.DISPUTED])
    return service.perform(session, number, Action.ARBITRATE, actor, Given(note=note, unit_id=unit_id), at=at)


def written(session: Session, cases: Sequence[Case]) -> set[int]:
    """The ids of those cases whose decision is in a duty list already (one query).

    Known by the record of the district's lists: only writing the duty puts it there, while anybody may write
    a line in a case's log.
    """
    sources = {source_of(case): case.id for case in cases if case.arbitrated_at is not None}
    own = sa.select(DutyList.id).where(DutyList.area_id.in_({case.district_id for case in cases}))
    said = Change.after["source"].astext
    of_lists = (Change.subject == "duty_lists", Change.subject_id.in_(own))
    return {sources[each] for each in session.scalars(sa.select(said).where(*of_lists, said.in_(sources)))}


def precedent(session: Session, case: Case) -> Precedent:
    """The duty that the decision on this case would become: for its category, and as widely as that lets it
    hold against the duties there are. Raises Conflict where it cannot become one."""
    if case.arbitrated_at is None or case.unit_id is None or case.status is Status.DISPUTED:
        raise Conflict("这件事还没有裁定，不能写入职责清单")
    if case.category_id is None:
        raise Conflict("这件事还没有归类，请先在诉求页面“归类”，再写入职责清单")
    chain = dispatch.in_force(session).chains.get(case.category_id, (case.category_id,))
    category, unit = session.get_one(Category, chain[0]), session.get_one(Unit, case.unit_id)
    area = session.get_one(Area, _where(session, case, category.id, unit))
    return Precedent(category, area, unit, source_of(case))


def source_of(case: Case) -> str:
    """裁定 261121000001 2026-11-23: what the duty says it rests on, and by which it is known."""
    assert case.arbitrated_at is not None
    return f"裁定 {case.number} {local(case.arbitrated_at):%Y-%m-%d}"


def make_duty(session: Session, number: str, actor: Actor, at: datetime | None = None) -> DutyList:
    """Write the decision on this case into the duty list of its district, so that it holds from now on.

    It is one row of the list in force; the record names the officer, and says what stood there before. Once
    only. Raises NotFound, Forbidden (who is no arbiter here) or Conflict: not decided, not filed, written
    already, or a duty that is narrower still would decide all the same.
    """
    moment = at or now()
    case = service.lock(session, number, actor)
    if Role.ARBITER not in actor.roles_over(case):
        raise Forbidden(ONLY_ARBITERS)
    district = session.get_one(Area, case.district_id, with_for_update=True)
    found = precedent(session, case)
    if written(session, [case]):
        raise Conflict("这次裁定已经写入职责清单了，不用再写")
    duty_list = _put(session, _mandate(actor, district), district, found, moment)
    note = f"{WRITTEN}：{found.said}（{duty_list.name}）"
    service.perform(session, number, Action.LOG, actor, Given(note=note), at=moment)
    return duty_list


def _put(session: Session, editor: Editor, district: Area, found: Precedent, at: datetime) -> DutyList:
    """One row of the list in force, whatever its length; a district without a list gets one."""
    told = Told(found.unit.id, found.category.id, found.area.id, source=found.source)
    row = duty_queries.current(session, district.id)
    if row is not None:
        duties.amend(session, editor, row.id, told)
    else:
        row = duties.draft(session, editor, district.id, found.source[:LONGEST_NAME])
        duties.put(session, editor, row.id, told)
        duties.switch_on(session, editor, row.id, at)
    said = Entry(Did.CHANGED, "duty_lists", row.id, row.name, row.area_id, after={"source": found.source})
    changes.record(session, editor, [said])
    return row


def _mandate(actor: Actor, district: Area) -> Editor:
    """The arbiter with an administrator's right to the district's list: for this one duty, and no longer than
    this call. The post is no row; the record says who it was."""
    post = Post(officer_id=actor.officer_id, role=Role.ADMINISTRATOR, area=district, area_id=district.id)
    return Editor(actor.officer_id, (post,))


def _where(session: Session, case: Case, category_id: int, unit: Unit) -> int:
    """The widest place in which the duty would decide this very case: the street of the case, or less where
    the unit serves less, or where a duty of the same breadth stands in its way."""
    for area_id in _widths(session, case, unit):
        if _wins(session, case, category_id, area_id):
            return area_id
    raise Conflict("职责清单里有更具体的职责，写进去也不起作用；请管理员先改那一条")


def _widths(session: Session, case: Case, unit: Unit) -> list[int]:
    """The places of the case from wide to narrow, those that the unit serves as a whole if there are any."""
    ids = dict.fromkeys(each for column in WIDTHS if (each := getattr(case, column)) is not None)
    served = session.get_one(Area, unit.area_id)
    found = {area.id: area for area in session.scalars(sa.select(Area).where(Area.id.in_(ids)))}
    return [each for each in ids if lies_in(found[each], served)] or list(ids)


def _wins(session: Session, case: Case, category_id: int, area_id: int) -> bool:
    """Whether a duty for this category and area would decide the case, put into the district's list as it is:
    it takes the place of one for the same there, and of another list's it has the higher id."""
    world = dispatch.in_force(session)
    question = duty_rules.question(case, world.chains)
    replaced = set(session.scalars(_in_own_list(case)))
    new = Rule(2**62, case.unit_id or 0, category_id, area_id)
    others = world.index.candidates(question)
    left = [rule for rule in others if rule.key != new.key or rule.id not in replaced]
    decision = routing.decide(Index([*left, new]), question)
    return decision is not None and decision.duty.id == new.id


def _in_own_list(case: Case) -> sa.Select[int]:
    own = sa.select(DutyList.id).where(
        DutyList.area_id == case.district_id, DutyList.state == ListState.CURRENT
    )
    return sa.select(Duty.id).where(Duty.list_id.in_(own))


def _arbiters(posts: Sequence[Post]) -> list[Post]:
    return [post for post in posts if Role.ARBITER in roles_of(post)]
