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
from backend.errors import Forbidden, Gone, LoginNeeded, NoPost, NotFound, SecondFactorNeeded
from backend.times import now

View = Callable[..., Any]
COOKIE = "session"
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})  # methods that change nothing
SEEN_EVERY = timedelta(minutes=1)  # a login's last use is written down no more often
SECOND_FACTOR_LIFE = timedelta(hours=12)
# What is noted of the caller in g; of strangers everything is None.
NOTED = (
    "login_id", "by_scan", "has_second_factor", "contact_id", "resident_id", "officer_id", "administers",
)  # fmt: skip
NOT_BOUND = "这个页面只给已绑定的工作人员使用"
ADMINISTRATORS_ONLY = "这里只有管理员可以改动"


class Who(StrEnum):
    """What a route asks of its caller; scope decides the rest, row by row."""

    RESIDENT = "resident"  # anyone known by their WeChat
    OFFICER = "officer"  # someone bound to an officer who holds a post
    ADMINISTRATOR = "administrator"  # who changes something needs a fresh second factor, too


class Via(StrEnum):
    """How a login came about."""

    WECHAT = "wechat"  # on a phone of one's own
    SCAN = "scan"  # on a desk's computer, which others may use after


LIVES = {Via.WECHAT: timedelta(days=30), Via.SCAN: timedelta(hours=12)}
LIFE = LIVES[Via.WECHAT]


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


def start_session(
    session: Session, contact_id: int, device: str | None = None, via: Via = Via.WECHAT
) -> tuple[str, datetime]:
    """A new login. Returns the token, which is nowhere else, and when it ends."""
    token, at = secrets.token_urlsafe(32), now()
    login = LoginSession(
        token_hash=hash_token(token),
        contact_id=contact_id,
        device=device,
        seen_at=at,
        expires_at=at + LIVES[via],
    )
    session.add(login)
    return token, login.expires_at


def end_session(session: Session) -> None:
    """Revoke the login whose token came with this request."""
    known = LoginSession.token_hash == hash_token(_token())
    session.execute(sa.update(LoginSession).where(known).values(revoked_at=now()))


def pass_second_factor(session: Session) -> None:
    """Note that the person of this request's login has just shown their second factor."""
    own = LoginSession.id == g.login_id
    session.execute(sa.update(LoginSession).where(own).values(second_factor_at=now()))


def forget_second_factor(session: Session, officer_id: int) -> None:
    """No login of this officer counts as having shown a second factor any more."""
    session.execute(_FORGET, {"officer": officer_id})


def _token() -> str:
    scheme, _, bearer = request.headers.get("Authorization", "").partition(" ")
    return bearer.strip() if scheme == "Bearer" else request.cookies.get(COOKIE, "")


# An officer who has left is a resident like others, even where nobody thought of the WeChat they had bound.
# How a login came about shows in how long it was to live.
_CALLER = sa.text("""
    SELECT s.id AS login_id, coalesce(s.seen_at, s.created_at) AS seen_at,
           s.expires_at - s.created_at < interval '1 day' AS by_scan,
           s.second_factor_at > :fresh AS has_second_factor,
           c.id AS contact_id, c.resident_id, o.id AS officer_id,
           held.posts > 0 AS holds_post, held.administers > 0 AS administers
    FROM login_sessions s JOIN contacts c ON c.id = s.contact_id
    LEFT JOIN officers o ON o.id = c.officer_id AND o.left_at IS NULL
    CROSS JOIN LATERAL (
        SELECT count(*) AS posts, count(*) FILTER (WHERE role = 'administrator') AS administers FROM posts
        WHERE officer_id = o.id AND since <= :at AND (until IS NULL OR until > :at)) held
    WHERE s.token_hash = :token AND s.revoked_at IS NULL AND s.expires_at > :at""")
_SEE = sa.text(
    "UPDATE login_sessions SET seen_at = :at WHERE id = :id AND coalesce(seen_at, created_at) < :before"
)
_FORGET = sa.text("""
    UPDATE login_sessions SET second_factor_at = NULL
    WHERE contact_id IN (SELECT id FROM contacts WHERE officer_id = :officer)""")


def require(who: Who) -> Callable[[View], View]:
    """Only for callers of this sort, of whom what NOTED names is set in g.

    Raises LoginNeeded for strangers and for who is no officer, NoPost for one who holds no post, Forbidden
    for who is no administrator, SecondFactorNeeded for one who changes something without having shown it.
    """

    def decorate(view: View) -> View:
        @wraps(view)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            caller = identify()
            _admit(who, caller)
            return view(*args, **kwargs)

        wrapper.access = who  # type: ignore[attr-defined]
        return wrapper

    return decorate


def identify() -> "sa.Row[Any] | None":
    """Whose login came with this request, also noted in g; None for a stranger."""
    caller, at = None, now()
    if token := _token():
        with db.transaction() as session:
            given = {"token": hash_token(token), "at": at, "fresh": at - SECOND_FACTOR_LIFE}
            caller = session.execute(_CALLER, given).one_or_none()
            if caller is not None and at - caller.seen_at > SEEN_EVERY:
                session.execute(_SEE, {"id": caller.login_id, "at": at, "before": at - SEEN_EVERY})
    for name in NOTED:
        setattr(g, name, getattr(caller, name, None))
    return caller


def _admit(who: Who, caller: "sa.Row[Any] | None") -> None:
    if caller is None:
        raise LoginNeeded()
    if who is Who.RESIDENT:
        return
    if caller.officer_id is None:
        raise LoginNeeded(NOT_BOUND)
    if not caller.holds_post:
        raise NoPost()
    if who is Who.ADMINISTRATOR:
        _admit_administrator(caller)


def _admit_administrator(caller: "sa.Row[Any]") -> None:
    if not caller.administers:
        raise Forbidden(ADMINISTRATORS_ONLY)
    if request.method not in SAFE and not caller.has_second_factor:
        raise SecondFactorNeeded()


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
