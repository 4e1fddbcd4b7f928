"""Who reported a case: name and telephone masked on every page, whole once it is written down who looked."""

from dataclasses import dataclass

from sqlalchemy.orm import Session

from backend.cases import service
from backend.cases.models import Case
from backend.cases.service import Actor
from backend.cases.workflow import Action
from backend.errors import Conflict
from backend.places.models import Resident
from backend.places.officers import masked_name
from backend.privacy import mask_phone


@dataclass(frozen=True)
class Reporter:
    """Either may be empty: who writes in WeChat has no name, who came to the counter perhaps no telephone."""

    name: str
    phone: str


def masked(session: Session, case: Case) -> Reporter:
    """As everyone who sees the case may read it."""
    found = _reporter(session, case)
    return Reporter(found.name and masked_name(found.name), found.phone and mask_phone(found.phone))


def see(session: Session, number: str, actor: Actor) -> Reporter:
    """Both whole, for one answer. Raises NotFound, Forbidden or Conflict with a Chinese sentence."""
    found = _reporter(session, service.find(session, number, actor))
    if not (found.name or found.phone):
        raise Conflict("这位居民没有留下电话")
    service.perform(session, number, Action.SEE_PHONE, actor)
    return found


def _reporter(session: Session, case: Case) -> Reporter:
    resident = session.get(Resident, case.resident_id) if case.resident_id else None
    return Reporter((resident and resident.name) or "", (resident and resident.phone) or "")
