"""The type that posters are set in: Noto Sans SC, loaded once by a process, and words fitted into a box."""

import threading
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path

from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont

from backend.errors import AppError

FOLDER = Path(__file__).parent.parent / "static/vendor/fonts"
PITCH = 1.22  # from one line to the next, in sizes of the type
NATURAL = 0.7  # a break where the words pause is taken for type smaller by so much
PAUSES_BEFORE, PAUSES_AFTER = "（(", "）)·，, "
ENDS = "区道村街路巷里苑园院心站楼栋号门厅室"  # of the names that stand in a row in a place's name
NEVER_FIRST = "）)》」』】，。、；：！？·,.;:!?%-"
NEVER_LAST = "（(《「『【"

# reportlab has one table of faces, and a face has one reading position for all documents: threads load and
# embed one after the other.
lock = threading.Lock()


class Face(StrEnum):
    """The two weights, by the name of their file."""

    REGULAR = "NotoSansSC-Regular"
    BOLD = "NotoSansSC-Bold"


@dataclass(frozen=True)
class Fitted:
    """Words in lines (not stripped yet), and the size of their type in the unit of the box they fit."""

    lines: tuple[str, ...]
    size: float


def load(face: Face) -> TTFont:
    """The face, known to reportlab by its name from now on. Raises AppError when its file is not there."""
    with lock:
        return _load(face)


def unprintable(words: str) -> str:
    """The characters that one of the faces has no picture of, in order and once each."""
    known = [load(face).face.charToGlyph for face in Face]
    return "".join(dict.fromkeys(sign for sign in words if any(ord(sign) not in signs for signs in known)))


def fit(words: str, face: Face, width: float, height: float, largest: float, most: int = 1) -> Fitted:
    """Set the words as large as the box lets them be: in one line, or in two where `most` allows them."""
    ways = [(words,)] if most == 1 else [(words,), *_breaks(words)]
    return max(
        (_fill(lines, face, width, height, largest) for lines in ways), key=lambda way: _rank(way, face)
    )


def width_of(words: str, face: Face) -> float:
    """How wide the words are, in sizes of the type."""
    return float(load(face).stringWidth(words, 1))


@cache
def _load(face: Face) -> TTFont:
    path = FOLDER / f"{face}.ttf"
    if not path.is_file():
        raise AppError(f"缺少字体文件 {path.name}，海报画不出来：请在服务器上运行 make setup")
    font = TTFont(face.value, path, asciiReadable=False)  # otherwise all of ASCII is embedded as well
    pdfmetrics.registerFont(font)
    # Every document asks for the same tables and got copies of them, ten megabytes of outlines among them.
    font.face.get_table = cache(font.face.get_table)  # type: ignore[method-assign]
    return font


def _fill(lines: tuple[str, ...], face: Face, width: float, height: float, largest: float) -> Fitted:
    size = min(largest, width / _widest(lines, face), height / (len(lines) * PITCH))
    return Fitted(lines, size)


def _widest(lines: tuple[str, ...], face: Face) -> float:
    return max(1.0, *(width_of(line.strip(), face) for line in lines))


def _breaks(words: str) -> list[tuple[str, ...]]:
    """All ways to break the words in two that a reader of Chinese would accept."""
    places = range(1, len(words))
    return [(words[:at], words[at:]) for at in places if _may_break(words[at - 1], words[at])]


def _may_break(before: str, after: str) -> bool:
    """A number or a Latin word stays whole, and a mark stays with what it belongs to."""
    whole = before.isascii() and after.isascii() and before.isalnum() and after.isalnum()
    return not whole and before not in NEVER_LAST and after not in NEVER_FIRST


def _rank(fitted: Fitted, face: Face) -> tuple[float, float]:
    """Larger type is better, but a break in the midst of words has to win much; then, lines of like width."""
    broken = len(fitted.lines) == 2 and not _pauses(*fitted.lines)
    return fitted.size * (NATURAL if broken else 1), -_widest(fitted.lines, face)


def _pauses(first: str, second: str) -> bool:
    named = first[-1] in ENDS and second[0] not in ENDS
    return named or first[-1] in PAUSES_AFTER or second[0] in PAUSES_BEFORE
