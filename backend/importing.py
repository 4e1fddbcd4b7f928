"""`python -m backend import KIND FILE` and `export KIND FILE`: tables in and out, on the command line."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import click
from sqlalchemy.orm import Session
from tqdm import tqdm

from backend import db, sheets
from backend.cases.tables import KINDS
from backend.config import config
from backend.errors import AppError
from backend.places import imports, naming
from backend.places.imports import FATE_LABELS, Kind, Options, RowFate
from backend.places.models import Import
from backend.places.scope import COMMAND_LINE

SHOWN = 50  # findings on the terminal; all of them with --report
REPORT = ("行", "内容", "结果", "列", "值", "问题", "怎么办")

kind_argument = click.argument("kind", type=click.Choice(list(KINDS)))
file_type = click.Path(dir_okay=False, path_type=Path)


@click.command(
    help="从 CSV 或 XLSX 文件 FILE 导入 KIND 这一种资料。有一行不能导入，就一行都不导入（--skip 除外）。"
)
@kind_argument
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--under", help="没有写所属地点的行归哪个地点：名称、全称或编码。")
@click.option("--name", default="", help="新的字典版本或职责清单叫什么。")
@click.option("--whole", is_flag=True, help="导入字典时：文件里没有的条目停用。")
@click.option("--skip", is_flag=True, help="只导入没有问题的行，有问题的跳过。")
@click.option("--dry-run", is_flag=True, help="只说明每一行会怎样，什么都不改。")
@click.option("--report", type=file_type, help="把每一行的结果写进这个 CSV 文件。")
def take_in(
    kind: str,
    file: Path,
    under: str | None,
    name: str,
    whole: bool,
    skip: bool,
    dry_run: bool,
    report: Path | None,
) -> None:
    """Take a CSV or XLSX FILE in: all of it, or nothing when a row is refused."""
    db.connect(config.database_url)
    try:
        with db.transaction() as session, tqdm(total=1 if dry_run else 2, unit="步", disable=None) as bar:
            options = Options(under_id=_area(session, under), name=name, is_whole=whole)
            bar.set_description("逐行检查")
            row = imports.look(session, KINDS[kind], file.read_bytes(), file.name, COMMAND_LINE, options)
            bar.update()
            if not dry_run:
                bar.set_description("写入")
                _apply(session, KINDS[kind], row, skip, bar)
    except AppError as error:
        raise click.ClickException(error.message) from None
    _tell(row, report)


def _apply(session: Session, kind: Kind, row: Import, skip: bool, bar: Any) -> None:
    try:
        imports.apply(session, kind, row, COMMAND_LINE, skip_refused=skip)
    except AppError:
        bar.close()
        _tell(row, None)
        raise
    bar.update()


@click.command(help="把 KIND 这一种资料全部导出到 FILE（.csv 或 .xlsx），格式和 import 要的一样。")
@kind_argument
@click.argument("file", type=file_type)
def give_out(kind: str, file: Path) -> None:
    """Write all rows of this KIND to FILE (.csv or .xlsx), as `import` takes them."""
    writers = {".csv": sheets.write_csv, ".xlsx": sheets.write_xlsx}
    if file.suffix not in writers:
        raise click.ClickException("文件名要以 .csv 或 .xlsx 结尾")
    db.connect(config.database_url)
    with db.transaction() as session:
        rows = list(KINDS[kind].export(session, COMMAND_LINE))
    file.write_bytes(writers[file.suffix](KINDS[kind].headers, rows))
    click.echo(f"导出了 {len(rows)} 行：{file}")


def _area(session: Session, name: str | None) -> int | None:
    return None if name is None else naming.the_one(session, name).id


def _tell(row: Import, report: Path | None) -> None:
    """How many rows meet each fate, and what is wrong with some."""
    rows = imports.fates(row)
    click.echo("，".join(f"{words} {row.counts[fate]}" for fate, words in FATE_LABELS.items()))
    lines = [line for one in rows for line in _lines(one)]
    for line in lines[:SHOWN]:
        click.echo("  ".join(str(cell) for cell in line if cell))
    if len(lines) > SHOWN:
        click.echo(f"… 还有 {len(lines) - SHOWN} 条，用 --report 文件.csv 看全部")
    if report is not None:
        report.write_bytes(sheets.write_csv(REPORT, _every(rows)))


def _lines(row: RowFate) -> list[tuple[Any, ...]]:
    said = [(one.column, one.value, one.problem, one.cure) for one in row.findings]
    return [(row.row, row.name, FATE_LABELS[row.fate], *one) for one in said]


def _every(rows: Iterable[RowFate]) -> list[tuple[Any, ...]]:
    """At least one line for each row."""
    silent = ("", "", "", "")
    return [
        line for row in rows for line in _lines(row) or [(row.row, row.name, FATE_LABELS[row.fate], *silent)]
    ]
