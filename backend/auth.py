"""Who is calling, and may they. Every route says so with exactly one of `@require(...)` and `@public`.

A session is a random token: its SHA-256 lies in the database, so that it can be revoked and a stolen table
opens nothing. The browser holds it in a cookie, the mini program sends it as a bearer.
"""

import hashlib
import secrets
from collections.abc import Callable
from datetime import datetime, timedelta
from enum import StrEnum
from functools import wraps
from typing import Any

import sqlalchemy as sa
from flask import g, request
from itsdangerous import BadSignature, SignatureExpired, URLSafeTimedSerializer
from sqlalchemy.orm import Mapped, Session, mapped_column

from backend import db
from backend.config import config
from backend.errors import Gone, LoginNeeded, NotFound
from backend.times import now

View = Callable[..., Any]
COOKIE = "session"
LIFE = timedelta(days=30)


class Who(StrEnum):
    """What a route asks of its caller; scope decides the rest, row by row."""

    RESIDENT = "resident"  # anyone known by their WeChat
    OFFICER = "officer"  # someone bound to an officer


class LoginSession(db.Base):
    """A login of one contact, revocable."""

    __tablename__ = "login_sessions"

    token_hash: Mapped[bytes] = mapped_column(unique=True)
    contact_id: Mapped[int] = mapped_column(sa.ForeignKey("contacts.id"), index=True)
    device: Mapped[str | None]  # what it runs on, in words for its owner
    seen_at: Mapped[datetime | None]  # to the minute or so
    second_factor_at: Mapped[datetime | None]
    expires_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]
    created_at: Mapped[db.created_at]


class LoginTicket(db.Base):
    """A desktop that asks to be let in: shown as a QR code, scanned by a phone, confirmed there."""

    __tablename__ = "login_tickets"

    token_hash: Mapped[bytes] = mapped_column(unique=True)  # of what the QR code holds
    browser_hash: Mapped[bytes]  # of the cookie of the desktop that shows it
    device: Mapped[str]
    contact_id: Mapped[int | None] = mapped_column(sa.ForeignKey("contacts.id"))  # who scanned it
    confirmed_at: Mapped[datetime | None]
    refused_at: Mapped[datetime | None]
    used_at: Mapped[datetime | None]
    expires_at: Mapped[datetime]
    created_at: Mapped[db.created_at]


def hash_token(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


def start_session(session: Session, contact_id: int) -> tuple[str, datetime]:
    """A new login. Returns the token, which is nowhere else, and when it ends."""
    token, expires_at = secrets.token_urlsafe(32), now() + LIFE
    session.add(LoginSession(token_hash=hash_token(token), contact_id=contact_id, expires_at=expires_at))
    return token, expires_at


def end_session(session: Session) -> None:
    """Revoke the login whose token came with this request."""
    known = LoginSession.token_hash == hash_token(_token())
    session.execute(sa.update(LoginSession).where(known).values(revoked_at=now()))


def _token() -> str:
    scheme, _, bearer = request.headers.get("Authorization", "").partition(" ")
    return bearer.strip() if scheme == "Bearer" else request.cookies.get(COOKIE, "")


def current_contact_id(session: Session) -> int | None:
    """The contact whose token came with this request, if it is good."""
    token = _token()
    if not token:
        return None
    return session.scalar(
        sa.select(LoginSession.contact_id).where(
            LoginSession.token_hash == hash_token(token),
            LoginSession.revoked_at.is_(None),
            LoginSession.expires_at > now(),
        )
    )


# An officer who has left is a resident like others, even where nobody thought of the WeChat they had bound.
_CALLER = sa.text("""
    SELECT c.resident_id, o.id FROM contacts c
    LEFT JOIN officers o ON o.id = c.officer_id AND o.left_at IS NULL
    WHERE c.id = :id""")


def require(who: Who) -> Callable[[View], View]:
    """Only for callers of this sort: sets contact_id, resident_id, officer_id of g, or raises LoginNeeded."""

    def decorate(view: View) -> View:
        @wraps(view)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            _identify()
            if g.contact_id is None or (who is Who.OFFICER and g.officer_id is None):
                raise LoginNeeded(None if g.contact_id is None else "这个页面只给已绑定的工作人员使用")
            return view(*args, **kwargs)

        wrapper.access = who  # type: ignore[attr-defined]
        return wrapper

    return decorate


def _identify() -> None:
    g.contact_id = g.resident_id = g.officer_id = None
    with db.transaction() as session:
        contact_id = current_contact_id(session)
        if contact_id is not None:
            g.contact_id = contact_id
            g.resident_id, g.officer_id = session.execute(_CALLER, {"id": contact_id}).one()


def public(view: View) -> View:
    """For everyone: the view itself checks a signature, or shows nothing that is anybody's."""
    view.access = None  # type: ignore[attr-defined]
    return view


def _serializer(purpose: str) -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(config.secret_key, salt=purpose)


def sign(purpose: str, value: Any) -> str:
    """An unguessable token for a link, good for this purpose only."""
    return str(_serializer(purpose).dumps(value))


def unsign(purpose: str, token: str, max_age: timedelta) -> Any:
    """What `sign` was given. Raises NotFound for a forged token, Gone for one that is too old."""
    try:
        return _serializer(purpose).loads(token, max_age=int(max_age.total_seconds()))
    except SignatureExpired:
        raise Gone() from None
    except BadSignature:
        raise NotFound("这个链接不对，请从微信消息里重新打开") from None
