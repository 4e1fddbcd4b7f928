"""What a resident leaves with us about themselves."""

from sqlalchemy.orm import Session

from backend.places.models import Resident
from backend.privacy import blind_index


def keep_phone(session: Session, resident_id: int, phone: str) -> None:
    """Store the number, sealed, with its index for look-up."""
    resident = session.get_one(Resident, resident_id)
    resident.phone, resident.phone_index = phone, blind_index(phone)
