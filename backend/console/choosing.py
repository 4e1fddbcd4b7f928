"""Places and people as forms name them: suggested while one types, read back from what was typed."""

from collections import Counter
from collections.abc import Mapping, Sequence

import sqlalchemy as sa
from sqlalchemy.orm import Session, joinedload

from backend.errors import AppError
from backend.places import area_lists, naming, officers, posts
from backend.places.area_index import SEPARATORS
from backend.places.models import Area, Officer, Post, Unit
from backend.places.roles import ROLE_LABELS, Level, Role
from backend.places.scope import Editor, is_held
from backend.web.forms import WrongFields

SUGGESTED = 500
NO_UNIT = "没有找到这个单位，请从提示里选，或者写单位编码"
SEVERAL = "有几个单位叫“{words}”，请写编码或全称，例如：{full}"


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


def units(session: Session, editor: Editor, beside: Unit | None = None) -> list[str]:
    """The open units that this person administers, as 城建办（望溪街道）, or with the whole path where two
    would read the same: those of the same area as `beside` first, and without itself."""
    query = _units(editor)
    if beside is not None:
        query = query.where(Unit.id != beside.id).order_by(Unit.area_id != beside.area_id)
    rows = session.scalars(query.order_by(Unit.name, Unit.id).limit(SUGGESTED)).all()
    alike = Counter(map(_short, rows))
    paths = area_lists.paths(session, [unit.area for unit in rows if alike[_short(unit)] > 1])
    return [_full(unit, paths) if unit.area_id in paths else _short(unit) for unit in rows]


def unit_called(session: Session, editor: Editor, words: str, field: str) -> Unit | None:
    """The one unit that was typed, if there is one: as suggested, by name or by code.

    Raises WrongFields where several are called so.
    """
    begun = sa.func.starts_with(words, Unit.name + "（")
    called = sa.or_(Unit.name == words, Unit.code == words, begun)
    rows = session.scalars(_units(editor).where(called).order_by(Unit.id)).all()  # one at a place
    paths = area_lists.paths(session, [unit.area for unit in rows])
    found = [unit for unit in rows if words in (unit.name, unit.code, _short(unit), _full(unit, paths))]
    if len(found) > 1:
        raise WrongFields({field: SEVERAL.format(words=words, full=_full(found[0], paths))})
    return found[0] if found else None


def _short(unit: Unit) -> str:
    return f"{unit.name}（{unit.area.name}）"


def _full(unit: Unit, paths: Mapping[int, str]) -> str:
    """城建办（青岚区/望溪街道）"""
    return f"{unit.name}（{paths[unit.area_id]}）"


def _units(editor: Editor) -> sa.Select[Unit]:
    query = sa.select(Unit).join(Area, Area.id == Unit.area_id).options(joinedload(Unit.area))
    return query.where(Unit.closed_at.is_(None), editor.edits(Area))


def area_called(session: Session, editor: Editor, words: str, field: str = "area") -> Area:
    """The one area that was typed. Raises WrongFields."""
    try:
        return naming.the_one(session, "/".join(SEPARATORS.split(words.strip())), editor)
    except AppError as error:
        raise WrongFields({field: error.message if words else "请填地点"}) from None


def colleagues(
    session: Session, editor: Editor, area: Area | None = None, beside: Sequence[Post] = ()
) -> list[tuple[int, str]]:
    """Officers to choose from, with a post that tells them apart: (id, 周晓岚（信息员 · 玉兰社区）).

    Of those whom this person sees, or around an area that is the person's own; who works at the same unit
    or place as one of `beside` comes first, and the community's force of thousands is left out.
    """
    ordered = _colleagues(editor, area).order_by(sa.case((_beside(beside), 0), else_=1), Post.id)
    found: dict[int, str] = {}
    for post in session.scalars(ordered.limit(SUGGESTED)):
        found.setdefault(post.officer_id, _words(post))
    return list(found.items())


def colleague_called(
    session: Session, editor: Editor, words: str, field: str, area: Area | None = None
) -> int:
    """The one of these colleagues, suggested or not, who was typed: as suggested, or by name, code or phone.

    Raises WrongFields.
    """
    called = officers.is_called(words.partition("（")[0])
    held = session.scalars(_colleagues(editor, area).where(called)).all()
    found = {post.officer_id for post in held if _words(post) == words} or {post.officer_id for post in held}
    if len(found) == 1:
        return found.pop()
    problem = "有几位同名的工作人员" if found else "没有找到这位工作人员"
    raise WrongFields({field: f"{problem}，请从提示里选，或者写工号"})


def _colleagues(editor: Editor, area: Area | None) -> sa.Select[Post]:
    near = posts.at_areas(editor.sees(Area) if area is None else _around(area))
    there = Officer.left_at.is_(None), Post.for_id.is_(None), Post.role != Role.SAFETY_OFFICER
    query = sa.select(Post).join(Officer, Officer.id == Post.officer_id).where(near, is_held(), *there)
    return query.options(joinedload(Post.officer), *posts.PLACES)


def _words(post: Post) -> str:
    return f"{post.officer.name}（{posts.name_of(post)}）"


def _beside(others: Sequence[Post]) -> sa.ColumnElement[bool]:
    return sa.or_(
        Post.unit_id.in_([post.unit_id for post in others if post.unit_id]),
        Post.area_id.in_([post.area_id for post in others if post.area_id]),
    )


def _around(area: Area) -> sa.ColumnElement[bool]:
    around = area.subdistrict_id or area.district_id or area.id
    return sa.or_(Area.id == around, Area.subdistrict_id == around, Area.district_id == around)


ROLES = [(role.value, ROLE_LABELS[role]) for role in posts.GIVEN]
