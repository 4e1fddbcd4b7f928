"""Which answers to text messages were taken in already: Tencent Cloud tells of one again when it is in doubt.

It is noted in the transaction that takes the answer in: twice the same 2 would answer two questions.
"""

from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from backend.notify.sms_models import SmsHeard
from backend.privacy import blind_index

KEEP = timedelta(days=3)


def note(session: Session, phone: str, text: str, time: str, at: datetime) -> bool:
    """Note that this answer is taken in now. False: it was before.

    `time` is when the person sent it, as Tencent Cloud says. What is older than KEEP is forgotten.
    """
    session.execute(sa.delete(SmsHeard).where(SmsHeard.heard_at < at - KEEP))
    row = insert(SmsHeard).values(name=blind_index(f"{phone}:{time}:{text}"), heard_at=at)
    new = row.on_conflict_do_nothing(index_elements=["name"]).returning(SmsHeard.id)
    return session.scalar(new) is not None
