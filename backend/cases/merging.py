"""Putting cases together and taking them apart: merge 并案, unmerge, link 关联, split 拆分, join 附议."""

from collections.abc import Iterable
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from backend.cases import deadlines, intake, kin, service, telling, workflow
from backend.cases.intake import Report
from backend.cases.models import Case, CaseEvent
from backend.cases.service import Actor
from backend.cases.workflow import UNSOLVED, Action, Audience, Given, Status
from backend.errors import Conflict, Invalid
from backend.notify.messages import Message
from backend.places.models import Area
from backend.times import now

TURN = sa.text("SELECT pg_advisory_xact_lock(hashtextextended('merge', :district))")


def merge(
    session: Session, number: str, actor: Actor, into: str, note: str = "", at: datetime | None = None
) -> Case:
    """Merge a case into another one, its master; both must be this officer's. Returns the member.

    The resident keeps thread, notices, answer and survey. Raises as `service.perform` does, NotFound for a
    master that is not there, and Conflict for one that is done or merged itself.
    """
    take_turns(session, number, into)
    master = _master(session, number, actor, into)
    given = Given(note=note, case_id=master.id)
    case = service.perform(session, number, Action.MERGE, actor, given, at=at)
    _pass_on_danger(session, case, master, at or now())
    return case


def unmerge(session: Session, number: str, actor: Actor, note: str, at: datetime | None = None) -> Case:
    """Take a member out again, while its master is open: it is to be dispatched by itself."""
    return service.perform(session, number, Action.UNMERGE, actor, Given(note=note), at=at)


def link(
    session: Session, number: str, actor: Actor, other: str, note: str = "", at: datetime | None = None
) -> Case:
    """Say that two cases of this officer have to do with each other. Raises Conflict when that is said."""
    if number == other:
        raise Invalid("不能和自己关联，请填另一件诉求的编号")
    found = service.find(session, other, actor)
    return service.perform(session, number, Action.LINK, actor, Given(note=note, case_id=found.id), at=at)


def split(
    session: Session, number: str, actor: Actor, unit_id: int, text: str, at: datetime | None = None
) -> Case:
    """Give a part of a case to a unit of its own. Returns the part.

    The whole goes on where it is and answers the resident once every part is done. Raises as
    `service.perform` does, and Conflict for what is a part already.
    """
    moment = at or now()
    whole = service.lock(session, number, actor)
    if whole.parent_id is not None:
        raise Conflict("这是拆出来的一部分，不能再拆")
    service.perform(session, number, Action.SPLIT, actor, Given(note=text, unit_id=unit_id), at=moment)
    part = _part(session, whole, actor, text.strip(), moment)
    service.perform(session, part.number, Action.ACCEPT, actor, at=moment)
    return service.perform(session, part.number, Action.ASSIGN, actor, Given(unit_id=unit_id), at=moment)


def join(session: Session, report: Report, master_id: int, at: datetime | None = None) -> Case:
    """附议: open a case of one's own, and let it be part of what somebody else reported already.

    Nobody is alerted as to a new matter, unless this one calls it dangerous. Where the other is done
    meanwhile, or elsewhere, the case simply stays one of its own. Raises as `intake.open_case` does.
    """
    place = session.get_one(Area, report.place_id)
    _take_turns_in(session, [place.district_id])
    master = _joinable(session, master_id, place.community_id)
    case = intake.open_case(session, report, at, quietly=master is not None and not report.urgent)
    if master is not None and case.status is Status.SUBMITTED and case.id != master.id:
        _join(session, case, master, at or now())
    return case


def join_with(
    session: Session, number: str, resident_id: int, master_id: int, at: datetime | None = None
) -> Case | None:
    """附议 by a resident who has just reported it: their case, not looked at yet, becomes the member.

    Returns that case; None, and nothing is done, where it or the other may not be merged (any more). Raises
    NotFound for a case that is not theirs.
    """
    take_turns(session, number)
    own = service.find(session, number, Actor(resident_id=resident_id))
    master = _joinable(session, master_id, own.community_id)
    case = service.lock(session, number, Actor(resident_id=resident_id))
    if master is None or case.status is not Status.SUBMITTED or case.id == master.id:
        return None
    _join(session, case, master, at or now())
    return case


