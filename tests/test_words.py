"""What people type is cleaned in forms as it is in tables."""

import pytest

from backend import sheets
from backend.web.words import clean


@pytest.mark.parametrize(
    "unseen", ["\x00", "\x0b", "\u200b", "\u200d", "\u200e", "\u2060", "\u2066", "\ufeff"]
)
def test_names_that_look_alike_are_one_name_in_forms_and_in_tables(unseen):
    name = f"玉兰{unseen}社区"
    sheet = sheets.read(f"名称,编码\n{name},1".encode(), "地点.csv") if unseen != "\x00" else None
    assert clean(name) == "玉兰社区"
    assert sheet is None or sheet.rows[0][1]["名称"] == "玉兰社区"


def test_lines_stay_lines():
    assert clean(" 一\r\n二\r三\x0c ") == "一\n二\n三"
