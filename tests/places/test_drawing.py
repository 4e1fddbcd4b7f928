"""Drawn codes: an independent reader reads from every kind of picture what was put in."""

import io
from itertools import pairwise

import pytest
import zxingcpp
from PIL import Image

from backend.places import drawing

TEXTS = [
    "http://weixin.qq.com/q/02abcDEF",
    "https://fuwu.example.cn/r/s/abcdefgh2345672x",
    "https://fuwu.example.cn/r/s/abcdefgh2345672x?from=" + "a" * 300,
]


def read(picture: bytes) -> zxingcpp.Barcode:
    [found] = zxingcpp.read_barcodes(Image.open(io.BytesIO(picture)).convert("L"))
    return found


@pytest.mark.parametrize("text", TEXTS)
def test_a_drawn_code_is_read_again(text):
    found = read(drawing.draw_png(text))
    assert found.text == text
    assert found.ec_level == "M"


@pytest.mark.browser
@pytest.mark.parametrize("text", TEXTS)
def test_a_code_in_svg_is_read_again_even_on_a_dark_page(text, desktop):
    page = desktop.new_page()
    page.set_content(f'<body style="background: black">{drawing.draw_svg(text)}')
    assert read(page.locator("svg").screenshot()).text == text


def test_a_code_keeps_four_modules_white_on_every_side():
    code = drawing.encode(TEXTS[0])
    columns = [column for column, _, length in code.bars for column in (column, column + length - 1)]
    rows = [row for _, row, _ in code.bars]
    assert (min(columns), max(columns), min(rows), max(rows)) == (4, code.side - 5, 4, code.side - 5)


def test_black_neighbours_are_one_bar():
    first = [(column, length) for column, row, length in drawing.encode(TEXTS[0]).bars if row == 4]
    assert first[0] == (4, 7)  # the upper edge of the corner pattern
    assert all(left[0] + left[1] < right[0] for left, right in pairwise(first))


def test_more_than_a_code_can_hold_is_refused():
    with pytest.raises(ValueError, match="version"):
        drawing.encode("a" * 2332)
