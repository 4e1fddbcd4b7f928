"""How a message reaches an officer in WeCom, where their district uses it. Importing this registers it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from sqlalchemy.orm import Session

from backend.config import config
from backend.notify.channels import NotServed, Owed, Refusal, link_of, register
from backend.wechat import wecom_binding, wecom_client
from backend.wechat.accounts import WECOM
from backend.wechat.addresses import Address, find, refusal
from backend.wechat.codes import ProviderError
from backend.wechat.wecom_cards import message_of


@dataclass(frozen=True)
class WeComLetter:
    """A card for one member. A repetition is safe: WeCom shows equal cards once, and no two messages make
    equal cards."""

    address: Address
    message: Mapping[str, Any]

    @property
    def account(self) -> str:
        return self.address.account.name + WECOM

    def deliver(self) -> str | None:
        app = self.address.account.wecom
        assert app is not None
        try:
            return wecom_client.send(app, self.address.openid, self.message)
        except ProviderError as error:
            raise refusal(error, self.account) from error

    def settle(self, session: Session, refused: Refusal) -> None:
        """A refusal of WeCom's says nothing about later messages."""


class InWeCom:
    """An application message: reaches a member of the corporation, whenever."""

    name = "wecom"

    def prepare(self, session: Session, owed: Owed) -> WeComLetter:
        if not wecom_binding.served():
            raise NotServed("没有开通企业微信")
        address = find(session, owed, WECOM)
        if address is None or address.account.wecom is None:
            raise NotServed("没有绑定企业微信")
        url = in_wecom(address.account.name, link_of(owed, address.account.name), owed.client_id)
        return WeComLetter(address, message_of(owed, f"{address.account.area}诉求服务", url))


def in_wecom(account: str, url: str, message: str) -> str:
    """The address by which a page of ours is opened in WeCom, which signs the member in on the way.

    The message is named in it, which nobody reads: WeCom would drop a card that is equal to an earlier one.
    """
    asked = {"next": url.removeprefix(config.public_url), "message": message}
    return f"{config.public_url}/wecom/{account}/login?{urlencode(asked)}"


register(InWeCom())
