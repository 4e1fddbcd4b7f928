"""Where a person can be reached through WeChat, and what its refusals mean for a message to them."""

import logging
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.orm import Session

from backend.notify.channels import Owed, Refusal, Then
from backend.notify.models import Contact
from backend.wechat import accounts
from backend.wechat.accounts import Account
from backend.wechat.codes import Fate, ProviderError
from backend.wechat.models import Conversation

logger = logging.getLogger(__name__)

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
    """Someone at one account."""

    account: Account
    contact_id: int
    openid: str


def follower(session: Session, owed: Owed) -> Address:
    """The person's contact to use. Raises Refusal when they follow none of our accounts."""
    address = find(session, owed)
    if address is None:
        raise Refusal("对方没有关注公众号", Then.VISIT)
    return address


def find(session: Session, owed: Owed, suffix: str = "") -> Address | None:
    """The person's contact to use: followed, at an account we serve; the one last heard from first."""
    names = {name + suffix: account for name, account in accounts.all_accounts().items()}
    person = (
        Contact.officer_id == owed.officer_id
        if owed.officer_id is not None
        else Contact.resident_id == owed.resident_id
    )
    found = session.execute(
        sa.select(Contact.id, Contact.account, Contact.openid)
        .outerjoin(Conversation, Conversation.contact_id == Contact.id)
        .where(person, Contact.follows, Contact.account.in_(names))
        .order_by(Conversation.heard_at.desc().nulls_last(), Contact.id.desc())
        .limit(1)
    ).first()
    return Address(names[found.account], found.id, found.openid) if found else None


def refusal(error: ProviderError, account: str) -> Refusal:
    """What a failed call means for the message; `raise refusal(error, …) from error` keeps the code."""
    if error.fate is Fate.ACCOUNT:
        logger.error("WeChat refuses account %s, somebody has to repair it: %s", account, error)
    then, next_rung = FATES[error.fate]
    return Refusal(str(error), then, next_rung=next_rung, uncertain=error.uncertain)


def cause(refused: Refusal) -> ProviderError | None:
    """The failed call behind a refusal."""
    return refused.__cause__ if isinstance(refused.__cause__, ProviderError) else None


def leave(session: Session, contact_id: int, refused: Refusal) -> None:
    """WeChat says that the person does not follow: the event that should have told us was lost."""
    error = cause(refused)
    if error is not None and error.errcode == NOT_SUBSCRIBED:
        session.execute(sa.update(Contact).where(Contact.id == contact_id).values(follows=False))
