"""The event dictionary as a file wants it: each row's entry, its codes, or why it cannot be."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from backend.cases import editions, limits
from backend.cases.categories import KIND_LABELS
from backend.cases.category_columns import Line
from backend.cases.category_models import CaseKind
from backend.cases.editions import LEVELS, LONGEST_CODE, SEPARATOR, Item
from backend.errors import Invalid
from backend.places.imports import Fate, Finding, RowFate
from backend.sheets import words

KINDS = {label: kind for kind, label in KIND_LABELS.items()} | {kind.value: kind for kind in CaseKind}
# Words of a path that tell the kind, where no column does; the first that matches.
GUESSES: tuple[tuple[CaseKind, tuple[str, ...]], ...] = (
    (CaseKind.DISPUTE, ("纠纷", "调解")),
    (CaseKind.COUNSELLING, ("心理",)),
    (CaseKind.LEGAL, ("法律", "律师")),
    (CaseKind.ASSISTANCE, ("救助", "帮扶")),
)


@dataclass
class Draft:
    """The dictionary as the file wants it, while the file is being read."""

    before: dict[str, Item]
    standing: dict[tuple[str, ...], str]  # the codes of the paths that stand
    is_whole: bool
    wanted: dict[str, Item] = field(default_factory=dict)
    codes: dict[tuple[str, ...], str] = field(default_factory=dict)  # of the paths that the file has named
    paths: dict[str, tuple[str, ...]] = field(default_factory=dict)  # the same the other way round
    renumbered: dict[tuple[str, ...], Finding] = field(default_factory=dict)  # whose code another path has
    rows: dict[str, RowFate] = field(default_factory=dict)  # of the entries that have a row of their own
    others: list[RowFate] = field(default_factory=list)  # repeated and refused rows
    spared: set[str] = field(default_factory=set)  # named by rows that cannot be taken: these do not end
    answers: list[tuple[str, int]] = field(default_factory=list)  # code, and the unit that answers for it

    def target(self) -> dict[str, Item]:
        """All that is wanted, with what is spared and whatever lies above that."""
        kept: dict[str, Item] = {}
        for code in self.spared & self.before.keys():
            above: str | None = code
            while above is not None:
                kept[above] = self.before[above]
                above = self.before[above].above
        return kept | self.wanted


class Refused(Exception):
    """Why a row cannot be taken."""

    def __init__(self, *said: str) -> None:
        self.finding = Finding(*said)


def take(draft: Draft, line: Line) -> None:
    """One row: what it wants, or why it cannot be taken."""
    try:
        codes = _codes(draft, line)
        is_repeated = codes[-1] in draft.rows
        item = _item(draft, line, codes)
    except Refused as refused:
        draft.spared |= {*line.codes, draft.standing.get(line.path, "")}
        draft.others.append(RowFate(line.number, line.name, Fate.REFUSED, [refused.finding]))
        return
    for depth in range(1, len(codes)):
        _imply(draft, codes[:depth], line.path[:depth], item.kind)
    draft.codes |= {line.path[:depth]: code for depth, code in enumerate(codes, start=1)}
    draft.paths |= {code: line.path[:depth] for depth, code in enumerate(codes, start=1)}
    if is_repeated:
        draft.others.append(RowFate(line.number, line.name, Fate.REPEATED))
    else:
        draft.wanted[codes[-1]] = item
        said = draft.renumbered.get(line.path)
        draft.rows[codes[-1]] = RowFate(line.number, line.name, Fate.SAME, [said] if said else [])


def _codes(draft: Draft, line: Line) -> list[str]:
    """The codes of a row's entry and of those above it, from the top."""
    if not line.path:
        raise Refused("名称", "", "这一行没有写事项", "请填上名称，或删掉这一行")
    if len(line.path) > LEVELS:
        code = line.cells.get("上级编码", "")
        raise Refused("上级编码", code, "超过四级，或者上下级绕成了圈", "请改上级编码")
    return [_code(draft, line.path[:depth], given) for depth, given in enumerate(line.codes, start=1)]


