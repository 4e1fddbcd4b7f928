"""What becomes of each row of a table of places: added, changed, the same, repeated, or refused."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from backend.places import fields
from backend.places.area_index import Index, Node
from backend.places.area_rows import CLOSED, CODE, LEVEL, NAME, PARENT, PARENT_CODE, STATE, Named, Row
from backend.places.fields import Told
from backend.places.imports import Fate, Finding, RowFate
from backend.places.roles import ABOVE, LEVEL_LABELS, Level
from backend.places.scope import NOT_YOURS, Editor

L = Level
# The level of a row that does not say it, below a parent of this one.
BELOW = {
    L.DISTRICT: L.SUBDISTRICT,
    L.SUBDISTRICT: L.COMMUNITY,
    L.COMMUNITY: L.GRID,
    L.ZONE: L.GRID,
    L.GRID: L.BUILDING,
    L.BUILDING: L.STATION,
}


class Refused(Exception):
    """This row cannot be taken."""

    def __init__(self, column: str, value: str | None, problem: str, cure: str) -> None:
        self.finding = Finding(column, value or "", problem, cure)
        super().__init__(problem)


class Unknown(Refused):
    """The parent is not known, or not yet: a later row may add it."""


class Planner:
    """One table being planned. `added` holds parents before children, `changed` what was there before."""

    def __init__(self, index: Index, editor: Editor, under: Node | None, *, makes_parents: bool) -> None:
        self.index, self.editor, self.under, self.makes_parents = index, editor, under, makes_parents
        self.own = {area.id for area in editor.areas()}
        self.added: list[Node] = []
        self.changed: dict[Node, dict[str, Any]] = {}
        self.seen: dict[Node, Row] = {}

    def judge(self, rows: Sequence[Row]) -> list[RowFate]:
        """The fate of each row, in the order of the table, in which a child may stand before its parent."""
        order = list(Level)
        pending = sorted(rows, key=lambda row: order.index(row.level) if row.level else len(order))
        fates: dict[int, RowFate] = {}
        while pending:
            waiting = [row for row in pending if not self._settle(row, fates)]
            if len(waiting) == len(pending):
                break
            pending = waiting
        return [fates[number] for number in sorted(fates)]

    def _settle(self, row: Row, fates: dict[int, RowFate]) -> bool:
        """Note the row's fate; False when it may be another one once more places are known."""
        try:
            fates[row.number] = self._fate(row)
        except Refused as refusal:
            findings = [*row.findings, refusal.finding]
            fates[row.number] = RowFate(row.number, row.said.name, Fate.REFUSED, findings)
            return not isinstance(refusal, Unknown)
        return True

    def _fate(self, row: Row) -> RowFate:
        if row.is_empty:
            idle = Finding(NAME, "", "这一行没有写地点的名称", "不用处理，这一行不导入")
            return RowFate(row.number, "", Fate.SAME, [idle])
        if row.findings:
            return RowFate(row.number, row.said.name, Fate.REFUSED, row.findings)
        if row.is_closed:
            return self._closed(row)
        parent, fresh = self._parent(row)
        level = self._level(row, parent)
        _must_fit(level, parent)
        node = self._match(row, level, parent)
        if node is None:
            return self._add(row, level, parent, fresh)
        return self._repeat(row, node) if node in self.seen else self._change(row, node)

    def _closed(self, row: Row) -> RowFate:
        """A table neither closes a place nor adds a closed one; it may name one that is closed."""
        path = "/".join(part for part in (row.parent, row.said.name) if part)
        node = self.index.by_code.get(row.said.code or "") or self.index.closed.get(path)
        if node is None or not node.is_closed:
            raise Refused(
                STATE, CLOSED, "导入不会停用地点，也不会新增停用的地点", "请在地点页面停用，或删去这一行"
            )
        self._must_be_own(node)
        return RowFate(row.number, node.path, Fate.SAME)

    # The parent

    def _parent(self, row: Row) -> tuple[Node | None, list[Node]]:
        """What the row lies in, and those of its parents that it adds."""
        if row.level is L.DISTRICT:
            return None, []
        if row.parent_code or row.parent:
            return self._told_parent(row), []
        if row.above:
            return self._named_parent(row)
        known = self.index.by_code.get(row.said.code or "")
        return (known.parent if known else self.under), []

    def _told_parent(self, row: Row) -> Node:
        by_code = self.index.by_code.get(row.parent_code)
        found = by_code or (row.parent and self.index.by_path(row.parent, self.under)) or None
        if found is None or (row.parent_code and by_code is None and found.code):
            column, value = (PARENT_CODE, row.parent_code) if row.parent_code else (PARENT, row.parent)
            raise Unknown(column, value, f"没有找到上级“{value}”", "请先导入上级，或改正上级编码、名称")
        return found

    def _named_parent(self, row: Row) -> tuple[Node | None, list[Node]]:
        order = list(Level)
        first = row.above[0].level
        is_below = self.under is not None and order.index(first) >= order.index(self.under.level)
        node, fresh = self.under if is_below else None, list[Node]()
        for named in row.above:
            found = self.index.named(named, node)
            if found is None:
                found = self._new_parent(named, node)
                fresh.append(found)
            self._must_agree(named, found)
            node = found
        return node, fresh

    def _new_parent(self, named: Named, above: Node | None) -> Node:
        label = LEVEL_LABELS[named.level]
        if not self.makes_parents:
            value = named.name or named.code
            raise Unknown(label, value, f"没有找到{label}“{value}”", f"请先导入{label}，或改正名称")
        for sentence in fields.wrong(Told(named.name, named.code or None)).values():
            raise Refused(label, f"{named.name} {named.code}".strip(), f"{label}写得不对", sentence)
        _must_fit(named.level, above)
        self._must_be_own(above)
        return Node(None, named.level, named.name, above, named.code or None)

    def _must_agree(self, named: Named, node: Node) -> None:
        holder = self.index.by_code.get(named.code) if named.code else None
        if holder is not None and holder is not node:
            problem = f"编码 {named.code} 是“{holder.path}”的，不是“{named.name}”的"
            raise Refused(LEVEL_LABELS[named.level], named.code, problem, "请核对编码和名称")

    # The place itself

    def _level(self, row: Row, parent: Node | None) -> Level:
        if row.level is not None:
            return row.level
        known = self.index.by_code.get(row.said.code or "")
        if known is not None and known.parent is parent:
            return known.level
        if parent is None:
            return L.DISTRICT
        if parent.level not in BELOW:
            raise Refused(PARENT, parent.name, f"“{parent.name}”下面不能再有地点", "请换一个上级")
        return BELOW[parent.level]

    def _match(self, row: Row, level: Level, parent: Node | None) -> Node | None:
        """The place that the row speaks of, if it is known. Raises Refused for one that says two things."""
        by_code = self.index.by_code.get(row.said.code or "")
        by_name = self.index.child(parent, row.said.name)
        node = by_code or by_name
        if node is None:
            return None
        self._must_be_own(node)
        if node.level is not level:
            problem = f"“{node.path}”是{LEVEL_LABELS[node.level]}，不是{LEVEL_LABELS[level]}"
            raise Refused(LEVEL, LEVEL_LABELS[level], problem, "请改正层级；如果是另一个地点，请换名称或编码")
        if by_code is not None:
            self._must_be_at(row, by_code, parent, by_name)
        return node

    def _must_be_at(self, row: Row, node: Node, parent: Node | None, namesake: Node | None) -> None:
        if node in self.seen and node.name != row.said.name:
            problem = f"编码和第 {self.seen[node].number} 行“{node.name}”相同"
            raise Refused(CODE, row.said.code, problem, "每个地点的编码只能用一次，请改正其中一个")
        if node.is_closed:
            raise Refused(CODE, row.said.code, f"“{node.path}”已经停用", "请先在地点页面恢复，或换一个编码")
        if node.parent is not parent:
            now = node.parent.path if node.parent else "全市"
            problem = f"编码 {row.said.code} 的“{node.name}”现在属于“{now}”"
            raise Refused(
                PARENT, parent.path if parent else "", problem, "导入不会移动地点，请在地点页面移动后再导入"
            )
        if namesake is not None and namesake is not node:
            problem = f"编码是“{node.path}”的，名称是“{namesake.path}”的"
            raise Refused(CODE, row.said.code, problem, "请核对编码和名称")

    def _must_be_own(self, node: Node | None) -> None:
        if self.editor.is_command_line:
            return
        if node is None or not any(one.id in self.own for one in node.line() if one.id is not None):
            raise Refused(PARENT, node.path if node else "", NOT_YOURS, "请只导入您管理的地点，删去这一行")

    def _add(self, row: Row, level: Level, parent: Node | None, fresh: list[Node]) -> RowFate:
        self._must_be_own(fresh[0].parent if fresh else parent)
        codes = [code for code in (*(one.code for one in fresh), row.said.code) if code]
        if len(set(codes)) < len(codes):
            cure = "每个地点的编码只能用一次，请改正或删去编码"
            raise Refused(CODE, row.said.code, "这一行里两个地点的编码相同", cure)
        findings = self._alike(row, level, parent)
        node = Node(None, level, row.said.name, parent)
        for one in (*fresh, node):
            if one is node:
                node.take(row.said)
            self.index.put(one)
            self.added.append(one)
        self.seen[node] = row
        after = node.shown()
        if fresh:
            after[PARENT] += f"（一并新增 {len(fresh)} 个上级）"
        return RowFate(row.number, node.path, Fate.ADDED, findings, {}, after)

    def _alike(self, row: Row, level: Level, parent: Node | None) -> list[Finding]:
        """What may be the place that the row is about to add: worth a look, and no reason to refuse it."""
        twin = self.index.twin(parent, row.said.name)
        found = [_twin(row, twin)] if twin is not None else []
        deeper = self.index.deeper.get((parent, level, row.said.name)) if parent is not None else None
        return [*found, _namesake(deeper, parent)] if deeper and parent else found

    def _repeat(self, row: Row, node: Node) -> RowFate:
        earlier = self.seen[node]
        if replace(row.said, code=None) != replace(earlier.said, code=None) or row.said.code not in (
            None,
            earlier.said.code,
        ):
            problem = f"和第 {earlier.number} 行是同一个地点，内容却不同"
            raise Refused(NAME, row.said.name, problem, "请只留一行；如果是两个地点，请改名称")
        return RowFate(row.number, node.path, Fate.REPEATED)

    def _change(self, row: Row, node: Node) -> RowFate:
        old_code, before, stored = node.code, node.shown(), node.stored()
        node.take(row.said)
        self.seen[node] = row
        if node.name != before[NAME] or node.code != old_code:
            self.index.rename(node, before[NAME], old_code)
        after = node.shown()
        differing = {header for header in after if after[header] != before[header]}
        if not differing or node.id is None:  # an earlier row added it on the way to its own place
            return RowFate(row.number, node.path, Fate.ADDED if node.id is None else Fate.SAME, [], {}, {})
        self.changed[node] = stored
        findings = [_new_code(old_code, node)] if old_code and node.code != old_code else []
        old, new = (
            {header: shown[header] for header in shown if header in differing} for shown in (before, after)
        )
        return RowFate(row.number, node.path, Fate.CHANGED, findings, old, new)


