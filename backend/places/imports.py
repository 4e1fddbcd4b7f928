"""Taking tables in (导入): each row's fate is known before anything changes; the real run is one transaction.

A kind of table (areas, units, …) says how a sheet becomes a plan, and how the plan is written. Planning only
reads, so a dry run is a plan that is shown; the real run plans again, inside the transaction that writes.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from backend import storage
from backend.errors import Invalid
from backend.places.models import Import
from backend.places.scope import Editor
from backend.sheets import Sheet
from backend.times import now


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


def take_in(
    session: Session, kind: Kind, sheet: Sheet, editor: Editor, options: Options, content: bytes
) -> tuple[Import, Plan]:
    """Plan and write, or raise Invalid when rows are refused and are not to be skipped: then nothing changes.

    Two who take in at once take turns. Returns the import's row and the plan that was written.
    """
    session.execute(sa.text("SELECT pg_advisory_xact_lock(hashtextextended('imports', 0))"))
    plan = kind.plan(session, sheet, editor, options)
    refused = plan.refused()
    if refused and not options.skip_refused:
        raise Invalid(f"有 {len(refused)} 行不能导入，什么都没有改。请改好文件，或者选择跳过这些行")
    row = Import(
        kind=kind.name,
        file_name=sheet.name,
        sha256=storage.save(content),
        options=asdict(options),
        officer_id=editor.officer_id,
        counts=plan.count(),
        report=[asdict(row) for row in plan.rows if row.findings],
        applied_at=now(),
    )
    session.add(row)
    session.flush()
    plan.write(session, row.id)
    return row, plan
