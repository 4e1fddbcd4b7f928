"""The tables of callback surveys (回访): one for each round of a case that was closed, what was said to it
each time, how surveys are asked where, and the reviews of bad answers."""

from datetime import datetime
from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy import ForeignKey
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, WriteOnlyMapped, mapped_column, relationship

from backend.cases.models import Case
from backend.cases.workflow import Outcome
from backend.db import Base, created_at


class SurveyState(StrEnum):
    DUE = "due"
    SENT = "sent"
    ANSWERED = "answered"
    EXPIRED = "expired"


class Via(StrEnum):
    """By which way an answer came."""

    CHAT = "chat"
    MINI_PROGRAM = "mini_program"
    PAGE = "page"
    TELEPHONE = "telephone"
    SMS = "sms"


class Follow(StrEnum):
    """What follows a bad answer: the case comes back at once, or a supervisor looks at it first."""

    REOPEN = "reopen"
    REVIEW = "review"


class ReviewState(StrEnum):
    OPEN = "open"
    REOPENED = "reopened"
    UPHELD = "upheld"
    TAKEN_BACK = "taken_back"  # the resident changed the answer before anybody had done anything


class Survey(Base):
    """The callback survey (回访) of one round of a case, with the answer that counts: the last one."""

    __tablename__ = "surveys"
    __table_args__ = (
        sa.UniqueConstraint("case_id", "round"),
        sa.CheckConstraint("satisfaction BETWEEN 1 AND 5", name="five_steps"),
        sa.Index("ix_surveys_next", "next_at", postgresql_where=sa.text("next_at IS NOT NULL")),
        sa.Index("ix_surveys_resident", "resident_id", "id"),
        sa.Index(
            "ix_surveys_voices",
            "answered_at",
            "id",
            postgresql_where=sa.text("solved IS FALSE OR satisfaction <= 2"),
        ),
    )

    case_id: Mapped[int] = mapped_column(ForeignKey("cases.id"))
    round: Mapped[int] = mapped_column(sa.SmallInteger)
    resident_id: Mapped[int] = mapped_column(ForeignKey("residents.id"))
    unit_id: Mapped[int | None] = mapped_column(ForeignKey("units.id"))  # that had done what is asked about
    state: Mapped[SurveyState] = mapped_column(server_default="due")
    next_at: Mapped[datetime | None]  # when something is to be done: sent, reminded, expired
    sent_at: Mapped[datetime | None]
    reminded_at: Mapped[datetime | None]
    withdrawn_at: Mapped[datetime | None]  # the case came back before it was answered
    answered_at: Mapped[datetime | None]  # the first time
    solved: Mapped[bool | None]
    satisfaction: Mapped[int | None] = mapped_column(sa.SmallInteger)
    reasons: Mapped[list[str]] = mapped_column(ARRAY(sa.Text), server_default="{}")  # that were ticked
    words: Mapped[str | None]
    via: Mapped[Via | None]
    created_at: Mapped[created_at]

    case: Mapped[Case] = relationship(lazy="raise_on_sql")
    answers: WriteOnlyMapped["SurveyAnswer"] = relationship(
        order_by="SurveyAnswer.id", passive_deletes=True, cascade="all, delete-orphan"
    )


class SurveyAnswer(Base):
    """What a survey's answer was from then on, or what was said after its time. Rows are only ever added."""

    __tablename__ = "survey_answers"

    survey_id: Mapped[int] = mapped_column(ForeignKey("surveys.id", ondelete="CASCADE"), index=True)
    via: Mapped[Via]
    officer_id: Mapped[int | None] = mapped_column(ForeignKey("officers.id"))  # who took it by telephone
    solved: Mapped[bool | None]
    satisfaction: Mapped[int | None] = mapped_column(sa.SmallInteger)
    reasons: Mapped[list[str]] = mapped_column(ARRAY(sa.Text), server_default="{}")
    words: Mapped[str | None]
    is_late: Mapped[bool] = mapped_column(server_default=sa.false())  # it counts in no rate
    created_at: Mapped[created_at]


class SurveyPolicy(Base):
    """How surveys are asked (回访规则); it holds for all of what it does not name, and says only what is not
    empty: each column is taken from the most specific policy that says it."""

    __tablename__ = "survey_policies"
    __table_args__ = (
        sa.Index(
            "ix_survey_policies_what",
            "area_id",
            "category_id",
            "outcome",
            "urgent",
            unique=True,
            postgresql_nulls_not_distinct=True,
            postgresql_where=sa.text("ended_at IS NULL"),
        ),
        sa.CheckConstraint("delay_minutes >= 0", name="no_earlier"),
        sa.CheckConstraint("days_open > 0", name="some_days"),
    )

    area_id: Mapped[int | None] = mapped_column(ForeignKey("areas.id"))
    category_id: Mapped[int | None] = mapped_column(ForeignKey("categories.id"))
    outcome: Mapped[Outcome | None]
    urgent: Mapped[bool | None]
    is_asked: Mapped[bool | None]  # false: no survey for these
    delay_minutes: Mapped[int | None]
    hours: Mapped[str | None]  # 09:00-20:00: when people are asked
    days_open: Mapped[int | None] = mapped_column(sa.SmallInteger)
    is_reminded: Mapped[bool | None]
    on_unsolved: Mapped[Follow | None]
    on_dissatisfied: Mapped[Follow | None]
    reasons: Mapped[list[str] | None] = mapped_column(ARRAY(sa.Text))
    officer_id: Mapped[int | None] = mapped_column(ForeignKey("officers.id"))
    created_at: Mapped[created_at]
    ended_at: Mapped[datetime | None]


class SurveyReview(Base):
    """The review (回访复核) of a bad answer: open until somebody decides, or decided at once by policy."""

    __tablename__ = "survey_reviews"
    __table_args__ = (
        sa.Index("ix_survey_reviews_case", "case_id"),
        sa.Index("ix_survey_reviews_open", "due_at", "id", postgresql_where=sa.text("state = 'open'")),
        sa.Index("ix_survey_reviews_state", "state", sa.text("created_at DESC"), sa.text("id DESC")),
    )

    survey_id: Mapped[int] = mapped_column(ForeignKey("surveys.id"), unique=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("cases.id"))
    state: Mapped[ReviewState] = mapped_column(server_default="open")
    is_leaders: Mapped[bool] = mapped_column(server_default=sa.false())  # a leader's to decide
    complaint: Mapped[str]  # the answer in words, until somebody decided
    due_at: Mapped[datetime | None]
    # Who decided; None: the policy, or the resident.
    decided_by: Mapped[int | None] = mapped_column(ForeignKey("officers.id"))
    decided_at: Mapped[datetime | None]
    decision: Mapped[str] = mapped_column(server_default="")  # in the words of who decided
    created_at: Mapped[created_at]

    survey: Mapped[Survey] = relationship(lazy="raise_on_sql")
    case: Mapped[Case] = relationship(lazy="raise_on_sql")
