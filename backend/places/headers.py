"""Which of a table's headers stands for each of ours, whatever case and blanks it is written with."""

import re
from collections.abc import Iterable, Mapping, Sequence

from backend.sheets import Sheet, given

Synonyms = Mapping[str, Sequence[str]]  # our header, and what else people call it


def find(sheet: Sheet, synonyms: Synonyms) -> dict[str, str]:
    """Our header → the sheet's, for those that are there. An earlier name goes before a later one."""
    there = known(sheet.headers)
    found = {ours: first(there, (ours, *others)) for ours, others in synonyms.items()}
    return {ours: header for ours, header in found.items() if header is not None}


def known(headers: Sequence[str]) -> dict[str, str]:
    """The headers by what they come to without case, blanks and marks. Of several the first counts; one that
    says more in brackets (电话（手机）) stands for the word before them where nothing else does."""
    backwards = headers[::-1]
    return {bare(header): header for header in backwards} | {_plain(header): header for header in backwards}


def first(there: Mapping[str, str], names: Iterable[str]) -> str | None:
    """Of headers that are `known`, the one that the names call; an earlier name goes before a later one."""
    return next((there[_plain(name)] for name in names if _plain(name) in there), None)


def bare(words: str) -> str:
    """Without case, blanks, _ and what stands in brackets at the end."""
    return re.sub(r"[(（].*[)）]$", "", _plain(words))


def cells(row: Mapping[str, str], found: Mapping[str, str], synonyms: Synonyms) -> dict[str, str]:
    """What the row says, by our headers; empty where it says nothing."""
    return {ours: given(row.get(found.get(ours, ""))) for ours in synonyms}


def _plain(header: str) -> str:
    return re.sub(r"[\s_]", "", header).lower()
