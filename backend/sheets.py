"""Tables as people keep them: read from CSV or XLSX, written back as either."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Sheet:
    """A table as it was sent. `rows` holds (number as the spreadsheet counts, cell by header)."""

    name: str  # of the file
    headers: tuple[str, ...]
    rows: tuple[tuple[int, dict[str, str]], ...]


def read(content: bytes, name: str) -> Sheet:
    """The first table of a CSV (UTF-8 or GB 18030) or XLSX file. Raises Invalid for what is neither."""
    raise NotImplementedError


def write_csv(headers: Sequence[str], rows: Iterable[Sequence[Any]]) -> bytes:
    """UTF-8 with a mark, so that spreadsheets show Chinese; no cell becomes a formula."""
    raise NotImplementedError


def write_xlsx(headers: Sequence[str], rows: Iterable[Sequence[Any]]) -> bytes:
    """A workbook of one sheet; every cell is text."""
    raise NotImplementedError
