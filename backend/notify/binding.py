"""How an officer's WeChat becomes theirs: a personal code, good once and for a day: they scan it."""

import hashlib
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from backend.errors import Conflict, Gone, NotFound
from backend.notify.models import Contact
from backend.places.codes import random_scene
from backend.places.models import BindingCode, Officer
from backend.times import now

SCENE_PREFIX = "bind_"  # tells the scene of a personal code from that of a place
LIFE = timedelta(hours=24)
WORK = ":wecom"  # ends the account of contacts that are members of a corporation: given, not scanned
UNKNOWN = "这个绑定码不对，请向管理员要一个新的"
USED = "这个绑定码已经用过了，请向管理员要一个新的"
EXPIRED = "这个绑定码已经过期，请向管理员要一个新的"
OTHERS = "这个微信已经绑定了另一位工作人员，不能再绑定"
LEFT = "这位工作人员已经离岗，不能绑定"


def issue(session: Session, officer_id: int, at: datetime | None = None) -> str:
    """A new code for the officer, in clear only here; an earlier one stops working.

    Raises NotFound for no such officer, Gone for one who has left.
    """
    moment = at or now()
    _lock(session, officer_id)
    session.execute(
        sa.update(BindingCode)
        .where(BindingCode.officer_id == officer_id, BindingCode.expires_at > moment)
        .values(expires_at=moment)
    )
    code = random_scene()
    session.add(BindingCode(officer_id=officer_id, code_hash=_hash(code), expires_at=moment + LIFE))
    session.flush()
    return code


def redeem(session: Session, code: str, contact_id: int, at: datetime | None = None) -> int:
    """Bind the contact to the code's officer, whose earlier WeChat is released. Returns the officer's id.

    Raises NotFound (unknown code), Gone (used, expired, officer left) or Conflict (the WeChat is another
    officer's; the code stays good). The same WeChat scanning its used code again changes nothing.
    """
    moment = at or now()
    officer_id = session.scalar(sa.select(BindingCode.officer_id).where(BindingCode.code_hash == _hash(code)))
    if officer_id is None:
        raise NotFound(UNKNOWN)
    _lock(session, officer_id)  # from here on this is the only one that reads or spends codes of this officer
    contact = session.get_one(Contact, contact_id, with_for_update=True, populate_existing=True)
    if contact.officer_id not in (None, officer_id):
        raise Conflict(OTHERS)
    if _spend(session, code, moment):
        _bind(session, contact, officer_id)
    elif contact.officer_id is None:
        raise Gone(_why_not(session, code))
    return officer_id


def release(session: Session, officer_id: int, at: datetime | None = None) -> list[int]:
    """Unbind the officer's WeChat and WeCom; a code that waits expires. Returns the contacts' ids."""
    moment = at or now()
    codes = sa.update(BindingCode).where(BindingCode.officer_id == officer_id)
    session.execute(codes.where(BindingCode.expires_at > moment).values(expires_at=moment))
    own = sa.update(Contact).where(Contact.officer_id == officer_id).values(officer_id=None)
    return list(session.scalars(own.returning(Contact.id)))


def bound_since(session: Session, officer_id: int) -> datetime | None:
    """When the officer's WeChat was bound, or None when none is: by their last code that was scanned."""
    bound = sa.exists().where(*_wechat_of(officer_id))
    used = sa.select(sa.func.max(BindingCode.used_at)).where(BindingCode.officer_id == officer_id, bound)
    return session.scalar(used)


def is_bound(session: Session, officer_id: int) -> bool:
    bound = sa.select(Contact.id).where(*_wechat_of(officer_id)).limit(1)
    return session.execute(bound).first() is not None


def is_unbound(officer_id: Any = Officer.id) -> sa.ColumnElement[bool]:
    """The condition that an officer has bound neither a WeChat nor WeCom: no message reaches them there."""
    return ~sa.select(Contact.id).where(Contact.officer_id == officer_id).correlate_except(Contact).exists()


def _wechat_of(officer_id: int) -> tuple[sa.ColumnElement[bool], ...]:
    return Contact.officer_id == officer_id, Contact.account.not_like(f"%{WORK}")


def _lock(session: Session, officer_id: int) -> None:
    officer = session.get(Officer, officer_id, with_for_update=True, populate_existing=True)
    if officer is None:
        raise NotFound("没有这位工作人员")
    if officer.left_at is not None:
        raise Gone(LEFT)


def _spend(session: Session, code: str, at: datetime) -> bool:
    spent = session.execute(
        sa.update(BindingCode)
        .where(
            BindingCode.code_hash == _hash(code), BindingCode.used_at.is_(None), BindingCode.expires_at > at
        )
        .values(used_at=at)
        .returning(BindingCode.id)
    )
    return spent.first() is not None


def _bind(session: Session, contact: Contact, officer_id: int) -> None:
    """An officer has one WeChat: a phone that was lost or handed on must not stay theirs."""
    session.execute(
        sa.update(Contact)
        .where(Contact.officer_id == officer_id, Contact.id != contact.id, ~_same_person(contact))
        .where(Contact.account.not_like(f"%{WORK}"))
        .values(officer_id=None)
    )
    contact.officer_id = officer_id
    session.flush()


def _same_person(contact: Contact) -> sa.ColumnElement[bool]:
    """One WeChat has a contact in every account that it follows; the unionid says that they are one."""
    return sa.false() if contact.unionid is None else Contact.unionid.is_not_distinct_from(contact.unionid)


def _why_not(session: Session, code: str) -> str:
    used_at = session.scalar(sa.select(BindingCode.used_at).where(BindingCode.code_hash == _hash(code)))
    return USED if used_at is not None else EXPIRED


def _hash(code: str) -> bytes:
    return hashlib.sha256(code.encode()).digest()
