"""The event dictionary taken in from a file (导入事件字典), and given out as one.

Each import that changes anything is an edition. Codes are the file's own; an entry that brings none keeps the
code under which its path stands already, else it gets one from its path, so that importing again changes
nothing. What the file has no column for stays as it is.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from backend.cases import category_columns, category_drafts, duties, duty_names, editions, limits
from backend.cases.categories import KIND_LABELS
from backend.cases.category_columns import Line
from backend.cases.category_drafts import Draft
from backend.cases.category_models import Category
from backend.cases.editions import LEVELS, SEPARATOR, Difference, Item
from backend.cases.models import Case, Duty
from backend.errors import Invalid
from backend.places.imports import Fate, Finding, Kind, Options, Plan, RowFate
from backend.places.models import Area, PlaceCode
from backend.places.scope import Editor
from backend.sheets import Sheet

HEADERS = (
    "编码", "上级编码", "一级", "二级", "三级", "四级", "五大类", "同义词", "关键词", "时限",
)  # fmt: skip
GUESSED = Finding(
    "五大类",
    "",
    "文件没有“五大类”一列，按名称里的字推断，其余算投诉建议",
    "不对的可在事件字典里改，或加上这一列",
)
NOT_WHOLE = "如果这份文件就是完整的字典，请勾选“文件是完整的”，没有列出的会停用"


HINTS, ABSENT = "整个文件", "（不在文件里）"
UNITS_NOWHERE = Finding(
    "责任单位", "", "没有说这些单位是哪个区域的，责任单位没有带入", "要同时起草职责清单，请在导入时选择区域"
)


def plan(session: Session, sheet: Sheet, editor: Editor, options: Options) -> Plan:
    """What the file would change. Raises Forbidden, or Invalid where its headers name no levels."""
    editions.must_keep(editor)
    before = editions.items_of(editions.standing(session))
    standing = {editions.path_of(before, code): code for code in before}
    draft = Draft(before, standing, options.is_whole)
    lines = category_columns.read(sheet)
    for line in lines:
        category_drafts.take(draft, line)
    category_drafts.refuse_twins(draft)
    findings = _read_units(session, editor, draft, lines, options)
    if any("五大类" not in line.cells for line in lines[:1]):
        findings.append(GUESSED)
    found = editions.differences(before, draft.target(), is_whole=draft.is_whole)
    _tell(draft, found)
    told = (*draft.rows.values(), *draft.others, *_left_out(session, draft, found, findings))
    rows = sorted(told, key=lambda row: row.row)
    name = options.name.strip() or sheet.name
    return Plan(rows, partial(_write, editor, name, draft, options))


def export(session: Session, editor: Editor) -> Iterable[Sequence[Any]]:
    """Every living entry, level by level; for everyone, because the dictionary is nobody's secret."""
    items = editions.items_of(editions.standing(session))
    for code, item in items.items():
        path = editions.path_of(items, code)
        names = (*path, *[""] * (LEVELS - len(path)))
        yield (code, item.above or "", *names, *list(_cells(items, code).values())[1:])


def _write(
    editor: Editor, name: str, draft: Draft, options: Options, session: Session, import_id: int
) -> None:
    editions.publish(session, editor, name, draft.target(), is_whole=draft.is_whole, import_id=import_id)
    if draft.answers and options.under_id is not None:
        area = session.get_one(Area, options.under_id)
        ids = {code: row.id for code, row in editions.standing(session).items()}
        source = f"事件字典 {name}"
        told = [duties.Told(unit_id, ids[code], source=source) for code, unit_id in draft.answers]
        duties.draft_once(session, editor, area, name, told)


def _read_units(
    session: Session, editor: Editor, draft: Draft, lines: Sequence[Line], options: Options
) -> list[Finding]:
    """Who answers for what, where a column says so and the units' area is known."""
    told = [line for line in lines if line.cells.get("责任单位") and line.path in draft.codes]
    if not told:
        return []
    if options.under_id is None:
        return [UNITS_NOWHERE]
    area = session.get_one(Area, options.under_id)
    editor.must_edit(area)
    names = duty_names.Names(area, duty_names.units(session, area))
    for line in told:
        _read_unit(draft, line, names)
    return []


def _read_unit(draft: Draft, line: Line, names: duty_names.Names) -> None:
    code = draft.codes[line.path]
    row = draft.rows.get(code)
    if row is None or row.row != line.number or row.fate is Fate.REFUSED:
        return
    try:
        draft.answers.append((code, names.unit(line.cells["责任单位"]).id))
    except Invalid as error:
        finding = Finding(
            "责任单位", line.cells["责任单位"], "不知道是哪个单位，没有带入职责清单", error.message
        )
        row.findings.append(finding)


def _tell(draft: Draft, found: Difference) -> None:
    """Give the rows their fates."""
    after = draft.before | draft.target()
    changed = {*found.replaced, *found.amended}
    for code, row in draft.rows.items():
        if row.fate is Fate.REFUSED:
            continue
        if code in found.added:
            row.fate, row.after = Fate.ADDED, _cells(after, code)
        elif code in changed:
            old, new = _cells(draft.before, code), _cells(after, code)
            row.fate = Fate.CHANGED
            row.before = {header: cell for header, cell in old.items() if new[header] != cell}
            row.after = {header: new[header] for header in row.before}


def _cells(items: Mapping[str, Item], code: str) -> dict[str, str]:
    item = items[code]
    return {
        "事项": SEPARATOR.join(editions.path_of(items, code)),
        "五大类": KIND_LABELS[item.kind],
        "同义词": "、".join(item.synonyms),
        "关键词": "、".join(item.keywords),
        "时限": limits.words(item.resolve_hours, item.in_working_days),
    }


def _left_out(session: Session, draft: Draft, found: Difference, findings: list[Finding]) -> list[RowFate]:
    """What no row of the file says: hints (told of the headers' row), and what ends (after the last row)."""
    missing = len(draft.before.keys() - draft.target().keys())
    if missing and not draft.is_whole:
        stays = Finding("", "", f"字典里另有 {missing} 项不在文件里，会继续保留", NOT_WHOLE)
        findings = [*findings, stays]
    hints = [RowFate(1, HINTS, Fate.SAME, findings)] if findings else []
    touched = _touched(session, found.ended)
    last = max((row.row for row in (*draft.rows.values(), *draft.others)), default=1)
    return hints + [
        RowFate(
            last + number,
            ABSENT + SEPARATOR.join(editions.path_of(draft.before, code)),
            Fate.CHANGED,
            [Finding("", code, f"新版里没有，将停用（{touched[code]}）", "要保留的请加进文件")],
            {"状态": "使用中"},
            {"状态": "停用"},
        )
        for number, code in enumerate(found.ended, start=1)
    ]


def _touched(session: Session, codes: Sequence[str]) -> dict[str, str]:
    """In words what points at each of these entries: three queries, however many they are."""
    said = dict.fromkeys(codes, "")
    for table, words_for in ((Case, "件诉求"), (Duty, "条职责"), (PlaceCode, "个二维码")):
        living = Category.until_id.is_(None) & Category.code.in_(codes)
        rows = session.execute(
            sa.select(Category.code, sa.func.count())
            .join(table, table.category_id == Category.id)
            .where(living)
            .group_by(Category.code)
        )
        for code, count in rows:
            said[code] += f"{'、' if said[code] else ''}{count} {words_for}"
    return {code: text or "没有用过" for code, text in said.items()}


CATEGORIES = Kind("categories", "事件字典", HEADERS, plan, export, editions.take_turns)
