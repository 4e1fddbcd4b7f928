"""Tables of cases: the case, its events and attachments; the duty list."""

from datetime import datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy import ForeignKey
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column, relationship

from backend.cases.category_models import Category
from backend.cases.workflow import Action, Outcome, Status
from backend.db import Base, created_at, json_object
from backend.places.models import Area, Resident, Unit
from backend.places.roles import Role

# What is looked for among hard cases; hard_queries.py asks in these very words.
HARD = "is_legacy OR marks <> '{}' OR leader_id IS NOT NULL OR group_ids <> '{}'"
# What somebody has in hand: what they ever had is the past, and grows.
IN_HAND = (
    "handler_id IS NOT NULL AND status IN"
    " ('submitted', 'accepted', 'assigned', 'disputed', 'in_progress', 'resolved', 'merged')"
)
COUNTED = "action IN ('urge', 'send_back', 'dispute', 'arbitrate')"  # steps that monthly notices count
REPORT_LENGTH = 2_000  # characters of a report, however it comes


class Channel(StrEnum):
    """How a case came in."""

    WECHAT = "wechat"
    MINI_PROGRAM = "mini_program"
    WEB = "web"
    TELEPHONE = "telephone"
    HOTLINE = "hotline"
    MAILBOX = "mailbox"
    WINDOW = "window"
    MEETING = "meeting"
    OTHER = "other"


CHANNEL_LABELS = {
    Channel.WECHAT: "微信公众号",
    Channel.MINI_PROGRAM: "小程序",
    Channel.WEB: "网页",
    Channel.TELEPHONE: "来电",
    Channel.WINDOW: "窗口来访",
    Channel.HOTLINE: "12345 热线",
    Channel.MAILBOX: "书记信箱",
    Channel.MEETING: "茶话会、接访",
    Channel.OTHER: "其他渠道",
}


class AttachmentKind(StrEnum):
    PHOTO = "photo"
    VOICE = "voice"
    VIDEO = "video"


class Stored(StrEnum):
    WAITING = "waiting"  # to be fetched from where it lies
    STORED = "stored"
    LOST = "lost"  # cannot be had any more, or refused; `reason` says why


class ListState(StrEnum):
    DRAFT = "draft"
    CURRENT = "current"
    RETIRED = "retired"


class DutyList(Base):
    """A list of duties (职责清单) of one area: drafted, tried on past cases, then switched on."""

    __tablename__ = "duty_lists"
    __table_args__ = (
        sa.Index(
            "ix_duty_lists_current", "area_id", unique=True, postgresql_where=sa.text("state = 'current'")
        ),
    )

    area_id: Mapped[int] = mapped_column(ForeignKey("areas.id"))
    name: Mapped[str]
    state: Mapped[ListState] = mapped_column(server_default="draft")
    officer_id: Mapped[int | None] = mapped_column(ForeignKey("officers.id"))
    switched_on_at: Mapped[datetime | None]
    created_at: Mapped[created_at]


class Duty(Base):
    """Category × area → unit (职责). What is not named holds for all: any category, anywhere in its area."""

    __tablename__ = "duties"
    __table_args__ = (
        sa.Index("ix_duties_list", "list_id", "category_id", "area_id"),
        sa.Index("ix_duties_unit", "unit_id"),
        sa.Index("ix_duties_category", "category_id"),
    )

    list_id: Mapped[int] = mapped_column(ForeignKey("duty_lists.id"))
    category_id: Mapped[int | None] = mapped_column(ForeignKey("categories.id"))
    area_id: Mapped[int | None] = mapped_column(ForeignKey("areas.id"))
    channel: Mapped[Channel | None]
    unit_id: Mapped[int] = mapped_column(ForeignKey("units.id"))
    assisting: Mapped[list[int]] = mapped_column(ARRAY(sa.BigInteger), server_default="{}")  # ids of units
    source: Mapped[str]  # the document or decision that it rests on

    unit: Mapped[Unit] = relationship(lazy="raise_on_sql")
    category: Mapped[Category | None] = relationship(lazy="raise_on_sql")
    area: Mapped[Area | None] = relationship(lazy="raise_on_sql")


