"""附议: what others have reported here and is being worked on, for whoever has the same to say."""

from dataclasses import dataclass
from datetime import timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session, joinedload

from backend import auth
from backend.cases.models import Case, CaseKind, Category
from backend.cases.workflow import UNSOLVED
from backend.db import one_of
from backend.errors import NotFound
from backend.places.models import Area
from backend.times import local, now

PURPOSE = "join"
RECENT = timedelta(days=30)
OPEN_FOR = timedelta(hours=12)  # a form that was begun in the morning may be sent in the evening
MOST = 5
FOR_EVER = timedelta.max


@dataclass(frozen=True)
class Matter:
    """A matter to join: the token that stands for it, what it is, where, since when, and whether it was
    chosen on the page before this one."""

    token: str
    words: str
    is_chosen: bool


def matters(session: Session, area: Area, chosen: str = "") -> list[Matter]:
    """What is being worked on in the community, newest first, but first of all what was `chosen` (a token).

    Nobody's words are shown, only how the matter is filed; and only complaints, for whoever asks for help or
    has a quarrel is nobody's business. One query.
    """
    if area.community_id is None:
        return []
    here = (Case.community_id == area.community_id) & (Case.discovered_at > now() - RECENT)
    alone = Case.master_id.is_(None) & Case.parent_id.is_(None)
    query = (
        sa.select(Case, Category)
        .join(Category, Category.id == Case.category_id)
        .where(here, alone, one_of(Case.status, UNSOLVED), Category.kind == CaseKind.COMPLAINT)
        .options(joinedload(Case.place))
    )
    kept = _stood_for(chosen)
    is_kept = Case.id == (kept or 0)  # newer ones do not push out what somebody has chosen
    newest = session.execute(query.order_by(is_kept.desc(), Case.id.desc()).limit(MOST))
    return [
        Matter(auth.sign(PURPOSE, case.id), _said(case, category), case.id == kept)
        for case, category in newest
    ]


def matter_of(token: str) -> int | None:
    """The id of the case that this token stands for. Raises NotFound or Gone for what is not ours."""
    return int(auth.unsign(PURPOSE, token, OPEN_FOR)) if token else None


def _stood_for(token: str) -> int | None:
    """The same, of a token that may be too old to be sent; None for a forged one."""
    try:
        return int(auth.unsign(PURPOSE, token, FOR_EVER)) if token else None
    except NotFound:
        return None


def _said(case: Case, category: Category) -> str:
    since = local(case.discovered_at)
    return f"{category.name}（{case.place.name}，{since.month}月{since.day}日有人反映，正在办）"
