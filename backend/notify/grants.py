"""Subscriptions: each "允许" of a resident allows one message of a template, or (长期订阅) all of it."""

from collections.abc import Collection, Mapping, Sequence

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


def wanted(
    template_ids: Mapping[str, str], lasting: Collection[str] = (), held: Collection[str] = ()
) -> list[str]:
    """Which templates to ask for, of these by kind of message.

    `lasting` are those that are allowed once for all, `held` those of them that were. They are asked for
    first and alone: WeChat refuses a question that mixes both sorts (20002).
    """
    known = dict.fromkeys(template_ids[message] for message in WANTED if message in template_ids)
    for_all = [one for one in known if one in lasting and one not in held]
    return (for_all or [one for one in known if one not in lasting])[:MOST]


def is_yes(answer: str) -> bool:
    return answer in YES


def keep(
    session: Session, contact_id: int, template_ids: Sequence[str], lasting: Collection[str] = ()
) -> None:
    """Remember one more message of each of these templates that may be sent to this contact; of those that
    are `lasting`, any number."""
    if not template_ids:
        return
    rows = [
        {
            "contact_id": contact_id,
            "template_id": one,
            "left": int(one not in lasting),
            "lasts": one in lasting,
        }
        for one in dict.fromkeys(template_ids)
    ]
    statement = insert(Grant).values(rows)
    more = {"left": Grant.left + statement.excluded.left, "lasts": Grant.lasts | statement.excluded.lasts}
    session.execute(statement.on_conflict_do_update(index_elements=["contact_id", "template_id"], set_=more))


def spend(session: Session, contact_id: int, template_id: str) -> bool:
    """Use up one message of this template, if they are counted; False when there is none left to use."""
    spent = session.execute(
        sa.update(Grant)
        .where(_is(contact_id, template_id), Grant.lasts | (Grant.left > 0))
        .values(left=sa.case((Grant.lasts, Grant.left), else_=Grant.left - 1))
        .returning(Grant.id)
    )
    return spent.first() is not None


def drop(session: Session, contact_id: int, template_id: str) -> None:
    """The person has taken back what they allowed."""
    session.execute(sa.update(Grant).where(_is(contact_id, template_id)).values(left=0, lasts=False))


def lasting(session: Session, contact_id: int) -> set[str]:
    """The templates that this contact has allowed once for all."""
    held = sa.select(Grant.template_id).where(Grant.contact_id == contact_id, Grant.lasts)
    return set(session.scalars(held))


def _is(contact_id: int, template_id: str) -> sa.ColumnElement[bool]:
    return sa.and_(Grant.contact_id == contact_id, Grant.template_id == template_id)
