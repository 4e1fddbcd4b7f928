"""The area of each account and the names of the places in it, kept in memory for a while."""

from collections.abc import Sequence
from dataclasses import dataclass
from time import monotonic

from sqlalchemy.orm import Session

from backend import db
from backend.places import queries
from backend.places.models import Area
from backend.places.queries import NamedPlace
from backend.places.roles import Level
from backend.wechat import accounts
from backend.wechat.accounts import Account
from backend.wechat.talk import Place

HOME_FOR = 60.0  # seconds that an account's own area, and the names in it, are remembered


@dataclass(frozen=True)
class Home:
    """An account's own area, and the places in it that have a name."""

    place: Place
    is_place: bool
    names: Sequence[NamedPlace]

    @property
    def example(self) -> str:
        """The name of some community."""
        return self.names[0].name if self.names else self.place.name


_homes: dict[str, tuple[float, Home]] = {}


def of(account: Account) -> Home:
    """The account's own area with the places in it, as they were read at most HOME_FOR seconds ago."""
    until, home = _homes.get(account.name, (0.0, None))
    if home is None or until < monotonic():
        with db.transaction() as session:
            home = _read_home(session, account)
        _homes[account.name] = (monotonic() + HOME_FOR, home)
    return home


def _read_home(session: Session, account: Account) -> Home:
    area = session.get_one(Area, accounts.area_id(session, account))
    is_place = area.level not in (Level.DISTRICT, Level.SUBDISTRICT)
    names = queries.named_places(session, area.id)
    return Home(Place(area.id, area.name, area.telephone), is_place, names)


def forget() -> None:
    """Read the accounts' areas and the names in them anew at the next message."""
    _homes.clear()
