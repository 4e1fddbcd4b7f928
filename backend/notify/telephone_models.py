"""The table of calls to be made: messages that a person has to say, because nothing else got through."""

from datetime import datetime
from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from backend.db import Base, created_at


class CallOutcome(StrEnum):
    TOLD = "told"  # they know now
    NO_ANSWER = "no_answer"  # to be tried again
    WRONG_NUMBER = "wrong_number"


class TelephoneTask(Base):
    """One call to an officer, or to the resident of the message. Whose list it stands in follows from where
    that officer works, or where the resident's matter lies."""

    __tablename__ = "telephone_tasks"
    __table_args__ = (sa.Index("ix_telephone_tasks_open", "id", postgresql_where=sa.text("done_at IS NULL")),)

    notification_id: Mapped[int] = mapped_column(unique=True)
    officer_id: Mapped[int | None] = mapped_column(ForeignKey("officers.id"))  # None: the resident
    place_id: Mapped[int | None]
    district_id: Mapped[int | None]
    subdistrict_id: Mapped[int | None]
    community_id: Mapped[int | None]
    zone_id: Mapped[int | None]
    grid_id: Mapped[int | None]
    unit_id: Mapped[int | None]
    words: Mapped[str]  # what is to be said
    why: Mapped[str]  # why nothing else got through
    tries: Mapped[int] = mapped_column(sa.SmallInteger, server_default="0")
    tried_at: Mapped[datetime | None]
    done_at: Mapped[datetime | None]
    done_by: Mapped[int | None] = mapped_column(ForeignKey("officers.id"))
    outcome: Mapped[CallOutcome | None]
    note: Mapped[str] = mapped_column(server_default="")
    created_at: Mapped[created_at]
