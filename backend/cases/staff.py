"""Staff intake: a case for someone who telephoned, came to the window or wrote, taken down by an officer."""

import re
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from backend.cases import intake, workflow
from backend.cases.models import Case, Channel
from backend.cases.service import Actor
from backend.cases.workflow import Action
from backend.errors import Forbidden, Invalid, NotFound
from backend.notify.models import Contact
from backend.places.models import Area, Resident
from backend.places.roles import Role
from backend.places.scope import roles_over
from backend.privacy import PHONE, blind_index

ONLINE = frozenset({Channel.WECHAT, Channel.MINI_PROGRAM, Channel.WEB})  # residents come by these themselves
TAKERS = frozenset(workflow.RULES[Action.SUBMIT].roles) - {Role.RESIDENT}  # who takes down for others
LONGEST = 2000
BETWEEN = r"[\s()（）-]"  # what people write between the digits of a number
NO_PHONE = "电话号码不对，请填手机号或带区号的固定电话"


@dataclass(frozen=True)
class Visit:
    """What an officer takes down. `key` is the other system's own number, so that importing twice is once."""

    text: str
    place_id: int
    channel: Channel
    name: str = ""
    phone: str = ""
    urgent: bool = False
    address: str | None = None
    key: str | None = None
    resident_id: int | None = None  # who it is, where that is known already; else by name and phone


@dataclass(frozen=True)
class _Spot:
    """An area in the columns by which posts reach rows (places/scope.py): a case before there is one."""

    place_id: int
    grid_id: int | None
    zone_id: int | None
    community_id: int | None
    subdistrict_id: int | None
    district_id: int | None
    unit_id: None = None


def take(session: Session, actor: Actor, visit: Visit, at: datetime | None = None) -> Case:
    """Open the case, by an officer whose posts cover the place. The same `key` again returns the same case.

    Raises Invalid (empty or too long, not a channel of staff, not a telephone number), NotFound (no such
    place) or Forbidden (the place, or taking reports, is not this officer's).
    """
    text, phone = _checked_text(visit), clean_phone(visit.phone)
    area = session.get(Area, visit.place_id)
    if area is None:
        raise NotFound("没有这个地点，请重新选一个")
    role = _role_at(actor, area)
    if visit.key is not None and (known := intake.with_key(session, visit.key)) is not None:
        return known
    report = intake.Report(
        text=text,
        place_id=area.id,
        place=area.name,
        channel=visit.channel,
        resident_id=visit.resident_id or person(session, visit.name, phone),
        officer_id=actor.officer_id,
        role=role,
        urgent=visit.urgent,
        address=visit.address,
        key=visit.key,
    )
    return intake.open_case(session, report, at)


def clean_phone(text: str) -> str:
    """The number as it is stored and looked up, without +86, spaces, dashes. Raises Invalid."""
    digits = re.sub(BETWEEN, "", text)
    found = PHONE.fullmatch(digits)
    if digits and not found:
        raise Invalid(NO_PHONE)
    return found.group(1) if found else ""


def _checked_text(visit: Visit) -> str:
    text = visit.text.strip()
    if not text:
        raise Invalid("请填写反映的内容")
    if len(text) > LONGEST:
        raise Invalid(f"反映的内容太长了，最多 {LONGEST} 个字，请写短一些")
    if visit.channel in ONLINE:
        raise Invalid("请选择来件渠道")
    return text


def _role_at(actor: Actor, area: Area) -> Role:
    spot = _Spot(
        area.id, area.grid_id, area.zone_id, area.community_id, area.subdistrict_id, area.district_id
    )
    roles = roles_over(actor.posts, spot)
    if actor.officer_id is None or not roles:
        raise Forbidden("这个地点不归您负责，不能在这里登记诉求，请换一个您负责的地点")
    return workflow.acting_role(Action.SUBMIT, roles)


def person(session: Session, name: str, phone: str) -> int | None:
    """The person's row: found again by the (clean) telephone number, else made; None for someone unnamed.

    Only people without WeChat are found. Whoever writes a stranger's number in chat must not come to see
    what that stranger told us by telephone.
    """
    name = name.strip()
    if not name and not phone:
        return None
    if phone and (known := _known(session, phone)) is not None:
        known.name = known.name or name or None  # who gave no name the last time may give it now
        return known.id
    resident = Resident(
        name=name or None, phone=phone or None, phone_index=blind_index(phone) if phone else None
    )
    session.add(resident)
    session.flush()
    return resident.id


def _known(session: Session, phone: str) -> Resident | None:
    index = blind_index(phone)
    session.execute(sa.select(sa.func.pg_advisory_xact_lock(sa.func.hashtextextended(index.hex(), 0))))
    has_wechat = sa.exists().where(Contact.resident_id == Resident.id)
    return session.scalar(
        sa.select(Resident).where(Resident.phone_index == index, ~has_wechat).order_by(Resident.id).limit(1)
    )
