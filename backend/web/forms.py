"""What forms of pages bring, and what is said beside their fields when it cannot be taken."""

from collections.abc import Iterable, Mapping
from datetime import datetime

from flask import request

from backend.errors import AppError, Invalid

WHOLE = ""  # stands for the form itself where a refusal is about no field of it
CHOOSE_AGAIN = "照片需要重新选择"


class WrongFields(Invalid):
    """What some fields hold cannot be taken. `sentences` says why, by the field's name."""

    def __init__(self, sentences: Mapping[str, str]) -> None:
        super().__init__("；".join(dict.fromkeys(sentences.values())))
        self.sentences = dict(sentences)


def number(text: str) -> int | None:
    """The number of a row that an address or a field holds; None for whatever cannot be one."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None


def numbers(texts: Iterable[str]) -> list[int]:
    """Those of the texts that can be the number of a row."""
    return [found for found in map(number, texts) if found is not None]


def last_seen(name: str) -> int | None:
    """After which row the next page begins, by this part of the address; None for the first page.

    Raises Invalid for what is no number.
    """
    text = request.args.get(name, "")
    found = number(text)
    if text and found is None:
        raise Invalid("这一页已经失效，请从头看起")
    return found


def cursor(moment: datetime, row_id: int) -> str:
    """After which row the next page of a list by moments begins, as an address says it."""
    return f"{row_id}~{moment.isoformat()}"


def last_seen_at(name: str) -> tuple[datetime, int] | None:
    """The same read again, from this part of the address; None for the first page. Raises Invalid."""
    return read_cursor(request.args.get(name, ""))


def read_cursor(text: str) -> tuple[datetime, int] | None:
    """The moment and the id of a `cursor`; None for no text. Raises Invalid for what is none."""
    row_id, _, moment = text.partition("~")
    try:
        return (datetime.fromisoformat(moment), int(row_id[:18])) if text else None
    except ValueError:
        raise Invalid("这一页已经失效，请从头看起") from None


def must_be_sure() -> None:
    """Raises Invalid unless the form of something that cannot be undone says that its sender has read it."""
    if not request.form.get("sure"):
        raise Invalid("不能撤回，请先勾选“我看清楚了”")


def photos_in_form() -> list[bytes]:
    """The files of the field `photos`, the same content once; an untouched field comes as an empty file."""
    contents = (file.read() for file in request.files.getlist("photos"))
    return list(dict.fromkeys(content for content in contents if content))


def sentences_of(error: AppError) -> dict[str, str]:
    """What a refused form's page says, by field. It cannot put chosen photos back, and says that, too."""
    said = dict(error.sentences) if isinstance(error, WrongFields) else {WHOLE: error.message}
    if any(file.filename for file in request.files.getlist("photos")):
        said["photos"] = "。".join(filter(None, (said.get("photos"), CHOOSE_AGAIN)))
    return said
