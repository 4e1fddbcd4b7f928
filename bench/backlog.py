"""Taking what goes next: a worker's batch, out of a short queue of messages and out of a long one.

Two databases of one server, alike but for how many messages are due, are asked in turn, so that a slow minute
meets both. PostgreSQL is on the other core. What is taken is given back: every round meets the same queue.
"""

import statistics
from pathlib import Path
from time import perf_counter
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from backend import db
from backend.config import config
from backend.migrations import upgrade
from backend.notify import outbox, tasks
from bench.report import progress

FEW, MANY, URGENT, ROUNDS = 1_000, 100_000, 30, 30
TARGET = 3.0
RESIDENTS = "INSERT INTO residents (created_at) SELECT now() FROM generate_series(1, :many)"
# A few dozen are urgent by their kind, so that a batch holds of both; the last owed have been due longest.
QUEUE = """
    INSERT INTO notifications (key, message, resident_id, fields, haste, due_at)
    SELECT 'backlog:' || n, CASE WHEN n <= :urgent THEN 'case_asked' ELSE 'survey_reminded' END, n,
        '{"number": "261121483920", "place": "玉兰社区", "summary": "门口的路灯不亮了"}',
        CASE WHEN n <= :urgent THEN 1 ELSE 2 END, now() - n * interval '1 millisecond'
    FROM generate_series(1, :many) n"""


def run(folder: Path) -> dict[str, Any]:
    """Returns the table's rows and what was found besides."""
    queues = {many: _database(many) for many in (FEW, MANY)}
    times: dict[int, list[float]] = {many: [] for many in queues}
    for number in progress(range(ROUNDS + 1), "taking in turn"):
        for many, engine in queues.items():
            taken = _take(engine)
            times[many] += [taken] if number else []
    few_ms, many_ms = (statistics.median(times[many]) for many in (FEW, MANY))
    rows = [
        _row(f"{tasks.DRAIN} taken of {FEW:,} due, ms", few_ms, None),
        _row(f"{tasks.DRAIN} taken of {MANY:,} due, ms", many_ms, None),
        _row("the second in terms of the first", many_ms / few_ms, TARGET),
    ]
    return {
        "rows": rows,
        "says": f"{ROUNDS} rounds in turn; {URGENT} of each batch are urgent by their kind.",
    }


def _database(many: int) -> sa.Engine:
    """A database with so many messages that are due."""
    server = sa.create_engine(config.database_url, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
    with server.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE backlog_{many}")
    url = server.url.set(database=f"backlog_{many}").render_as_string(hide_password=False)
    upgrade(url)
    engine = db.connect(url)
    with db.transaction() as session:
        for statement in (RESIDENTS, QUEUE):
            session.execute(sa.text(statement), {"many": many, "urgent": URGENT})
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("VACUUM ANALYZE")
    return engine


def _take(engine: sa.Engine) -> float:
    """Milliseconds for one batch, which must be a whole one, the urgent in it."""
    with Session(engine) as session:
        started = perf_counter()
        claimed = tasks.take(session, outbox.due(session, limit=tasks.DRAIN))
        taken = perf_counter() - started
        session.rollback()
    urgent = sum(owed.message == "case_asked" for owed in claimed)
    if (len(claimed), urgent) != (tasks.DRAIN, URGENT):
        raise SystemExit(f"{len(claimed)} messages were taken, {urgent} of them urgent")
    return 1000 * taken


def _row(what: str, found: float, target: float | None) -> dict[str, Any]:
    return {"what": what, "found": round(found, 2), "target": target}
