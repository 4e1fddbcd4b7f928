"""附议 by a form or the mini program: the matters of a place, each with a token that stands for it."""

from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy.orm import Session

from backend import auth
from backend.cases import joining
from backend.errors import NotFound
from backend.places.models import Area

PURPOSE = "join"
OPEN_FOR = timedelta(hours=12)  # a form that was begun in the morning may be sent in the evening
FOR_EVER = timedelta.max


@dataclass(frozen=True)
class Matter:
    """A matter to join: the token that stands for it, what it is, where, since when, and whether it was
    chosen on the page before this one."""

    token: str
    words: str
    is_chosen: bool


def matters(session: Session, area: Area, resident_id: int, chosen: str = "") -> list[Matter]:
    """What others have reported in the area's community, first what was `chosen` (a token). One query."""
    kept = _stood_for(chosen)
    found = joining.matters(session, area.community_id, resident_id, first=kept)
    return [Matter(auth.sign(PURPOSE, one.id), one.words, one.id == kept) for one in found]


def matter_of(token: str) -> int | None:
    """The id of the case that this token stands for. Raises NotFound or Gone for what is not ours."""
    return int(auth.unsign(PURPOSE, token, OPEN_FOR)) if token else None


def _stood_for(token: str) -> int | None:
    """The same, of a token that may be too old to be sent; None for a forged one."""
    try:
        return int(auth.unsign(PURPOSE, token, FOR_EVER)) if token else None
    except NotFound:
        return None
