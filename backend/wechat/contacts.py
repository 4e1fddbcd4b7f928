"""Meeting someone: the contact of an openid at an account, made at the first sight of it."""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from backend import quick
from backend.notify.models import Contact
from backend.places.models import Resident
from backend.quick import Statement
from backend.wechat.models import Conversation

WELCOME = Statement(
    "welcome",
    """
WITH person AS (
    INSERT INTO residents DEFAULT VALUES RETURNING id
), contact AS (
    INSERT INTO contacts (account, openid, resident_id) SELECT %(account)s, %(openid)s, id FROM person
    RETURNING id
)
INSERT INTO conversations (contact_id) SELECT id FROM contact RETURNING contact_id""",
)


def welcome(account: str, openid: str) -> None:
    """Make the contact of someone who writes for the first time: `meet` without what a message cannot tell.

    Raises psycopg.errors.UniqueViolation, and has made nothing, when somebody else made it just now.
    """
    quick.run(WELCOME, {"account": account, "openid": openid})


def meet(session: Session, account: str, openid: str, unionid: str | None = None) -> int:
    """The id of this person's contact. Two callers at the same moment get the same one.

    Someone known by their unionid from another account is the same resident, and the same officer, here.
    A contact that shows its unionid only later keeps its own resident: cases may hang on it already.
    """
    if unionid is not None:  # two accounts of one person are met one after the other
        session.execute(sa.select(sa.func.pg_advisory_xact_lock(sa.func.hashtextextended(unionid, 0))))
    contact = _find(session, account, openid)
    if contact is None:
        contact = _make(session, account, openid, unionid)
    if unionid is not None and contact.unionid is None:
        contact.unionid = unionid
        session.flush()
    return contact.id


def _find(session: Session, account: str, openid: str) -> Contact | None:
    return session.scalar(sa.select(Contact).where(Contact.account == account, Contact.openid == openid))


def _make(session: Session, account: str, openid: str, unionid: str | None) -> Contact:
    known = _same_person(session, unionid) if unionid is not None else None
    resident_id = known.resident_id if known else _new_resident(session)
    contact_id = session.scalar(
        insert(Contact)
        .values(
            account=account,
            openid=openid,
            unionid=unionid,
            resident_id=resident_id,
            officer_id=known.officer_id if known else None,
        )
        .on_conflict_do_nothing(index_elements=["account", "openid"])
        .returning(Contact.id)
    )
    if contact_id is None:
        return _lost_the_race(session, account, openid, None if known else resident_id)
    session.execute(insert(Conversation).values(contact_id=contact_id).on_conflict_do_nothing())
    return session.get_one(Contact, contact_id)


def _same_person(session: Session, unionid: str) -> Contact | None:
    return session.scalar(sa.select(Contact).where(Contact.unionid == unionid).order_by(Contact.id).limit(1))


def _new_resident(session: Session) -> int:
    resident = Resident()
    session.add(resident)
    session.flush()
    return resident.id


def _lost_the_race(session: Session, account: str, openid: str, superfluous: int | None) -> Contact:
    """Somebody else made the contact while we did: theirs stands, and our resident was never anyone."""
    if superfluous is not None:
        session.execute(sa.delete(Resident).where(Resident.id == superfluous))
    contact = _find(session, account, openid)
    assert contact is not None
    return contact
