"""Who gets no text messages: whoever answered T, until they answer 恢复; and who is on the provider's list.

Tencent Cloud's list takes in whoever answers T, too, and only its console takes a number from it: 恢复 does
not, so it must not look as if it did. A number that was refused for it is not tried again for a day; then one
attempt, which costs nothing, shows whether somebody has been to the console.
"""

from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from backend.notify.sms_models import SmsListed, SmsOptOut
from backend.privacy import blind_index

# Signs of old and of new templates; what else people answer with is not for a machine to understand.
WORDS = frozenset({"T", "TD", "R", "N", "退订", "拒收"})

BACK = frozenset({"恢复", "恢复通知", "恢复短信"})  # R cannot mean it: 拒收请回复R ends what is sent to all
EDGES = " \u3000。.!！"
LISTED_FOR = timedelta(days=1)


def is_meant(text: str) -> bool:
    """Whether an answer to a text message says that no more are wanted."""
    return text.strip(EDGES).upper() in WORDS


def is_taken_back(text: str) -> bool:
    """Whether it says that they are wanted again."""
    return text.strip(EDGES) in BACK


def drop(session: Session, phone: str) -> None:
    """They want text messages again. What Tencent Cloud's list says stays as it is."""
    session.execute(sa.delete(SmsOptOut).where(SmsOptOut.phone_index == blind_index(phone)))


def keep(session: Session, phone: str) -> None:
    """They want none."""
    row = insert(SmsOptOut).values(phone_index=blind_index(phone))
    session.execute(row.on_conflict_do_nothing(index_elements=["phone_index"]))


def is_kept(session: Session, phone: str) -> bool:
    """Whether they said so to us."""
    known = sa.select(SmsOptOut.id).where(SmsOptOut.phone_index == blind_index(phone))
    return session.execute(known).first() is not None


def note_listed(session: Session, phone: str, at: datetime) -> None:
    """Tencent Cloud refused this number: it is on its list."""
    row = insert(SmsListed).values(phone_index=blind_index(phone), refused_at=at)
    again = row.on_conflict_do_update(index_elements=["phone_index"], set_={"refused_at": at})
    session.execute(again)


def is_listed(session: Session, phone: str, at: datetime) -> bool:
    """Whether it refused the number for that within the last day."""
    lately = (SmsListed.phone_index == blind_index(phone), SmsListed.refused_at > at - LISTED_FOR)
    return session.execute(sa.select(SmsListed.id).where(*lately)).first() is not None
