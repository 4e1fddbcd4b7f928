"""QR codes as pictures: one text is one set of black bars, whatever the bars are drawn on."""

import io
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby

import qrcode
from PIL import Image, ImageDraw

QUIET = 4  # modules that ISO/IEC 18004 keeps white on every side
PIXELS = 10  # of a module, in a PNG

Bar = tuple[int, int, int]  # column, row and length, in modules; row 0 is the upper one


@dataclass(frozen=True)
class Code:
    """A QR code with its quiet zone: the modules of a side, and the black bars between them."""

    side: int
    bars: tuple[Bar, ...]


def encode(text: str) -> Code:
    """The code of this text (usually a url). Raises ValueError above the 2,331 bytes that a code can hold."""
    code = qrcode.QRCode(error_correction=qrcode.constants.ERROR_CORRECT_M, border=QUIET)
    code.add_data(text)
    rows = code.get_matrix()
    return Code(len(rows), tuple(bar for number, row in enumerate(rows) for bar in _bars(number, row)))


def draw_png(text: str) -> bytes:
    """A QR code of this text as a PNG picture."""
    code = encode(text)
    image = Image.new("1", (code.side * PIXELS, code.side * PIXELS), 1)
    brush = ImageDraw.Draw(image)
    for column, row, length in code.bars:
        left, top = column * PIXELS, row * PIXELS
        brush.rectangle((left, top, left + length * PIXELS - 1, top + PIXELS - 1), fill=0)
    picture = io.BytesIO()
    image.save(picture, "PNG")
    return picture.getvalue()


def draw_svg(text: str) -> str:
    """The same as an SVG document, which prints sharply at any size; black on white on any page."""
    code = encode(text)
    path = "".join(f"M{column} {row}h{length}v1h-{length}z" for column, row, length in code.bars)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{code.side}mm" height="{code.side}mm"'
        f' viewBox="0 0 {code.side} {code.side}" shape-rendering="crispEdges">'
        f'<path fill="#fff" d="M0 0h{code.side}v{code.side}h-{code.side}z"/><path d="{path}"/></svg>'
    )


def _bars(number: int, row: list[bool]) -> Iterator[Bar]:
    """Neighbours of one row together: a third of the shapes, and no white hair between two of them."""
    column = 0
    for black, modules in groupby(row):
        length = len(list(modules))
        if black:
            yield column, number, length
        column += length
