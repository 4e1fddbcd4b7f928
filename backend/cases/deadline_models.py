"""Tables of deadlines (时限): clocks, what was done to them, how long they run, the days people work."""

from datetime import date, datetime
from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from backend.db import Base, created_at
from backend.places.roles import Level


class Clock(StrEnum):
    """What a deadline is about."""

    ACCEPT = "accept"
    ASSIGN = "assign"
    ACKNOWLEDGE = "acknowledge"
    FIRST_CONTACT = "first_contact"
    ANSWER = "answer"  # the first public word to the resident
    RESOLVE = "resolve"
    ARBITRATE = "arbitrate"
    REVIEW = "review"  # of a bad answer to a survey
    ORDER_ACKNOWLEDGE = "order_acknowledge"
    ORDER_ARRIVE = "order_arrive"
    ORDER_REPORT = "order_report"


class ChangeKind(StrEnum):
    """What can happen to a clock beside starting and stopping."""

    PAUSE = "pause"
    EXTEND = "extend"
    HASTEN = "hasten"  # the case became urgent
    MOVE = "move"  # to another case, as when a master is withdrawn and a member goes on


class Decision(StrEnum):
    """What became of a request."""

    ASKED = "asked"
    APPROVED = "approved"
    REFUSED = "refused"


class Deadline(Base):
    """One running or finished clock of a case, or of a unit under an order.

    `next_at` is when the sweep has to look at it: amber, red, then each step up the chain; none while it is
    paused, and none once it has stopped or climbed all the way.
    """

    __tablename__ = "deadlines"
    __table_args__ = (
        sa.UniqueConstraint("case_id", "round", "clock", "started_at"),
        sa.CheckConstraint("(case_id IS NULL) <> (order_unit_id IS NULL)", name="case_or_order_unit"),
        sa.Index("ix_deadlines_next", "next_at", postgresql_where=sa.text("next_at IS NOT NULL")),
        sa.Index(
            "ix_deadlines_order_unit", "order_unit_id", postgresql_where=sa.text("order_unit_id IS NOT NULL")
        ),
    )

    case_id: Mapped[int | None] = mapped_column(ForeignKey("cases.id"))
    order_unit_id: Mapped[int | None] = mapped_column(ForeignKey("order_units.id"))
    round: Mapped[int] = mapped_column(sa.SmallInteger)
    clock: Mapped[Clock]
    minutes: Mapped[int | None]  # its length by the policy, in plain or working minutes; None: an old one
    in_working_time: Mapped[bool] = mapped_column(server_default=sa.false())
    started_at: Mapped[datetime] = mapped_column(server_default=sa.func.now())
    amber_at: Mapped[datetime | None]
    due_at: Mapped[datetime]
    next_at: Mapped[datetime | None]
    stage: Mapped[int] = mapped_column(sa.SmallInteger, server_default="0")  # steps of the chain told so far
    paused_at: Mapped[datetime | None]
    stopped_at: Mapped[datetime | None]
    fired_at: Mapped[datetime | None]  # when it was found overdue


class DeadlineChange(Base):
    """A line of a clock's ledger: a pause, an extension or the like, asked for or done, by whom and why."""

    __tablename__ = "deadline_changes"
    __table_args__ = (
        sa.Index(
            "ix_deadline_changes_case", "case_id", "id", postgresql_where=sa.text("case_id IS NOT NULL")
        ),
        sa.Index("ix_deadline_changes_deadline", "deadline_id"),
        sa.Index("ix_deadline_changes_asked", "id", postgresql_where=sa.text("state = 'asked'")),
        sa.Index(
            "ix_deadline_changes_until",
            "until_at",
            postgresql_where=sa.text("kind = 'pause' AND state = 'approved' AND ended_at IS NULL"),
        ),
    )

    deadline_id: Mapped[int] = mapped_column(ForeignKey("deadlines.id"))
    case_id: Mapped[int | None] = mapped_column(ForeignKey("cases.id"))  # whose it was when this was asked
    kind: Mapped[ChangeKind]
    state: Mapped[Decision]
    minutes: Mapped[int | None]  # of an extension, as the clock counts them
    until_at: Mapped[datetime | None]  # when a pause ends by itself
    ended_at: Mapped[datetime | None]  # when a pause ended
    reason: Mapped[str]
    proof: Mapped[str | None]  # the sha256 of a file in the store
    asked_by: Mapped[int | None] = mapped_column(ForeignKey("officers.id"))  # None: a rule
    decided_by: Mapped[int | None] = mapped_column(ForeignKey("officers.id"))
    decided_at: Mapped[datetime | None]
    decision: Mapped[str] = mapped_column(server_default="")  # in the words of who decided
    due_before: Mapped[datetime]
    due_after: Mapped[datetime | None]
    created_at: Mapped[created_at]


class Policy(Base):
    """How long a clock runs (时限规则); it holds for all of what it does not name. The most specific wins."""

    __tablename__ = "policies"
    __table_args__ = (
        sa.Index(
            "ix_policies_what",
            "clock",
            "area_id",
            "level",
            "category_id",
            "urgent",
            unique=True,
            postgresql_nulls_not_distinct=True,
            postgresql_where=sa.text("ended_at IS NULL"),
        ),
        sa.CheckConstraint("minutes > 0", name="some_time"),
        sa.CheckConstraint("amber BETWEEN 1 AND 99", name="amber_in_percent"),
    )

    clock: Mapped[Clock]
    area_id: Mapped[int | None] = mapped_column(ForeignKey("areas.id"))  # in this area
    level: Mapped[Level | None]  # at places of this level, like stations
    category_id: Mapped[int | None] = mapped_column(ForeignKey("categories.id"))
    urgent: Mapped[bool | None]
    minutes: Mapped[int]
    in_working_time: Mapped[bool] = mapped_column(server_default=sa.false())
    amber: Mapped[int] = mapped_column(sa.SmallInteger, server_default="50")  # percent of it are left
    source: Mapped[str]  # the document it rests on
    officer_id: Mapped[int | None] = mapped_column(ForeignKey("officers.id"))
    created_at: Mapped[created_at]
    ended_at: Mapped[datetime | None]


class CalendarDay(Base):
    """A day on which people work or rest against the rule of the weekday, said by an administrator."""

    __tablename__ = "calendar_days"

    day: Mapped[date] = mapped_column(unique=True)
    is_working: Mapped[bool]
    name: Mapped[str]
    officer_id: Mapped[int | None] = mapped_column(ForeignKey("officers.id"))
    created_at: Mapped[created_at]
