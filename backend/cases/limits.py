"""Time limits as people write them (3个工作日, 24小时, 2天, 即时), and back."""

import re

from backend.errors import Invalid

AT_ONCE = ("即时", "即时办理", "立即", "立即办理", "马上", "当场")  # an hour: the shortest that a clock knows
HOURS = {"小时": 1, "个小时": 1, "时": 1, "h": 1, "天": 24, "日": 24, "自然日": 24, "个自然日": 24, "d": 24}
LONGER = {"周": 168, "星期": 168, "个星期": 168, "个月": 720, "月": 720}
WORKING = ("工作日", "个工作日", "工作天", "个工作天")
LONGEST = 366 * 24  # hours
DIGITS = {digit: value for value, digit in enumerate("零一二三四五六七八九十")} | {"两": 2}
UNREADABLE = "时限看不懂，请写成 3个工作日、24小时、2天 或 即时；不单独规定的留空"
_LIMIT = re.compile(r"(\d{1,5}|[零一二两三四五六七八九十]{1,3})\s*([a-z\u4e00-\u9fff]+?)(?:之?内|以内)?")

Limit = tuple[int | None, bool]  # hours, and whether they count working days, 24 to the day


def parse(text: str) -> Limit:
    """Read a limit; empty is none. Raises Invalid with the cure for what cannot be read."""
    said = text.strip().lower()
    if not said:
        return None, False
    if said in AT_ONCE:
        return 1, False
    match = _LIMIT.fullmatch(said)
    number = _number(match[1]) if match else 0
    hours = number * _unit(match[2]) if match else 0
    if not match or not 0 < hours <= LONGEST:
        raise Invalid(UNREADABLE)
    return hours, match[2] in WORKING


def words(hours: int | None, in_working_days: bool) -> str:
    """The limit as `parse` reads it."""
    if hours is None:
        return ""
    if in_working_days:
        return f"{hours // 24}个工作日"
    return f"{hours // 24}天" if hours % 24 == 0 and hours > 24 else f"{hours}小时"


def _unit(said: str) -> int:
    return 24 if said in WORKING else (HOURS | LONGER).get(said, 0)


def _number(said: str) -> int:
    """Up to 99 in Chinese: 三, 十五, 二十, 三十一."""
    if said.isdigit():
        return int(said)
    if len(said) == 1:
        return DIGITS[said]
    tens, ten, ones = said.partition("十")
    if not ten or len(tens) > 1 or len(ones) > 1 or ones == "十":
        return 0
    return DIGITS.get(tens, 1) * 10 + DIGITS.get(ones, 0)
