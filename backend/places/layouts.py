"""Where everything stands on a poster, and how posters stand on paper: one table, all in mm."""

from dataclasses import dataclass
from enum import StrEnum


class Format(StrEnum):
    """What posters are printed on."""

    A4 = "a4"
    A5 = "a5"
    STICKER = "sticker"
    SHEET = "sheet"


@dataclass(frozen=True)
class Stripe:
    """A stripe across a poster: its upper edge, its height, and the largest type in it."""

    top: float
    height: float
    largest: float = 0


@dataclass(frozen=True)
class Layout:
    """One poster, from its upper left corner. The code's height is its side, with the quiet zone."""

    width: float
    height: float
    margin: float  # stays white: most printers cannot reach it
    corner: float  # the radius of the coloured stripes, which words stay clear of
    band: Stripe
    above: Stripe
    title: Stripe
    code: Stripe
    line: Stripe
    telephone: Stripe
    label: Stripe


@dataclass(frozen=True)
class Page:
    """A sheet of paper, and the left and upper corner of each poster on it."""

    name: str
    width: float
    height: float
    layout: Layout
    corners: tuple[tuple[float, float], ...] = ((0, 0),)


# fmt: off
POSTER = Layout(
    210, 297, margin=12, corner=7,
    band=Stripe(12, 66), above=Stripe(18, 12, 8), title=Stripe(30, 44, 24), code=Stripe(86, 134),
    line=Stripe(226, 18, 13.5), telephone=Stripe(248, 25, 14), label=Stripe(277, 7, 3.6),
)
STAND = Layout(
    148, 210, margin=8, corner=5,
    band=Stripe(8, 47), above=Stripe(12, 9, 6), title=Stripe(21, 31, 17), code=Stripe(61, 95),
    line=Stripe(160, 13, 9.8), telephone=Stripe(175.5, 18, 10.2), label=Stripe(196, 5.5, 3),
)
STICKER = Layout(
    100, 100, margin=4, corner=3,
    band=Stripe(4, 22), above=Stripe(5.2, 4.6, 3.2), title=Stripe(10.7, 13.3, 9), code=Stripe(28, 48),
    line=Stripe(77.5, 6.5, 5.4), telephone=Stripe(84.5, 7.5, 5.2), label=Stripe(92.8, 3, 2.1),
)
PAGES = {
    Format.A4: Page("A4 海报", 210, 297, POSTER),
    Format.A5: Page("A5 桌牌", 148, 210, STAND),
    Format.STICKER: Page("10×10 厘米贴纸", 100, 100, STICKER),
    Format.SHEET: Page("A4 纸，一张四枚贴纸", 210, 297, STICKER, ((5, 48), (105, 48), (5, 148), (105, 148))),
}
# fmt: on
