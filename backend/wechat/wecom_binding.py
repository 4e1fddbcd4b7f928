"""Which member of a WeCom corporation an officer is: written down by who administers them.

A member's account (userid) is given by the corporation's own administrator, so nobody has to prove it.
"""

import re

import sqlalchemy as sa
from sqlalchemy.orm import Session

from backend.errors import Conflict, Invalid
from backend.notify import outbox
from backend.notify.models import Contact
from backend.places.posts import lock_officer
from backend.wechat import accounts, contacts
from backend.wechat.accounts import WECOM

USERID = re.compile(r"[0-9A-Za-z][0-9A-Za-z_.@-]{0,63}")
BAD = "企业微信账号只有字母、数字和 _ - . @，最多 64 个，请照管理后台的“账号”填写"
OTHERS = "这个企业微信账号已经绑定了另一位工作人员，请核对"


def served() -> dict[str, str]:
    """The accounts whose district uses WeCom, with the names of their areas."""
    known = accounts.all_accounts().values()
    return {account.name: account.area for account in known if account.wecom is not None}


def bind(session: Session, officer_id: int, account: str, userid: str) -> None:
    """Let this member be the officer, in the place of who they were before at this account.

    Raises Invalid for what is no userid, Conflict when the member is another officer's.
    """
    if not USERID.fullmatch(userid):
        raise Invalid(BAD)
    lock_officer(session, officer_id)  # of two who bind at once, the second sees what the first has done
    contact_id = contacts.meet(session, account + WECOM, userid.lower())
    contact = session.get_one(Contact, contact_id, with_for_update=True, populate_existing=True)
    if contact.officer_id not in (None, officer_id):
        raise Conflict(OTHERS)
    release(session, officer_id, account)
    contact.officer_id, contact.follows = officer_id, True
    session.flush()
    outbox.wake(session, officer_id=officer_id)


def release(session: Session, officer_id: int, account: str) -> None:
    """The officer is no member at this account any more."""
    own = (Contact.officer_id == officer_id, Contact.account == account + WECOM)
    session.execute(sa.update(Contact).where(*own).values(officer_id=None))


def userids(session: Session, officer_id: int) -> dict[str, str]:
    """Who the officer is in WeCom, by the name of the account."""
    own = (Contact.officer_id == officer_id, Contact.account.endswith(WECOM))
    found = session.execute(sa.select(Contact.account, Contact.openid).where(*own))
    return {account.removesuffix(WECOM): userid for account, userid in found}


def contact_of(session: Session, account: str, userid: str) -> int | None:
    """The contact of a member who is bound to an officer; None for any other."""
    bound = (Contact.account == account + WECOM, Contact.openid == userid.lower())
    return session.scalar(sa.select(Contact.id).where(*bound, Contact.officer_id.is_not(None)))
