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
from backend.notify.models import Contact
from backend.wechat import accounts, client
from backend.wechat.accounts import Account, MiniProgram, Template
from backend.wechat.codes import Fate, ProviderError
from backend.wechat.models import Conversation

CHAT_BYTES = 2048  # of a chat message; a longer one is refused (45002)
MINI = ":mini"  # ends the account's name in contacts that came by its mini program
MINI_PAGE = "pages/case/case?number={number}"
MORE, BY_PAGE = "点这里查看", "也可以打开网页："

# What becomes of the message, and whether the next channel may be tried now.
FATES: dict[Fate, tuple[Then, bool]] = {
    Fate.PERMANENT: (Then.NEVER, True),
    Fate.TRANSIENT: (Then.LATER, False),
    Fate.NO_QUOTA: (Then.LATER, True),
    Fate.TOKEN: (Then.LATER, False),
    Fate.ACCOUNT: (Then.LATER, True),
    Fate.TEMPLATE: (Then.NEVER, True),
    Fate.WINDOW: (Then.NEVER, True),
    Fate.NOT_FOLLOWING: (Then.VISIT, True),
    Fate.REFUSED: (Then.NEVER, True),
}
NOT_SUBSCRIBED = 43004


@dataclass(frozen=True)
class Address:
    """Someone at one account; the window is what its conversation allowed when we looked."""

    account: Account
    contact_id: int
    openid: str
    window_until: datetime | None


def _follower(session: Session, owed: Owed) -> Address:
    address = _address(session, owed)
    if address is None:
        raise Refusal("对方没有关注公众号", Then.VISIT)
    return address


def _address(session: Session, owed: Owed, suffix: str = "") -> Address | None:
    """The person's contact to use: followed, at an account we serve; the one last heard from first."""
    names = {name + suffix: account for name, account in accounts.all_accounts().items()}
    person = (
        Contact.officer_id == owed.officer_id
        if owed.officer_id is not None
        else Contact.resident_id == owed.resident_id
    )
    found = session.execute(
        sa.select(Contact.id, Contact.account, Contact.openid, Conversation.window_until)
        .outerjoin(Conversation, Conversation.contact_id == Contact.id)
        .where(person, Contact.follows, Contact.account.in_(names))
        .order_by(Conversation.heard_at.desc().nulls_last(), Contact.id.desc())
        .limit(1)
    ).first()
    if found is None:
        return None
    return Address(names[found.account], found.id, found.openid, found.window_until)


def _refusal(error: ProviderError) -> Refusal:
    then, next_rung = FATES[error.fate]
    refusal = Refusal(str(error), then, next_rung=next_rung, uncertain=error.uncertain)
    refusal.__cause__ = error
    return refusal


def _error(refusal: Refusal) -> ProviderError | None:
    return refusal.__cause__ if isinstance(refusal.__cause__, ProviderError) else None


def _leave(session: Session, contact_id: int, refusal: Refusal) -> None:
    """WeChat says that the person does not follow: the event that should have told us was lost."""
    error = _error(refusal)
    if error is not None and error.errcode == NOT_SUBSCRIBED:
        session.execute(sa.update(Contact).where(Contact.id == contact_id).values(follows=False))


@dataclass(frozen=True)
class ChatLetter:
    """A customer-service message that one message of the window has been reserved for."""

    address: Address
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
            raise _refusal(error) from error

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

    def settle(self, session: Session, refusal: Refusal) -> None:
        """A closed window is closed for the others too; a call that surely had no effect cost nothing."""
        _leave(session, self.address.contact_id, refusal)
        error = _error(refusal)
        is_closed = error is not None and error.fate is Fate.WINDOW
        if refusal.uncertain and not is_closed:
            return
        session.execute(
            sa.update(Conversation)
            .where(
                Conversation.contact_id == self.address.contact_id,
                Conversation.window_until == self.address.window_until,  # else the person wrote since
            )
            .values(window_left=0 if is_closed else Conversation.window_left + 1)
        )


class Chat:
    """A message in the chat: possible only in the window that the person opened by writing or tapping."""

    name = "wechat_chat"

    def prepare(self, session: Session, owed: Owed) -> ChatLetter:
        if owed.unanswered:
            raise Refusal("上次发送没有得到回应，为免重复不再发到会话里", Then.NEVER)
        address = _follower(session, owed)
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
        address = Address(address.account, address.contact_id, address.openid, reserved)
        return ChatLetter(address, text_of(owed), choices_of(owed), link_of(owed, address.account.name))


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
            raise _refusal(error) from error

    def settle(self, session: Session, refusal: Refusal) -> None:
        _leave(session, self.address.contact_id, refusal)


class Card:
    """A template card: reaches every follower, whenever."""

    name = "wechat_template"

    def prepare(self, session: Session, owed: Owed) -> CardLetter:
        address = _follower(session, owed)
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
            raise _refusal(error) from error

    def settle(self, session: Session, refusal: Refusal) -> None:
        """A consent is given back unless it was used, may have been, or turned out not to exist."""
        error = _error(refusal)
        if error is not None and error.fate is not Fate.REFUSED and not refusal.uncertain:
            grants.keep(session, self.address.contact_id, [self.template_id])


class Subscription:
    """A one-time message that the person allowed in the mini program; a repetition costs a consent too."""

    name = "wechat_subscription"

    def prepare(self, session: Session, owed: Owed) -> SubscriptionLetter:
        if owed.unanswered:
            raise Refusal("上次发送没有得到回应，为免重复不再发订阅消息", Then.NEVER)
        address = _address(session, owed, MINI)
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