def _joinable(session: Session, master_id: int, community_id: int | None) -> Case | None:
    """The matter, or what it was merged into meanwhile, held until the transaction ends; None where it is
    not open any more, or of another community."""
    matter = session.get(Case, master_id, populate_existing=True)
    if matter is not None and matter.status is Status.MERGED:
        master_id = matter.master_id or master_id
    master = session.get(Case, master_id, with_for_update=True, populate_existing=True)
    if master is None or community_id is None or master.community_id != community_id:
        return None
    return master if master.status in UNSOLVED and master.parent_id is None else None


def _join(session: Session, case: Case, master: Case, at: datetime) -> None:
    resident = Actor(resident_id=case.resident_id)
    service.perform(session, case.number, Action.JOIN, resident, Given(case_id=master.id), at=at)
    kin.write_down(session, master, Action.JOINED, case.number, at)
    _pass_on_danger(session, case, master, at)


def _pass_on_danger(session: Session, case: Case, master: Case, at: datetime) -> None:
    """What one of them calls dangerous is so: those who have the master hear of it and have less time."""
    if not case.urgent or master.urgent:
        return
    master.urgent = True
    deadlines.hasten(session, master, at)
    session.flush()
    note = f"紧急：并入的 {case.number} 反映有危险"
    for who in (Audience.COMMUNITY, Audience.UNIT):
        telling.tell(session, master, who, Message.CASE_URGED, f"danger:{case.id}", note=note, at=at)


def take_turns(session: Session, *numbers: str) -> None:
    """Before any of these cases is held: two who merge them the other way round would wait for each other.

    Only districts of which one has a case among them wait; a number that is not there waits for nobody.
    """
    _take_turns_in(session, session.scalars(sa.select(Case.district_id).where(Case.number.in_(numbers))))


def _take_turns_in(session: Session, districts: Iterable[int | None]) -> None:
    for district in sorted({district or 0 for district in districts}):  # in one order, whoever comes
        session.execute(TURN, {"district": district})


def _master(session: Session, number: str, actor: Actor, into: str) -> Case:
    if number == into:
        raise Invalid("不能并入自己，请填另一件诉求的编号")
    if service.find(session, into, actor).status is Status.MERGED:
        raise Conflict(f"{into} 自己也并入了别的诉求，请并入那一件")
    master = service.lock(session, into, actor)
    if master.status not in UNSOLVED:
        raise Conflict(f"{into} 已经办结或结束，不能再并入")
    if master.parent_id is not None:
        raise Conflict(f"{into} 是拆出来的一部分，请并入原来那一件")
    return master


def _part(session: Session, whole: Case, actor: Actor, text: str, at: datetime) -> Case:
    part = Case(
        number=intake.new_number(at),
        status=Status.SUBMITTED,
        channel=whole.channel,
        report=text,
        urgent=whole.urgent,
        officer_id=actor.officer_id,
        parent_id=whole.id,
        discovered_at=at,
        **{column: getattr(whole, column) for column in COPIED},
    )
    session.add(part)
    session.flush()
    session.add(_submission(part, actor, at))
    return part


# Where a part is and what it is about: as the whole.
COPIED = (
    "place_id",
    "district_id",
    "subdistrict_id",
    "community_id",
    "zone_id",
    "grid_id",
    "category_id",
    "latitude",
    "longitude",
    "address",
)


def _submission(part: Case, actor: Actor, at: datetime) -> CaseEvent:
    return CaseEvent(
        case_id=part.id,
        round=1,
        action=Action.SUBMIT,
        role=workflow.acting_role(Action.SPLIT, actor.roles_over(part)),
        officer_id=actor.officer_id,
        to_status=Status.SUBMITTED,
        created_at=at,
    )