class Case(Base):
    """What a resident reported (诉求) and the work it causes (工单)."""

    __tablename__ = "cases"
    __table_args__ = (
        sa.Index("ix_cases_key", "key", unique=True, postgresql_where=sa.text("key IS NOT NULL")),
        sa.Index("ix_cases_resident", "resident_id", "id"),
        sa.Index("ix_cases_community", "community_id", "id"),
        sa.Index("ix_cases_subdistrict", "subdistrict_id", "id"),
        sa.Index("ix_cases_district", "district_id", "id"),
        sa.Index("ix_cases_unit", "unit_id", "id", postgresql_where=sa.text("unit_id IS NOT NULL")),
        sa.Index("ix_cases_zone", "zone_id", "id", postgresql_where=sa.text("zone_id IS NOT NULL")),
        sa.Index("ix_cases_grid", "grid_id", "id", postgresql_where=sa.text("grid_id IS NOT NULL")),
        sa.Index(
            "ix_cases_category", "category_id", "id", postgresql_where=sa.text("category_id IS NOT NULL")
        ),
        sa.Index("ix_cases_code", "code_id", postgresql_where=sa.text("code_id IS NOT NULL")),
        sa.Index("ix_cases_place", "place_id", "id"),
        sa.Index(
            "ix_cases_pending",
            "due_at",
            "id",
            postgresql_where=sa.text(
                "status IN ('submitted', 'accepted', 'assigned', 'disputed', 'in_progress')"
            ),
        ),
        *(
            sa.Index(
                f"ix_cases_{name}", f"{name}_id", "id", postgresql_where=sa.text(f"{name}_id IS NOT NULL")
            )
            for name in ("master", "parent", "leader")
        ),
        sa.Index("ix_cases_handler", "handler_id", "id", postgresql_where=sa.text(IN_HAND)),
        sa.Index("ix_cases_hard", "id", postgresql_where=sa.text(HARD)),
        sa.Index(
            "ix_cases_group",
            "group_ids",
            postgresql_using="gin",
            postgresql_where=sa.text("group_ids <> '{}'"),
        ),
        sa.Index("ix_cases_replied", "replied_at", postgresql_where=sa.text("replied_at IS NOT NULL")),
        sa.Index("ix_cases_refused", "id", postgresql_where=sa.text("status IN ('rejected', 'withdrawn')")),
        sa.Index("ix_cases_resolved", "resolved_at", postgresql_where=sa.text("status = 'resolved'")),
    )

    number: Mapped[str] = mapped_column(unique=True)
    key: Mapped[str | None]  # the sender's own key: the same key, the same case
    status: Mapped[Status] = mapped_column(server_default="submitted")
    round: Mapped[int] = mapped_column(sa.SmallInteger, server_default="1")
    last_round: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))  # rounds.begin
    channel: Mapped[Channel]
    report: Mapped[str]
    urgent: Mapped[bool] = mapped_column(server_default=sa.false())
    resident_id: Mapped[int | None] = mapped_column(ForeignKey("residents.id"))
    officer_id: Mapped[int | None] = mapped_column(ForeignKey("officers.id"))  # who entered it, if staff did
    place_id: Mapped[int] = mapped_column(ForeignKey("areas.id"))
    # Copies of what the place's own row holds under foreign keys: checking them again would cost every case.
    district_id: Mapped[int | None]
    subdistrict_id: Mapped[int | None]
    community_id: Mapped[int | None]
    zone_id: Mapped[int | None]
    grid_id: Mapped[int | None]
    code_id: Mapped[int | None]  # the QR code that was scanned for it
    category_id: Mapped[int | None] = mapped_column(ForeignKey("categories.id"))
    latitude: Mapped[float | None]  # WGS-84
    longitude: Mapped[float | None]
    address: Mapped[str | None]
    unit_id: Mapped[int | None] = mapped_column(ForeignKey("units.id"))
    handler_id: Mapped[int | None] = mapped_column(ForeignKey("officers.id"))  # of the desk or unit
    leader_id: Mapped[int | None] = mapped_column(ForeignKey("officers.id"))  # the leader in charge (包案)
    group_ids: Mapped[list[int]] = mapped_column(ARRAY(sa.BigInteger), server_default="{}")  # 专班: officers
    master_id: Mapped[int | None] = mapped_column(ForeignKey("cases.id"))  # the case it was merged into
    parent_id: Mapped[int | None] = mapped_column(ForeignKey("cases.id"))  # the case it is a part of
    marks: Mapped[list[str]] = mapped_column(ARRAY(sa.Text), server_default="{}")  # of hard cases
    is_legacy: Mapped[bool] = mapped_column(server_default=sa.false())  # 积案
    sent_back: Mapped[int] = mapped_column(sa.SmallInteger, server_default="0")  # times, in this round
    arbitrated_at: Mapped[datetime | None]  # when the district decided whose it is; binding in this round
    question: Mapped[str | None]  # the one that the resident has not answered yet
    asked_at: Mapped[datetime | None]
    replied_at: Mapped[datetime | None]  # when they wrote, until the clocks were told
    outcome: Mapped[Outcome | None]
    answer: Mapped[str | None]  # the latest public result
    urged: Mapped[int] = mapped_column(sa.SmallInteger, server_default="0")
    urged_at: Mapped[datetime | None]
    due_at: Mapped[datetime | None]  # the nearest running deadline
    discovered_at: Mapped[datetime] = mapped_column(server_default=sa.func.now())
    accepted_at: Mapped[datetime | None]
    assigned_at: Mapped[datetime | None]
    acknowledged_at: Mapped[datetime | None]
    first_contact_at: Mapped[datetime | None]
    answered_at: Mapped[datetime | None]  # the first public word to the resident
    resolved_at: Mapped[datetime | None]
    confirmed_at: Mapped[datetime | None]
    fed_back_at: Mapped[datetime | None]
    closed_at: Mapped[datetime | None]

    place: Mapped[Area] = relationship(foreign_keys=[place_id], lazy="raise_on_sql")
    community: Mapped[Area | None] = relationship(
        primaryjoin="foreign(Case.community_id) == Area.id", viewonly=True, lazy="raise_on_sql"
    )
    unit: Mapped[Unit | None] = relationship(lazy="raise_on_sql")
    category: Mapped["Category | None"] = relationship(lazy="raise_on_sql")
    resident: Mapped[Resident | None] = relationship(lazy="raise_on_sql")
    events: Mapped[list["CaseEvent"]] = relationship(
        back_populates="case", order_by="CaseEvent.id", lazy="raise_on_sql"
    )
    attachments: Mapped[list["Attachment"]] = relationship(order_by="Attachment.id", lazy="raise_on_sql")