def _code(draft: Draft, path: tuple[str, ...], given: str) -> str:
    """The code under which the path goes: the file's, or the one it has, or one of ours."""
    if path in draft.codes:
        return draft.codes[path]
    if len(given) > LONGEST_CODE:
        raise Refused("编码", given, "编码太长了", f"最多 {LONGEST_CODE} 个字，请写短一些，或留空")
    is_taken = draft.paths.get(given, path) != path
    if given and not is_taken and (given in draft.before or path not in draft.standing):
        code = given
    else:
        code = draft.standing.get(path) or editions.free_code(path, draft.before.keys() | draft.paths.keys())
    if draft.paths.get(code, path) != path:
        other = SEPARATOR.join(draft.paths[code])
        raise Refused("编码", code, f"这个编码前面已经给了“{other}”", "一个编码只能是一个事项，请改其中一个")
    if is_taken:
        draft.renumbered[path] = _renumbered(given, SEPARATOR.join(draft.paths[given]), code)
    return code


def _renumbered(given: str, other: str, code: str) -> Finding:
    """Cities do give one code to two entries. Both are taken: the later one under a code of ours."""
    problem = f"这个编码前面已经给了“{other}”，这一项改用编码 {code}"
    return Finding("编码", given, problem, "要用自己的编码，请改其中一个再导入")


def _item(draft: Draft, line: Line, codes: Sequence[str]) -> Item:
    """What a row says of its entry; of what it has no column for, what stands."""
    known = draft.before.get(codes[-1], Item(codes[-1], None, "", _guess(line.path)))
    above = codes[-2] if len(codes) > 1 else None
    item = replace(known, above=above, name=line.path[-1])
    if said := line.cells.get("五大类"):
        item = replace(item, kind=_kind(said))
    if "同义词" in line.cells:
        item = replace(item, synonyms=words(line.cells["同义词"]))
    if "关键词" in line.cells:
        item = replace(item, keywords=words(line.cells["关键词"]))
    if "时限" in line.cells:
        hours, in_working_days = _limit(line.cells["时限"])
        item = replace(item, resolve_hours=hours, in_working_days=in_working_days)
    return item


def _kind(said: str) -> CaseKind:
    if said not in KINDS:
        raise Refused("五大类", said, "没有这一类", f"请写 {'、'.join(KIND_LABELS.values())} 之一")
    return KINDS[said]


def _limit(said: str) -> limits.Limit:
    try:
        return limits.parse(said)
    except Invalid as error:
        raise Refused("时限", said, "时限看不懂", error.message) from None


def _guess(path: Sequence[str]) -> CaseKind:
    said = "".join(path)
    matches = (kind for kind, signs in GUESSES if any(sign in said for sign in signs))
    return next(matches, CaseKind.COMPLAINT)


def _imply(draft: Draft, codes: Sequence[str], path: tuple[str, ...], kind: CaseKind) -> None:
    """What lies above a row is wanted, too, whether it has a row of its own or not."""
    code, above = codes[-1], codes[-2] if len(codes) > 1 else None
    if code in draft.wanted:
        return
    kind = _guess(path) if kind is CaseKind.COMPLAINT else kind
    known = draft.before.get(code, Item(code, None, "", kind))
    draft.wanted[code] = replace(known, above=above, name=path[-1])


def refuse_twins(draft: Draft) -> None:
    """A path that stands under another code, which the file neither names nor ends, would be there twice."""
    if draft.is_whole:
        return
    for path, code in draft.codes.items():
        other = draft.standing.get(path, code)
        row = draft.rows.get(code)
        if other != code and other not in draft.wanted and row is not None:
            finding = Finding(
                "编码", code, f"字典里“{SEPARATOR.join(path)}”的编码是 {other}", f"请把编码改成 {other}"
            )
            row.fate, row.findings = Fate.REFUSED, [finding]
            del draft.wanted[code]
