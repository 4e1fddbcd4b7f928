"""A desktop's way in: a ticket that its screen shows as a QR code and a phone confirms; good once."""

import secrets
from datetime import datetime, timedelta
from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy.orm import Session

from backend import auth
from backend.auth import LoginTicket, Via, hash_token
from backend.errors import Conflict, Gone, NotFound
from backend.times import now

LIFE = timedelta(minutes=2)
GRACE = timedelta(seconds=30)  # for the desktop to notice that it was let in
UNKNOWN = "这个登录二维码不对，请刷新电脑上的页面，再扫一次"
EXPIRED = "这个登录二维码已经过期，请刷新电脑上的页面，再扫一次"
OTHERS = "这个登录二维码已经被另一个微信扫过了，请刷新电脑上的页面，再扫一次"
REFUSED = "这次登录已经被拒绝，电脑不会进入"
USED = "电脑已经进入了。如果不是您本人在用，请马上在“我的登录”里让它退出"


class State(StrEnum):
    WAITING = "waiting"  # shown, nobody has scanned it
    SCANNED = "scanned"
    CONFIRMED = "confirmed"
    REFUSED = "refused"
    USED = "used"
    EXPIRED = "expired"


def state(ticket: LoginTicket, at: datetime) -> State:
    """Where the ticket stands at this moment."""
    if ticket.refused_at is not None:
        return State.REFUSED
    if ticket.used_at is not None:
        return State.USED
    if ticket.expires_at <= at:
        return State.EXPIRED
    if ticket.confirmed_at is not None:
        return State.CONFIRMED
    return State.WAITING if ticket.contact_id is None else State.SCANNED


def number(token: str) -> str:
    """Four digits that both screens show, so that one sees that they belong together."""
    return f"{int.from_bytes(hash_token('number:' + token)[:4]) % 10_000:04d}"


def issue(session: Session, device: str) -> tuple[str, str]:
    """A new ticket. Returns the token for the QR code and the secret for this browser's cookie alone."""
    at, token, browser = now(), secrets.token_urlsafe(24), secrets.token_urlsafe(24)
    session.add(
        LoginTicket(
            token_hash=hash_token(token),
            browser_hash=hash_token(browser),
            device=device,
            expires_at=at + LIFE,
        )
    )
    return token, browser


def of_browser(session: Session, token: str, browser: str, *, lock: bool = False) -> LoginTicket:
    """The ticket, for the one browser that shows it. Raises NotFound for anybody else."""
    ticket = _find(session, token, lock=lock)
    if not secrets.compare_digest(ticket.browser_hash, hash_token(browser)):
        raise NotFound(UNKNOWN)
    return ticket


def scan(session: Session, token: str, contact_id: int) -> LoginTicket:
    """Note who scanned it; scanning again changes nothing. Raises NotFound, Conflict (another scanned it)."""
    ticket = _find(session, token, lock=True)
    if state(ticket, now()) is State.WAITING:
        ticket.contact_id = contact_id
    if ticket.contact_id not in (None, contact_id):
        raise Conflict(OTHERS)
    return ticket


def confirm(session: Session, token: str, contact_id: int) -> None:
    """Let the desktop in, for who scanned the ticket; a second tap changes nothing.

    Raises NotFound, Conflict (another scanned it, or it was refused) or Gone.
    """
    ticket, at = scan(session, token, contact_id), now()
    standing = state(ticket, at)
    if standing in (State.EXPIRED, State.REFUSED):
        raise Gone(EXPIRED) if standing is State.EXPIRED else Conflict(REFUSED)
    if standing is State.SCANNED:
        ticket.confirmed_at, ticket.expires_at = at, at + GRACE


def refuse(session: Session, token: str, contact_id: int) -> None:
    """Keep the desktop out, also when it was confirmed a moment ago. Raises Conflict when it is in."""
    ticket, at = scan(session, token, contact_id), now()
    if state(ticket, at) is State.USED:
        raise Conflict(USED)
    ticket.refused_at = ticket.refused_at or at


def enter(session: Session, token: str, browser: str) -> str:
    """Spend a confirmed ticket. Returns the token of the new login; raises NotFound, Conflict."""
    ticket, at = of_browser(session, token, browser, lock=True), now()
    if state(ticket, at) is not State.CONFIRMED:
        raise Conflict(EXPIRED)
    assert ticket.contact_id is not None
    ticket.used_at = at
    login, _ = auth.start_session(session, ticket.contact_id, ticket.device, Via.SCAN)
    return login


def _find(session: Session, token: str, *, lock: bool) -> LoginTicket:
    query = sa.select(LoginTicket).where(LoginTicket.token_hash == hash_token(token))
    if lock:  # whoever comes second sees what the first one did
        query = query.with_for_update().execution_options(populate_existing=True)
    ticket = session.scalar(query)
    if ticket is None:
        raise NotFound(UNKNOWN)
    return ticket
