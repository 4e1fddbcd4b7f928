"""What the rows of a table of units say: all names of one code are one unit; what is left out is guessed."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from backend.errors import Invalid
from backend.places import fields, headers, units
from backend.places.area_index import Index, Node
from backend.places.imports import Finding
from backend.places.roles import UNIT_LABELS, Level, UnitKind
from backend.places.units import LONGEST
from backend.sheets import Sheet, words

CODE, NAME, KIND, AREA, TELEPHONE, ALIASES = "编码", "名称", "类型", "服务区域", "电话", "其他名称"
HEADERS = (CODE, NAME, KIND, AREA, TELEPHONE, ALIASES)
OFTEN = "次数"  # how often the name was used: of several, the most used one stays the name
SYNONYMS: dict[str, tuple[str, ...]] = {
    CODE: ("单位编码", "单位代码", "部门编码", "代码", "DISPOSE_UNIT_ID", "unit_id", "code"),
    NAME: ("单位名称", "部门名称", "部门", "单位", "责任单位", "DISPOSE_UNIT_NAME", "unit_name", "name"),
    KIND: ("单位类型", "类别", "性质", "kind", "type"),
    AREA: ("所属区域", "所在地点", "区域", "辖区", "所属", "area"),
    TELEPHONE: ("联系电话", "电话号码", "telephone", "phone", "tel"),
    ALIASES: ("别名", "曾用名", "简称", "aliases"),
    OFTEN: ("数量", "件数", "n", "count"),
}
KINDS = {label: kind for kind, label in UNIT_LABELS.items()} | {kind.value: kind for kind in UnitKind}
# What a name tells of the kind; the first that fits. A street's own offices are told by where they are.
GUESSES: tuple[tuple[str, UnitKind], ...] = (
    (r"调解", UnitKind.MEDIATION),
    (r"社区(?:工作站|居委会)?(?:（.*）)?$", UnitKind.COMMUNITY),
    (r"服务中心|服务站|服务点|服务厅", UnitKind.SERVICE_POINT),
    (r"公司|集团|银行|营业中心|营业厅|供电局|医院|学校", UnitKind.ENTERPRISE),
)


@dataclass
class Named:
    """One row: a name of a unit."""

    number: int
    name: str
    often: int
    cells: Mapping[str, str]


@dataclass
class Draft:
    """One unit as the table has it. `names` begins with the one it is to have."""

    rows: list[Named]
    code: str | None
    names: list[str]
    listed: tuple[str, ...] | None  # other names as a column of their own has them; None: it says nothing
    kind: UnitKind | None
    area: Node | None
    telephone: str | None
    guessed: dict[int, list[Finding]] = field(default_factory=dict)  # worth a look, by row
    wrong: list[Finding] = field(default_factory=list)  # cannot be taken

    @property
    def first(self) -> Named:
        return next(row for row in self.rows if row.name == self.names[0])


def read(sheet: Sheet, index: Index, under: Node | None) -> tuple[list[Draft], list[int]]:
    """The units of the sheet, and the numbers of rows that name none. Raises Invalid without names."""
    found = headers.find(sheet, SYNONYMS)
    if NAME not in found:
        raise Invalid(f"没有认出这张表：要有“{NAME}”一列。请下载模板对照")
    said = [(number, headers.cells(row, found, SYNONYMS)) for number, row in sheet.rows]
    rows = [Named(number, cells[NAME], _often(cells[OFTEN]), cells) for number, cells in said if cells[NAME]]
    groups: dict[tuple[str, ...], list[Named]] = {}
    for row in rows:
        key = (row.cells[CODE],) if row.cells[CODE] else (row.name, row.cells[AREA])
        groups.setdefault(key, []).append(row)
    idle = [number for number, cells in said if not cells[NAME]]
    return [_draft(group, index, under) for group in groups.values()], idle


def place_named(text: str, index: Index, under: Node | None) -> Node | None:
    """The open place that a cell names by its code, or by names from the top (青岚区/望溪街道)."""
    coded = index.by_code.get(text)
    return coded if coded is not None and not coded.is_closed else index.by_path(text, under)


def _often(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0


def _draft(rows: list[Named], index: Index, under: Node | None) -> Draft:
    ranked = sorted(rows, key=lambda row: -row.often)
    names = list(dict.fromkeys(row.name for row in ranked))
    said = {ours: next((row.cells[ours] for row in ranked if row.cells[ours]), "") for ours in HEADERS}
    listed = words(said[ALIASES]) if said[ALIASES] else None
    draft = Draft(rows, said[CODE] or None, names, listed, None, None, said[TELEPHONE] or None)
    if max(map(len, names)) > LONGEST:
        draft.wrong.append(Finding(NAME, names[0], "名称太长了", f"最多 {LONGEST} 个字，请写短一些"))
    _check_lengths(draft, said)
    _set_area(draft, said[AREA], index, under)
    _set_kind(draft, said[KIND])
    return draft


def _check_lengths(draft: Draft, said: Mapping[str, str]) -> None:
    """Only the beginning of what is too long is said again."""
    others = [*draft.names, *(draft.listed or [])]
    problems = {
        CODE: units.wrong_code(draft.code),
        TELEPHONE: fields.wrong_telephone(draft.telephone),
        ALIASES: units.wrong_aliases(others),
    }
    for column, problem in problems.items():
        if problem:
            draft.wrong.append(Finding(column, said[column][:LONGEST], problem, "请改好这一格再导入"))


def _set_area(draft: Draft, said: str, index: Index, under: Node | None) -> None:
    if said:
        draft.area = place_named(said, index, under)
        if draft.area is None:
            cure = "请写编码，或者从区开始的全称，如 青岚区/望溪街道；也请检查是否已经停用"
            draft.wrong.append(Finding(AREA, said, "没有找到这个地点", cure))
        return
    guessed = guess_area(draft.names, index, under)
    draft.area = guessed or under
    if guessed is not None:
        found = Finding(
            AREA, "", f"没有填服务区域，按名称算作“{guessed.path}”", f"不对的话，请在“{AREA}”列填写"
        )
        draft.guessed.setdefault(draft.first.number, []).append(found)


def _set_kind(draft: Draft, said: str) -> None:
    if said:
        draft.kind = KINDS.get(said)
        if draft.kind is None:
            cure = f"请填其中一个：{'、'.join(UNIT_LABELS.values())}"
            draft.wrong.append(Finding(KIND, said, "不认识这个类型", cure))


def guess_kind(names: Sequence[str], area: Node | None) -> UnitKind:
    """By the table above; else an office where it serves a street, and a department elsewhere."""
    for pattern, kind in GUESSES:
        if any(re.search(pattern, name) for name in names):
            return kind
    return UnitKind.OFFICE if area is not None and area.level is Level.SUBDISTRICT else UnitKind.DEPARTMENT


def guess_area(names: Iterable[str], index: Index, under: Node | None) -> Node | None:
    """The community, else the street, that a name tells: 六联社区, 城管办（坑梓街道办事处）, 坑梓辖区."""
    scope = [node for node in index.by_id.values() if not node.is_closed and (under in (None, *node.line()))]
    for level, tells in ((Level.COMMUNITY, _tells_community), (Level.SUBDISTRICT, _tells_street)):
        found = [
            node for name in names for node in scope if node.level is level and tells(name, stem_of(node))
        ]
        if len(set(map(id, found))) == 1:
            return found[0]
    return None


def stem_of(node: Node) -> str:
    return re.sub("(?:社区|街道办事处|街道|镇|乡)$", "", node.name) or node.name


def _tells_community(name: str, stem: str) -> bool:
    return re.search(rf"(?:^|[^\u4e00-\u9fff]|街道|办事处){re.escape(stem)}社区", name) is not None


def _tells_street(name: str, stem: str) -> bool:
    told = rf"{re.escape(stem)}(?:街道|办事处|镇|乡|辖区)|[（(]{re.escape(stem)}办?[）)]"
    return re.search(told, name) is not None
