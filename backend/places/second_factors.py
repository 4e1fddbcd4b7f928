"""The second factor of administrators: six digits of an authenticator app, by time (TOTP, RFC 6238)."""

import secrets
import unicodedata
from datetime import datetime, timedelta

import pyotp
import sqlalchemy as sa
from sqlalchemy.orm import Session

from backend import auth
from backend.errors import Conflict, Forbidden, Invalid
from backend.places import changes, officers, posts
from backend.places.changes import Did, Entry
from backend.places.models import Officer
from backend.places.scope import Editor, serves
from backend.times import now

ISSUER = "社区诉求工作台"
OFFER_LIFE = timedelta(minutes=15)  # in which a secret that is shown must be taken
DRIFT = 1  # steps of 30 s by which a phone's clock may be wrong
WRONG = "动态码不对，或者已经用过。请等应用里出现新的六位数字再试"
SET_UP = "您已经设置过动态码。手机丢了或换了，请让另一位管理员重置"
NOT_SET_UP = "还没有设置动态码"
OWN = "自己的动态码不能自己重置，请让另一位管理员办理"


def is_set_up(session: Session, officer_id: int) -> bool:
    known = sa.select(Officer.id).where(Officer.id == officer_id, Officer.second_factor.is_not(None))
    return session.execute(known).first() is not None


def new_secret() -> str:
    """160 random bits in base32, for an authenticator app and nobody else."""
    return pyotp.random_base32()


def address(secret: str, name: str) -> str:
    """What the app reads from a QR code: otpauth://totp/…"""
    return pyotp.TOTP(secret).provisioning_uri(name=name, issuer_name=ISSUER)


def set_up(session: Session, officer_id: int, secret: str, code: str, at: datetime | None = None) -> None:
    """Take the secret once a code proves that the app holds it. Raises Conflict (there is one), Invalid."""
    officer = posts.lock_officer(session, officer_id)
    if officer.second_factor is not None:
        raise Conflict(SET_UP)
    officer.second_factor_step = _step(secret, code, at or now())
    officer.second_factor = secret
    _record(session, Editor(officer_id=officer_id), officer)


def show(session: Session, officer_id: int, code: str, at: datetime | None = None) -> None:
    """Take a code, each once. Raises Conflict when none is set up, Invalid for a wrong or used one."""
    officer = posts.lock_officer(session, officer_id)
    if officer.second_factor is None:
        raise Conflict(NOT_SET_UP)
    last = officer.second_factor_step
    officer.second_factor_step = _step(officer.second_factor, code, at or now(), after=last)
    session.flush()


def reset(session: Session, editor: Editor, officer_id: int) -> Officer:
    """Forget the officer's secret, and that any login of theirs has shown it.

    Only for others who administer every post of theirs. Raises NotFound, Forbidden or Conflict.
    """
    officer = officers.must_administer(session, editor, officer_id)
    if editor.officer_id == officer_id:
        raise Forbidden(OWN)
    if officer.second_factor is None:
        raise Conflict(f"这位工作人员{NOT_SET_UP}")
    officer.second_factor = officer.second_factor_step = None
    auth.forget_second_factor(session, officer_id)
    _record(session, editor, officer)
    return officer


def _step(secret: str, code: str, at: datetime, after: int | None = None) -> int:
    """The step of time whose code this is. `after` is the last one taken: none may be taken twice."""
    totp, given = pyotp.TOTP(secret), "".join(unicodedata.normalize("NFKC", code).split()).encode()
    here = totp.timecode(at)
    for step in range(here - DRIFT, here + DRIFT + 1):
        is_new = after is None or step > after
        if secrets.compare_digest(totp.generate_otp(step).encode(), given) and is_new:
            return step
    raise Invalid(WRONG)


def _record(session: Session, editor: Editor, officer: Officer) -> None:
    """That there is one now, or none any more; never the secret, not even masked."""
    session.flush()
    there = officer.second_factor is not None
    held = posts.held_by(session, officer.id)
    entry = Entry(
        Did.CHANGED,
        "officers",
        officer.id,
        officers.masked_name(officer.name),
        serves(held[0]).id if held else None,
        {"second_factor": not there},
        {"second_factor": there},
    )
    changes.record(session, editor, [entry])
