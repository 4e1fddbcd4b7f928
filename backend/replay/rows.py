"""Reading the file: one row, one event of somebody somewhere. `-` means that nobody wrote it down."""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from backend.cases.models import Channel
from backend.errors import Invalid
from backend.times import SHANGHAI

MISSING = "-"
WECHAT = "@坪山"
# The file's channels other than WeChat, and what they are called here.
CHANNELS = {
    WECHAT: Channel.WECHAT,
    "美丽深圳": Channel.OTHER,
    "12345": Channel.HOTLINE,
    "12319": Channel.HOTLINE,
    "政府信箱": Channel.MAILBOX,
    "固话投诉": Channel.TELEPHONE,
}
NEEDED = (
    "REC_ID",
    "CREATE_TIME",
    "STREET_NAME",
    "COMMUNITY_NAME",
    "MAIN_TYPE_NAME",
    "SUB_TYPE_NAME",
    "EVENT_SRC_NAME",
)


@dataclass(frozen=True)
class Row:
    """One event. `street` and `community` are None where the file has `-`."""

    line: int
    id: int
    at: datetime
    street: str | None
    community: str | None
    source: str
    text: str

    @property
    def by_wechat(self) -> bool:
        return self.source == WECHAT

    @property
    def openid(self) -> str:
        """The simulated resident, one for each event."""
        return f"oReplay{self.id:021d}"

    @property
    def key(self) -> str:
        """The other system's number, so that the same file again makes nothing new."""
        return f"replay:{self.source}:{self.id}"


def read(path: Path, texts: Path | None = None) -> list[Row]:
    """Every row of the file. Raises Invalid, naming line and column, for a file of another kind."""
    said = _texts(texts) if texts else None
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file)
        missing = [name for name in NEEDED if name not in (reader.fieldnames or ())]
        if missing:
            raise Invalid(f"文件里没有这些列：{'、'.join(missing)}")
        return [_row(line, fields, said) for line, fields in enumerate(reader, start=2)]


def _row(line: int, fields: dict[str, str | None], said: Iterator[str] | None) -> Row:
    values = _values(line, fields)
    try:
        at = datetime.strptime(values["CREATE_TIME"], "%Y-%m-%d %H:%M:%S").replace(tzinfo=SHANGHAI)
        number = int(values["REC_ID"])
    except ValueError:
        raise Invalid(f"第 {line} 行：REC_ID 或 CREATE_TIME 读不出来") from None
    if values["EVENT_SRC_NAME"] not in CHANNELS:
        known = "、".join(CHANNELS)
        raise Invalid(f"第 {line} 行：不认识 EVENT_SRC_NAME“{values['EVENT_SRC_NAME']}”，认识的有：{known}")
    street, community = values["STREET_NAME"], values["COMMUNITY_NAME"]
    return Row(
        line=line,
        id=number,
        at=at,
        street=None if street == MISSING else street,
        community=None if community == MISSING else community,
        source=values["EVENT_SRC_NAME"],
        text=next(said) if said else f"{values['MAIN_TYPE_NAME']}：{values['SUB_TYPE_NAME']}，请尽快处理",
    )


def _values(line: int, fields: dict[str, str | None]) -> dict[str, str]:
    """What the line has in the columns that are needed; a line that is cut short lacks the last of them."""
    values = {name: value for name in NEEDED if (value := fields[name]) is not None}
    if missing := [name for name in NEEDED if name not in values]:
        raise Invalid(f"第 {line} 行：列数不够，没有 {'、'.join(missing)}")
    return values


def _texts(path: Path) -> Iterator[str]:
    """The column `text` of another file, over and over."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        said = ((fields.get("text") or "").strip() for fields in csv.DictReader(file))
        found = [text for text in said if text]
    if not found:
        raise Invalid("--texts 的文件里没有 text 这一列，或者是空的")
    while True:
        yield from found
