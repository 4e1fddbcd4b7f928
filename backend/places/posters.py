"""Posters of places: a code to scan, in a picture that a resident of seventy reads from two metres away."""

import re
import unicodedata
import zipfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from io import BytesIO
from itertools import count, islice
from typing import BinaryIO

from reportlab import rl_config
from reportlab.lib.colors import Color, HexColor
from reportlab.lib.units import mm
from reportlab.pdfgen.canvas import Canvas

from backend.errors import Invalid
from backend.places import fonts
from backend.places.drawing import encode
from backend.places.fonts import Face
from backend.places.layouts import PAGES, Format, Layout, Page, Stripe

# Pages and fonts as bytes, not as text for mail of long ago: a fifth smaller, and quicker.
rl_config.useA85 = 0

GREEN, PALE, WHITE = HexColor("#05713a"), HexColor("#e7f7ee"), HexColor("#ffffff")
BLACK, INK, GREY = HexColor("#000000"), HexColor("#1a1a1a"), HexColor("#5c6066")
MIDDLE = 0.38  # of the characters, above their baseline, in sizes of the type
LONGEST_NAME = 80  # characters of a file's name: with its folders it stays within what Windows opens

Told = Callable[[int], None]


@dataclass(frozen=True)
class Poster:
    """What one poster says. `text` is what the code holds (a url), `above` the areas around the place.

    `line` is one sentence of use; `label` is small, for the person who hangs the poster up.
    """

    text: str
    title: str
    above: str
    line: str
    telephone: str | None = None
    label: str = ""


def unprintable(poster: Poster) -> str:
    """The characters of a poster that our fonts have no picture of, once each. Ask before a large batch."""
    said = (poster.title, poster.above, poster.line, poster.telephone or "", poster.label)
    return fonts.unprintable("".join(map(_clean, said)))


def draw_pdf(
    posters: Iterable[Poster], format: Format, out: BinaryIO, *, on_page: Told | None = None
) -> None:
    """Write one PDF of all posters, in their order; after each page `on_page` hears how many are drawn.

    `out` is first written to when all are drawn. Raises Invalid when there are none, and when one has a
    character that is not in our fonts: an empty box in a place's name would hang there for years.
    """
    page = PAGES[format]
    canvas = _canvas(page, out)
    rest, drawn = iter(posters), 0
    while batch := list(islice(rest, len(page.corners))):
        _draw_page(canvas, page, batch)
        drawn += len(batch)
        if on_page:
            on_page(drawn)
    if not drawn:
        raise Invalid("没有要印的海报，请先选好地点")
    with fonts.lock:
        canvas.save()


def draw_zip(
    posters: Iterable[Poster], format: Format, out: BinaryIO, *, on_page: Told | None = None
) -> None:
    """Write a zip with a PDF for each poster, named by its title; `on_page` hears how many are drawn.

    Raises as draw_pdf does, and then leaves `out` half written.
    """
    taken: set[str] = set()
    with zipfile.ZipFile(out, "w") as archive:
        for number, poster in enumerate(posters, 1):
            drawn = BytesIO()
            draw_pdf([poster], format, drawn)
            archive.writestr(_file_name(poster.title, taken), drawn.getvalue())
            if on_page:
                on_page(number)
    if not taken:
        raise Invalid("没有要印的海报，请先选好地点")


def _canvas(page: Page, out: BinaryIO) -> Canvas:
    """A document that begins with our face: reportlab's own first one would not be embedded."""
    first = fonts.load(Face.REGULAR).fontName
    fonts.load(Face.BOLD)
    size = (page.width * mm, page.height * mm)
    canvas = Canvas(
        out,
        size,
        pageCompression=1,
        invariant=1,  # no clock in it: the same posters are the same bytes
        initialFontName=first,  # type: ignore[arg-type]  # the stub says float
        lang="zh-CN",
    )
    canvas.setTitle(page.name)
    canvas.setAuthor("")
    return canvas


def _draw_page(canvas: Canvas, page: Page, batch: list[Poster]) -> None:
    """Draw what stands on one sheet, in mm, each poster seen from its own upper left corner."""
    for (left, top), poster in zip(page.corners, batch, strict=False):
        canvas.saveState()
        canvas.scale(mm, mm)
        canvas.translate(left, page.height - top)
        _draw_poster(canvas, page.layout, poster)
        if len(page.corners) > 1:
            _draw_cut(canvas, page.layout)
        canvas.restoreState()
    canvas.showPage()


