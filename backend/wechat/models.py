"""Tables of WeChat: each conversation's state, every message that came in with the answer it got, and what
the accounts' templates really are."""

from datetime import datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy import ForeignKey
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from backend.db import Base, json_object


class Conversation(Base):
    """Where the talk with one contact stands. `version` lets one writer win; the rest look again.

    `window_until` and `window_left` are the ledger of what the platform lets us write into the chat.
    """

    __tablename__ = "conversations"

    contact_id: Mapped[int] = mapped_column(ForeignKey("contacts.id"), unique=True)
    state: Mapped[json_object]
    version: Mapped[int] = mapped_column(server_default="0")
    heard_at: Mapped[datetime | None]
    window_until: Mapped[datetime | None]
    window_left: Mapped[int] = mapped_column(sa.SmallInteger, server_default="0")


class InboundMessage(Base):
    """A message or event from WeChat, stored by its dedupe key together with the reply it was given; and what
    a mini program's page told of consents (consents.py).

    The contact is the conversation's, which is checked there (docs/decisions/checked-once.md).
    """

    __tablename__ = "inbound_messages"

    dedupe_key: Mapped[str] = mapped_column(unique=True)
    contact_id: Mapped[int] = mapped_column(index=True)
    kind: Mapped[str]
    content: Mapped[json_object]
    reply: Mapped[str]
    received_at: Mapped[datetime] = mapped_column(server_default=sa.func.now())


class Sort(StrEnum):
    """The sorts of template; each has a library of its own at the platform."""

    CARD = "card"  # template messages of a service account
    NOTICE = "notice"  # its subscription notices
    MINI = "mini"  # subscription messages of its mini program


class TemplateLibrary(Base):
    """The templates of one sort that an account really has, as it was told at `fetched_at`.

    `templates` is [{id, title, keywords: {slot: label}}]. `problem` says why the last look, at `looked_at`,
    found nothing out; what was known before stays.
    """

    __tablename__ = "template_libraries"
    __table_args__ = (sa.UniqueConstraint("account", "sort"),)

    account: Mapped[str]
    sort: Mapped[Sort]
    templates: Mapped[list[Any]] = mapped_column(JSONB, server_default=sa.text("'[]'"))
    fetched_at: Mapped[datetime | None]
    problem: Mapped[str | None]
    looked_at: Mapped[datetime]
