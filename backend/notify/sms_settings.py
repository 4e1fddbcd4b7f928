"""The text messages that this deployment sends: the table [sms] of the accounts' file, read once.

A sentence about a bad table names the field, never a value: some of the values are secrets.
"""

import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from types import MappingProxyType
from typing import Any

from backend.config import config
from backend.notify.messages import Message

FIELDS = frozenset({"number", "place", "summary", "status", "time", "note", "who", "until"})
LONGEST = 12  # characters of one parameter: more are refused for some accounts (code 1036 of old)
WEAK_TOKEN, LEAST_VARIETY = 16, 6
MISSING = "没有写，请补上"


@dataclass(frozen=True)
class SmsTemplate:
    """An approved text: its id, which of our fields goes into {1}, {2} …, and how long each may be.

    `text` is its words, if they were written down: for previews.
    """

    id: str
    params: tuple[str, ...]
    longest: int = LONGEST
    text: str = ""


@dataclass(frozen=True)
class SmsSettings:
    """One application at Tencent Cloud. `callback_token` is the secret part of where it reports to."""

    sdk_app_id: str
    sign: str
    secret_id: str
    secret_key: str = field(repr=False)
    callback_token: str = field(repr=False)
    region: str
    templates: Mapping[Message, SmsTemplate]


@cache
def settings() -> SmsSettings | None:
    """The table of this process, read at the first call; None when the deployment sends no text messages.

    Raises SystemExit with the one sentence that says what is wrong.
    """
    try:
        document = tomllib.loads(config.accounts_file.read_text(encoding="utf-8"))
    except (OSError, ValueError):  # wechat/accounts.py says what is wrong with the file
        return None
    return read(document["sms"]) if "sms" in document else None


def read(table: Any) -> SmsSettings:
    """The settings that a table makes, or SystemExit."""
    if not isinstance(table, dict):
        raise _bad("", "要写成一个表，里面是各项")
    for key in table.keys() - {*CHECKS, "templates"}:
        raise _bad(key, "没有这一项，请改正或删掉")
    plain = {key: _checked(key, table) for key in CHECKS}
    tables = table.get("templates", {})
    if not isinstance(tables, dict):
        raise _bad("templates", "要写成一个表")
    for kind in tables.keys() - set(Message):
        raise _bad(f"templates.{kind}", "没有这种消息，请改正或删掉")
    templates = {Message(kind): _template(f"templates.{kind}", one) for kind, one in tables.items()}
    return SmsSettings(**plain, templates=MappingProxyType(templates))


def _checked(key: str, table: Mapping[str, Any]) -> str:
    value = table.get(key, DEFAULTS.get(key, ""))
    is_good, problem = CHECKS[key]
    if not isinstance(value, str) or not is_good(value):
        raise _bad(key, problem if key in table else MISSING)
    return value


def _template(where: str, table: Any) -> SmsTemplate:
    if not isinstance(table, dict) or not re.fullmatch(r"\d{1,12}", str(table.get("id", ""))):
        raise _bad(f"{where}.id", "要写模板 ID，只有数字")
    params, longest = table.get("params", []), table.get("longest", LONGEST)
    if not isinstance(params, list) or not all(isinstance(one, str) and one in FIELDS for one in params):
        raise _bad(f"{where}.params", f"只能是 {'、'.join(sorted(FIELDS))} 中的几个")
    if not isinstance(longest, int) or not 1 <= longest <= 100:
        raise _bad(f"{where}.longest", "要写 1 到 100 的整数")
    text = table.get("text", "")
    if not isinstance(text, str) or (text and _places(text) != set(range(1, len(params) + 1))):
        raise _bad(f"{where}.text", "要照审核通过的内容写，{1}、{2} 的个数和 params 一样")
    for key in table.keys() - {"id", "params", "longest", "text"}:
        raise _bad(f"{where}.{key}", "没有这一项，请改正或删掉")
    return SmsTemplate(str(table["id"]), tuple(params), longest, text)


def _places(text: str) -> set[int]:
    """Which of the places {1}, {2} … a text has."""
    return {int(place) for place in re.findall(r"\{(\d{1,2})\}", text)}


def _bad(where: str, problem: str) -> SystemExit:
    return SystemExit(f"WECHAT_ACCOUNTS：短信 [sms] 的 {where}：{problem}。")


def _matches(pattern: str) -> Callable[[str], bool]:
    return lambda value: re.fullmatch(pattern, value) is not None


def _is_strong(token: str) -> bool:
    is_plain = re.fullmatch(r"[0-9A-Za-z_-]+", token) is not None  # it is a part of an address
    return is_plain and len(token) >= WEAK_TOKEN and len(set(token)) >= LEAST_VARIETY


DEFAULTS = {"region": "ap-guangzhou"}
CHECKS: dict[str, tuple[Callable[[str], bool], str]] = {
    "sdk_app_id": (_matches(r"\d{6,16}"), "要写短信应用的 SdkAppId，只有数字"),
    "sign": (_matches(r"[0-9A-Za-z\u4e00-\u9fff（）()]{2,20}"), "要写审核通过的短信签名，不带【】"),
    "secret_id": (_matches(r"[0-9A-Za-z_-]{8,128}"), "要照腾讯云显示的 SecretId 写"),
    "secret_key": (_matches(r"[0-9A-Za-z_-]{8,128}"), "要照腾讯云显示的 SecretKey 写"),
    "callback_token": (
        _is_strong,
        f"只用字母、数字、- 和 _，至少要 {WEAK_TOKEN} 个字符，其中 {LEAST_VARIETY} 种不同",
    ),
    "region": (_matches(r"[a-z]{2}-[a-z0-9-]{3,20}"), "要写腾讯云的地域，如 ap-guangzhou"),
}
