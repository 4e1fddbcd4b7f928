"""The ledger of many steps: sealing them, going over the chain, and what a run costs when little is new.

One process; PostgreSQL on the other core. The steps are invented, one in three with a note, and all that is
measured is what the actor and the command do themselves.
"""

import statistics
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from time import perf_counter
from typing import Any

import sqlalchemy as sa

from backend import db
from backend.cases import sealing, verifying
from backend.config import config
from backend.migrations import upgrade
from backend.times import now
from bench.report import progress

CASES, EACH, STEP = 100_000, 6, 10_000
YEAR = 8_000_000  # steps: one and a half million cases
NEW = 300  # steps in a busy minute
ROUNDS = 20
PLACE = "INSERT INTO areas (id, level, name, path, district_id) VALUES (1, 'district', '量测区', '1', 1)"
PAST = """
WITH opened AS (
    INSERT INTO cases (number, channel, report, status, place_id, district_id)
    SELECT '8' || lpad(n::text, 11, '0'), 'wechat', '第' || n || '件事', 'in_progress', 1, 1
    FROM generate_series(CAST(:first AS int), CAST(:last AS int)) n RETURNING id
)
INSERT INTO case_events (case_id, round, action, role, from_status, to_status, note, created_at)
SELECT id, 1, 'progress', 'handler', 'in_progress', 'in_progress',
    CASE WHEN n % 3 = 0 THEN '第' || n || '次到现场，已联系物业，约定明天上午再来看' ELSE '' END,
    now() - n * interval '1 minute'
FROM opened, generate_series(1, CAST(:each AS int)) n"""


def run(folder: Path) -> dict[str, Any]:
    """Returns the table's rows and what was found besides."""
    server = sa.create_engine(config.database_url, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
    with server.connect() as connection:
        connection.exec_driver_sql("CREATE DATABASE ledger")
    url = server.url.set(database="ledger").render_as_string(hide_password=False)
    upgrade(url)
    engine = db.connect(url)
    try:
        return _measure(engine)
    finally:
        engine.dispose()


def _measure(engine: sa.Engine) -> dict[str, Any]:
    steps = _fill(engine)
    sealed = _timed(_seal_all)
    _settle(engine)
    verified = _timed(_verify)
    small = [_busy_minute(number) for number in range(ROUNDS)]
    rows = [
        _row(f"sealing {steps:,} steps", steps, sealed),
        _row(f"verifying {steps:,} steps", steps, verified),
        _row(f"a run that finds {NEW} new ones, median of {ROUNDS}", NEW, statistics.median(small)),
    ]
    return {"rows": rows, "says": _says(steps, verified)}


def _says(steps: int, verified: float) -> str:
    minutes = verified / steps * YEAR / 60
    pace = f"A year of {YEAR:,} steps would take {minutes:.1f} minutes to verify at this pace."
    return f"{pace} This is reckoned, not measured: what is not in memory is read from the disk besides."


def _row(what: str, steps: int, seconds: float) -> dict[str, Any]:
    return {"what": what, "seconds": round(seconds, 3), "steps per second": round(steps / seconds)}


def _fill(engine: sa.Engine) -> int:
    with db.transaction() as session:
        session.execute(sa.text(PLACE))
    _add(CASES)
    _settle(engine)
    return CASES * EACH


def _add(cases: int, number: int = 0) -> None:
    for first in progress(range(number + 1, number + cases + 1, STEP), "steps"):
        last = min(first + STEP - 1, number + cases)
        with db.transaction() as session:
            session.execute(sa.text(PAST), {"first": first, "last": last, "each": EACH})


def _settle(engine: sa.Engine) -> None:
    """Let PostgreSQL know what there is."""
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("SET statement_timeout = 0")
        connection.exec_driver_sql("VACUUM ANALYZE")


def _seal_all() -> None:
    """What the actor does, but as if an hour ago."""
    an_hour_ago = now() - timedelta(hours=1)
    after: int | None = 0
    while after is not None:
        with db.transaction() as session:
            after = sealing.seal(session, after, an_hour_ago)


def _verify() -> None:
    with db.transaction() as session:
        result = verifying.verify(session)
    if result.finding or result.steps != CASES * EACH:
        raise SystemExit(f"the chain is not whole: {result.finding}, {result.steps} steps")


def _busy_minute(number: int) -> float:
    """Seconds of the actor's run that finds these steps, behind all that was sealed an hour before."""
    _add(NEW // EACH, CASES + number * NEW)
    return _timed(sealing.seal_events.fn)


def _timed(what: Callable[[], object]) -> float:
    started = perf_counter()
    what()
    return perf_counter() - started
