"""The platform is down for five minutes while 50 messages a second are owed; then it comes back.

First the same messages are sent while it is well, for the rate that draining is held against. One worker and
one clock, the real ones. The sandbox is the platform: it answers after 50 ms, and 503 while it is down.
"""

import os
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from backend import db, embedded
from backend.notify import service
from backend.notify.messages import Message
from backend.notify.models import Delivery
from bench import place
from bench.report import bar, progress
from tests.shaken import CLOCK, WORKER, City

SECONDS = int(os.environ.get("BENCH_OUTAGE", "300"))
RATE, URGENT = 50, 5  # owed in a second; of these urgent by their kind
BEFORE = 3_000  # sent while all is well
MANY = BEFORE + SECONDS * RATE
PATIENCE = 1_200.0
SEND = "/cgi-bin/message/template/send"
WELL = [{"path": SEND, "delay_ms": 50}]
DOWN = [{"path": "*", "http_status": 503}]
ORDINARY, PRESSING = Message.CASE_CLOSED, Message.CASE_RESOLVED
FIELDS = {"place": "玉兰社区", "summary": "门口的路灯不亮了", "note": "已经修好", "at": "2026-11-21 18:30"}
SENT = sa.text("SELECT count(*) FROM notifications WHERE status = 'sent'")
LAST = sa.text("""
    SELECT message, extract(epoch FROM min(sent_at)), extract(epoch FROM max(sent_at)),
        extract(epoch FROM percentile_disc(0.5) WITHIN GROUP (ORDER BY sent_at))
    FROM notifications WHERE key LIKE 'outage:%' AND sent_at IS NOT NULL GROUP BY message""")
ATTEMPTS = sa.text("SELECT max(attempts) FROM notifications WHERE key LIKE 'outage:%'")


def run(folder: Path) -> dict[str, Any]:
    """Returns the table's rows and what was found besides."""
    embedded.stop(folder)  # to start again on all cores
    os.sched_setaffinity(0, place.CORES)
    city = City(folder, MANY, kinds=(ORDINARY, PRESSING))
    db.connect(city.url)
    try:
        city.sandbox.settings(receipts=False)
        city.sandbox.faults(api=WELL)
        city.start({"worker": WORKER, "clock": CLOCK})
        _owe("warm", range(1, 33))
        _wait(city, 32, "warming up")
        return _measure(city)
    finally:
        city.close()


def _measure(city: City) -> dict[str, Any]:
    start = time.monotonic()
    for first in range(33, BEFORE, 500):
        _owe("well", range(first, min(first + 500, BEFORE)))
    _wait(city, BEFORE - 1, "while all is well")
    rate = (BEFORE - 33) / (time.monotonic() - start)

    city.sandbox.faults(api=DOWN)
    before, begun = len(city.sandbox.calls(SEND)), time.monotonic()
    for second in progress(range(SECONDS), "seconds without the platform"):
        first = BEFORE + second * RATE
        _owe("outage", range(first, first + RATE))
        time.sleep(max(0.0, begun + second + 1 - time.monotonic()))
    calls = len(city.sandbox.calls(SEND)) - before
    held = city.counted()[Delivery.WAITING]

    city.sandbox.faults(api=WELL)
    back, moment = time.monotonic(), time.time()
    _wait(city, MANY - 1, "after its return")
    return _found(city, rate, calls, held, time.monotonic() - back, moment)


def _owe(why: str, people: Iterable[int]) -> None:
    """Owe each of these people a message, one in ten of them an urgent one."""
    with db.transaction() as session:
        for person in people:
            kind = PRESSING if person % (RATE // URGENT) == 0 else ORDINARY
            fields = FIELDS | {"number": f"261121{person:06d}"}
            service.owe(session, kind, f"{why}:{person}", fields, residents=[person])


def _wait(city: City, many: int, what: str) -> None:
    """Until so many have been sent."""
    until = time.monotonic() + PATIENCE
    with bar(many, what) as shown:
        while (sent := city.ask(SENT).scalar()) < many:
            shown.update(sent - shown.n)
            if time.monotonic() > until:
                raise SystemExit(f"of {many}, after {PATIENCE:.0f} seconds: {city.counted()}")
            time.sleep(0.2)


def _found(city: City, rate: float, calls: int, held: int, seconds: float, back: float) -> dict[str, Any]:
    shown, outage = city.shown(), SECONDS * RATE
    at = {kind: [float(one) - back for one in moments] for kind, *moments in city.ask(LAST)}
    first = min(one for one, _, _ in at.values())
    drained = outage / (seconds - first)
    rows = [
        ("sent in a second while all is well", round(rate), None),
        ("owed while the platform was down", outage, None),
        ("waiting at its return", held, outage),
        ("calls to it meanwhile", calls, None),
        ("lost", MANY - 1 - len(shown), 0),
        ("shown twice", sum(number > 1 for number in shown.values()), 0),
        ("attempts that the outage cost a message, at most", city.ask(ATTEMPTS).scalar() - 1, None),
        ("seconds from its return until it was noticed", round(first, 1), None),
        ("seconds from its return until all was sent", round(seconds, 1), None),
        ("sent in a second once it was noticed", round(drained), None),
        ("of the rate while all is well", round(drained / rate, 2), None),
        ("seconds until the last urgent one was sent", round(at[PRESSING][1], 1), None),
        ("seconds until half of the others were sent", round(at[ORDINARY][2], 1), None),
    ]
    says = f"Down for {SECONDS} seconds while {RATE} messages a second were owed, {URGENT} of them urgent."
    return {"rows": [{"what": a, "found": b, "must be": c} for a, b, c in rows], "says": says}
