"""The table of thanks (锦旗、感谢) that cases brought."""

from datetime import date, datetime
from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column, relationship

from backend.cases.models import Case
from backend.db import Base, created_at


class ThanksKind(StrEnum):
    """How somebody said thanks."""

    BANNER = "banner"
    LETTER = "letter"
    PHONE = "phone"
    SPOKEN = "spoken"
    SURVEY = "survey"


class Thanks(Base):
    """Thanks for one case: written down by an officer, or said by the resident in the survey.

    They count for the unit that has the case. What was struck stays, with who struck it and why.
    """

    __tablename__ = "thanks"
    __table_args__ = (
        sa.Index("ix_thanks_case", "case_id"),
        sa.Index("ix_thanks_day", "day"),
        sa.UniqueConstraint("survey_id"),
        sa.CheckConstraint("(officer_id IS NULL) <> (survey_id IS NULL)", name="officer_or_survey"),
    )

    case_id: Mapped[int] = mapped_column(ForeignKey("cases.id"))
    kind: Mapped[ThanksKind]
    day: Mapped[date]  # on which it was said, as Shanghai has it
    words: Mapped[str] = mapped_column(server_default="")
    sha256: Mapped[str | None]  # of its photo in the store
    mime: Mapped[str | None]
    officer_id: Mapped[int | None] = mapped_column(ForeignKey("officers.id"))  # who wrote it down
    survey_id: Mapped[int | None] = mapped_column(ForeignKey("surveys.id"))  # in which it was said
    struck_by: Mapped[int | None] = mapped_column(ForeignKey("officers.id"))
    struck_at: Mapped[datetime | None]
    struck_why: Mapped[str | None]
    created_at: Mapped[created_at]

    case: Mapped[Case] = relationship(lazy="raise_on_sql")
