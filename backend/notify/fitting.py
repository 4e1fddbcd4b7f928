"""Making a value fit the slot of a template: WeChat refuses the whole card (47003) for one bad field.

The limits are those of the platform's table of keyword types (the document of subscribe messages, which also
holds for template messages). Its type `enum` cannot be filled: each template has another list of values.
Lengths are counted in UTF-16 units, the strictest reading of its "字符".
"""

import re
import unicodedata
from collections.abc import Callable
from datetime import datetime

from backend.times import now, stamp

SLOT = re.compile(r"([a-z_]+?)(\d{1,3})")
NUMBER = re.compile(r"[A-Za-z\d](?:[A-Za-z\d.,:：/\-]*[A-Za-z\d])?")  # and a word in Latin letters
SEPARATORS = "、，,；;。 "
LONGEST_NAME = 8  # characters after a separator that are left out rather than cut in two
BETWEEN_NAMES = re.compile(r"[、，,；;]")
LONGEST_NAMES = {"thing": 20, "short_thing": 10, "const": 20}  # of UTF-16 units
AMOUNT = re.compile(r"([¥￥$€£]?)(\d+(?:\.\d+)?)(元?)")
PHONE = re.compile(r"\+?\d[\d\- ]*\d")
PLATE = re.compile(r"[\u4e00-\u9fff][A-Z][·\-]?[A-Z0-9]{4,5}(?:[A-Z0-9]|[挂学警港澳领])?")
MOMENT = re.compile(r"(\d{4})-(\d{2})-(\d{2}) (\d{2}:\d{2})")
NOT_HAN = re.compile(r"[^\u3400-\u9fff]+")
JOINER = "\u200d"  # holds the parts of one emoji together


def slot_kind(slot: str) -> str | None:
    """The type of a slot, read from its name (`thing2` → `thing`); None for one that we cannot fill."""
    found = SLOT.fullmatch(slot)
    return found[1] if found and found[1] in FITTERS else None


def fit(slot: str, text: str, at: datetime | None = None) -> str:
    """A value that this slot takes, as much of `text` as goes into it; never empty.

    `at` stands in where a time is wanted and the text has none. Raises KeyError for a slot we cannot fill.
    """
    kind = slot_kind(slot)
    if kind is None:
        raise KeyError(slot)
    cleaned = clean(text)
    if kind in ("time", "date") and not MOMENT.search(cleaned):
        cleaned = stamp(at or now())
    return FITTERS[kind](cleaned) or FALLBACKS[kind]


def fit_names(slot: str, text: str) -> str:
    """One name or several (甲、乙), each whole or left out: 甲等. Raises KeyError for a slot we cannot fill.

    Half a name is another's: 望溪街道市 is no unit.
    """
    kind = slot_kind(slot)
    if kind == "name":  # takes one name, and no mark between two
        first, *others = BETWEEN_NAMES.split(text)
        is_han = not NOT_HAN.search(first)
        return fit(slot, f"{first}等" if others and is_han else first)
    length = LONGEST_NAMES.get(kind or "")
    return fit(slot, text if length is None else names(clean(text), length, utf16))


def names(text: str, length: int, size: Callable[[str], int]) -> str:
    """As many of these names as fit whole, and 等 for the others; nothing where not even one does."""
    found = [name.strip() for name in BETWEEN_NAMES.split(text) if name.strip()]
    shown = ["、".join(found)] + ["、".join(found[:count]) + "等" for count in range(len(found) - 1, 0, -1)]
    return next((one for one in shown if size(one) <= length), "")


def clean(text: str) -> str:
    """One line without control characters, invisible marks and lone surrogates."""
    spaced = "".join(" " if character.isspace() else character for character in text)
    kept = (
        character
        for character in spaced
        if character == JOINER or not unicodedata.category(character).startswith("C")
    )
    return re.sub(r" {2,}", " ", "".join(kept)).strip(f" {JOINER}")


