"""Tables of supervision (监管): supervision orders 督办单, monthly notices 月通报, exclusions 剔除."""

from datetime import date, datetime
from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column, relationship

from backend.cases.deadline_models import Decision
from backend.cases.models import Case
from backend.db import Base, created_at, json_object
from backend.places.models import Area, Unit


class Supervised(StrEnum):
    """Where a supervision stands."""

    OPEN = "open"
    ANSWERED = "answered"
    CLOSED = "closed"


class Effect(StrEnum):
    """What the supervisor says a supervision brought."""

    SOLVED = "solved"
    ADVANCED = "advanced"
    NONE = "none"


class Supervision(Base):
    """A supervision order (督办单): a unit has to answer to the supervisor about one case by a day."""

    __tablename__ = "supervisions"
    __table_args__ = (
        sa.Index("ix_supervisions_case", "case_id"),
        sa.Index("ix_supervisions_order", "order_id", postgresql_where=sa.text("order_id IS NOT NULL")),
        sa.Index("ix_supervisions_unit", "unit_id", "id"),
        sa.Index("ix_supervisions_due", "due_at", postgresql_where=sa.text("state = 'open'")),
        sa.CheckConstraint("(case_id IS NULL) <> (order_id IS NULL)", name="case_or_order"),
    )

    case_id: Mapped[int | None] = mapped_column(ForeignKey("cases.id"))
    order_id: Mapped[int | None] = mapped_column(ForeignKey("orders.id"))
    unit_id: Mapped[int] = mapped_column(ForeignKey("units.id"))  # to whom
    officer_id: Mapped[int] = mapped_column(ForeignKey("officers.id"))  # the supervisor
    text: Mapped[str]  # what is wanted
    due_at: Mapped[datetime]
    state: Mapped[Supervised] = mapped_column(server_default="open")
    reminded_at: Mapped[datetime | None]  # when it was found unanswered
    answer: Mapped[str | None]
    answered_by: Mapped[int | None] = mapped_column(ForeignKey("officers.id"))
    answered_at: Mapped[datetime | None]
    effect: Mapped[Effect | None]
    closed_at: Mapped[datetime | None]
    created_at: Mapped[created_at]

    case: Mapped[Case | None] = relationship(lazy="raise_on_sql")
    unit: Mapped[Unit] = relationship(lazy="raise_on_sql")


class MonthlyNotice(Base):
    """The public notice of a month (月通报) of one area, with its figures as they were then."""

    __tablename__ = "monthly_notices"
    __table_args__ = (sa.UniqueConstraint("area_id", "month"),)

    area_id: Mapped[int] = mapped_column(ForeignKey("areas.id"))
    month: Mapped[date]  # its first day
    figures: Mapped[json_object]
    words: Mapped[str] = mapped_column(server_default="")
    officer_id: Mapped[int] = mapped_column(ForeignKey("officers.id"))
    published_at: Mapped[datetime | None]
    is_public: Mapped[bool] = mapped_column(server_default=sa.false())  # not for officers alone
    created_at: Mapped[created_at]

    area: Mapped[Area] = relationship(lazy="raise_on_sql")


class Measure(StrEnum):
    """The published figures a case counts in."""

    ACCEPTED_IN_TIME = "accepted_in_time"
    CLOSED_ON_TIME = "closed_on_time"
    SOLVED_FIRST_TIME = "solved_first_time"
    RESOLVED = "resolved"
    RESPONDED = "responded"
    SOLVED = "solved"
    SATISFIED = "satisfied"


class Exclusion(Base):
    """One case left out of one figure (剔除): who asked and why, who allowed it."""

    __tablename__ = "exclusions"
    __table_args__ = (
        sa.Index(
            "ix_exclusions_case",
            "case_id",
            "round",
            "measure",
            unique=True,
            postgresql_where=sa.text("state <> 'refused'"),
        ),
        sa.Index("ix_exclusions_asked", "id", postgresql_where=sa.text("state = 'asked'")),
    )

    case_id: Mapped[int] = mapped_column(ForeignKey("cases.id"))
    round: Mapped[int] = mapped_column(sa.SmallInteger)
    measure: Mapped[Measure]
    reason: Mapped[str]
    state: Mapped[Decision] = mapped_column(server_default="asked")
    asked_by: Mapped[int] = mapped_column(ForeignKey("officers.id"))
    decided_by: Mapped[int | None] = mapped_column(ForeignKey("officers.id"))
    decided_at: Mapped[datetime | None]
    decision: Mapped[str] = mapped_column(server_default="")
    created_at: Mapped[created_at]

    case: Mapped[Case] = relationship(lazy="raise_on_sql")
