"""The sweep of deadlines: ten thousand clocks that fall due in one minute, among a million that do not.

One worker process; PostgreSQL on the other core. Two databases of one server, alike but for how much runs in
them, are swept in turn, so that a slow minute meets both. Every message that is owed is counted in.
"""

import statistics
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, perf_counter, sleep
from typing import Any

import sqlalchemy as sa

from backend import db
from backend.cases import escalation, policies, tasks
from backend.config import config
from backend.migrations import upgrade
from bench.report import progress

FEW, MANY, CLOCKS_A_CASE = 10_000, 1_000_000, 4
DUE, ROUNDS, BATCH = 10_000, 10, 500
EVERY = 10.0  # seconds between two sweeps, as the timetable has it (backend/clock.py)
STEP = 50_000  # clocks written at once
TARGET_S = 60.0

# A district of a hundred communities, each with a desk, and fifty units, each with two handlers and a head.
PEOPLE = (
    "INSERT INTO areas (level, name, path) VALUES ('district', '量测区', '')",
    "UPDATE areas SET path = id::text::ltree, district_id = id",
    """INSERT INTO areas (level, name, path, parent_id, district_id)
       SELECT 'community', '社区' || n, '', d.id, d.id FROM areas d, generate_series(1, 100) n""",
    """UPDATE areas SET path = (district_id || '.' || id)::ltree, community_id = id
       WHERE level = 'community'""",
    """INSERT INTO units (area_id, kind, name)
       SELECT d.id, 'department', '单位' || n FROM areas d, generate_series(1, 50) n
       WHERE level = 'district'""",
)
POSTS = """
    WITH seats AS (
        SELECT 'information_officer' AS role, id AS area_id, NULL::bigint AS unit_id FROM areas
        WHERE level = 'community'
        UNION ALL SELECT role, NULL, u.id FROM units u,
            (VALUES ('handler'), ('handler'), ('unit_head')) roles(role)
        UNION ALL SELECT role, d.id, NULL FROM areas d,
            (VALUES ('supervisor'), ('dispatcher'), ('dispatcher'), ('leader')) roles(role)
        WHERE d.level = 'district'
    ), numbered AS (SELECT *, row_number() OVER () AS n FROM seats)
    INSERT INTO posts (officer_id, role, area_id, unit_id, since)
    SELECT n, role, area_id, unit_id, now() - interval '1 day' FROM numbered"""
CASES = """
    WITH lists AS (SELECT
        (SELECT array_agg(id) FROM areas WHERE level = 'community') AS places,
        (SELECT array_agg(id) FROM units) AS offices,
        (SELECT id FROM areas WHERE level = 'district') AS district)
    INSERT INTO cases (number, channel, status, report, place_id, district_id, community_id, unit_id)
    SELECT '7' || lpad(n::text, 11, '0'), 'wechat', 'in_progress', '第' || n || '件事：门口的路灯不亮了',
        place, district, place, offices[1 + n % cardinality(offices)]
    FROM lists, generate_series(CAST(:first AS int), CAST(:last AS int)) n,
        LATERAL (SELECT places[1 + n % cardinality(places)] AS place) chosen"""
CLOCKS = """
    INSERT INTO deadlines (case_id, round, clock, minutes, started_at, amber_at, due_at, next_at)
    SELECT c.id, 1, clock, 2880, now(), moment - interval '1 day', moment, moment - interval '1 day'
    FROM cases c, unnest(ARRAY['resolve', 'answer', 'first_contact', 'acknowledge']) clock,
        LATERAL (SELECT now() + interval '2 days' + (c.id % 20000) * interval '1 minute' AS moment) t
    WHERE c.id BETWEEN :first AND :last"""
# So many of the clocks that nobody has heard of run out between now and so many seconds from now.
RUN_OUT = """
    WITH chosen AS (
        SELECT id, row_number() OVER () AS n FROM deadlines
        WHERE stage = 0 AND next_at > now() + interval '1 hour' LIMIT :count)
    UPDATE deadlines d SET stage = 1, due_at = at, amber_at = at, next_at = at
    FROM chosen, LATERAL (
        SELECT clock_timestamp() + n * CAST(:seconds AS float) / :count * interval '1 second') t(at)
    WHERE d.id = chosen.id"""


