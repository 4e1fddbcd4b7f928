"""The columns of event dictionaries as cities keep them, read into rows of one shape."""

import html
from collections.abc import Sequence
from dataclasses import dataclass

from backend.cases.editions import LEVELS, SEPARATOR
from backend.errors import Invalid
from backend.places import headers
from backend.sheets import Sheet, given

# Our header, then what others call it.
COLUMNS: dict[str, tuple[str, ...]] = {
    "编码": ("事项编码", "事项代码", "编号", "代码", "code"),
    "上级编码": ("上级代码", "父级编码", "parent_code"),
    "名称": ("事项名称", "name"),
    "五大类": ("诉求类型", "事项类型", "kind"),
    "同义词": ("别名", "俗称", "synonyms"),
    "关键词": ("关键字", "keywords"),
    "时限": ("办理时限", "处置时限", "处理时限", "办结时限", "limit"),
    "责任单位": ("主办单位", "处置单位", "责任部门", "unit"),
}
# The levels from the top as each city calls them, with the header of each one's code. Those that a file has,
# in this order, are its levels.
LEVEL_COLUMNS: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...] = (
    (("一级", "一级分类", "一级类别", "行业分类1级"), ("一级编码", "一级代码")),
    (("事件类型", "EVENT_TYPE_NAME"), ("事件类型编码", "EVENT_TYPE_ID")),
    (("大类", "大类名称", "MAIN_TYPE_NAME", "major"), ("大类编码", "大类代码", "MAIN_TYPE_ID", "major_id")),
    (("二级", "二级分类", "二级类别", "行业分类2级"), ("二级编码", "二级代码")),
    (("中类", "中类名称"), ("中类编码", "中类代码")),
    (("三级", "三级分类", "三级类别", "行业分类3级"), ("三级编码", "三级代码")),
    (("小类", "小类名称", "SUB_TYPE_NAME", "minor"), ("小类编码", "小类代码", "SUB_TYPE_ID", "minor_id")),
    (("四级", "四级分类", "四级类别", "行业分类4级"), ("四级编码", "四级代码")),
    (("细类", "细类名称", "子类"), ("细类编码", "细类代码")),
    (("事项",), ()),
)
NO_LEVELS = (
    "看不出哪几列是分类：请把表头写成 一级、二级、三级、四级，"
    "或 大类、小类、事项，也可以用 编码、上级编码、名称"
)


@dataclass
class Line:
    """A row of such a file: the names from the top, the codes beside them (empty where there are none)."""

    number: int
    path: tuple[str, ...]
    codes: tuple[str, ...]
    cells: dict[str, str]  # by our header; only columns that the file has

    @property
    def name(self) -> str:
        return SEPARATOR.join(self.path)


def read(sheet: Sheet) -> list[Line]:
    """The rows as lines. Raises Invalid where the headers name no levels, or more than four."""
    known, there = headers.find(sheet, COLUMNS), headers.known(sheet.headers)
    named = ((headers.first(there, names), headers.first(there, codes)) for names, codes in LEVEL_COLUMNS)
    levels = [level for level in named if level[0]]
    if len(levels) > LEVELS:
        raise Invalid(f"分类有 {len(levels)} 级，最多四级；请合并或去掉多余的列")
    lines = [_line(number, cells, known, levels) for number, cells in sheet.rows]
    if levels:
        return _numbered(lines)
    if "名称" not in known or "编码" not in known:
        raise Invalid(NO_LEVELS)
    return _climbed(lines)


def _line(
    number: int,
    cells: dict[str, str],
    known: dict[str, str],
    levels: Sequence[tuple[str | None, str | None]],
) -> Line:
    said = [
        (_name(cells[name]), given(cells[code]) if code else "")
        for name, code in levels
        if name and _name(cells[name])
    ]
    own = {ours: html.unescape(given(cells[theirs])) for ours, theirs in known.items()}
    codes = [code for _, code in said]
    if codes and own.get("编码"):
        codes[-1] = own["编码"]
        codes[-2:-1] = [own.get("上级编码") or each for each in codes[-2:-1]]
    return Line(number, tuple(name for name, _ in said), tuple(codes), own)


def _name(cell: str) -> str:
    """A name as it is meant: exports of web pages leave &#40; for a bracket."""
    return html.unescape(given(cell)).replace(SEPARATOR, "/").strip()


def _numbered(lines: list[Line]) -> list[Line]:
    """Codes that begin anew on each level (01 大类, 01 小类) get those above before them."""
    on: list[set[str]] = [set() for _ in range(LEVELS)]
    for line in lines:
        for level, code in enumerate(line.codes):
            on[level] |= {code} - {""}
    if not any(on[a] & on[b] for a in range(LEVELS) for b in range(a)):
        return lines
    for line in lines:
        line.codes = tuple("".join(line.codes[: i + 1]) if code else "" for i, code in enumerate(line.codes))
    return lines


def _climbed(lines: list[Line]) -> list[Line]:
    """Paths of a file that names each entry and the code above it."""
    above = {line.cells["编码"]: line for line in reversed(lines) if line.cells["编码"]}
    for line in lines:
        way = [line]
        while (higher := above.get(way[-1].cells.get("上级编码", ""))) and len(way) <= LEVELS:
            way.append(higher)
        names = [_name(each.cells["名称"]) for each in reversed(way)]
        line.path = tuple(names) if all(names) else ()
        line.codes = tuple(each.cells["编码"] for each in reversed(way))
    return lines
