"""Pictures for codes: those of places, made by the account that serves there, and short-lived ones to bind.

A ticket stands for the picture: WeChat's own for an account's code; for a mini program's, of which WeChat
gives nothing but the picture, the SHA-256 under which it lies in our store.
"""

from collections.abc import Callable, Sequence

import sqlalchemy as sa
from sqlalchemy.orm import Session

from backend import db, storage
from backend.notify import binding
from backend.places import codes, posts
from backend.places.drawing import draw_png
from backend.places.models import Area, PlaceCode
from backend.places.queries import inside
from backend.places.roles import Carrier
from backend.places.scope import serves
from backend.wechat import accounts, client, ledger
from backend.wechat.accounts import Account
from backend.wechat.codes import ProviderError

FULL = 45029  # WeChat's code for an account that has all the permanent codes that it may have
MINI_PAGE = "pages/report/report"
MINI_WIDTH = 1280  # pixels, the most there is: 11 cm of a poster at 300 dpi

Made = tuple[str, str | None]  # ticket, the text in the picture where it is known
Told = Callable[[], object]


def ensure_all_tickets(limit: int | None = None, on_made: Told | None = None) -> int:
    """Have each place's code made by the account with the smallest area around it. Returns how many."""
    made = 0
    for account in smallest_area_first():
        left = None if limit is None else limit - made
        made += ensure_tickets(account, left, on_made)
    return made


def smallest_area_first() -> list[Account]:
    """All accounts, so that the first one whose area holds a place is the nearest to it."""
    with db.transaction() as session:
        return ledger.smallest_first(session)


def account_of(session: Session, area: Area, carrier: Carrier = Carrier.ACCOUNT) -> Account | None:
    """The account with the smallest area in which this one lies, and which can make codes of this sort; None
    where no account serves."""
    serving: dict[int, Account] = {}
    for account in accounts.all_accounts().values():
        if carrier is not Carrier.MINI_PROGRAM or account.mini_program is not None:
            serving.setdefault(accounts.area_id(session, account), account)
    around = [int(area_id) for area_id in area.path.split(".")]
    return next((serving[area_id] for area_id in reversed(around) if area_id in serving), None)


def account_of_officer(session: Session, officer_id: int) -> Account:
    """The account that serves where the officer works; where none does, the first one."""
    nearest = (account_of(session, serves(post)) for post in posts.held_by(session, officer_id))
    return next(filter(None, nearest), next(iter(accounts.all_accounts().values())))


def ensure_tickets(account: Account, limit: int | None = None, on_made: Told | None = None) -> int:
    """Have WeChat make a code for each place in the account's area that has none. Returns how many were made.

    Each is recorded as it is made. One that was made and not recorded, because the process ended in between,
    is asked for again: WeChat gives the same code for the same scene. Raises ProviderError, and Conflict when
    the account has all the codes that it may have.
    """
    made = 0
    for code in _without_ticket(account, limit):
        made += _make(account, code)
        if on_made:
            on_made()
    return made


def ensure_ticket(code_id: int) -> None:
    """Have this code made now, if it waits for that. Raises as `ensure_tickets` does."""
    with db.transaction() as session:
        code = session.get_one(PlaceCode, code_id)
        account = account_of(session, session.get_one(Area, code.area_id), code.carrier)
    if account is not None and code.ticket is None and code.carrier is not Carrier.URL:
        _make(account, code)


def _make(account: Account, code: PlaceCode) -> int:
    ticket, url = MAKERS[code.carrier](account, code.scene)
    return _record(code.id, account.name, ticket, url)


def _account_code(account: Account, scene: str) -> Made:
    try:
        return client.create_qrcode(account, scene)
    except ProviderError as error:
        if error.errcode != FULL:
            raise
    with db.transaction() as session:
        raise ledger.full(session, account)


def _mini_program_code(account: Account, scene: str) -> Made:
    """The picture is kept: asking for it again each time would cost the account's budget of a minute."""
    picture = client.mini_program_code(account, codes.payload(scene), MINI_PAGE, width=MINI_WIDTH)
    return storage.save(picture), None


MAKERS: dict[Carrier, Callable[[Account, str], Made]] = {
    Carrier.ACCOUNT: _account_code,
    Carrier.MINI_PROGRAM: _mini_program_code,
}


def picture(code: PlaceCode) -> tuple[bytes, str]:
    """The picture of a code that is made, and the ending of its file's name. Raises ProviderError."""
    if code.carrier is Carrier.MINI_PROGRAM:
        content = storage.read(code.ticket or "")
        return content, "png" if content.startswith(b"\x89PNG") else "jpg"
    if code.carrier is Carrier.ACCOUNT:
        return client.qrcode_picture(code.ticket or ""), "jpg"
    return draw_png(codes.address(code.scene)), "png"


def personal_code(account: Account, code: str) -> tuple[str, str]:
    """The code that an officer scans to bind: (ticket, the text in the picture). It ends with `code`."""
    seconds = int(binding.LIFE.total_seconds())
    return client.create_qrcode(account, binding.SCENE_PREFIX + code, seconds)


def _without_ticket(account: Account, limit: int | None) -> Sequence[PlaceCode]:
    made_here = [Carrier.ACCOUNT] if account.mini_program is None else list(MAKERS)
    with db.transaction() as session:
        return session.scalars(
            sa.select(PlaceCode)
            .join(Area, Area.id == PlaceCode.area_id)
            .where(
                PlaceCode.carrier.in_(made_here),
                PlaceCode.ticket.is_(None),
                PlaceCode.revoked_at.is_(None),
                inside(accounts.area_id(session, account)),
            )
            .order_by(PlaceCode.id)
            .limit(limit)
        ).all()


def _record(code_id: int, account: str, ticket: str, url: str | None) -> int:
    """1, or 0 when another process has recorded a code of this place meanwhile."""
    with db.transaction() as session:
        recorded = session.execute(
            sa.update(PlaceCode)
            .where(PlaceCode.id == code_id, PlaceCode.ticket.is_(None))
            .values(account=account, ticket=ticket, url=url)
            .returning(PlaceCode.id)
        )
        return len(recorded.all())
