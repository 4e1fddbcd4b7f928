"""Looking at a reply before it goes to a resident: it must say something, and nothing about anybody else."""

import re
from collections.abc import Collection

import sqlalchemy as sa
from sqlalchemy.orm import Session

from backend.cases.models import Case
from backend.errors import Invalid
from backend.places.models import Officer, Resident
from backend.privacy import blind_index

# What says nothing of what was done; a reply of these alone is none.
STOCK = """
    感谢您的反映 感谢您的来信 感谢您的支持 感谢您的理解 谢谢您的反映 感谢反映 感谢支持 感谢理解 谢谢 您好 收到
    已转 相关部门 有关部门 转办 处理 已经处理 已处理 已经办理 已办理 已办结 已解决 正在处理中
    已阅 正在处理 处理中 请知悉 请您知悉 特此回复 情况属实"""
FILLING = re.compile(r"[\s\W_]+|" + "|".join(sorted(STOCK.split(), key=len, reverse=True)))
MOBILE = re.compile(r"(?<!\d)1[3-9]\d{9}(?!\d)")
IDENTITY = re.compile(r"(?<!\d)\d{17}[\dXx](?!\d)")
SHORTEST_NAME = 2


def must_say_something(text: str) -> None:
    """Raises Invalid, with what to write, for a reply of courtesies alone."""
    if not FILLING.sub("", text):
        raise Invalid("这样的答复居民看不懂办了什么，请写清楚：做了什么、结果怎样")


def must_spare_others(session: Session, case: Case, text: str) -> None:
    """Raises Invalid, with what to take out, for numbers and names of other people: a resident reads this.

    What is said of a master its members read too: then its own resident is somebody else.
    """
    if not text:
        return
    readers = _readers(session, case)
    own_id = case.resident_id if readers == {case.resident_id} else None
    if IDENTITY.search(text):
        raise Invalid("答复里有身份证号，请删掉再发")
    if _has_strange_number(session, own_id, MOBILE.findall(text)):
        raise Invalid("答复里有别人的手机号，请删掉，或改成单位的电话")
    if name := _named(session, readers - {own_id}, text):
        raise Invalid(f"答复里写了反映人的姓名“{name}”，一起办的人都会看到，请删掉再发")


def _readers(session: Session, case: Case) -> set[int | None]:
    """The residents who read what is said of this case: its own, and those of its members."""
    members = sa.select(Case.resident_id).where(Case.master_id == case.id)
    return {case.resident_id, *session.scalars(members)}


def _has_strange_number(session: Session, own_id: int | None, numbers: list[str]) -> bool:
    """Neither the resident's own number nor that of an officer, who may give theirs."""
    if not numbers:
        return False
    indexes = {blind_index(number) for number in numbers}
    own = sa.select(Resident.phone_index).where(Resident.id == own_id)
    known = set(
        session.scalars(own.union(sa.select(Officer.phone_index).where(Officer.phone_index.in_(indexes))))
    )
    return bool(indexes - known)


def _named(session: Session, resident_ids: Collection[int | None], text: str) -> str | None:
    """The name in the text of one of these residents."""
    named = sa.select(Resident.name).where(Resident.id.in_(resident_ids), Resident.name.is_not(None))
    return next((name for name in session.scalars(named) if name and _is_said(name, text)), None)


def _is_said(name: str, text: str) -> bool:
    return len(name) >= SHORTEST_NAME and name in text
