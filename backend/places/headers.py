"""Which of a table's headers stands for each of ours, whatever case and blanks it is written with."""

from collections.abc import Mapping, Sequence

from backend.sheets import Sheet, given

Synonyms = Mapping[str, Sequence[str]]  # our header, and what else people call it


def find(sheet: Sheet, synonyms: Synonyms) -> dict[str, str]:
    """Our header → the sheet's, for those that are there. An earlier name goes before a later one."""
    there = {_plain(header): header for header in reversed(sheet.headers)}
    named = {ours: [there.get(_plain(name)) for name in (ours, *others)] for ours, others in synonyms.items()}
    return {ours: found for ours, headers in named.items() for found in headers[::-1] if found}


def cells(row: Mapping[str, str], found: Mapping[str, str], synonyms: Synonyms) -> dict[str, str]:
    """What the row says, by our headers; empty where it says nothing."""
    return {ours: given(row.get(found.get(ours, ""))) for ours in synonyms}


def _plain(header: str) -> str:
    return header.lower().replace("_", "").replace(" ", "")
