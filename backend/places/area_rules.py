"""What must hold before a verb on places writes; each refusal is a sentence that says the cure."""

import sqlalchemy as sa
from sqlalchemy.orm import Session

from backend.errors import Conflict, Invalid, NotFound
from backend.places import fields
from backend.places.fields import Told
from backend.places.models import Area
from backend.places.roles import ABOVE, LEVEL_LABELS, Level
from backend.places.scope import Editor, lies_in

SHOWN = 3  # names in a sentence


def hold(session: Session, area_id: int) -> Area:
    area = session.get(Area, area_id, with_for_update={"key_share": True}, populate_existing=True)
    if area is None:
        raise NotFound("没有找到这个地点，请刷新后再试")
    return area


def must_fit(level: Level, parent: Area | None) -> None:
    above = ABOVE[level]
    if parent is None:
        if above:
            raise Invalid(f"{LEVEL_LABELS[level]}要有上级，请先选择上级")
    elif parent.level not in above:
        names = "、".join(LEVEL_LABELS[one] for one in above)
        must = f"只能放在{names}下面" if above else "没有上级"
        raise Invalid(f"{LEVEL_LABELS[level]}{must}，请换一个上级")
    else:
        must_be_open(parent, f"“{parent.name}”已经停用，请换一个上级")


def must_be_right(session: Session, said: Told, parent_id: int | None, area: Area | None = None) -> None:
    if sentences := fields.wrong(said):
        raise Invalid("；".join(sentences.values()))
    if area is None or area.closed_at is None:
        must_be_free(session, said.name, parent_id, area)
    holder = session.scalar(sa.select(Area).where(Area.code == said.code)) if said.code else None
    if holder is not None and holder is not area:
        raise Conflict(f"编码 {said.code} 已经是“{holder.name}”的，请核对")


def must_be_free(session: Session, name: str, parent_id: int | None, area: Area | None) -> None:
    """No open sibling has this name."""
    same = (Area.name == name, Area.parent_id.is_not_distinct_from(parent_id), Area.closed_at.is_(None))
    holder = session.scalar(sa.select(Area).where(*same))
    if holder is not None and holder is not area:
        raise Conflict(f"同一个上级下面已经有“{name}”，请换一个名称")


def must_be_open(area: Area, otherwise: str = "") -> None:
    if area.closed_at is not None:
        raise Conflict(otherwise or f"“{area.name}”已经停用")


def must_go_on(editor: Editor, area: Area, successor: Area) -> None:
    """The successor is another open place, and both are this person's."""
    for one in (area, successor):
        editor.must_edit(one)
        must_be_open(one)
    if lies_in(successor, area):
        raise Invalid("不能由它自己或它下面的地点接续，请选择别的地点")


def must_have_no_namesakes(session: Session, area: Area, into: Area) -> None:
    taken = open_children(into).with_only_columns(Area.name)
    names = list(
        session.scalars(open_children(area).with_only_columns(Area.name).where(Area.name.in_(taken)))
    )
    if names:
        listed = "、".join(f"“{name}”" for name in names[:SHOWN])
        raise Conflict(f"两边下面都有{listed}等 {len(names)} 个同名的地点，请先改名或逐个合并")


def open_children(area: Area) -> sa.Select[Area]:
    return sa.select(Area).where(Area.parent_id == area.id, Area.closed_at.is_(None)).order_by(Area.id)
