"""How a message reaches a follower: in the chat, or as a template card.

Importing this module registers the channels. Each prepares in the caller's short transaction and
delivers with none open (backend/notify/channels.py).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from backend.notify.channels import (
    LOOK_UPS,
    Owed,
    Refusal,
    Then,
    choices_of,
    link_of,
    register,
    text_of,
)
from backend.notify.fitting import shorten
from backend.wechat import client, quotas
from backend.wechat.addresses import (
    Address,
    cause,
    follower,
    leave,
    look_up,
    must_be_certain,
    send,
)
from backend.wechat.cards import slots_of
from backend.wechat.codes import Fate
from backend.wechat.models import Conversation

CHAT_BYTES = 2048  # of a chat message; a longer one is refused (45002)
NOT_OPEN = "对方近期没有给公众号发过消息"
MORE, BY_PAGE = "点这里查看", "也可以打开网页："


@dataclass(frozen=True)
class ChatLetter:
    """A customer-service message, with one message of the window reserved for it."""

    owed: Owed
    address: Address
    window_until: datetime | None
    url: str

    @property
    def account(self) -> str:
        return self.address.account.name

    def deliver(self) -> None:
        send(self.owed, self.account, self.address.account, quotas.CHAT, self._send)

    def _send(self) -> None:
        to = (self.address.account, self.address.openid)
        choices, content = choices_of(self.owed), text_of(self.owed)
        if choices:
            # Whether a menu message may hold <a> is not documented; a bare address is a link everywhere.
            tail = f"{BY_PAGE}\n{self.url}"
            room = CHAT_BYTES - _bytes(tail + "".join(choice.text for choice in choices))
            client.send_menu(*to, shorten(content, room, _bytes), choices, tail)
        else:
            tail = f'\n<a href="{self.url}">{MORE}</a>'
            client.send_text(*to, shorten(content, CHAT_BYTES - _bytes(tail), _bytes) + tail)

    def settle(self, session: Session, refused: Refusal) -> None:
        """A closed window is closed for the others too; a call that surely had no effect cost nothing."""
        leave(session, self.address.contact_id, refused)
        error = cause(refused)
        is_closed = error is not None and error.fate is Fate.WINDOW
        if refused.uncertain and not is_closed:
            return
        session.execute(
            sa.update(Conversation)
            .where(
                Conversation.contact_id == self.address.contact_id,
                Conversation.window_until == self.window_until,  # else the person wrote since
            )
            .values(window_left=0 if is_closed else Conversation.window_left + 1)
        )


class Chat:
    """A message in the chat: possible only in the window that the person opened by writing or tapping."""

    name = "wechat_chat"

    def prepare(self, session: Session, owed: Owed) -> ChatLetter:
        address = follower(session, owed)
        if not address.is_open:
            raise Refusal(NOT_OPEN, Then.NEVER)
        must_be_certain(owed, "不再发到会话里")
        reserved = session.scalar(
            sa.update(Conversation)
            .where(
                Conversation.contact_id == address.contact_id,
                Conversation.window_left > 0,
                Conversation.window_until > sa.func.now(),
            )
            .values(window_left=Conversation.window_left - 1)
            .returning(Conversation.window_until)
        )
        if not reserved:
            raise Refusal(NOT_OPEN, Then.NEVER)
        url = link_of(owed, address.account.name)
        return ChatLetter(owed, address, reserved, url)


@dataclass(frozen=True)
class CardLetter:
    """A template message."""

    owed: Owed
    address: Address
    template_id: str
    slots: Mapping[str, str]
    url: str

    @property
    def account(self) -> str:
        return self.address.account.name

    def deliver(self) -> str | None:
        return send(self.owed, self.account, self.address.account, quotas.CARD, self._send)

    def _send(self) -> str | None:
        to = (self.address.account, self.address.openid)
        return client.send_template(*to, self.template_id, self.slots, self.url, self.owed.client_id)

    def settle(self, session: Session, refused: Refusal) -> None:
        leave(session, self.address.contact_id, refused)


class Card:
    """A template card: reaches every follower, whenever."""

    name = "wechat_template"

    def prepare(self, session: Session, owed: Owed) -> CardLetter:
        address = follower(session, owed)
        template = address.account.templates.get(owed.message)
        if template is None:
            raise Refusal("公众号没有配置这类消息的模板", Then.VISIT)
        url = link_of(owed, address.account.name)
        return CardLetter(owed, address, template.id, slots_of(owed, template), url)


def _bytes(text: str) -> int:
    return len(text.encode(errors="replace"))


LOOK_UPS.append(look_up)
register(Chat())
register(Card())
