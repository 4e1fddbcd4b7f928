"""The table of callback surveys (回访): one for each round of a case that was closed."""

from datetime import datetime
from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column, relationship

from backend.cases.models import Case
from backend.db import Base, created_at


class SurveyState(StrEnum):
    DUE = "due"
    SENT = "sent"
    ANSWERED = "answered"
    EXPIRED = "expired"


class Survey(Base):
    """The callback survey (回访) of one round of a case."""

    __tablename__ = "surveys"
    __table_args__ = (
        sa.UniqueConstraint("case_id", "round"),
        sa.CheckConstraint("satisfaction BETWEEN 1 AND 5", name="five_steps"),
        sa.Index("ix_surveys_next", "next_at", postgresql_where=sa.text("next_at IS NOT NULL")),
        sa.Index("ix_surveys_resident", "resident_id", "id"),
    )

    case_id: Mapped[int] = mapped_column(ForeignKey("cases.id"))
    round: Mapped[int] = mapped_column(sa.SmallInteger)
    resident_id: Mapped[int] = mapped_column(ForeignKey("residents.id"))
    state: Mapped[SurveyState] = mapped_column(server_default="due")
    next_at: Mapped[datetime | None]  # when something is to be done: sent, reminded, expired
    sent_at: Mapped[datetime | None]
    reminded_at: Mapped[datetime | None]
    answered_at: Mapped[datetime | None]
    solved: Mapped[bool | None]
    satisfaction: Mapped[int | None] = mapped_column(sa.SmallInteger)
    words: Mapped[str | None]
    created_at: Mapped[created_at]

    case: Mapped[Case] = relationship(lazy="raise_on_sql")
