"""The resident's telephone number: masked on every page, whole once it is written down who looked."""

from sqlalchemy.orm import Session

from backend.cases import service
from backend.cases.models import Case
from backend.cases.service import Actor
from backend.cases.workflow import Action
from backend.errors import Conflict
from backend.places.models import Resident
from backend.privacy import mask_phone


def masked(session: Session, case: Case) -> str:
    """The number as everyone who sees the case may read it; empty where there is none."""
    phone = _phone(session, case)
    return mask_phone(phone) if phone else ""


def see(session: Session, number: str, actor: Actor) -> str:
    """The whole number, for one answer. Raises NotFound, Forbidden or Conflict with a Chinese sentence."""
    phone = _phone(session, service.find(session, number, actor))
    if not phone:
        raise Conflict("这位居民没有留下电话")
    service.perform(session, number, Action.SEE_PHONE, actor)
    return phone


def _phone(session: Session, case: Case) -> str:
    resident = session.get(Resident, case.resident_id) if case.resident_id else None
    return (resident and resident.phone) or ""
