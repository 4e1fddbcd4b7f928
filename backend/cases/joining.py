"""附议: what others have reported in a community and is being worked on, for whoever has the same to say."""

from dataclasses import dataclass
from datetime import timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session, aliased, joinedload

from backend.cases.category_models import CaseKind, Category
from backend.cases.models import Case
from backend.cases.workflow import UNSOLVED
from backend.db import one_of
from backend.times import local, now

RECENT = timedelta(days=30)
MOST = 5
SAME = "附议：{matter}"  # the report of whoever joins without a word of their own
UNNAMED = "同一件事"
_Own = aliased(Case)


@dataclass(frozen=True)
class Matter:
    """A case that others may join: its id, and what it is filed as, where and since when."""

    id: int
    words: str


def matters(
    session: Session, community_id: int | None, resident_id: int | None, first: int | None = None
) -> list[Matter]:
    """What others have reported there and is being worked on, newest first, but `first` (an id) before all.

    Nobody's words are shown, only how the matter is filed; and only complaints, for whoever asks for help or
    has a quarrel is nobody's business. What this resident reported or joined already is left out. One query.
    """
    if community_id is None:
        return []
    here = (Case.community_id == community_id) & (Case.discovered_at > now() - RECENT)
    alone = Case.master_id.is_(None) & Case.parent_id.is_(None)
    query = (
        sa.select(Case, Category)
        .join(Category, Category.id == Case.category_id)
        .where(here, alone, one_of(Case.status, UNSOLVED), Category.kind == CaseKind.COMPLAINT)
        .where(_is_news_to(resident_id))
        .options(joinedload(Case.place))
    )
    is_first = Case.id == (first or 0)  # newer ones do not push out what somebody has chosen
    newest = session.execute(query.order_by(is_first.desc(), Case.id.desc()).limit(MOST))
    return [Matter(case.id, _said(case, category)) for case, category in newest]


def name_of(session: Session, matter_id: int) -> str:
    """What a matter is filed as; in plain words when it is filed as nothing any more."""
    filed = sa.select(Category.name).join(Case, Case.category_id == Category.id)
    return session.scalar(filed.where(Case.id == matter_id)) or UNNAMED


def _is_news_to(resident_id: int | None) -> sa.ColumnElement[bool]:
    has_joined = sa.exists().where(_Own.master_id == Case.id, _Own.resident_id == resident_id)
    return Case.resident_id.is_distinct_from(resident_id) & ~has_joined


def _said(case: Case, category: Category) -> str:
    since = local(case.discovered_at)
    return f"{category.name}（{case.place.name}，{since.month}月{since.day}日有人反映，正在办）"