def _must_fit(level: Level, parent: Node | None) -> None:
    above = ABOVE[level]
    if parent is None and not above:
        return
    if parent is None or parent.level not in above:
        names = "、".join(LEVEL_LABELS[one] for one in above)
        problem = (
            f"{LEVEL_LABELS[level]}没有写上级"
            if parent is None
            else f"{LEVEL_LABELS[level]}不能放在“{parent.name}”下面"
        )
        cure = (
            f"{LEVEL_LABELS[level]}的上级可以是{names}，请改正层级或上级"
            if above
            else "区没有上级，请删去上级"
        )
        raise Refused(LEVEL, LEVEL_LABELS[level], problem, cure)


def _twin(row: Row, twin: Node) -> Finding:
    return Finding(
        NAME,
        row.said.name,
        f"和同一个上级下的“{twin.name}”可能是同一个地方",
        "如果是，请改成同一个名称再导入，或导入后在地点页面合并",
    )


def _namesake(node: Node, place: Node) -> Finding:
    where = node.path.removeprefix(f"{place.path}/")
    return Finding(
        PARENT,
        place.name,
        f"{place.name}里已有同名的{LEVEL_LABELS[node.level]}（{where}）",
        "如果是同一个，请把上级改成它的上级",
    )


def _new_code(old: str, node: Node) -> Finding:
    return Finding(CODE, node.code or "", f"编码原来是 {old}，将改成 {node.code}", "如果不对，请改正编码")