def run(folder: Path) -> dict[str, Any]:
    """Returns the table's rows and what was found besides."""
    few, many = _database("few", FEW), _database("many", MANY)
    few_s, many_s = _in_turn(few, many)
    with _connected(many):
        told, burst_s = _burst()
        late_s = _minute()
    ratio = statistics.median(many_s) / statistics.median(few_s)
    rows = [
        _row(f"{BATCH} due among {FEW:,} open clocks, ms", 1000 * statistics.median(few_s), None),
        _row(f"{BATCH} due among {MANY:,} open clocks, ms", 1000 * statistics.median(many_s), None),
        _row("the second in terms of the first", ratio, 1.5),
        _row(f"{DUE:,} due at one moment, all told, s", burst_s, TARGET_S),
        _row(f"{DUE:,} due within a minute: the longest wait of one, s", late_s, TARGET_S),
    ]
    says = f"{told:,} messages owed for {DUE:,} clocks; a sweep every {EVERY:.0f} s; {ROUNDS} rounds in turn."
    return {"rows": rows, "says": says}


def _database(name: str, clocks: int) -> sa.URL:
    """A database with so many open clocks, none of them due."""
    server = sa.create_engine(config.database_url, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
    with server.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE sweep_{name}")
    url = server.url.set(database=f"sweep_{name}")
    upgrade(url.render_as_string(hide_password=False))
    with _connected(url) as engine:
        _people()
        cases, step = clocks // CLOCKS_A_CASE, STEP // CLOCKS_A_CASE
        for first in progress(range(1, cases + 1, step), f"{clocks:,} clocks"):
            with db.transaction() as session:
                span = {"first": first, "last": min(cases, first + step - 1)}
                session.execute(sa.text(CASES), span)
                session.execute(sa.text(CLOCKS), span)
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql("VACUUM ANALYZE")
    return url


def _people() -> None:
    with db.transaction() as session:
        for statement in PEOPLE:
            session.execute(sa.text(statement))
        session.execute(
            sa.text("ALTER TABLE posts DROP CONSTRAINT fk_posts_officer_id")
        )  # nobody is asked who
        session.execute(sa.text(POSTS))


@contextmanager
def _connected(url: sa.URL) -> Iterator[sa.Engine]:
    engine = db.connect(url.render_as_string(hide_password=False))
    policies.forget()
    try:
        yield engine
    finally:
        engine.dispose()


def _in_turn(few: sa.URL, many: sa.URL) -> tuple[list[float], list[float]]:
    """Seconds for a batch in either database, after a round to warm up."""
    times: dict[sa.URL, list[float]] = {few: [], many: []}
    for number in progress(range(ROUNDS + 1), "sweeping in turn"):
        for url, found in times.items():
            with _connected(url):
                _run_out(BATCH, 0)
                taken = _sweep_once()
                found += [taken] if number else []
    return times[few], times[many]


def _run_out(count: int, seconds: float) -> None:
    with db.transaction() as session:
        session.execute(sa.text(RUN_OUT), {"count": count, "seconds": seconds})


def _sweep_once() -> float:
    """Seconds for one batch, which must be a whole one; the connection is there before."""
    with db.transaction() as session:
        escalation.database_time(session)
    started = perf_counter()
    with db.transaction() as session:
        done = escalation.fire_due(session, escalation.database_time(session), BATCH)
    if done != BATCH:
        raise SystemExit(f"{done} clocks were found, not {BATCH}")
    return perf_counter() - started


def _burst() -> tuple[int, float]:
    """How many messages, and after how many seconds, when all fall due at once."""
    before = _owed()
    _run_out(DUE, 0)
    started = perf_counter()
    tasks.fire_deadlines()
    taken = perf_counter() - started
    _must_be_told()
    return _owed() - before, taken


def _minute() -> float:
    """The longest that one of the clocks waited, swept as the timetable says while they fall due."""
    _run_out(DUE, TARGET_S)
    ends = monotonic() + TARGET_S + EVERY
    while monotonic() < ends:
        started = monotonic()
        tasks.fire_deadlines()
        sleep(max(0.0, started + EVERY - monotonic()))
    _must_be_told()
    with db.transaction() as session:
        waited = sa.text("SELECT max(extract(epoch FROM fired_at - due_at)) FROM deadlines")
        return float(session.scalar(waited) or 0.0)


def _owed() -> int:
    with db.transaction() as session:
        return int(session.scalar(sa.text("SELECT count(*) FROM notifications")) or 0)


def _must_be_told() -> None:
    with db.transaction() as session:
        left = session.scalar(sa.text("SELECT count(*) FROM deadlines WHERE next_at <= clock_timestamp()"))
    if left:
        raise SystemExit(f"{left} clocks that are due were not told of")


def _row(what: str, found: float, target: float | None) -> dict[str, Any]:
    return {"what": what, "found": round(found, 2), "target": target}
