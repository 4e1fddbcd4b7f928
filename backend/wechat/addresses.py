"""Where a person can be reached through WeChat, and what its refusals mean for a message to them."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.orm import Session

from backend.notify import refused_accounts
from backend.notify.channels import Owed, Refusal, Then
from backend.notify.ladders import LABELS, Rung
from backend.notify.models import Contact
from backend.times import now
from backend.wechat import accounts, quotas, tokens
from backend.wechat.accounts import Account
from backend.wechat.codes import Fate, ProviderError
from backend.wechat.models import Conversation

logger = logging.getLogger(__name__)

# What becomes of the message, and whether the next channel may be tried now.
FATES: dict[Fate, tuple[Then, bool]] = {
    Fate.PERMANENT: (Then.NEVER, True),
    Fate.TRANSIENT: (Then.LATER, False),
    Fate.NO_QUOTA: (Then.LATER, True),
    Fate.USED_UP: (Then.LATER, True),
    Fate.CROWDED: (Then.LATER, False),
    Fate.UNKNOWN: (Then.LATER, True),
    Fate.TOKEN: (Then.LATER, False),
    Fate.ACCOUNT: (Then.LATER, True),
    Fate.TEMPLATE: (Then.NEVER, True),
    Fate.WINDOW: (Then.NEVER, True),
    Fate.NOT_FOLLOWING: (Then.VISIT, True),
    Fate.REFUSED: (Then.NEVER, True),
}
MOMENT = timedelta(seconds=5)
# Before these moments a later attempt is in vain.
UNTIL: dict[Fate, Callable[[], datetime]] = {
    Fate.USED_UP: quotas.midnight,
    Fate.CROWDED: lambda: now() + MOMENT,
}
NOT_SUBSCRIBED = 43004
T = TypeVar("T")
Person = tuple[str, int | None]  # "officer" or "resident", and the id
KNOWN = "contacts of a batch"


@dataclass(frozen=True)
class Address:
    """Someone at one account."""

    account: Account
    contact_id: int
    openid: str
    is_open: bool  # whether a chat message could go out when this was read


def follower(session: Session, owed: Owed) -> Address:
    """The person's contact to use. Raises Refusal when they follow none of our accounts."""
    address = find(session, owed)
    if address is None:
        raise Refusal("对方没有关注公众号", Then.VISIT)
    return address


def must_be_certain(owed: Owed, left_out: str) -> None:
    """Asked last, of somebody whom the channel could reach. Raises Refusal when an earlier call, on whichever
    channel, got no answer: a repetition here would be read twice."""
    if owed.unanswered:
        said = f"上次用{LABELS[Rung(owed.unanswered)]}发送没有得到回应"
        raise Refusal(f"{said}，为免重复{left_out}", Then.NEVER)


def find(session: Session, owed: Owed, suffix: str = "", *, follows: bool = True) -> Address | None:
    """The person's contact to use: followed (unless it need not be), at an account we serve; the one last
    heard from first."""
    names = {name + suffix: account for name, account in accounts.all_accounts().items()}
    known: dict[Person, Sequence[Any]] = session.info.get(KNOWN, {})
    rows = known[_person(owed)] if _person(owed) in known else _contacts(session, [owed])
    found = next((row for row in rows if row.account in names and (row.follows or not follows)), None)
    return Address(names[found.account], found.id, found.openid, found.is_open) if found else None


def look_up(session: Session, batch: Sequence[Owed]) -> None:
    """Read the contacts of everybody in a batch at once; `find` asks what this session remembers of them."""
    known: dict[Person, list[Any]] = {_person(owed): [] for owed in batch}
    for row in _contacts(session, batch):
        person: Person
        for person in (("officer", row.officer_id), ("resident", row.resident_id)):
            if person in known:
                known[person].append(row)
    session.info[KNOWN] = known


def _person(owed: Owed) -> Person:
    if owed.officer_id is not None:
        return "officer", owed.officer_id
    return "resident", owed.resident_id


def _contacts(session: Session, batch: Sequence[Owed]) -> Sequence[Any]:
    """Where these people are known, the account they were last heard at first."""
    officers = {owed.officer_id for owed in batch if owed.officer_id is not None}
    residents = {owed.resident_id for owed in batch if owed.officer_id is None}
    is_open = (Conversation.window_left > 0) & (Conversation.window_until > sa.func.now())
    return session.execute(
        sa.select(
            Contact.id,
            Contact.account,
            Contact.openid,
            Contact.officer_id,
            Contact.resident_id,
            Contact.follows,
            sa.func.coalesce(is_open, False).label("is_open"),
        )
        .outerjoin(Conversation, Conversation.contact_id == Contact.id)
        .where(Contact.officer_id.in_(officers) | Contact.resident_id.in_(residents))
        .order_by(Conversation.heard_at.desc().nulls_last(), Contact.id.desc())
    ).all()


def refusal(error: ProviderError, account: str) -> Refusal:
    """What a failed call means for the message; `raise refusal(error, …) from error` keeps the code."""
    if error.fate is Fate.ACCOUNT:
        logger.error("WeChat refuses account %s, somebody has to repair it: %s", account, error)
        refused_accounts.note(account, str(error))
    then, next_rung = FATES[error.fate]
    until = UNTIL.get(error.fate)
    return Refusal(
        str(error), then, next_rung=next_rung, uncertain=error.uncertain, until=until() if until else None
    )


def send(owed: Owed, account: str, app: tokens.App, path: str, ask: Callable[[], T]) -> T:
    """One call for a message, unless the day's last ones are kept for what is urgent. Raises Refusal."""
    quotas.admit(app.app_id, path, owed)
    try:
        return ask()
    except ProviderError as error:
        raise refusal(error, account) from error


def cause(refused: Refusal) -> ProviderError | None:
    """The failed call behind a refusal."""
    return refused.__cause__ if isinstance(refused.__cause__, ProviderError) else None


def leave(session: Session, contact_id: int, refused: Refusal) -> None:
    """WeChat says that the person does not follow: the event that should have told us was lost."""
    error = cause(refused)
    if error is not None and error.errcode == NOT_SUBSCRIBED:
        session.execute(sa.update(Contact).where(Contact.id == contact_id).values(follows=False))
