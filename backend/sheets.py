"""Tables as people keep them: read from CSV or XLSX, written back as either."""

import csv
import io
import re
import unicodedata
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any

import openpyxl
import openpyxl.xml
import xlsxwriter

from backend.errors import AppError, Invalid, TooLarge

ROWS = 200_000
COLUMNS = 200
CELL = 10_000  # characters
UNPACKED = 200 * 1024 * 1024  # bytes of a workbook, which is a zip file
LAST_ROW = 1_048_576  # that a workbook can have

# What people write where they know nothing, in small letters. One rule for all tables: see `given`.
MISSING = frozenset(("", "-", "--", "—", "——", "－", "/", "／", "无", "null", "n/a", "na", "#n/a", "none"))

SEPARATORS = ",;\t"
BETWEEN = re.compile(r"[、，,；;|\n]+")  # the marks between words of a list
OLD_WORKBOOK = b"\xd0\xcf\x11\xe0"
WORKBOOK = b"PK\x03\x04"
UNREADABLE = "这个文件读不出来，请用 Excel 或 WPS 打开后另存为 .xlsx 或 CSV（UTF-8）再上传"
# PostgreSQL takes no NUL; the others would be seen by nobody and yet make two names differ.
UNSEEN = re.compile("[\x00-\x08\x0b-\x0c\x0e-\x1f\x7f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")
# A cell that begins like this becomes a formula in a spreadsheet, or looks as if it were guarded already.
_DANGEROUS = re.compile(r"'*[=+\-@\t\r]")

Record = tuple[int, list[str]]  # number as the spreadsheet counts, cells


@dataclass(frozen=True)
class Sheet:
    """A table as it was sent. `rows` holds (number as the spreadsheet counts, cell by header)."""

    name: str  # of the file
    headers: tuple[str, ...]
    rows: tuple[tuple[int, dict[str, str]], ...]


def read(content: bytes, name: str) -> Sheet:
    """The first table of a CSV (UTF-8 or GB 18030) or XLSX file. Raises Invalid for what is neither, and
    TooLarge for more than ROWS, COLUMNS or CELL.

    The headers are the first row of two cells or more (titles stand above it); in a table of one column, its
    first cell. They come as `clean_header` leaves them, one that is empty or there already with its number.
    """
    if content.startswith(OLD_WORKBOOK):
        raise Invalid("这是旧版 Excel 文件（.xls），请在 Excel 或 WPS 里另存为 .xlsx 再上传")
    records = _workbook(content) if content.startswith(WORKBOOK) else _text_file(content)
    filled = list(_filled(records))
    if not filled:
        raise Invalid("文件里没有内容，请检查是否选错了文件")
    top = next((at for at, (_, cells) in enumerate(filled) if sum(map(bool, cells)) > 1), 0)
    headers = _headers(filled[top:])
    rows = ((number, _by_header(headers, cells)) for number, cells in filled[top + 1 :])
    return Sheet(name, tuple(headers), tuple(rows))


def given(cell: str | None) -> str:
    """What a cell says; empty where it says that nothing is known (MISSING)."""
    text = (cell or "").strip()
    return "" if text.lower() in MISSING else text


def words(text: str) -> tuple[str, ...]:
    """The words of a list that stands in one cell or field, each once."""
    return tuple(dict.fromkeys(word.strip() for word in BETWEEN.split(text) if word.strip()))


def clean_header(text: str) -> str:
    """A header without marks (*), line breaks, blanks beside Chinese, and full-width forms of ASCII."""
    plain = unicodedata.normalize("NFKC", UNSEEN.sub("", text)).replace("*", "")
    return re.sub(r"(?<=[^\x00-\x7f]) | (?=[^\x00-\x7f])", "", " ".join(plain.split()))


def write_csv(headers: Sequence[str], rows: Iterable[Sequence[Any]]) -> bytes:
    """UTF-8 with a mark, so that spreadsheets show Chinese; no cell becomes a formula.

    What could be one gets a ' before it, which `read` takes off again.
    """
    lines = io.StringIO(newline="")
    writer = csv.writer(lines)
    writer.writerow(headers)
    writer.writerows([_guard(_text(cell)) for cell in row] for row in rows)
    return lines.getvalue().encode("utf-8-sig")


