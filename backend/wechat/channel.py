"""How a message reaches someone through WeChat: in the chat, as a template card, in a mini program.

Importing this module puts the channels on the ladders. Each prepares in the caller's short transaction and
delivers with none open (backend/notify/channels.py).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from backend.notify import grants
from backend.notify.channels import (
    LADDERS,
    Owed,
    Recipient,
    Refusal,
    Then,
    choices_of,
    link_of,
    text_of,
    values_of,
)
from backend.notify.fitting import fit, shorten
from backend.notify.messages import Choice
from backend.wechat import client
from backend.wechat.accounts import MINI, MiniProgram, Template
from backend.wechat.addresses import Address, cause, find, follower, leave, refusal
from backend.wechat.codes import Fate, ProviderError
from backend.wechat.models import Conversation

CHAT_BYTES = 2048  # of a chat message; a longer one is refused (45002)
MINI_PAGE = "pages/case/case?number={number}"
MORE, BY_PAGE = "点这里查看", "也可以打开网页："


@dataclass(frozen=True)
class ChatLetter:
    """A customer-service message, with one message of the window reserved for it."""

    address: Address
    window_until: datetime | None
    content: str
    choices: tuple[Choice, ...]
    url: str

    @property
    def account(self) -> str:
        return self.address.account.name

    def deliver(self) -> None:
        try:
            self._send()
        except ProviderError as error:
            raise refusal(error, self.account) from error

    def _send(self) -> None:
        to = (self.address.account, self.address.openid)
        if self.choices:
            # Whether a menu message may hold <a> is not documented; a bare address is a link everywhere.
            tail = f"{BY_PAGE}\n{self.url}"
            room = CHAT_BYTES - _bytes(tail + "".join(choice.text for choice in self.choices))
            client.send_menu(*to, shorten(self.content, room, _bytes), self.choices, tail)
        else:
            tail = f'\n<a href="{self.url}">{MORE}</a>'
            client.send_text(*to, shorten(self.content, CHAT_BYTES - _bytes(tail), _bytes) + tail)

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
        if owed.unanswered:
            raise Refusal("上次发送没有得到回应，为免重复不再发到会话里", Then.NEVER)
        address = follower(session, owed)
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
        if reserved is None:
            raise Refusal("对方近期没有给公众号发过消息", Then.NEVER)
        url = link_of(owed, address.account.name)
        return ChatLetter(address, reserved, text_of(owed), choices_of(owed), url)


@dataclass(frozen=True)
class CardLetter:
    """A template message."""

    address: Address
    template_id: str
    slots: Mapping[str, str]
    url: str
    client_id: str

    @property
    def account(self) -> str:
        return self.address.account.name

    def deliver(self) -> str:
        to = (self.address.account, self.address.openid)
        try:
            return client.send_template(*to, self.template_id, self.slots, self.url, self.client_id)
        except ProviderError as error:
            raise refusal(error, self.account) from error

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
        return CardLetter(address, template.id, _slots(owed, template), url, owed.client_id)


@dataclass(frozen=True)
class SubscriptionLetter:
    """A subscription message of a mini program, with one consent of the person spent on it."""

    address: Address
    mini_program: MiniProgram
    template_id: str
    slots: Mapping[str, str]
    page: str

    @property
    def account(self) -> str:
        return self.address.account.name + MINI

    def deliver(self) -> str:
        try:
            return client.send_subscribe(
                self.mini_program, self.address.openid, self.template_id, self.slots, self.page
            )
        except ProviderError as error:
            raise refusal(error, self.account) from error

    def settle(self, session: Session, refused: Refusal) -> None:
        """A consent is given back unless it was used, may have been, or turned out not to exist."""
        error = cause(refused)
        if error is not None and error.fate is not Fate.REFUSED and not refused.uncertain:
            grants.keep(session, self.address.contact_id, [self.template_id])


class Subscription:
    """A one-time message that the person allowed in the mini program; a repetition costs a consent too."""

    name = "wechat_subscription"

    def prepare(self, session: Session, owed: Owed) -> SubscriptionLetter:
        if owed.unanswered:
            raise Refusal("上次发送没有得到回应，为免重复不再发订阅消息", Then.NEVER)
        address = find(session, owed, MINI)
        if address is None:
            raise Refusal("对方没有用过小程序", Then.NEVER)
        mini_program = address.account.mini_program
        template = mini_program.templates.get(owed.message) if mini_program else None
        if mini_program is None or template is None:
            raise Refusal("小程序没有配置这类消息的模板", Then.NEVER)
        if not grants.spend(session, address.contact_id, template.id):
            raise Refusal("对方没有在小程序里同意接收", Then.NEVER)
        page = MINI_PAGE.format(number=owed.fields.get("number", ""))
        return SubscriptionLetter(address, mini_program, template.id, _slots(owed, template), page)


def _slots(owed: Owed, template: Template) -> dict[str, str]:
    values = values_of(owed)
    return {slot: fit(slot, values[name], owed.created_at) for name, slot in template.slots.items()}


def _bytes(text: str) -> int:
    return len(text.encode(errors="replace"))


LADDERS[Recipient.RESIDENT] = (Chat(), Card(), Subscription())
LADDERS[Recipient.OFFICER] = (Card(), Chat())