def shorten(text: str, length: int, size: Callable[[str], int]) -> str:
    """The text, or as much of its beginning as fits with an ellipsis; never ends inside a number.

    `size` measures: UTF-16 units for a template's slot, bytes for a chat message.
    """
    if size(text) <= length:
        return text
    end = len(text)
    while end and size(text[:end]) > length - size("…"):
        end -= max(1, (size(text[:end]) - length) // 4)  # no character is larger than four bytes
    end = _before_name(text, _before_number(text, _before_joined(text, end)))
    return text[:end].rstrip() + "…" if text[:end].strip() else ""


def utf16(text: str) -> int:
    """How many UTF-16 units the text has: two for an emoji or a rare character."""
    return len(text) + sum(character > "\uffff" for character in text)


def _before_joined(text: str, end: int) -> int:
    """Not between a character and the marks that belong to it."""
    while 0 < end < len(text) and (
        text[end - 1] == JOINER or text[end] == JOINER or unicodedata.category(text[end]).startswith("M")
    ):
        end -= 1
    return end


def _before_number(text: str, end: int) -> int:
    """Half a telephone number or half an amount is worse than none."""
    inside = next((n for n in NUMBER.finditer(text) if n.start() < end < n.end()), None)
    return inside.start() if inside else end


def _before_name(text: str, end: int) -> int:
    """The last of several names is left out rather than cut: 市政中心、城管… tells of a unit that is none."""
    if not 0 < end < len(text) or text[end] in SEPARATORS:
        return end
    last = max(text.rfind(mark, 0, end) for mark in SEPARATORS)
    return last if last > 0 and end - last <= LONGEST_NAME else end


def _thing(length: int) -> Callable[[str], str]:
    return lambda text: shorten(text, length, utf16)


def _phrase(text: str) -> str:
    return NOT_HAN.sub("", text)[:5]


def _character_string(text: str) -> str:
    plain = re.sub(r"[^\x20-\x7e]+", " ", unicodedata.normalize("NFKC", text)).strip()
    if len(plain) <= 32:
        return plain
    return plain[: _before_number(plain, 32)].strip()


def _name(text: str) -> str:
    """A whole name or none: half a name is another's."""
    han, latin = NOT_HAN.sub("", text), " ".join(re.sub(r"[^A-Za-z ]+", " ", text).split())
    if han:
        return han if len(han) <= 10 else ""
    return latin if len(latin) <= 20 else ""


def _number(text: str) -> str:
    found = re.search(r"\d+(?:\.\d+)?", unicodedata.normalize("NFKC", text), re.ASCII)
    return found[0] if found and len(found[0]) <= 32 else ""


def _symbol(text: str) -> str:
    return re.sub(r"[\w\s]+", "", text)[:5]


def _amount(text: str) -> str:
    """A whole amount or none, with its one sign: ¥12.50 or 12.50元."""
    found = AMOUNT.search(unicodedata.normalize("NFKC", text))
    if found is None or len(found[2].split(".")[0]) > 10:
        return ""
    return f"{found[1]}{found[2]}{'' if found[1] else found[3]}"


def _phone_number(text: str) -> str:
    found = PHONE.search(unicodedata.normalize("NFKC", text))
    return found[0] if found and len(found[0]) <= 17 and found[0].isascii() else ""


def _car_number(text: str) -> str:
    found = PLATE.search(unicodedata.normalize("NFKC", text).upper())
    return found[0] if found and len(found[0]) <= 8 else ""


def _letter(text: str) -> str:
    return re.sub(r"[^A-Za-z]+", "", text)[:32]


def _moment(text: str) -> str:
    """2026-11-21 18:30 → 2026年11月21日 18:30."""
    found = MOMENT.search(text)
    return f"{_day(text)} {found[4]}" if found else ""


def _day(text: str) -> str:
    found = MOMENT.search(text)
    return f"{found[1]}年{int(found[2])}月{int(found[3])}日" if found else ""


FITTERS: dict[str, Callable[[str], str]] = {
    "thing": _thing(20),
    "short_thing": _thing(10),  # undocumented; ten is the stricter guess
    "const": _thing(20),  # only the values approved with the template: give it the status
    "phrase": _phrase,
    "character_string": _character_string,
    "name": _name,
    "number": _number,
    "letter": _letter,
    "symbol": _symbol,
    "amount": _amount,
    "phone_number": _phone_number,
    "car_number": _car_number,
    "time": _moment,
    "date": _day,
}

# What stands there when nothing of the value can: an empty field is refused like a wrong one.
FALLBACKS = {
    "thing": "请点开查看",
    "short_thing": "请点开查看",
    "const": "请点开查看",
    "phrase": "有新进展",
    "character_string": "-",
    "name": "工作人员",
    "number": "0",
    "letter": "A",
    "symbol": "-",
    "amount": "0",
    "phone_number": "12345",  # the public line of every city
    "car_number": "-",
    "time": "",
    "date": "",
}
