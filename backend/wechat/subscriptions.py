"""Messages that a person has allowed beforehand: in the mini program, or as a notice of the service account.

Importing this module registers the channels. Each message spends one consent, unless it was given for all
(长期订阅); what a person allows and takes back comes in as events (subscribed.py) or from the mini program.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from sqlalchemy.orm import Session

from backend.notify import grants
from backend.notify.channels import NotServed, Owed, Refusal, Then, link_of, register
from backend.wechat import accounts, client, quotas, tokens
from backend.wechat.accounts import MINI, Template
from backend.wechat.addresses import Address, cause, find, must_be_certain, send
from backend.wechat.cards import slots_of
from backend.wechat.codes import Fate

MINI_PAGE = "pages/case/case?number={number}"


@dataclass(frozen=True)
class GrantedLetter:
    """A message with a consent of the person spent on it."""

    owed: Owed
    account: str
    address: Address
    template: Template
    app: tokens.App
    path: str
    ask: Callable[[], str | None]

    def deliver(self) -> str | None:
        told = send(self.owed, self.account, self.app, self.path, self.ask)
        return told if accounts.hears(self.account) else None

    def settle(self, session: Session, refused: Refusal) -> None:
        """A consent is given back unless it was used, may have been, or turned out not to exist."""
        error, contact_id = cause(refused), self.address.contact_id
        if error is not None and error.fate is Fate.REFUSED:
            grants.drop(session, contact_id, self.template.id)
        elif not refused.uncertain and not self.template.lasting:
            grants.keep(session, contact_id, [self.template.id])


class Subscription:
    """A message that the person allowed in the mini program; a repetition costs a consent too."""

    name = "wechat_subscription"

    def prepare(self, session: Session, owed: Owed) -> GrantedLetter:
        address = find(session, owed, MINI)
        if address is None:
            raise Refusal("对方没有用过小程序", Then.NEVER)
        mini_program = address.account.mini_program
        template = mini_program.templates.get(owed.message) if mini_program else None
        if mini_program is None or template is None:
            raise Refusal("小程序没有配置这类消息的模板", Then.NEVER)
        must_be_certain(owed, "不再发订阅消息")
        if not grants.spend(session, address.contact_id, template.id):
            raise Refusal("对方没有在小程序里同意接收", Then.NEVER)
        page = MINI_PAGE.format(number=owed.fields.get("number", ""))
        given = (mini_program, address.openid, template.id, slots_of(owed, template), page)
        name = address.account.name + MINI
        ask = partial(client.send_subscribe, *given)
        return GrantedLetter(owed, name, address, template, mini_program, quotas.MINI, ask)


class Notice:
    """A notice of the service account (订阅通知): also for people who do not follow it."""

    name = "wechat_notice"

    def prepare(self, session: Session, owed: Owed) -> GrantedLetter:
        if not any(account.notices for account in accounts.all_accounts().values()):
            raise NotServed("没有开通公众号订阅通知")
        address = find(session, owed, follows=False)
        if address is None:
            raise Refusal("对方没有来过公众号", Then.NEVER)
        template = address.account.notices.get(owed.message)
        if template is None:
            raise Refusal("公众号没有配置这类消息的订阅通知", Then.NEVER)
        must_be_certain(owed, "不再发订阅通知")
        if not grants.spend(session, address.contact_id, template.id):
            raise Refusal("对方没有同意接收公众号的订阅通知", Then.NEVER)
        url = link_of(owed, address.account.name)
        given = (address.account, address.openid, template.id, slots_of(owed, template), url)
        ask = partial(client.send_notice, *given)
        return GrantedLetter(
            owed, address.account.name, address, template, address.account, quotas.NOTICE, ask
        )


register(Subscription())
register(Notice())
