"""The ledger of permanent codes: an account may have 100,000, for ever, and what was revoked counts on.

Source: the platform's document on codes with parameters (永久二维码最多 10 万个); it takes none back.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.orm import Session, aliased

from backend.errors import Conflict
from backend.places import codes
from backend.places.models import Area, PlaceCode
from backend.places.queries import inside
from backend.places.roles import Carrier
from backend.wechat import accounts
from backend.wechat.accounts import Account

PERMANENT = 100_000
NAMED = 3  # of those who hold the most, in a sentence
INSTEAD = "请改用网址码，数量不限"
NO_ACCOUNT = f"这里还没有公众号，做不了公众号码。{INSTEAD}"


@dataclass(frozen=True)
class Share:
    """How many codes of an account lie in one street, or right at the district."""

    area_id: int | None
    name: str
    made: int
    waiting: int


@dataclass(frozen=True)
class Holding:
    """The codes of one account: made by WeChat, revoked ones too, and waiting to be made."""

    account: str
    area: Area
    shares: Sequence[Share]

    @property
    def made(self) -> int:
        return sum(share.made for share in self.shares)

    @property
    def waiting(self) -> int:
        return sum(share.waiting for share in self.shares)

    @property
    def left(self) -> int:
        return max(0, PERMANENT - self.made - self.waiting)


def smallest_first(session: Session) -> list[Account]:
    """All accounts, so that the first one whose area holds a place is the nearest to it."""
    known = accounts.all_accounts().values()
    areas = {account.name: session.get_one(Area, accounts.area_id(session, account)) for account in known}
    return sorted(known, key=lambda account: -areas[account.name].path.count("."))


def holdings(session: Session) -> list[Holding]:
    """What each account holds, street by street, those with the most first (one query, and one for areas)."""
    served = smallest_first(session)
    shares: dict[str, list[Share]] = {account.name: [] for account in served}
    for name, street_id, street, made, waiting in session.execute(_counted(session, served)):
        if name in shares:  # an account that was taken out of the file holds nothing of ours
            shares[name].append(Share(street_id, street, made, waiting))
    return [
        Holding(account.name, session.get_one(Area, accounts.area_id(session, account)), shares[account.name])
        for account in served
    ]


def _counted(session: Session, served: Sequence[Account]) -> sa.Select[str, int, str, int, int]:
    """Who made a code holds it; one that waits will be made by the account nearest to it."""
    nearest = sa.case(
        *((inside(accounts.area_id(session, account)), account.name) for account in served), else_=""
    )
    street = aliased(Area)
    holder = sa.func.coalesce(PlaceCode.account, nearest).label("holder")
    made = sa.func.count(PlaceCode.id).filter(PlaceCode.ticket.is_not(None)).label("made")
    waiting = sa.func.count(PlaceCode.id).filter(PlaceCode.ticket.is_(None))
    return (
        sa.select(holder, street.id, sa.func.coalesce(street.name, "全区"), made, waiting)
        .join(Area, Area.id == PlaceCode.area_id)
        .outerjoin(street, street.id == Area.subdistrict_id)
        .where(PlaceCode.carrier == Carrier.ACCOUNT)
        .where(PlaceCode.ticket.is_not(None) | PlaceCode.revoked_at.is_(None))
        .group_by(holder, street.id, street.name)
        .order_by(sa.desc("made"), street.id)
    )


def check_room(session: Session, account: Account | None, wanted: int) -> None:
    """Let nobody ask for more codes than the account has left. Whoever makes codes meanwhile waits.

    Raises Conflict with a sentence that names who holds how many.
    """
    if account is None:
        raise Conflict(NO_ACCOUNT)
    codes.lock(session)
    held = _held(session, account)
    if wanted > held.left:
        raise Conflict(_sentence(held, f"还能做 {held.left} 个，不够这次的 {wanted} 个"))


def full(session: Session, account: Account) -> Conflict:
    """What to say when WeChat itself refuses: others may have made codes of this account elsewhere."""
    return Conflict(_sentence(_held(session, account), "微信不再给它新的永久二维码了"))


def _held(session: Session, account: Account) -> Holding:
    return next(held for held in holdings(session) if held.account == account.name)


def _sentence(held: Holding, problem: str) -> str:
    most = sorted(held.shares, key=lambda share: -share.made - share.waiting)[:NAMED]
    by_street = "、".join(f"{share.name} {share.made + share.waiting} 个" for share in most)
    used = held.made + held.waiting
    return (
        f"{held.area.name}的公众号最多有 {PERMANENT} 个永久二维码，停用的也算。已用 {used} 个"
        f"（{by_street or '都不在这里登记'}），{problem}。{INSTEAD}"
    )
