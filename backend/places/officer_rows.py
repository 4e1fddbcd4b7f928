"""What the rows of a table of officers say: one row is one post, and the same person again another post."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta

from backend import times
from backend.errors import Invalid
from backend.places import headers, officers
from backend.places.imports import Finding
from backend.places.officers import LONGEST, Person
from backend.places.posts import GIVEN
from backend.places.roles import FORCE_LABELS, ROLE_LABELS, Force, Role
from backend.sheets import Sheet
from backend.times import SHANGHAI, local

CODE, NAME, PHONE, ROLE, AT, FORCE, SINCE, UNTIL = (
    "工号", "姓名", "电话", "岗位", "所在", "平安员类别", "开始", "结束",
)  # fmt: skip
HEADERS = (CODE, NAME, PHONE, ROLE, AT, FORCE, SINCE, UNTIL)
SYNONYMS: dict[str, tuple[str, ...]] = {
    CODE: ("编号", "人员编号", "员工编号", "警号", "code", "staff_no"),
    NAME: ("人员", "人员姓名", "平安员姓名", "name"),
    PHONE: ("手机", "手机号", "手机号码", "联系电话", "电话号码", "联系方式", "telephone", "phone", "mobile"),
    ROLE: ("角色", "岗位名称", "职务", "身份", "role"),
    AT: ("地点或单位", "所在地点", "所在单位", "地点", "单位", "服务区域", "负责区域", "网格", "at", "place"),
    FORCE: ("平安员类型", "力量类别", "类别", "force_kind"),
    SINCE: ("开始日期", "上岗日期", "任职日期", "since", "start"),
    UNTIL: ("结束日期", "离岗日期", "until", "end"),
}
ROLES = {ROLE_LABELS[role]: role for role in GIVEN} | {role.value: role for role in GIVEN} | {
    "管理人员": Role.ADMINISTRATOR, "系统管理员": Role.ADMINISTRATOR, "书记": Role.SECRETARY,
    "督查员": Role.SUPERVISOR, "单位负责人": Role.UNIT_HEAD, "心理咨询员": Role.COUNSELLOR,
}  # fmt: skip
FORCES = {label: force for force, label in FORCE_LABELS.items()} | {force.value: force for force in Force}
DATE = re.compile(r"(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})日?(?: 00:00(?::00)?)?")


@dataclass
class Line:
    """One row. What cannot be read is in `findings`."""

    number: int
    person: Person
    role: Role | None
    at: str
    force_kind: Force | None
    since: datetime | None
    until: datetime | None  # the end of the last day
    cells: Mapping[str, str]
    findings: list[Finding] = field(default_factory=list)

    @property
    def shown(self) -> dict[str, str]:
        return dict(self.cells)


def read(sheet: Sheet) -> list[Line]:
    """The rows of the sheet. Raises Invalid for one of other things."""
    found = headers.find(sheet, SYNONYMS)
    missing = [f"“{header}”" for header in (NAME, ROLE, AT) if header not in found]
    if missing:
        raise Invalid(f"没有认出这张表：缺少{'、'.join(missing)}列。请下载模板对照")
    return [_line(number, headers.cells(row, found, SYNONYMS)) for number, row in sheet.rows]


def first_day(moment: datetime) -> str:
    """The day in Shanghai on which a post begins."""
    return local(moment).date().isoformat()


def last_day(until: datetime | None) -> str:
    """The last day in Shanghai on which a post is held."""
    return first_day(until - timedelta(microseconds=1)) if until is not None else ""


def _line(number: int, cells: Mapping[str, str]) -> Line:
    findings: list[Finding] = []
    force = FORCES.get(cells[FORCE])
    if cells[FORCE] and force is None:
        _say(findings, cells, FORCE, "不认识这个类别", f"请填其中一个：{'、'.join(FORCE_LABELS.values())}")
    since, last = _day(cells, SINCE, findings), _day(cells, UNTIL, findings)
    until = last + timedelta(days=1) if last is not None else None
    if since is not None and until is not None and until <= since:
        _say(findings, cells, UNTIL, "结束日期早于开始日期", "请核对两个日期")
    person, role = _person(cells, findings), _role(cells, findings)
    return Line(number, person, role, cells[AT], force, since, until, cells, findings)


def _person(cells: Mapping[str, str], findings: list[Finding]) -> Person:
    name = officers.plain_name(cells[NAME])
    if not name:
        _say(findings, cells, NAME, "没有姓名", "请填姓名")
    elif len(name) > LONGEST or len(cells[CODE]) > LONGEST:
        _say(findings, cells, NAME, "姓名或工号太长了", f"最多 {LONGEST} 个字")
    phone = None
    try:
        phone = officers.plain_phone(cells[PHONE])
    except Invalid:
        _say(findings, cells, PHONE, "电话号码不对", "请填手机号，或带区号的固定电话")
    if name and not cells[CODE] and not cells[PHONE]:
        _say(findings, cells, CODE, "没有工号，也没有电话，分不清是哪一位", "请填工号或电话")
    return Person(name, phone, cells[CODE] or None)


def _role(cells: Mapping[str, str], findings: list[Finding]) -> Role | None:
    role = ROLES.get(cells[ROLE])
    if role is None:
        labels = "、".join(ROLE_LABELS[role] for role in GIVEN)
        _say(
            findings, cells, ROLE, "不认识这个岗位" if cells[ROLE] else "没有岗位", f"请填其中一个：{labels}"
        )
    if not cells[AT]:
        _say(findings, cells, AT, "没有写在哪里", "请填地点或单位：编码，或者从区开始的全称")
    return role


def _day(cells: Mapping[str, str], column: str, findings: list[Finding]) -> datetime | None:
    """The beginning of a day in Shanghai."""
    if not cells[column]:
        return None
    found = DATE.fullmatch(cells[column])
    try:
        if found:
            year, month, day = found.groups()
            return datetime.combine(times.day(f"{year}-{month:0>2}-{day:0>2}"), time.min, SHANGHAI)
    except ValueError:
        pass
    cure = "请写成 2026-01-31 这样" + ("，没有结束日期请留空" if column == UNTIL else "")
    _say(findings, cells, column, "日期读不出来", cure)
    return None


def _say(findings: list[Finding], cells: Mapping[str, str], column: str, problem: str, cure: str) -> None:
    findings.append(Finding(column, cells[column], problem, cure))
