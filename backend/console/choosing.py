"""Places and people as forms name them: suggested while one types, read back from what was typed."""

import sqlalchemy as sa
from sqlalchemy.orm import Session, joinedload

from backend.errors import AppError
from backend.places import naming, posts
from backend.places.area_index import SEPARATORS
from backend.places.models import Area, Officer, Post, Unit
from backend.places.roles import ROLE_LABELS, Level, Role
from backend.places.scope import Editor, is_held
from backend.web.forms import WrongFields

SUGGESTED = 500


def areas(session: Session, editor: Editor) -> list[str]:
    """The paths of the communities and above that this person administers."""
    parent, top = sa.orm.aliased(Area), sa.orm.aliased(Area)
    query = sa.select(top.name, parent.name, Area.name).outerjoin(parent, parent.id == Area.parent_id)
    query = query.outerjoin(top, top.id == parent.parent_id).where(
        editor.edits(Area), Area.closed_at.is_(None)
    )
    levels = (Level.DISTRICT, Level.SUBDISTRICT, Level.COMMUNITY)
    rows = session.execute(query.where(Area.level.in_(levels)).order_by(Area.path).limit(SUGGESTED))
    return ["/".join(name for name in names if name) for names in rows]


def units(session: Session, editor: Editor) -> list[Unit]:
    """The open units that this person administers, with their areas, by name."""
    query = sa.select(Unit).join(Area, Area.id == Unit.area_id).options(joinedload(Unit.area))
    query = query.where(Unit.closed_at.is_(None), editor.edits(Area))
    return list(session.scalars(query.order_by(Unit.name, Unit.id).limit(SUGGESTED)))


def names_of(unit: Unit) -> set[str]:
    """What may be typed for a unit: as suggested, by name or by code."""
    return {unit.name, f"{unit.name}（{unit.area.name}）", *([unit.code] if unit.code else [])}


def area_called(session: Session, words: str, field: str = "area") -> Area:
    """The one area that was typed. Raises WrongFields."""
    try:
        return naming.the_one(session, "/".join(SEPARATORS.split(words.strip())))
    except AppError as error:
        raise WrongFields({field: error.message if words else "请填地点"}) from None


def colleagues(session: Session, editor: Editor, area: Area | None = None) -> list[tuple[int, str]]:
    """Officers to choose from, with a post that tells them apart: (id, 周晓岚（信息员 · 玉兰社区）).

    Of those whom this person sees, or around an area that is the person's own; the community's force of
    thousands is left out.
    """
    near = posts.at_areas(editor.sees(Area) if area is None else _around(area))
    wanted = (
        sa.select(Post)
        .join(Officer, Officer.id == Post.officer_id)
        .where(
            near,
            is_held(),
            Officer.left_at.is_(None),
            Post.for_id.is_(None),
            Post.role != Role.SAFETY_OFFICER,
        )
    )
    loaded = wanted.options(joinedload(Post.officer), *posts.PLACES).order_by(Post.id).limit(SUGGESTED)
    found: dict[int, str] = {}
    for post in session.scalars(loaded):
        found.setdefault(post.officer_id, f"{post.officer.name}（{posts.name_of(post)}）")
    return list(found.items())


def _around(area: Area) -> sa.ColumnElement[bool]:
    around = area.subdistrict_id or area.district_id or area.id
    return sa.or_(Area.id == around, Area.subdistrict_id == around, Area.district_id == around)


ROLES = [(role.value, ROLE_LABELS[role]) for role in posts.GIVEN]
