"""Which area an operator means: by its code, its name, or a path of names such as 青岚区/望溪街道."""

import sqlalchemy as sa
from sqlalchemy.orm import Session

from backend.errors import Invalid, NotFound
from backend.places import area_lists
from backend.places.models import Area
from backend.places.roles import Level
from backend.places.scope import COMMAND_LINE, Editor

LARGE = (Level.DISTRICT, Level.SUBDISTRICT, Level.COMMUNITY)  # meant rather than a grid of the same name
SHOWN = 5  # namesakes to choose from: there is a 1栋 in every estate


def called(session: Session, words: str, editor: Editor = COMMAND_LINE) -> list[Area]:
    """The open areas of this person that these words name: none, one, or the first of several namesakes. By
    a name alone, a district, street or community is meant before anything smaller."""
    *above, name = words.strip().split("/")
    query = sa.select(Area).where(Area.closed_at.is_(None), editor.edits(Area))
    if above:
        return list(session.scalars(query.where(Area.name == name, Area.parent_id.in_(_path(above)))))
    large_first = sa.case((Area.level.in_(LARGE) | (Area.code == name), 0), else_=1)
    query = query.where((Area.name == name) | (Area.code == name)).order_by(large_first, Area.id)
    found = list(session.scalars(query.limit(SHOWN + 1)))
    return [area for area in found if area.level in LARGE or area.code == name] or found


def the_one(session: Session, words: str, editor: Editor = COMMAND_LINE) -> Area:
    """The one area that these words name; of namesakes, the one that this person administers. What is the
    only one of its name is found elsewhere, too.

    Raises NotFound, or Invalid where several have the name: with their paths and codes.
    """
    found = called(session, words, editor)
    if len(found) > 1:
        many = "很多" if len(found) > SHOWN else f" {len(found)} 个"
        several = f"有{many}地点叫“{words}”，请写编码，或者从区开始的全称"
        raise Invalid(f"{several}：{_listed(session, found)}")
    found = found or called(session, words)
    if len(found) != 1:
        raise NotFound(f"没有找到地点“{words}”，请写编码，或者从区开始的全称，例如：青岚区/望溪街道/玉兰社区")
    return found[0]


def _listed(session: Session, areas: list[Area]) -> str:
    """青岚区/望溪街道/玉兰社区（440399001001）、…"""
    paths = area_lists.paths(session, areas[:SHOWN])
    each = "、".join(f"{paths[area.id]}（{area.code or '没有编码'}）" for area in areas[:SHOWN])
    return each + (" 等" if len(areas) > SHOWN else "")


def _path(names: list[str]) -> sa.Select[int]:
    is_open = Area.closed_at.is_(None)
    query = sa.select(Area.id).where(Area.name == names[0], Area.parent_id.is_(None), is_open)
    for name in names[1:]:
        query = sa.select(Area.id).where(Area.name == name, Area.parent_id.in_(query), is_open)
    return query
