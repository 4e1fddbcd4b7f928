"""100,000 surveys fall due while workers, clocks, Redis and the database are killed at random.

What the real clock does within an hour (cases/tasks.SURVEYS at each of its turns) is done in a tenth of it:
it has a turn every second. Two workers and two clocks; the sandbox is the platform and answers after 50 ms.
Some residents are unknown to it, and some have left. In the end every message is looked up here and there.
"""

import os
import random
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from backend import embedded
from backend.notify.models import Delivery
from bench import place
from bench.report import bar
from tests.shaken import QUICK_CLOCK, WORKER, City

MANY = int(os.environ.get("BENCH_SURVEYS", "100000"))
SPAN = MANY / 300  # seconds over which they fall due: as fast as the clock asks for them
STRANGERS, LEFT = MANY // 500, MANY // 250  # whom WeChat does not know; who left unnoticed
PAUSES = (10.0, 30.0)  # seconds from one kill to the next
ALMOST = MANY // 50  # the last few are left in peace
PATIENCE = 1_800.0  # seconds after the first is due
SEND = "/cgi-bin/message/template/send"
PROGRAMS = {"worker 1": WORKER, "worker 2": WORKER, "clock 1": QUICK_CLOCK, "clock 2": QUICK_CLOCK}
# The surveys that nobody was owed yet, and the messages with which something is still to be done.
TO_DO = sa.text("""
    SELECT :many - count(*) + count(*) FILTER (
        WHERE status = 'sending' OR (status = 'waiting' AND due_at < now() + interval '1 year'))
    FROM notifications""")
LATE = sa.text("""
    SELECT percentile_disc(ARRAY[0.5, 0.99, 1]) WITHIN GROUP (ORDER BY took)
    FROM (SELECT extract(epoch FROM sent_at - created_at) AS took FROM notifications) measured""")
BUSIEST = sa.text("""
    SELECT max(many) FROM (SELECT count(*) AS many FROM notifications WHERE created_at IS NOT NULL
    GROUP BY date_trunc('second', created_at)) counted""")
UNSAID = sa.text("SELECT count(*) FROM notifications WHERE status <> 'sent' AND coalesce(error, '') = ''")


def run(folder: Path) -> dict[str, Any]:
    """Returns the table's rows and what was found besides."""
    embedded.stop(folder)  # to start again on all cores
    os.sched_setaffinity(0, place.CORES)
    city = City(folder, MANY, kinds=("survey_invited",), strangers=STRANGERS, left=LEFT)
    try:
        city.sandbox.settings(receipts=False, daily_limits={SEND: 10 * MANY})
        city.sandbox.faults(api=[{"path": SEND, "delay_ms": 50}])
        city.fall_due(SPAN)
        start = time.monotonic()
        city.start(PROGRAMS)
        killed = _shake(city, start)
        return _found(city, killed, time.monotonic() - start)
    finally:
        city.close()


def _shake(city: City, start: float) -> Counter[str]:
    """Kill one thing after the other, each once and then any of them, until nothing is left to do."""
    chosen, killed = random.Random(2026), Counter[str]()
    turns, ways = list(city.ways()), city.ways()
    due = time.monotonic() + PAUSES[0]
    chosen.shuffle(turns)
    with bar(MANY, "surveys") as shown:
        while (left := _left(city)) and time.monotonic() - start < PATIENCE:
            shown.update(MANY - left - shown.n)
            if time.monotonic() > due and left > ALMOST:
                name = turns.pop() if turns else chosen.choice(list(ways))
                ways[name]()
                killed[name.rstrip(" 12")] += 1
                due = time.monotonic() + chosen.uniform(*PAUSES)
            time.sleep(1)
    return killed


def _left(city: City) -> int:
    return int(city.ask(TO_DO, many=MANY).scalar())


def _found(city: City, killed: Mapping[str, int], seconds: float) -> dict[str, Any]:
    counted, shown = city.counted(), city.shown()
    median, most, longest = map(float, city.ask(LATE).scalar())
    expected = set(range(STRANGERS + LEFT + 1, MANY + 1))
    sums = [
        ("surveys that fell due", MANY, None),
        ("messages owed", counted.total(), MANY),
        ("sent", counted[Delivery.SENT], len(expected)),
        ("failed, or waiting for a next visit", counted.total() - counted[Delivery.SENT], STRANGERS + LEFT),
        ("of these without a reason", city.ask(UNSAID).scalar(), 0),
        ("people whom the platform showed nothing, and should have", len(expected - set(shown)), 0),
        ("people whom it showed the same twice", sum(number > 1 for number in shown.values()), 0),
        ("seconds until nothing was left to do", round(seconds), None),
        ("owed within the busiest second", city.ask(BUSIEST).scalar(), None),
        ("from owed to sent, s: half", round(median, 1), None),
        ("from owed to sent, s: 99 of 100", round(most, 1), None),
        ("from owed to sent, s: the last", round(longest, 1), None),
    ]  # fmt: skip
    rows = [{"what": what, "found": found, "must be": must} for what, found, must in sums]
    deaths = ", ".join(f"{name} {number} times" for name, number in sorted(killed.items()))
    return {"rows": rows, "says": f"Killed meanwhile, by SIGKILL: {deaths}."}
