"""Tables of meetings (书记茶话会, 领导接访): who came, what they raised, and what became of it."""

from datetime import datetime
from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column, relationship

from backend.cases.models import Case
from backend.db import Base, created_at
from backend.places.models import Area, Officer, Resident


class MeetingKind(StrEnum):
    TEA = "tea"
    RECEPTION = "reception"


class Meeting(Base):
    """A tea meeting of the secretary or a reception day of a leader."""

    __tablename__ = "meetings"
    __table_args__ = (
        sa.Index("ix_meetings_community", "community_id", "id"),
        sa.Index("ix_meetings_subdistrict", "subdistrict_id", "id"),
        sa.Index("ix_meetings_district", "district_id", "id"),
    )

    kind: Mapped[MeetingKind]
    place_id: Mapped[int] = mapped_column(ForeignKey("areas.id"))
    district_id: Mapped[int | None]
    subdistrict_id: Mapped[int | None]
    community_id: Mapped[int | None]
    zone_id: Mapped[int | None]
    grid_id: Mapped[int | None]
    unit_id: Mapped[int | None]  # always none: a meeting is of a place (places/scope.py)
    title: Mapped[str]
    where: Mapped[str] = mapped_column(server_default="")  # the room, in words
    host_id: Mapped[int] = mapped_column(ForeignKey("officers.id"))  # the secretary, the leader
    officer_id: Mapped[int] = mapped_column(ForeignKey("officers.id"))  # who keeps the record
    held_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]
    created_at: Mapped[created_at]

    place: Mapped[Area] = relationship(lazy="raise_on_sql")
    host: Mapped[Officer] = relationship(foreign_keys=[host_id], lazy="raise_on_sql")


class Attendee(Base):
    """Who came to a meeting; their name and number are the resident's."""

    __tablename__ = "attendees"
    __table_args__ = (sa.UniqueConstraint("meeting_id", "resident_id"),)

    meeting_id: Mapped[int] = mapped_column(ForeignKey("meetings.id"))
    resident_id: Mapped[int] = mapped_column(ForeignKey("residents.id"))
    created_at: Mapped[created_at]

    resident: Mapped[Resident] = relationship(lazy="raise_on_sql")


class Matter(Base):
    """What somebody raised at a meeting: answered there, or a case."""

    __tablename__ = "matters"
    __table_args__ = (sa.Index("ix_matters_meeting", "meeting_id", "id"),)

    meeting_id: Mapped[int] = mapped_column(ForeignKey("meetings.id"))
    attendee_id: Mapped[int | None] = mapped_column(ForeignKey("attendees.id"))
    text: Mapped[str]
    answer: Mapped[str | None]  # what was said there and then, which settled it
    case_id: Mapped[int | None] = mapped_column(ForeignKey("cases.id"), unique=True)
    officer_id: Mapped[int] = mapped_column(ForeignKey("officers.id"))
    created_at: Mapped[created_at]

    case: Mapped[Case | None] = relationship(lazy="raise_on_sql")
