"""The table of text messages: the numbers that get none."""

from sqlalchemy.orm import Mapped, mapped_column

from backend.db import Base, created_at


class SmsOptOut(Base):
    """A number whose owner wants no text messages (回T退订), known by its keyed hash alone; by another one, a
    number that the provider refused for being on its own list (sms_optouts.py)."""

    __tablename__ = "sms_optouts"

    phone_index: Mapped[bytes] = mapped_column(unique=True)
    created_at: Mapped[created_at]
