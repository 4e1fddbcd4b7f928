"""What the chat answered a resident about a case: the replies that are stored with what they answer."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from backend.cases.models import Case
from backend.notify.models import Contact
from backend.privacy import mask_phones
from backend.wechat.models import InboundMessage

MOST = 100  # on a page: whoever taps about one case a hundred times between two messages is told the same
NUMBER = re.compile(r"(?<!\d)\d{12}(?!\d)")  # of a case
TAG, ADDRESS = re.compile(r"<[^>]+>"), re.compile(r"https?://[!-~]+")  # what follows in Chinese is no address


@dataclass(frozen=True)
class Reply:
    """An answer in the chat, as an officer may read it."""

    at: datetime
    text: str


def about(session: Session, case: Case, since: datetime | None, until: datetime | None) -> list[Reply]:
    """What this case's resident was answered about it from `since` until before `until`, the latest first
    (one query). An answer that names another case, too, is not shown: that may be nobody's here to read."""
    own = sa.select(InboundMessage.received_at, InboundMessage.reply).join(
        Contact, Contact.id == InboundMessage.contact_id
    )
    own = own.where(Contact.resident_id == case.resident_id, InboundMessage.reply.contains(case.number))
    if since is not None:
        own = own.where(InboundMessage.received_at >= since)
    if until is not None:
        own = own.where(InboundMessage.received_at < until)
    rows = session.execute(own.order_by(InboundMessage.received_at.desc()).limit(MOST))
    replies = [Reply(at, _readable(reply)) for at, reply in rows]
    return [reply for reply in replies if set(NUMBER.findall(reply.text)) == {case.number}]


def _readable(reply: str) -> str:
    """Without its addresses: some open a page without signing in. The tags go first, for an address ends
    where its tag does."""
    return mask_phones(ADDRESS.sub("", TAG.sub("", reply)))


def between(rows: Sequence[datetime], replies: Sequence[Reply]) -> list[list[Reply]]:
    """Which replies stand before each of these moments (the latest first), and behind the last one."""
    found: list[list[Reply]] = [[] for _ in range(len(rows) + 1)]
    for reply in replies:
        found[sum(reply.at <= moment for moment in rows)].append(reply)
    return found
