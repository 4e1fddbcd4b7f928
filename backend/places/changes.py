"""The record of changes (变更记录): who did what to places, people and duties, with before and after."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from backend.db import Base
from backend.places.models import Area, Change, Officer
from backend.places.roles import Level
from backend.places.scope import Editor
from backend.privacy import Sealed, mask_phone

PAGE = 50


class Did(StrEnum):
    ADDED = "added"
    CHANGED = "changed"
    MOVED = "moved"
    MERGED = "merged"
    CLOSED = "closed"
    REOPENED = "reopened"
    SWITCHED_ON = "switched_on"
    REMOVED = "removed"
    EXPORTED = "exported"


DID_LABELS = {
    Did.ADDED: "新增",
    Did.CHANGED: "修改",
    Did.MOVED: "移动",
    Did.MERGED: "合并",
    Did.CLOSED: "停用",
    Did.REOPENED: "恢复",
    Did.SWITCHED_ON: "启用",
    Did.REMOVED: "删除",
    Did.EXPORTED: "导出",
}


# What the record calls the columns of all these tables.
COLUMN_LABELS = {
    "name": "名称",
    "code": "编码",
    "level": "层级",
    "parent_id": "上级",
    "latitude": "纬度",
    "longitude": "经度",
    "datum": "坐标系",
    "telephone": "电话",
    "phone": "电话",
    "closed_at": "停用时间",
    "successor_id": "接续",
    "area_id": "所在地点",
    "unit_id": "单位",
    "officer_id": "人员",
    "kind": "类型",
    "aliases": "其他名称",
    "role": "岗位",
    "force_kind": "平安员类别",
    "since": "开始",
    "until": "结束",
    "away_since": "请假开始",
    "away_until": "请假结束",
    "left_at": "离岗时间",
    "category_id": "事项",
    "channel": "渠道",
    "assisting": "协办单位",
    "source": "依据",
    "synonyms": "同义词",
    "keywords": "关键词",
    "resolve_hours": "时限（小时）",
    "in_working_days": "按工作日",
    "path": "全称",
    "label": "贴在哪里",
    "carrier": "载体",
    "expires_at": "有效期",
    "revoked_at": "停用时间",
    "state": "状态",
    "outline_points": "边界点数",
    "rows": "行数",
    "seen": "查看了",
    "second_factor": "动态码",
    "logins_ended": "退出的登录",
    "into": "并入",
    "cases": "诉求",
    "open_cases": "在办诉求",
    "posts": "岗位",
    "codes": "二维码",
    "duties": "职责",
    "post_id": "岗位",
    "for_id": "代谁",
    "added": "新增",
    "changed": "有改动",
    "replaced": "改名或移动",
    "amended": "改词语或时限",
    "ended": "停用",
    "removed": "去掉",
    "same": "不变",
    "retires": "换下的清单",
    "name_changed": "姓名有改动",
    "phone_changed": "电话有改动",
    "wechat": "微信",
    "clock": "哪一步的时限",
    "minutes": "时限（分钟）",
    "in_working_time": "按工作时间",
    "urgent": "只管紧急",
    "amber": "还剩百分之几时提醒",
    "day": "日期",
    "is_working": "上班",
    "hours": "工作时间",
    "percent": "百分之几",
    "outcome": "办理结果",
    "is_asked": "回访",
    "delay_minutes": "结案后多久回访（分钟）",
    "days_open": "几天内可以回答",
    "is_reminded": "提醒一次",
    "on_unsolved": "居民说没有解决",
    "on_dissatisfied": "居民说不满意",
    "reasons": "可以勾选的原因",
}


@dataclass(frozen=True)
class Entry:
    """One change of one row. `before` and `after` hold only what differs, by column."""

    did: Did
    subject: str
    subject_id: int
    name: str
    area_id: int | None
    before: Mapping[str, Any] = field(default_factory=dict)
    after: Mapping[str, Any] = field(default_factory=dict)


def snapshot(row: Base, columns: Sequence[str]) -> dict[str, Any]:
    """What these columns of the row hold, as JSON can hold it. Sealed columns are masked."""
    return {column: _plain(row, column) for column in columns}


def record(session: Session, editor: Editor, entries: Iterable[Entry], import_id: int | None = None) -> None:
    """Write the changes down, in one statement; one of which nothing differs is left out."""
    rows = [
        {
            "officer_id": editor.officer_id,
            "import_id": import_id,
            "action": entry.did.value,
            "subject": entry.subject,
            "subject_id": entry.subject_id,
            "name": entry.name,
            "area_id": entry.area_id,
            "before": {k: v for k, v in entry.before.items() if entry.after.get(k) != v},
            "after": {k: v for k, v in entry.after.items() if entry.before.get(k) != v},
        }
        for entry in entries
        if entry.did is not Did.CHANGED or dict(entry.before) != dict(entry.after)
    ]
    if rows:
        session.execute(sa.insert(Change), rows)


def page(
    session: Session,
    editor: Editor,
    *,
    before: int | None = None,
    subjects: Collection[str] | None = None,
    limit: int = PAGE,
) -> list[Change]:
    """The changes in this person's areas, newest first. `before` is the id of the last one seen.

    What belongs to no area (the dictionary, which is everybody's) is shown to whoever administers a district.
    """
    wanted: list[sa.ColumnElement[bool]] = []
    if subjects is not None:
        wanted.append(Change.subject.in_(subjects))
    if before is not None:
        wanted.append(Change.id < before)
    newest = sa.select(Change.id).where(*wanted).order_by(Change.id.desc()).limit(limit)
    found = _of_most(editor, newest) if _is_wide(editor) else _by_place(editor, newest, limit)
    return list(session.scalars(sa.select(Change).where(Change.id.in_(found)).order_by(Change.id.desc())))


def names(session: Session, rows: Sequence[Change]) -> dict[int, str]:
    """The names of those who made these changes, by their ids (one query)."""
    wanted = {row.officer_id for row in rows if row.officer_id is not None}
    found = session.execute(sa.select(Officer.id, Officer.name).where(Officer.id.in_(wanted)))
    return {officer_id: name for officer_id, name in found}


def _of_most(editor: Editor, newest: sa.Select[int]) -> sa.Select[int]:
    """For whom most of the record is: it is read from its end, and what belongs to no area is theirs, too."""
    if editor.is_command_line:
        return newest
    own = editor.edits(Area) | Change.area_id.is_(None)
    return newest.outerjoin(Area, Area.id == Change.area_id).where(own)


def _by_place(editor: Editor, newest: sa.Select[int], limit: int) -> sa.Select[int]:
    """For who administers little: the newest of each of their places, by key, however much others do."""
    areas = sa.select(Area.id).where(editor.edits(Area)).subquery("own_areas")
    of_area = newest.where(Change.area_id == areas.c.id).lateral("of_area")
    found = sa.select(of_area.c.id).select_from(areas.join(of_area, sa.true()))
    return found.order_by(of_area.c.id.desc()).limit(limit)


def _is_wide(editor: Editor) -> bool:
    return editor.is_command_line or any(area.level is Level.DISTRICT for area in editor.areas())


def _plain(row: Base, column: str) -> Any:
    value = getattr(row, column)
    if isinstance(type(row).__table__.c[column].type, Sealed):
        return mask_phone(value) if value else value
    return value.isoformat() if isinstance(value, date | datetime) else value
