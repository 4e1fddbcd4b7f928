"""Tables of telephone callbacks (电话回访): who is to be called about a round of a case, and every try.

A callback belongs to the survey of its round: the case's and the resident's id are the survey's, which is
checked there. Checked here again, they would lock the case behind its survey, and whoever answers locks the
two the other way round.
"""

from datetime import datetime, timedelta
from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column, relationship

from backend.cases.models import Case
from backend.cases.survey_models import Survey, Via
from backend.db import Base, created_at

WAITING = sa.text("state = 'waiting'")
HELD = timedelta(minutes=30)  # whoever takes a callback has it for so long


class Why(StrEnum):
    """Why somebody is called instead of asked in chat."""

    NO_WECHAT = "no_wechat"
    ORDERED = "ordered"  # the order under which the case was carried out asks for it
    SAMPLED = "sampled"  # drawn from those who did not answer


class CallbackState(StrEnum):
    """Where a callback stands. All but the first are ends."""

    WAITING = "waiting"
    ANSWERED = "answered"
    REFUSED = "refused"
    WRONG_NUMBER = "wrong_number"
    UNREACHED = "unreached"  # tried, and never got through
    UNCALLED = "uncalled"  # nobody tried in time
    REPLIED = "replied"  # answered by themselves meanwhile
    REOPENED = "reopened"  # the case is being worked on again


class Heard(StrEnum):
    """What a call came to."""

    ANSWERED = "answered"
    NO_ANSWER = "no_answer"
    BUSY = "busy"
    LATER = "later"  # they asked to be called at another time
    REFUSED = "refused"
    WRONG_NUMBER = "wrong_number"


WHY_LABELS = {
    Why.NO_WECHAT: "没有微信，打电话问",
    Why.ORDERED: "发令单要求电话回访",
    Why.SAMPLED: "没有回复评价，抽到的",
}
STATE_LABELS = {
    CallbackState.WAITING: "等回访",
    CallbackState.ANSWERED: "已回访",
    CallbackState.REFUSED: "不愿回访",
    CallbackState.WRONG_NUMBER: "号码不对",
    CallbackState.UNREACHED: "未接通",
    CallbackState.UNCALLED: "过期没有打",
    CallbackState.REPLIED: "已自己答复",
    CallbackState.REOPENED: "已重新办理",
}
# The ends to which only calls lead.
CALLED = (
    CallbackState.ANSWERED,
    CallbackState.REFUSED,
    CallbackState.WRONG_NUMBER,
    CallbackState.UNREACHED,
)
# The label of somebody who answered by themselves, by the way that answer came.
REPLIED_LABELS = {
    Via.CHAT: "已在微信答复",
    Via.MINI_PROGRAM: "已在小程序答复",
    Via.PAGE: "已在网页答复",
    Via.SMS: "已用短信答复",
}
HEARD_LABELS = {
    Heard.ANSWERED: "接通了，答了",
    Heard.NO_ANSWER: "没有人接",
    Heard.BUSY: "占线",
    Heard.LATER: "请改时间再打",
    Heard.REFUSED: "不愿意回访",
    Heard.WRONG_NUMBER: "号码不对",
}


class PhoneCallback(Base):
    """One round of a case about which somebody is called (电话回访). It is filed where its case is."""

    __tablename__ = "phone_callbacks"
    __table_args__ = (
        sa.UniqueConstraint("case_id", "round"),
        sa.Index("ix_phone_callbacks_survey", "survey_id"),
        sa.Index("ix_phone_callbacks_until", "until_at", postgresql_where=WAITING),
        sa.Index("ix_phone_callbacks_ended", "ended_at", postgresql_where=sa.text("ended_at IS NOT NULL")),
        sa.Index("ix_phone_callbacks_refused", "resident_id", postgresql_where=sa.text("state = 'refused'")),
        sa.Index("ix_phone_callbacks_place", "place_id"),
        *(
            index
            for level in ("community", "subdistrict", "district")
            for index in (
                sa.Index(
                    f"ix_phone_callbacks_{level}_due",
                    f"{level}_id",
                    "next_at",
                    "id",
                    postgresql_where=WAITING,
                ),
                sa.Index(f"ix_phone_callbacks_{level}", f"{level}_id", "id"),
            )
        ),
    )

    case_id: Mapped[int]
    round: Mapped[int] = mapped_column(sa.SmallInteger)
    survey_id: Mapped[int] = mapped_column(ForeignKey("surveys.id"))
    resident_id: Mapped[int]
    why: Mapped[Why]
    seed: Mapped[str | None]  # with which the survey was drawn; callback_samples.py says how
    percent: Mapped[int | None] = mapped_column(sa.SmallInteger)  # of the silent there
    place_id: Mapped[int] = mapped_column(ForeignKey("areas.id"))
    district_id: Mapped[int | None]
    subdistrict_id: Mapped[int | None]
    community_id: Mapped[int | None]
    zone_id: Mapped[int | None]
    grid_id: Mapped[int | None]
    state: Mapped[CallbackState] = mapped_column(server_default="waiting")
    next_at: Mapped[datetime]  # not to be called before
    until_at: Mapped[datetime]  # not to be called after
    tries: Mapped[int] = mapped_column(sa.SmallInteger, server_default="0")  # that did not get through
    officer_id: Mapped[int | None] = mapped_column(ForeignKey("officers.id"))  # who has it in hand
    taken_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    created_at: Mapped[created_at]

    def state_label(self, via: Via | None) -> str:
        """Where it stands, in words; `via` is by which way the survey of its round was answered."""
        if self.state is CallbackState.REPLIED and via in REPLIED_LABELS:
            return REPLIED_LABELS[via]
        return STATE_LABELS[self.state]

    def is_held(self, at: datetime) -> bool:
        """Whether somebody has it in hand."""
        return self.taken_at is not None and at - self.taken_at < HELD

    case: Mapped[Case] = relationship(
        primaryjoin="foreign(PhoneCallback.case_id) == Case.id", viewonly=True, lazy="raise_on_sql"
    )
    survey: Mapped[Survey] = relationship(lazy="raise_on_sql")


class CallAttempt(Base):
    """One try: it begins when the number is shown, which is written down, and ends with what came of it."""

    __tablename__ = "call_attempts"

    callback_id: Mapped[int] = mapped_column(ForeignKey("phone_callbacks.id"), index=True)
    officer_id: Mapped[int] = mapped_column(ForeignKey("officers.id"))
    unmasked_at: Mapped[datetime]
    heard: Mapped[Heard | None]  # None: whoever saw the number has not said what came of it
    note: Mapped[str] = mapped_column(server_default="")
    ended_at: Mapped[datetime | None]

    @property
    def length(self) -> timedelta | None:
        """From the number on the screen to what came of it; None while nobody has said."""
        return self.ended_at - self.unmasked_at if self.ended_at else None


class CallbackShare(Base):
    """How many per cent of the silent are called in an area and whatever lies in it, from then on. Rows are
    only ever added: the newest of an area counts."""

    __tablename__ = "callback_shares"
    __table_args__ = (
        sa.Index("ix_callback_shares_area", "area_id", "id"),
        sa.CheckConstraint("percent BETWEEN 0 AND 100", name="per_cent"),
    )

    area_id: Mapped[int] = mapped_column(ForeignKey("areas.id"))
    percent: Mapped[int | None] = mapped_column(sa.SmallInteger)  # None: as the area above it
    officer_id: Mapped[int | None] = mapped_column(ForeignKey("officers.id"))
    created_at: Mapped[created_at]
