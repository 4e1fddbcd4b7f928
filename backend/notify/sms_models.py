"""The tables of text messages: who gets none, and which answers were heard."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from backend.db import Base, created_at


class SmsOptOut(Base):
    """A number whose owner wants no text messages (回T退订), known by its keyed hash alone."""

    __tablename__ = "sms_optouts"

    phone_index: Mapped[bytes] = mapped_column(unique=True)
    created_at: Mapped[created_at]


class SmsListed(Base):
    """A number that the provider refused, for it stands on a list of its own (退订名单)."""

    __tablename__ = "sms_listed"

    phone_index: Mapped[bytes] = mapped_column(unique=True)
    refused_at: Mapped[datetime]


class SmsHeard(Base):
    """An answer by text message that was taken in, known by a keyed hash of number, time and words."""

    __tablename__ = "sms_heard"
    __table_args__ = (sa.Index("ix_sms_heard_heard_at", "heard_at"),)

    name: Mapped[bytes] = mapped_column(unique=True)
    heard_at: Mapped[datetime]
