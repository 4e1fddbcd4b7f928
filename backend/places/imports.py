"""Taking tables in (导入): each row's fate is known before anything changes; the real run is one transaction.

A kind of table (areas, units, …) says how a sheet becomes a plan, and how the plan is written. Planning only
reads, so a dry run is a plan that is shown; the real run plans again, inside the transaction that writes.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from itertools import islice
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from backend import sheets, storage
from backend.errors import Conflict, Invalid
from backend.places.models import Import
from backend.places.scope import Editor
from backend.privacy import seal_bytes, unseal_bytes
from backend.sheets import Sheet
from backend.times import now

SEALED_AS = "imports.file"


class Fate(StrEnum):
    ADDED = "added"
    CHANGED = "changed"
    SAME = "same"
    REPEATED = "repeated"  # says what an earlier row of the file says
    REFUSED = "refused"


FATE_LABELS = {
    Fate.ADDED: "新增",
    Fate.CHANGED: "更新",
    Fate.SAME: "没有变化",
    Fate.REPEATED: "文件里重复",
    Fate.REFUSED: "不能导入",
}


@dataclass(frozen=True)
class Finding:
    """What is wrong, or worth a look, in one cell; and what to do about it. All in Chinese."""

    column: str
    value: str
    problem: str
    cure: str


@dataclass
class RowFate:
    """What becomes of one row. `row` counts as the spreadsheet does: the headers are row 1."""

    row: int
    name: str
    fate: Fate
    findings: list[Finding] = field(default_factory=list)
    before: dict[str, Any] = field(default_factory=dict)  # by the headers of our own table
    after: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Options:
    """What the sender adds to a file."""

    under_id: int | None = None  # the area in which the file's topmost rows lie, where it does not say
    skip_refused: bool = False  # take the good rows and leave the others
    is_whole: bool = False  # what the file does not hold is to end (an edition of the dictionary)
    name: str = ""  # of an edition of the dictionary, or of a duty list


@dataclass
class Plan:
    """Every row's fate, and the one call that writes those which are taken (given the import's id)."""

    rows: list[RowFate]
    write: Callable[[Session, int], None]

    def count(self) -> dict[str, int]:
        """How many rows meet each fate."""
        found = Counter(row.fate for row in self.rows)
        return {fate.value: found[fate] for fate in Fate}

    def refused(self) -> list[RowFate]:
        return [row for row in self.rows if row.fate is Fate.REFUSED]


@dataclass(frozen=True)
class Kind:
    """A kind of table. `headers` are those of our own files: what export gives, and what a template shows."""

    name: str
    label: str
    headers: Sequence[str]
    plan: Callable[[Session, Sheet, Editor, Options], Plan]
    export: Callable[[Session, Editor], Iterable[Sequence[Any]]]
    lock: Callable[[Session], None] | None = None  # for which whoever else changes such rows waits, too


def look(
    session: Session, kind: Kind, content: bytes, file_name: str, editor: Editor, options: Options
) -> Import:
    """The dry run: find out every row's fate and keep it with the file. Nothing else changes.

    Raises Invalid for a file that cannot be read as a table of this kind.
    """
    plan = kind.plan(session, sheets.read(content, file_name), editor, options)
    row = Import(
        kind=kind.name,
        file_name=file_name,
        sha256=storage.save(seal_bytes(content, SEALED_AS)),
        options=asdict(options),
        officer_id=editor.officer_id,
        counts=plan.count(),
        report=_written(plan),
    )
    session.add(row)
    session.flush()
    return row


def apply(session: Session, kind: Kind, row: Import, editor: Editor, *, skip_refused: bool = False) -> Import:
    """The real run of a dry run, all or nothing. Two at once take turns, and the same one again is refused.

    Raises Conflict when it was done already, or when what stands here has changed since the dry run, so that
    a row would meet another fate, or overwrite another value, than was shown. Invalid when rows are refused
    and are not to be skipped.
    """
    session.execute(sa.text("SELECT pg_advisory_xact_lock(hashtextextended('imports', 0))"))
    session.refresh(row, with_for_update=True)
    if row.applied_at is not None:
        raise Conflict("这个文件已经导入过了")
    options = Options(**row.options | {"skip_refused": skip_refused})
    content = unseal_bytes(storage.read(row.sha256), SEALED_AS)
    if kind.lock is not None:
        kind.lock(session)  # before the plan, or the rows could be others by the time it is written
    plan = kind.plan(session, sheets.read(content, row.file_name), editor, options)
    if _agreed(_written(plan)) != _agreed(row.report):
        raise Conflict("预览之后，这里的资料又变了。请重新上传这个文件，看过新的结果再导入")
    if plan.refused() and not skip_refused:
        raise Invalid(f"有 {len(plan.refused())} 行不能导入，什么都没有改。请改好文件，或者选择跳过这些行")
    row.options, row.applied_at = asdict(options), now()
    plan.write(session, row.id)
    session.flush()
    return row


def fates(row: Import, *, fate: str = "", after: int = 0, limit: int | None = None) -> list[RowFate]:
    """What the dry run said of the rows `after` this one, of one `fate` or of all; only these are parsed."""
    found = (said for number, each, said in _lines(row.report) if number > after and fate in ("", each))
    return [_fate(json.loads(said)) for said in islice(found, limit)]


def _fate(said: dict[str, Any]) -> RowFate:
    findings = [Finding(**finding) for finding in said["findings"]]
    return RowFate(said["row"], said["name"], Fate(said["fate"]), findings, said["before"], said["after"])


def _agreed(report: str) -> list[dict[str, Any]]:
    """What one agrees to. Findings are left out: they count cases, of which new ones come in all the time."""
    rows = (json.loads(said) for _, _, said in _lines(report))
    return [{name: said for name, said in row.items() if name != "findings"} for row in rows]


def _written(plan: Plan) -> str:
    """A line for each row, its number and fate before what is said of it: a page parses its own alone."""
    return "\n".join(
        f"{row.row}\t{row.fate}\t{json.dumps(asdict(row), ensure_ascii=False, default=str)}"
        for row in plan.rows
    )


def _lines(report: str) -> Iterator[tuple[int, str, str]]:
    """The number and fate of each row, and what is said of it as JSON."""
    if report.startswith("["):  # as it was written before it had lines
        yield from ((row["row"], row["fate"], json.dumps(row)) for row in json.loads(report))
        return
    for line in filter(None, report.split("\n")):
        number, fate, said = line.split("\t", 2)
        yield int(number), fate, said
