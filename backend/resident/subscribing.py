"""WeChat's own button on a resident's page: with a tap the person allows notices of the account (订阅通知).

It is there only inside WeChat, for an account with notices; without it the page is whole.
"""

import logging
import re
from collections.abc import Sequence

from flask import g, jsonify, request
from flask.typing import ResponseReturnValue

from backend import db, devices
from backend.auth import public
from backend.config import config
from backend.errors import AppError
from backend.notify.ladders import OWN
from backend.notify.models import Contact
from backend.web import protection
from backend.wechat import accounts, jssdk
from backend.wechat.accounts import Account

logger = logging.getLogger(__name__)
MOST = 3  # templates that one tap may allow
IN_WECOM = "wxwork"  # WeCom's browser names WeChat's, too
PAGE = re.compile(r"/r/[!-\"$-~]{0,600}")  # one of ours as its browser writes it, without #
NONE = ("", 204)


def offered() -> Account | None:
    """The account whose notices this page may ask for; for templates. It may then load WeChat's script."""
    agent = request.user_agent.string
    if not devices.is_in_wechat(agent) or IN_WECOM in agent:
        return None
    served = {name: one for name, one in accounts.all_accounts().items() if one.notices}
    account = served.get(_name()) if served else None
    if account is not None:
        protection.let_wechat_in()
    return account


def _name() -> str:
    """The account by which the person came: as the address says, or else as they are signed in."""
    if said := request.args.get("account"):
        return said
    if g.get("contact_id") is None:
        return ""
    with db.transaction() as session:
        contact = session.get(Contact, g.contact_id)
        return contact.account if contact else ""


@public
def ask() -> ResponseReturnValue:
    """What WeChat's script must be told before it shows the button; 204 when there is to be none."""
    account = accounts.all_accounts().get(request.args.get("account", ""))
    page = request.args.get("page", "")
    if account is None or not account.notices or not PAGE.fullmatch(page):
        return NONE
    try:
        known = jssdk.sign(account, config.public_url + page)
    except AppError as error:
        logger.warning("no button for notices of %s: %s", account.name, error)
        return NONE
    return jsonify(config=known, templates=templates_of(account))


def templates_of(account: Account) -> Sequence[str]:
    """What one tap allows: what lasts alone, for both sorts may not be asked together; first what is to be
    answered."""
    wanted = sorted(account.notices, key=lambda message: message not in OWN)
    found = [account.notices[message] for message in wanted]
    lasting = [one.id for one in found if one.lasting]
    return list(dict.fromkeys(lasting or [one.id for one in found]))[:MOST]
