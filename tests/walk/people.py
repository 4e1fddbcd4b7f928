"""Those who walk: strangers to a street, each of their own sort, and the people whose street it is."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import sqlalchemy as sa

from backend import auth
from backend.auth import LoginSession
from backend.notify.models import Contact
from backend.places import scope
from backend.places.models import Officer, Post, Resident, Unit
from backend.places.roles import Role, UnitKind
from backend.places.scope import Editor
from backend.times import now
from tests.factories import make_contact, make_resident
from tests.walk.town import Street

DAY = timedelta(days=1)
STRANGERS = (
    "the neighbour's administrator",
    "the neighbour's information officer",
    "the neighbour's supervisor",
    "the neighbour's handler",
    "another district's administrator",
    "a handler of another unit of the street",
    "an officer who has left",
    "an administrator whose post ended",
    "one who stood in here and works next door",
    "another resident",
    "nobody",
)
OWNERS = ("the administrator", "the desk", "the handler", "the resident", "the supervisor")


@dataclass(frozen=True)
class Person:
    """Someone with a login, or without one. `book` is of the street that they send from."""

    name: str
    token: str | None = None
    officer: Officer | None = None
    posts: tuple[Post, ...] = ()
    resident_id: int | None = None
    home: Street | None = None
    may_see: tuple[str, ...] = ()  # the kinds of marks of the street that are theirs to see, by prefix

    @property
    def officer_and_posts(self) -> Editor:
        assert self.officer is not None
        return Editor(self.officer.id, self.posts)

    @property
    def administers(self) -> bool:
        return any(post.role is Role.ADMINISTRATOR for post in self.posts)


def strangers(session: Any, street: Street, neighbour: Street, far: Street) -> list[Person]:
    """People to whom nothing of the street's own matters may be shown, in the order of STRANGERS."""
    own, streets = neighbour.people, street.people
    _in_both(street, neighbour)
    return [
        _officer(session, STRANGERS[0], own["administrator"], neighbour, fresh=True),
        _officer(session, STRANGERS[1], own["desk"], neighbour),
        _officer(session, STRANGERS[2], own["supervisor"], neighbour),
        _officer(session, STRANGERS[3], own["handler"], neighbour),
        _officer(session, STRANGERS[4], far.people["administrator"], far, fresh=True),
        _officer(session, STRANGERS[5], _other_unit(street), None, may_see=COLLEAGUES),
        _officer(session, STRANGERS[6], streets["gone"], None),
        _officer(session, STRANGERS[7], _ended(street), None, fresh=True),
        _officer(session, STRANGERS[8], _stood_in(street, neighbour), neighbour),
        _resident(session, STRANGERS[9]),
        Person(STRANGERS[10]),
    ]


def owners(session: Any, street: Street) -> list[Person]:
    """The street's own people, who must see what is theirs."""
    people = street.people
    resident = street.residents[0]
    contact = sa.select(Contact.id).where(Contact.resident_id == resident.id)
    token = _log_in(session, session.scalars(contact).one())
    return [
        _officer(session, OWNERS[0], people["administrator"], street, fresh=True),
        _officer(session, OWNERS[1], people["desk"], street),
        _officer(session, OWNERS[2], people["handler"], street),
        Person(OWNERS[3], token, resident_id=resident.id, home=street),
        _officer(session, OWNERS[4], people["supervisor"], street),
    ]


# Who works in a street sees its places and colleagues; not what residents told another unit, nor papers of
# the administrators.
COLLEAGUES = ("areas.", "units.", "officers.name", "officers.phone", "officers.code", "place_codes.")
COLLEAGUES += ("duty_lists.", "duties.", "monthly_notices.words")  # published


def _officer(
    session: Any,
    name: str,
    officer: Officer,
    home: Street | None,
    *,
    fresh: bool = False,
    may_see: tuple[str, ...] = (),
) -> Person:
    contact = make_contact(session, officer=officer)
    token = _log_in(session, contact.id, fresh=fresh)
    posts = tuple(scope.posts_of(session, officer.id))
    return Person(name, token, officer, posts, contact.resident_id, home, may_see)


def _log_in(session: Any, contact_id: int, *, fresh: bool = False) -> str:
    """A login that was seen lately for the whole walk: otherwise every request would write when it was."""
    token, _ = auth.start_session(session, contact_id)
    session.flush()
    own = LoginSession.token_hash == auth.hash_token(token)
    shown = now() if fresh else None
    session.execute(sa.update(LoginSession).where(own).values(second_factor_at=shown, seen_at=now() + DAY))
    session.commit()
    return token


def _resident(session: Any, name: str) -> Person:
    resident: Resident = make_resident(session)
    return Person(name, _log_in(session, make_contact(session, resident).id), resident_id=resident.id)


def _other_unit(street: Street) -> Officer:
    unit = Unit(area_id=street.area.id, kind=UnitKind.DEPARTMENT, name="别的单位")
    street.add(unit)
    return _added(street, Role.HANDLER, unit=unit)


def _ended(street: Street) -> Officer:
    past = {"since": now() - 9 * DAY, "until": now() - DAY}
    return _added(street, Role.ADMINISTRATOR, area=street.area, **past)


def _stood_in(street: Street, neighbour: Street) -> Officer:
    """Works next door, and was the street's secretary while its own was away."""
    past = {"since": now() - 9 * DAY, "until": now() - DAY}
    for_id = street.book["post_id"][6]
    officer = _added(street, Role.SECRETARY, area=street.areas["community"], for_id=for_id, **past)
    post = Post(officer_id=officer.id, role=Role.SECRETARY, area_id=neighbour.areas["community"].id)
    street.add(post)
    return officer


def _in_both(street: Street, neighbour: Street) -> None:
    """Someone with a post in either street: both see the person, and neither the other street."""
    officer = _added(street, Role.SECRETARY, area=street.areas["community"])
    street.add(Post(officer_id=officer.id, role=Role.SECRETARY, area_id=neighbour.areas["community"].id))
    neighbour.book["officer_id"].append(officer.id)


def _added(street: Street, role: Role, area: Any = None, unit: Any = None, **post: Any) -> Officer:
    """An officer whose own name is no secret of the street, and who is not in its book."""
    officer = street.add(Officer(name="过路人"))
    where = {"area_id": area.id if area else None, "unit_id": unit.id if unit else None}
    street.add(Post(officer_id=officer.id, role=role, **where | post))
    return officer