def write_xlsx(headers: Sequence[str], rows: Iterable[Sequence[Any]]) -> bytes:
    """A workbook of one sheet; every cell is text, so that a code keeps its zeros."""
    file = io.BytesIO()
    options = {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    with xlsxwriter.Workbook(file, options) as book:
        sheet, as_text = book.add_worksheet(), book.add_format({"num_format": "@"})
        sheet.set_column(0, max(0, len(headers) - 1), 16, as_text)
        sheet.freeze_panes(1, 0)
        sheet.write_row(0, 0, headers, book.add_format({"bold": True, "num_format": "@"}))
        for number, row in enumerate(rows, start=1):
            for column, cell in enumerate(row):
                sheet.write_string(number, column, _guard(_text(cell), only_guarded=True), as_text)
    return file.getvalue()


def _text(cell: Any) -> str:
    """A cell as people read it: whole numbers without .0, dates as ISO has them."""
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return str(cell).upper()
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    if isinstance(cell, datetime):
        day, clock = cell.date().isoformat(), cell.time().isoformat("seconds")
        return day if cell.time() == time() else f"{day} {clock}"
    return cell.isoformat() if isinstance(cell, date | time) else str(cell)


def _guard(text: str, *, only_guarded: bool = False) -> str:
    """With a ' before what could be a formula; `only_guarded`: before what would lose one when read."""
    is_at_risk = _DANGEROUS.match(text) and (text.startswith("'") or not only_guarded)
    return "'" + text if is_at_risk else text


def _clean(text: str) -> str:
    """A cell without blank edges, what cannot be seen, and the guard against formulas."""
    if len(text) > CELL:
        raise TooLarge(f"有一格超过 {CELL} 字，请拆开或删短后再上传")
    seen = UNSEEN.sub("", text.replace("\r\n", "\n")).strip()
    return seen[1:] if seen.startswith("'") and _DANGEROUS.match(seen[1:]) else seen


def _filled(records: Iterable[Record]) -> Iterator[Record]:
    """The rows in which anything stands, cleaned; refuses a table that is too long or too wide at once."""
    taken = 0
    for number, cells in records:
        row = [_clean(cell) for cell in cells]
        if any(row[COLUMNS:]):
            raise TooLarge(f"表格最多 {COLUMNS} 列，请删去多余的列再上传")
        if any(row):
            taken += 1
            yield number, row
        if taken > ROWS + 1 or number > LAST_ROW:
            raise TooLarge(f"一次最多导入 {ROWS} 行，请拆成几个文件")


def _headers(filled: Sequence[Record]) -> list[str]:
    """A name for every column in which anything stands; where none is given, or it is taken, its number."""
    top = filled[0][1]
    width = max(max(i for i, cell in enumerate(cells) if cell) + 1 for _, cells in filled)
    names: list[str] = []
    for number in range(width):
        name = clean_header(top[number]) if number < len(top) else ""
        if not name:
            name = f"第{number + 1}列"
        names.append(f"{name}(第{number + 1}列)" if name in names else name)
    return names


def _by_header(headers: Sequence[str], cells: Sequence[str]) -> dict[str, str]:
    short = len(headers) - len(cells)
    return dict(zip(headers, [*cells, *[""] * short], strict=False))


def _text_file(content: bytes) -> Iterator[Record]:
    text = _decode(content)
    separator = max(SEPARATORS, key=lambda one: _width(text, one))
    lines = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    try:
        yield from enumerate(lines, start=1)
    except csv.Error:
        raise Invalid(
            f"第 {lines.line_num} 行附近的引号不成对，或者内容太长。请在 Excel 里检查后再上传"
        ) from None


def _decode(content: bytes) -> str:
    codec = "utf-16" if content.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig"
    for attempt in (codec, "gb18030"):
        try:
            text = content.decode(attempt)
        except UnicodeDecodeError:
            continue
        if "\x00" not in text:
            return text
    raise Invalid(UNREADABLE)


def _width(text: str, separator: str) -> int:
    """How many cells the headers have if this separates them; the first of equals is taken."""
    lines = csv.reader(io.StringIO(text[:65_536], newline=""), delimiter=separator)
    try:
        return next((len(cells) for cells in lines if sum(map(bool, cells)) > 1), 0)
    except csv.Error:
        return 0


def _workbook(content: bytes) -> Iterator[Record]:
    """The first sheet not hidden, as it was computed last; of merged cells the first holds the text."""
    assert openpyxl.xml.DEFUSEDXML  # a workbook is XML from a stranger
    with _broken():
        # A stray cell in the last column would make every row 16,384 cells long.
        rows = _first_sheet(content).iter_rows(values_only=True, max_col=COLUMNS + 1)
        for number, row in enumerate(rows, start=1):
            yield number, [_text(cell) for cell in row]


@contextmanager
def _broken() -> Iterator[None]:
    """Whatever is broken inside a file that says it is a workbook, its sender reads one sentence."""
    try:
        yield
    except AppError:
        raise
    except Exception as error:
        raise Invalid(UNREADABLE) from error


def _first_sheet(content: bytes) -> Any:
    with zipfile.ZipFile(io.BytesIO(content)) as packed:
        if sum(part.file_size for part in packed.infolist()) > UNPACKED:
            raise TooLarge("这个文件展开后太大了，请拆成几个文件，或另存为 CSV 再上传")
    book = openpyxl.load_workbook(io.BytesIO(content), read_only=True, data_only=True, keep_links=False)
    visible = [sheet for sheet in book.worksheets if sheet.sheet_state == "visible"]
    if not visible:
        raise Invalid("文件里没有可见的工作表，请取消隐藏后再上传")
    sheet: Any = visible[0]
    sheet.reset_dimensions()  # what a file says of its size need not be so
    return sheet
