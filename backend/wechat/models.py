"""Tables of WeChat: each conversation's state, and every message that came in with the answer it got."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import ForeignKey
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
    """A message or event from WeChat, stored by its dedupe key together with the reply it was given.

    The contact is the conversation's, which is checked there (docs/decisions/checked-once.md).
    """

    __tablename__ = "inbound_messages"

    dedupe_key: Mapped[str] = mapped_column(unique=True)
    contact_id: Mapped[int] = mapped_column(index=True)
    kind: Mapped[str]
    content: Mapped[json_object]
    reply: Mapped[str]
    received_at: Mapped[datetime] = mapped_column(server_default=sa.func.now())
