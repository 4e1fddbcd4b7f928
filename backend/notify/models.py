"""Tables of notify: where a person can be reached, and what is owed to them."""

from datetime import datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy import ForeignKey
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from backend.db import Base, created_at, json_object
from backend.notify.messages import Message


class Contact(Base):
    """One person at one WeChat account (an openid), and who they are to us."""

    __tablename__ = "contacts"
    __table_args__ = (
        sa.UniqueConstraint("account", "openid"),
        sa.Index("ix_contacts_unionid", "unionid", postgresql_where=sa.text("unionid IS NOT NULL")),
    )

    account: Mapped[str]
    openid: Mapped[str]
    unionid: Mapped[str | None]
    resident_id: Mapped[int] = mapped_column(ForeignKey("residents.id"), index=True)
    officer_id: Mapped[int | None] = mapped_column(ForeignKey("officers.id"), index=True)
    follows: Mapped[bool] = mapped_column(server_default=sa.true())
    created_at: Mapped[created_at]


class Grant(Base):
    """How many subscription messages of one template may still be sent to a contact; `lasts`: any number."""

    __tablename__ = "grants"
    __table_args__ = (sa.UniqueConstraint("contact_id", "template_id"),)

    contact_id: Mapped[int] = mapped_column(ForeignKey("contacts.id"))
    template_id: Mapped[str]
    left: Mapped[int] = mapped_column(sa.SmallInteger, server_default="0")
    lasts: Mapped[bool] = mapped_column(server_default=sa.false())


class MessageOptOut(Base):
    """A resident who wants to hear of progress no more (不用通知)."""

    __tablename__ = "message_optouts"

    resident_id: Mapped[int] = mapped_column(ForeignKey("residents.id"), unique=True)
    created_at: Mapped[created_at]


class Delivery(StrEnum):
    WAITING = "waiting"  # owed; may be due now or later
    SENDING = "sending"  # claimed by a worker until lease_until
    SENT = "sent"  # the provider took it
    RECEIVED = "received"  # the receipt says it arrived
    FAILED = "failed"  # for good; `error` says why


class Held(StrEnum):
    """Why a message waits though it could go; `error` says the same in words."""

    NIGHT = "night"  # until the morning
    OUTAGE = "outage"  # until its account can be called again
    DIGEST = "digest"  # for others, to go together as one
    LIMIT = "limit"  # the person has been told enough for now


class Notification(Base):
    """A message owed to someone: the outbox row, and afterwards the record of what happened.

    To whom is taken from a post or a case, where it is checked (docs/decisions/checked-once.md).
    """

    __tablename__ = "notifications"
    __table_args__ = (
        sa.CheckConstraint("(resident_id IS NULL) <> (officer_id IS NULL)", name="one_recipient"),
        sa.Index(
            "ix_notifications_officer", "officer_id", postgresql_where=sa.text("officer_id IS NOT NULL")
        ),
        sa.Index(
            "ix_notifications_resident", "resident_id", postgresql_where=sa.text("resident_id IS NOT NULL")
        ),
        sa.Index("ix_notifications_due", "due_at", postgresql_where=sa.text("status = 'waiting'")),
        sa.Index(
            "ix_notifications_queue", "haste", "due_at", "id", postgresql_where=sa.text("status = 'waiting'")
        ),
        sa.Index("ix_notifications_leased", "lease_until", postgresql_where=sa.text("status = 'sending'")),
        sa.Index(
            "ix_notifications_held",
            "held",
            "officer_id",
            postgresql_where=sa.text("held IS NOT NULL AND status = 'waiting'"),
        ),
        sa.Index(
            "ix_notifications_digest",
            "sent_at",
            postgresql_where=sa.text(
                "digest_id IS NOT NULL AND (status = 'sending' OR status = 'sent'"
                " AND channel IN ('wechat_template', 'wechat_notice', 'sms'))"
            ),
        ),
        sa.Index(
            "ix_notifications_told_officer",
            "officer_id",
            "sent_at",
            postgresql_where=sa.text("officer_id IS NOT NULL AND sent_at IS NOT NULL"),
        ),
        sa.Index(
            "ix_notifications_told_resident",
            "resident_id",
            "sent_at",
            postgresql_where=sa.text("resident_id IS NOT NULL AND sent_at IS NOT NULL"),
        ),
        sa.Index(
            "ix_notifications_receipt",
            "account",
            "provider_id",
            postgresql_where=sa.text("provider_id IS NOT NULL"),
        ),
        sa.Index(
            "ix_notifications_failed",
            "due_at",
            "id",
            postgresql_where=sa.text("status = 'failed' AND attempts > 0"),
        ),
        sa.Index(
            "ix_notifications_silent",
            "sent_at",
            "id",
            postgresql_where=sa.text("status = 'sent' AND provider_id IS NOT NULL"),
        ),
    )

    key: Mapped[str] = mapped_column(unique=True)
    message: Mapped[Message]
    resident_id: Mapped[int | None]
    officer_id: Mapped[int | None]
    fields: Mapped[json_object]
    haste: Mapped[int] = mapped_column(sa.SmallInteger, server_default="2")  # messages.haste
    status: Mapped[Delivery] = mapped_column(server_default="waiting")
    due_at: Mapped[datetime] = mapped_column(server_default=sa.func.now())
    lease_until: Mapped[datetime | None]
    attempts: Mapped[int] = mapped_column(sa.SmallInteger, server_default="0")
    account: Mapped[str | None]
    channel: Mapped[str | None]
    provider_id: Mapped[str | None]  # the provider's message id, as text: it is larger than 2^53
    rungs: Mapped[list[Any]] = mapped_column(JSONB, server_default=sa.text("'[]'"))  # each channel tried
    error: Mapped[str | None]
    held: Mapped[Held | None]
    digest_id: Mapped[int | None]  # the message in which it went with others
    sent_at: Mapped[datetime | None]
    received_at: Mapped[datetime | None]
    created_at: Mapped[created_at]


class Did(StrEnum):
    """What an officer decided about a message that did not go out."""

    RESENT = "resent"
    OTHER_CHANNEL = "other_channel"
    GIVEN_UP = "given_up"


class NotificationChange(Base):
    """Who decided what about a message, and why."""

    __tablename__ = "notification_changes"

    notification_id: Mapped[int] = mapped_column(ForeignKey("notifications.id"), index=True)
    officer_id: Mapped[int] = mapped_column(ForeignKey("officers.id"))
    action: Mapped[Did]
    channel: Mapped[str | None]  # the one that was chosen
    reason: Mapped[str] = mapped_column(server_default="")
    created_at: Mapped[created_at]