class CaseEvent(Base):
    """One step in a case's life. Rows are only ever added.

    `resident_id` is the case's own, which is checked there (docs/decisions/checked-once.md).
    """

    __tablename__ = "case_events"
    __table_args__ = (sa.Index("ix_case_events_counted", "created_at", postgresql_where=sa.text(COUNTED)),)

    case_id: Mapped[int] = mapped_column(ForeignKey("cases.id"), index=True)
    round: Mapped[int] = mapped_column(sa.SmallInteger)
    action: Mapped[Action]
    role: Mapped[Role]
    officer_id: Mapped[int | None] = mapped_column(ForeignKey("officers.id"))
    resident_id: Mapped[int | None]
    unit_id: Mapped[int | None] = mapped_column(ForeignKey("units.id"))
    from_status: Mapped[Status | None]
    to_status: Mapped[Status]
    note: Mapped[str] = mapped_column(server_default="")
    public: Mapped[bool] = mapped_column(server_default=sa.true())  # whether the resident sees the note
    created_at: Mapped[created_at]

    case: Mapped[Case] = relationship(back_populates="events", lazy="raise_on_sql")
    unit: Mapped[Unit | None] = relationship(lazy="raise_on_sql")


class CaseLink(Base):
    """Two cases that have to do with each other, though neither is part of the other."""

    __tablename__ = "case_links"
    __table_args__ = (
        sa.UniqueConstraint("case_id", "other_id"),
        sa.CheckConstraint("case_id < other_id", name="one_row_for_both"),
        sa.Index("ix_case_links_other", "other_id"),
    )

    case_id: Mapped[int] = mapped_column(ForeignKey("cases.id"))
    other_id: Mapped[int] = mapped_column(ForeignKey("cases.id"))
    officer_id: Mapped[int] = mapped_column(ForeignKey("officers.id"))
    why: Mapped[str] = mapped_column(server_default="")
    created_at: Mapped[created_at]


class AutoDispatch(Base):
    """Where simple and certain cases go to their unit by themselves: an area that allows it, and for what."""

    __tablename__ = "auto_dispatch"
    __table_args__ = (sa.UniqueConstraint("area_id", "category_id", postgresql_nulls_not_distinct=True),)

    area_id: Mapped[int] = mapped_column(ForeignKey("areas.id"))
    category_id: Mapped[int | None] = mapped_column(ForeignKey("categories.id"))  # None: whatever is certain
    officer_id: Mapped[int | None] = mapped_column(ForeignKey("officers.id"))
    created_at: Mapped[created_at]


class Attachment(Base):
    """A photo, recording or film that belongs to a case; kept by its content's hash once fetched."""

    __tablename__ = "attachments"
    __table_args__ = (
        sa.Index("ix_attachments_waiting", "due_at", postgresql_where=sa.text("state = 'waiting'")),
    )

    case_id: Mapped[int] = mapped_column(ForeignKey("cases.id"), index=True)
    round: Mapped[int] = mapped_column(sa.SmallInteger, server_default="1")
    kind: Mapped[AttachmentKind]
    by_resident: Mapped[bool] = mapped_column(server_default=sa.true())
    state: Mapped[Stored] = mapped_column(server_default="waiting")
    source: Mapped[json_object]  # {"account": …, "media_id": …}: where to fetch it
    due_at: Mapped[datetime] = mapped_column(server_default=sa.func.now())  # next attempt, or lease's end
    attempts: Mapped[int] = mapped_column(sa.SmallInteger, server_default="0")
    sha256: Mapped[str | None]
    mime: Mapped[str | None]
    size: Mapped[int | None]
    reason: Mapped[str | None]
    created_at: Mapped[created_at]
