"""Table of the ledger: the seal on every step of every case and order, each resting on the one before."""

from datetime import datetime
from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from backend.db import Base, created_at


class Seal(Base):
    """One link of the chain: a hash over the link before and what the event says (ledger.py). Only added.

    `id` is the position, without gaps, in the order in which events were sealed.
    """

    __tablename__ = "seals"

    case_event_id: Mapped[int] = mapped_column(ForeignKey("case_events.id"), unique=True)
    hash: Mapped[bytes]
    salt: Mapped[bytes | None]  # of the note's digest; gone when the note is
    note_digest: Mapped[bytes | None]  # kept in its place
    sealed_at: Mapped[created_at]


class Verification(StrEnum):
    """How a run over the ledger ended."""

    WHOLE = "whole"
    BROKEN = "broken"


class LedgerCheck(Base):
    """A run of verify-ledger and what it found: the head that it reached can be kept elsewhere."""

    __tablename__ = "ledger_checks"

    until_id: Mapped[int]  # the last position that was looked at
    head: Mapped[bytes]
    result: Mapped[Verification]
    words: Mapped[str] = mapped_column(server_default="")
    checked_at: Mapped[datetime] = mapped_column(server_default=sa.func.now())
