"""The rules for the values of template keywords, by the type in the keyword's name (thing2 → thing)."""

import re
from collections.abc import Mapping
from typing import Any

from wechat_sandbox.errors import ApiError

NO_BREAKS = r"[^\x00-\x1f\x7f\u2028\u2029]"
HAN = r"[\u3400-\u9fff\uf900-\ufaff·]"
CLOCK = r"([01]?\d|2[0-3]):[0-5]\d(:[0-5]\d)?"
DAY = r"\d{4}(年\d{1,2}月\d{1,2}日|-\d{1,2}-\d{1,2}|/\d{1,2}/\d{1,2}|\.\d{1,2}\.\d{1,2})"
MOMENT = rf"({DAY} ?{CLOCK}|{DAY}|{CLOCK})"

# Source: the table of keyword types in the document of subscribe messages, valid for template messages
# since 2023. Limits count characters. `short_thing` is undocumented: 10 is the stricter guess.
RULES: dict[str, str] = {
    "thing": rf"{NO_BREAKS}{{1,20}}",
    "short_thing": rf"{NO_BREAKS}{{1,10}}",
    "number": r"-?(?=.{1,32}$)\d+(\.\d+)?",
    "letter": r"[A-Za-z]{1,32}",
    "symbol": r"[^\w\s]{1,5}",
    "character_string": r"[\x21-\x7e](?:[\x20-\x7e]{0,30}[\x21-\x7e])?",
    "time": rf"{MOMENT}( ?~ ?{MOMENT})?",
    "date": rf"{DAY}( {CLOCK})?( ?~ ?{DAY}( {CLOCK})?)?",
    "amount": r"[¥￥$€£]?\d{1,10}(\.\d+)?元?",
    "phone_number": r"[\d+\-() ]{1,17}",
    "car_number": rf"{HAN}?[A-Z0-9\-·]{{1,7}}{HAN}?",
    "name": rf"({HAN}{{1,10}}|[A-Za-z .]{{1,20}})",
    "phrase": r"[\u3400-\u9fff]{1,5}",
    # Lists approved with the template; an app may name them under `values`, else any short text goes.
    "enum": rf"{NO_BREAKS}{{1,20}}",
    "const": rf"{NO_BREAKS}{{1,20}}",
}
PATTERNS = {kind: re.compile(rule) for kind, rule in RULES.items()}
LEGACY = {"first", "remark"}  # Accepted and not shown since 2023-05-04.


def check(template: Mapping[str, Any], sent: object) -> list[dict[str, str]]:
    """The rows of the card; 47003 with WeChat's text names the first keyword that is missing or wrong.

    `template` holds `keywords` (name → label) and perhaps `values` (name → approved values); `sent` is
    the `data` of the request: name → {"value": text}.
    """
    if not isinstance(sent, Mapping):
        raise ApiError(47001)
    keywords: Mapping[str, str] = template["keywords"]
    unknown = [name for name in sent if name not in keywords and name not in LEGACY]
    if unknown:
        raise ApiError(47003, f"argument invalid! data.{unknown[0]}.value invalid")
    return [{"label": label, "value": _value(template, name, sent)} for name, label in keywords.items()]


def _value(template: Mapping[str, Any], name: str, sent: Mapping[str, Any]) -> str:
    field = sent.get(name)
    value = field.get("value") if isinstance(field, Mapping) else None
    if value is None or value == "":
        raise ApiError(47003, f"argument invalid! data.{name}.value is empty")
    text = str(value)
    approved = template.get("values", {}).get(name)
    if not is_valid(name, text) or (approved is not None and text not in approved):
        raise ApiError(47003, f"argument invalid! data.{name}.value invalid")
    return text


def is_valid(name: str, text: str) -> bool:
    """Whether a value fits the type in a keyword's name; an unknown type is held to the rule of `thing`."""
    pattern = PATTERNS.get(name.rstrip("0123456789"), PATTERNS["thing"])
    if name.startswith("car_number") and len(text) > 8:
        return False
    return pattern.fullmatch(text) is not None
