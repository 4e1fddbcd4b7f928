"""Pictures for codes: the permanent ones of places, and the short-lived ones by which officers bind."""

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.orm import Session

from backend import db
from backend.notify import binding
from backend.places.models import Area, PlaceCode
from backend.places.queries import inside
from backend.places.roles import Carrier
from backend.wechat import accounts, client
from backend.wechat.accounts import Account


def ensure_all_tickets() -> int:
    """Have each place's code made by the account with the smallest area around it. Returns how many."""
    return sum(ensure_tickets(account) for account in _smallest_area_first())


def _smallest_area_first() -> list[Account]:
    with db.transaction() as session:
        depths = {
            account.name: session.scalar(
                sa.select(sa.func.nlevel(Area.path)).where(Area.id == accounts.area_id(session, account))
            )
            for account in accounts.all_accounts().values()
        }
    return sorted(accounts.all_accounts().values(), key=lambda account: -(depths[account.name] or 0))


def account_of(session: Session, area: Area) -> Account | None:
    """The account with the smallest area in which this one lies; None where no account serves."""
    serving: dict[int, Account] = {}
    for account in accounts.all_accounts().values():
        serving.setdefault(accounts.area_id(session, account), account)
    around = [int(area_id) for area_id in area.path.split(".")]
    return next((serving[area_id] for area_id in reversed(around) if area_id in serving), None)


def ensure_tickets(account: Account) -> int:
    """Have WeChat make a code for each place in the account's area that has none. Returns how many were made.

    Each is recorded as it is made. One that was made and not recorded, because the process ended in between,
    is asked for again: two codes with one scene lead to the same place. Raises ProviderError.
    """
    made = 0
    for code_id, scene in _without_ticket(account):
        ticket, url = client.create_qrcode(account, scene)
        made += _record(code_id, account.name, ticket, url)
    return made


def personal_code(account: Account, code: str) -> tuple[str, str]:
    """The code that an officer scans to bind: (ticket, the text in the picture). It ends with `code`."""
    seconds = int(binding.LIFE.total_seconds())
    return client.create_qrcode(account, binding.SCENE_PREFIX + code, seconds)


def _without_ticket(account: Account) -> Sequence[tuple[int, str]]:
    with db.transaction() as session:
        rows = session.execute(
            sa.select(PlaceCode.id, PlaceCode.scene)
            .join(Area, Area.id == PlaceCode.area_id)
            .where(
                PlaceCode.carrier == Carrier.ACCOUNT,
                PlaceCode.ticket.is_(None),
                PlaceCode.revoked_at.is_(None),
                inside(accounts.area_id(session, account)),
            )
            .order_by(PlaceCode.id)
        )
        return [(code_id, scene) for code_id, scene in rows]


def _record(code_id: int, account: str, ticket: str, url: str) -> int:
    """1, or 0 when another process has recorded a code of this place meanwhile."""
    with db.transaction() as session:
        recorded = session.execute(
            sa.update(PlaceCode)
            .where(PlaceCode.id == code_id, PlaceCode.ticket.is_(None))
            .values(account=account, ticket=ticket, url=url)
            .returning(PlaceCode.id)
        )
        return len(recorded.all())
