"""Who wants no text messages: they answered T, or Tencent Cloud says that they did; 恢复 takes it back.

Tencent Cloud keeps a list of its own, from which only its console takes a number.
"""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from backend.notify.sms_models import SmsOptOut
from backend.privacy import blind_index

# Signs of old and of new templates; what else people answer with is not for a machine to understand.
WORDS = frozenset({"T", "TD", "R", "N", "退订", "拒收"})

BACK = frozenset({"恢复", "恢复通知", "恢复短信"})  # R cannot mean it: 拒收请回复R ends what is sent to all
EDGES = " \u3000。.!！"


def is_meant(text: str) -> bool:
    """Whether an answer to a text message says that no more are wanted."""
    return text.strip(EDGES).upper() in WORDS


def is_taken_back(text: str) -> bool:
    """Whether it says that they are wanted again."""
    return text.strip(EDGES) in BACK


def drop(session: Session, phone: str) -> None:
    session.execute(sa.delete(SmsOptOut).where(SmsOptOut.phone_index == blind_index(phone)))


def keep(session: Session, phone: str) -> None:
    row = insert(SmsOptOut).values(phone_index=blind_index(phone))
    session.execute(row.on_conflict_do_nothing(index_elements=["phone_index"]))


def is_kept(session: Session, phone: str) -> bool:
    known = sa.select(SmsOptOut.id).where(SmsOptOut.phone_index == blind_index(phone))
    return session.execute(known).first() is not None
