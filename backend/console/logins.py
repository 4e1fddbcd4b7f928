"""Where an officer is logged in: read by its owner or by who administers them, and ended."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from backend.auth import LoginSession
from backend.errors import Forbidden, NotFound
from backend.notify.models import Contact
from backend.places import changes, officers, posts
from backend.places.changes import Did, Entry
from backend.places.models import Officer
from backend.places.scope import Editor, serves
from backend.times import now

PAGE = 20
ENDED = "这个登录已经退出了"


@dataclass(frozen=True)
class Login:
    """One login that still opens pages."""

    id: int
    device: str
    seen_at: datetime
    begun_at: datetime
    ends_at: datetime


def of(session: Session, officer_id: int, *, before: int | None = None, limit: int = PAGE) -> list[Login]:
    """The officer's logins in all their WeChats, newest first; `before` is the id of the last one seen."""
    query = _living(officer_id).order_by(LoginSession.id.desc()).limit(limit)
    if before is not None:
        query = query.where(LoginSession.id < before)
    return [_login(row, account) for row, account in session.execute(query)]


def end(session: Session, officer_id: int, login_ids: Sequence[int] | None = None, *, but: int = 0) -> int:
    """End these logins of the officer (all, but this one, for None). Returns how many; NotFound for none."""
    living = session.scalars(_living(officer_id).with_only_columns(LoginSession.id)).all()
    chosen = [i for i in living if i != but and (login_ids is None or i in login_ids)]
    ended = sa.update(LoginSession).where(LoginSession.id.in_(chosen), LoginSession.revoked_at.is_(None))
    session.execute(ended.values(revoked_at=now()))
    if login_ids is not None and not chosen:
        raise NotFound(ENDED)
    return len(chosen)


def find_officer(session: Session, editor: Editor, officer_id: int) -> Officer:
    """The officer, for who administers every post of theirs. Raises NotFound, Forbidden."""
    officer = officers.find(session, editor, officer_id)
    if not officers.may_administer(editor, officer):
        raise Forbidden(officers.ELSEWHERE)
    return officer


def end_for(session: Session, editor: Editor, officer_id: int, login_ids: Sequence[int] | None = None) -> int:
    """End another's logins, all for None, and write it down. Raises as `end` and `find_officer`."""
    officer = find_officer(session, editor, officer_id)
    ended = end(session, officer_id, login_ids)
    held = posts.held_by(session, officer_id)
    area_id = serves(held[0]).id if held else None
    name = officers.masked_name(officer.name)
    entry = Entry(Did.CHANGED, "officers", officer_id, name, area_id, {}, {"logins_ended": ended})
    changes.record(session, editor, [entry] if ended else [])
    return ended


def _living(officer_id: int) -> sa.Select[LoginSession, str]:
    return (
        sa.select(LoginSession, Contact.account)
        .join(Contact, Contact.id == LoginSession.contact_id)
        .where(
            Contact.officer_id == officer_id,
            LoginSession.revoked_at.is_(None),
            LoginSession.expires_at > now(),
        )
    )


def _login(row: LoginSession, account: str) -> Login:
    unnamed = "小程序" if account.endswith(":mini") else "微信"
    return Login(row.id, row.device or unnamed, row.seen_at or row.created_at, row.created_at, row.expires_at)
