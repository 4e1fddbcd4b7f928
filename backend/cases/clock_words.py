"""How long a clock is, in words."""

from collections.abc import Sequence

from backend.cases import worktime
from backend.cases.deadline_models import Deadline
from backend.cases.duty_rules import place_chain
from backend.cases.models import Case
from backend.cases.policies import World

DAYLESS = (("小时", 60), ("分钟", 1))
A_DAY = 24 * 60
UNITS = (("天", A_DAY), *DAYLESS)


def span(world: World, case: Case, row: Deadline, minutes: int) -> str:
    """How long so many minutes of a clock are, in words."""
    if not row.in_working_time:
        return plain(minutes)
    days, rest = divmod(minutes, day_minutes(world, case, row))
    return f"{days} 个工作日" if days and not rest else f"{plain(minutes, DAYLESS)}工作时间"


def day_minutes(world: World, case: Case, row: Deadline) -> int:
    """How many minutes of a clock are a day: of one in working time, those of a working day there."""
    if not row.in_working_time:
        return A_DAY
    return worktime.day_minutes(world.hours_of(place_chain(case)))


def plain(minutes: int, units: Sequence[tuple[str, int]] = UNITS) -> str:
    """2 天 3 小时; less than a minute is 1 分钟."""
    left, words = max(1, minutes), []
    for name, size in units:
        count, left = divmod(left, size)
        words += [f"{count} {name}"] if count else []
    return " ".join(words)