def _draw_poster(canvas: Canvas, layout: Layout, poster: Poster) -> None:
    if unknown := unprintable(poster):
        raise Invalid(f"“{poster.title}”的海报里，“{unknown}”不在字库里，印不出来，请换个写法")
    free = 0 if poster.telephone else layout.telephone.height  # code and line move into it
    _draw_stripe(canvas, layout, layout.band, GREEN)
    _write(canvas, layout, layout.above, poster.above, Face.REGULAR, WHITE)
    _write(canvas, layout, layout.title, poster.title, Face.BOLD, WHITE, most=2)
    _draw_code(canvas, layout, poster.text, free / 3)
    _write(canvas, layout, layout.line, poster.line, Face.BOLD, INK, most=2, lower=free / 2)
    if poster.telephone:
        _draw_stripe(canvas, layout, layout.telephone, PALE)
        _write(canvas, layout, layout.telephone, f"社区电话 {poster.telephone}", Face.BOLD, GREEN)
    _write(canvas, layout, layout.label, poster.label and f"编号 {poster.label}", Face.REGULAR, GREY)


def _draw_stripe(canvas: Canvas, layout: Layout, stripe: Stripe, colour: Color) -> None:
    width, bottom = layout.width - 2 * layout.margin, -stripe.top - stripe.height
    canvas.setFillColor(colour)
    canvas.roundRect(layout.margin, bottom, width, stripe.height, layout.corner, stroke=0, fill=1)


def _write(
    canvas: Canvas,
    layout: Layout,
    stripe: Stripe,
    words: str,
    face: Face,
    colour: Color,
    *,
    most: int = 1,
    lower: float = 0,
) -> None:
    """Write words in the middle of a stripe, smaller or in two lines (`most`) when they are many."""
    width = layout.width - 2 * (layout.margin + layout.corner)
    fitted = fonts.fit(_clean(words), face, width, stripe.height, stripe.largest, most)
    middle = -stripe.top - lower - stripe.height / 2
    first = middle + (len(fitted.lines) - 1) * fitted.size * fonts.PITCH / 2
    canvas.setFillColor(colour)
    canvas.setFont(face.value, fitted.size)
    for number, line in enumerate(fitted.lines):
        baseline = first - (number * fonts.PITCH + MIDDLE) * fitted.size
        canvas.drawCentredString(layout.width / 2, baseline, line.strip())


def _draw_code(canvas: Canvas, layout: Layout, text: str, lower: float) -> None:
    """Draw the code as one path, so that no hair of white lies between bars, and corners around it."""
    code, side = encode(text), layout.code.height
    canvas.saveState()
    canvas.translate((layout.width - side) / 2, -layout.code.top - lower)
    _draw_corners(canvas, side)
    canvas.scale(side / code.side, -side / code.side)
    canvas.setFillColor(BLACK)
    # As plain operators: reportlab's own path takes ten times as long to write whole numbers.
    canvas.addLiteral(" ".join(f"{column} {row} {length} 1 re" for column, row, length in code.bars) + " f")
    canvas.restoreState()


def _draw_corners(canvas: Canvas, side: float) -> None:
    """Draw four corners outside the quiet zone: here is where to look through the telephone."""
    arm, line = side / 9, side / 80
    near, far = -line / 2, side + line / 2
    canvas.setStrokeColor(GREEN)
    canvas.setLineWidth(line)
    path = canvas.beginPath()
    for x, inwards in ((near, arm), (far, -arm)):
        for y, down in ((-near, -arm), (-far, arm)):
            path.moveTo(x + inwards, y)
            path.lineTo(x, y)
            path.lineTo(x, y + down)
    canvas.drawPath(path, stroke=1, fill=0)


def _draw_cut(canvas: Canvas, layout: Layout) -> None:
    canvas.setStrokeColor(GREY)
    canvas.setLineWidth(0.1)
    canvas.rect(0, -layout.height, layout.width, layout.height, stroke=1, fill=0)


def _clean(words: str) -> str:
    """The words without what has no picture of its own: line ends, doubled spaces, invisible signs."""
    shown = (sign for sign in words if unicodedata.category(sign) != "Cf")
    return " ".join("".join(shown).split())


def _file_name(title: str, taken: set[str]) -> str:
    """A name that every system takes and that this archive does not hold yet; it is added to those taken."""
    name = re.sub(r'[\\/:*?"<>|\x00-\x1f]+', "_", _clean(title))[:LONGEST_NAME].strip(". ") or "海报"
    names: Iterator[str] = (f"{name}-{number}.pdf" if number > 1 else f"{name}.pdf" for number in count(1))
    chosen = next(free for free in names if free.casefold() not in taken)
    taken.add(chosen.casefold())
    return chosen
