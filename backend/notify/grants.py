"""One-time subscriptions: each "允许" of a resident lets a mini program send one message of that template."""

from collections.abc import Mapping, Sequence

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from backend.notify.messages import Message
from backend.notify.models import Grant

MOST = 3  # templates that wx.requestSubscribeMessage takes in one call
YES = ("accept", "acceptWithAudio", "acceptWithAlert")  # its answers that let us send

# What a resident wants to hear most, first.
WANTED = (
    Message.CASE_RESOLVED,
    Message.SURVEY_INVITED,
    Message.CASE_ACCEPTED,
    Message.CASE_IN_PROGRESS,
    Message.CASE_ON_ITS_WAY,
    Message.CASE_REJECTED,
)


def wanted(template_ids: Mapping[str, str]) -> list[str]:
    """Which templates to ask for, of these by kind of message."""
    known = [template_ids[message] for message in WANTED if message in template_ids]
    return list(dict.fromkeys(known))[:MOST]


def is_yes(answer: str) -> bool:
    return answer in YES


def keep(session: Session, contact_id: int, template_ids: Sequence[str]) -> None:
    """Remember one more message of each of these templates that may be sent to this contact."""
    if not template_ids:
        return
    rows = [{"contact_id": contact_id, "template_id": one, "left": 1} for one in dict.fromkeys(template_ids)]
    statement = insert(Grant).values(rows)
    session.execute(
        statement.on_conflict_do_update(
            index_elements=["contact_id", "template_id"], set_={"left": Grant.left + statement.excluded.left}
        )
    )


def spend(session: Session, contact_id: int, template_id: str) -> bool:
    """Use up one message of this template; False when there is none left to use."""
    spent = session.execute(
        sa.update(Grant)
        .where(Grant.contact_id == contact_id, Grant.template_id == template_id, Grant.left > 0)
        .values(left=Grant.left - 1)
        .returning(Grant.id)
    )
    return spent.first() is not None
