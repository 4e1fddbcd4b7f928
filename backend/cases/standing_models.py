"""Tables of standings: how each case counts in each published rate, and what they come to in a month.

They are copies. Triggers (migrations 0008 and 0011) write a mark whenever a row of cases, deadlines, surveys
or exclusions is written, and standings.py looks at the case again. What has a mark, or is newer than what was
looked at, is counted from those rows themselves.
"""

from datetime import date, datetime
from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from backend.cases.supervision_models import Measure
from backend.db import Base


class Way(StrEnum):
    """How the answer of a survey came, or why there is none."""

    SELF = "self"  # the resident answered what was sent
    SAMPLED = "sampled"  # the resident was silent, was drawn by lot, and answered on the telephone
    PHONE = "phone"  # the resident was called because nothing could be sent, or because it was asked for
    SILENT = "silent"  # it expired
    OPEN = "open"  # it can still be answered


SURVEYED = sa.text("measure IN ('responded', 'solved', 'satisfied')")


class Standing(Base):
    """How a case counted in a rate when it was last looked at: none where it did not count.

    Without foreign keys, like the places of a case: what a row says was true of rows that were checked.
    What it is about and how the answer came is kept of what rests on surveys, and read from the index alone.
    """

    __tablename__ = "standings"
    __table_args__ = (
        sa.UniqueConstraint("case_id", "measure"),
        sa.Index("ix_standings_moment", "moment"),
        sa.Index(
            "ix_standings_surveyed",
            "moment",
            postgresql_include=[
                "measure",
                "category",
                "way",
                "is_good",
                "is_excluded",
                "district_id",
                "subdistrict_id",
                "community_id",
                "unit_id",
                "case_id",
            ],
            postgresql_where=SURVEYED,
        ),
    )

    case_id: Mapped[int]
    measure: Mapped[Measure]
    moment: Mapped[datetime]  # by which it counts in a period; of a clock that runs it may be to come
    is_good: Mapped[bool]
    is_excluded: Mapped[bool]
    category: Mapped[str | None]  # the name at the top of the dictionary
    way: Mapped[Way | None]
    district_id: Mapped[int | None]
    subdistrict_id: Mapped[int | None]
    community_id: Mapped[int | None]
    unit_id: Mapped[int | None]


class StandingSum(Base):
    """What the standings of a month (as Shanghai has it) come to, of one community and one unit."""

    __tablename__ = "standing_sums"
    __table_args__ = (
        sa.Index(
            "ix_standing_sums_what",
            "month",
            "measure",
            "district_id",
            "subdistrict_id",
            "community_id",
            "unit_id",
            unique=True,
            postgresql_nulls_not_distinct=True,
        ),
    )

    month: Mapped[date]  # its first day
    measure: Mapped[Measure]
    district_id: Mapped[int | None]
    subdistrict_id: Mapped[int | None]
    community_id: Mapped[int | None]
    unit_id: Mapped[int | None]
    good: Mapped[int]
    counted: Mapped[int]
    excluded: Mapped[int]


class StandingMark(Base):
    """A case that was written since it was last looked at, not by being opened. Only added and taken away."""

    __tablename__ = "standing_marks"

    case_id: Mapped[int]


class StandingProgress(Base):
    """How far new cases have been looked at. One row."""

    __tablename__ = "standing_progress"

    case_id: Mapped[int] = mapped_column(sa.BigInteger)  # the last one; what has a higher id is new
    newest_id: Mapped[int] = mapped_column(sa.BigInteger)  # how far to go next, as soon as that has settled
    noted_at: Mapped[datetime]
