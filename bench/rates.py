"""The published rates of a year, read of a district with few cases and of one with a hundred times as many.

Two databases of one server are read in turn, so that a slow minute meets both. PostgreSQL is on the other
core. The cases are written as rows, looked at by the very job that keeps standings, and counted once by the
formulas alone: what is read must be what they count.
"""

import statistics
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from time import perf_counter
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from backend import db
from backend.cases import figures, standings, survey_figures
from backend.config import config
from backend.console import board_spans
from backend.migrations import upgrade
from backend.places.models import Area, Post, Unit
from backend.places.roles import Level, Role
from backend.times import SHANGHAI, now
from bench.report import progress
from bench.sweep import PEOPLE

FEW, MANY, STEP, ROUNDS, WRITTEN = 3_000, 300_000, 50_000, 15, 1_000
TARGET_MS, TARGET_RATIO = 300.0, 10.0
SINCE = datetime(2025, 11, 10, tzinfo=SHANGHAI)  # neither end is a month's
UNTIL = datetime(2026, 11, 10, tzinfo=SHANGHAI)
# A community's cases go to ten of the fifty units. Some are late, some were reopened, some are open still.
CASES = """
    WITH lists AS (SELECT
        (SELECT array_agg(id ORDER BY id) FROM areas WHERE level = 'community') AS places,
        (SELECT array_agg(id ORDER BY id) FROM units) AS offices,
        (SELECT array_agg(id ORDER BY id) FROM categories WHERE level = 2) AS topics,
        (SELECT id FROM areas WHERE level = 'district') AS district)
    INSERT INTO cases (number, channel, status, round, report, place_id, district_id, community_id, unit_id,
        category_id, discovered_at, accepted_at, resolved_at, closed_at)
    SELECT '7' || lpad(n::text, 11, '0'), 'wechat', CASE WHEN n % 20 = 0 THEN 'in_progress' ELSE 'closed' END,
        1 + (n % 15 = 0)::int, '第' || n || '件事：门口的路灯不亮了', place, district, place,
        offices[1 + (n % 100 + n / 100 % 10) % 50], topics[1 + n % 97 % cardinality(topics)],
        moment, moment + interval '9 minutes',
        CASE WHEN n % 20 > 0 THEN moment + interval '1 day' END,
        CASE WHEN n % 20 > 0 THEN moment + interval '3 days' END
    FROM lists, generate_series(CAST(:first AS int), CAST(:last AS int)) n,
        LATERAL (SELECT places[1 + n % 100] AS place,
            CAST(:since AS timestamptz) + n * interval '365 days' / CAST(:count AS float) AS moment) chosen"""
CLOCKS = """
    INSERT INTO deadlines (case_id, round, clock, minutes, started_at, due_at, stopped_at)
    SELECT c.id, c.round, clock, minutes, c.discovered_at, c.discovered_at + minutes * interval '1 minute',
        CASE WHEN clock = 'resolve' THEN c.resolved_at ELSE c.accepted_at END
    FROM cases c, (VALUES ('accept', 30), ('assign', 60), ('acknowledge', 60), ('first_contact', 120),
        ('answer', 1440), ('resolve', 2880)) AS clocks(clock, minutes)
    WHERE c.id BETWEEN :first AND :last"""
# Two thirds of all are asked, of whom seven in ten answer; one in a hundred is unhappy and says why.
SURVEYS = """
    INSERT INTO surveys (case_id, round, resident_id, state, sent_at, answered_at, solved, satisfaction,
        words, unit_id)
    SELECT id, round, 1, CASE WHEN answers THEN 'answered' ELSE 'expired' END, closed_at + interval '1 day',
        CASE WHEN answers THEN closed_at + interval '2 days' END, CASE WHEN answers THEN id % 11 > 0 END,
        CASE WHEN answers THEN 1 + id % 5 END, CASE WHEN answers AND id % 110 = 0 THEN '灯又不亮了' END,
        unit_id
    FROM cases, LATERAL (SELECT id % 10 < 7 AS answers) said
    WHERE id BETWEEN :first AND :last AND status = 'closed' AND id % 10 <> 4 AND id % 4 > 0"""
TOPICS = (
    "INSERT INTO editions (name) VALUES ('第一版')",
    """INSERT INTO categories (code, level, kind, name, path, initials, since_id)
       SELECT 'A' || n, 1, 'complaint', '大类' || n, '大类' || n, '', 1 FROM generate_series(1, 15) n""",
    """INSERT INTO categories (code, parent_id, level, kind, name, path, initials, since_id)
       SELECT 'B' || n, 1 + n % 15, 2, 'complaint', '小类' || n, '大类' || 1 + n % 15 || ' / 小类' || n, '', 1
       FROM generate_series(1, 90) n""",
)


def run(folder: Path) -> dict[str, Any]:
    """Returns the table's rows and what was found besides."""
    few, many = _database("few", FEW), _database("many", MANY)
    few_ms, many_ms = _in_turn(few, many, _year)
    _, spans_ms = _in_turn(few, many, _spans)
    few_results, many_results = _in_turn(few, many, _results)
    few_voices, many_voices = _in_turn(few, many, _voices)
    formulas_ms = _by_formulas(many)
    marked_ms, look_s = _with_marks(many)
    median = statistics.median
    rows = [
        _row(f"a year of a district with {FEW:,} cases, ms", median(few_ms), None),
        _row(f"a year of a district with {MANY:,} cases, ms", median(many_ms), TARGET_MS),
        _row("the second in terms of the first", median(many_ms) / median(few_ms), TARGET_RATIO),
        _row(f"the same while {WRITTEN:,} cases wait to be looked at, ms", marked_ms, None),
        _row(f"looking at {WRITTEN:,} cases again, s", look_s, None),
        _row(f"the same year by the formulas alone, {MANY:,} cases, ms", formulas_ms, None),
        _row(f"surveys of a year by unit, category and way, {FEW:,} cases, ms", median(few_results), None),
        _row(f"the same of {MANY:,} cases, 200,000 of them asked, ms", median(many_results), TARGET_MS),
        _row(f"the newest words of the unhappy of a year, {FEW:,} cases, ms", median(few_voices), None),
        _row(f"the same of {MANY:,} cases, for a unit's head, ms", median(many_voices), TARGET_MS),
        _row("the intervals of 30 days for the board, ms", median(spans_ms), TARGET_MS),
    ]
    says = f"Five rates by unit, from within a month to within another; {ROUNDS} rounds in turn."
    return {"rows": rows, "says": says}


def _database(name: str, cases: int) -> sa.URL:
    """A database with so many cases of a year, all of them looked at."""
    server = sa.create_engine(config.database_url, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
    with server.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE rates_{name}")
    url = server.url.set(database=f"rates_{name}")
    upgrade(url.render_as_string(hide_password=False))
    engine = _connect(url)
    with db.transaction() as session:
        for statement in (*PEOPLE, *TOPICS):
            session.execute(sa.text(statement))
    for first in progress(range(1, cases + 1, STEP), f"{cases:,} cases"):
        with db.transaction() as session:
            _fill(session, cases, first)
    _vacuum(engine)
    _look(cases)
    _vacuum(engine)
    engine.dispose()
    return url


def _look(cases: int) -> None:
    """As if the clock had come by, and again when what it found had settled."""
    at = now()
    for moment in [at] + [at + standings.SETTLED] * (1 + cases // standings.BATCH):
        with db.transaction() as session:
            standings.look_again(session, at=moment)


def _fill(session: Session, count: int, first: int) -> None:
    """Without triggers, which would check each row by itself; the cases are new, and settled at once."""
    session.execute(sa.text("SET LOCAL session_replication_role = replica"))
    span = {"first": first, "last": min(count, first + STEP - 1)}
    session.execute(sa.text(CASES), span | {"since": SINCE - timedelta(days=5), "count": count})
    for statement in (CLOCKS, SURVEYS):
        session.execute(sa.text(statement), span)


def _vacuum(engine: sa.Engine) -> None:
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("VACUUM ANALYZE")


def _connect(url: sa.URL) -> sa.Engine:
    return db.connect(url.render_as_string(hide_password=False))


def _in_turn(few: sa.URL, many: sa.URL, ask: Callable[[Session], object]) -> tuple[list[float], list[float]]:
    """Milliseconds of each reading in either database, after a round to warm up."""
    engines: dict[sa.URL, sa.Engine] = {}
    times: dict[sa.URL, list[float]] = {few: [], many: []}
    for number in progress(range(ROUNDS + 1), "reading in turn"):
        for url, found in times.items():
            engines[url] = engines.get(url) or _connect(url)
            with Session(engines[url]) as session:
                taken = _timed(lambda session=session: ask(session))  # type: ignore[misc]  # mypy cannot infer its default
                found += [taken] if number else []
    for engine in engines.values():
        engine.dispose()
    return times[few], times[many]


def _timed(call: Callable[[], object]) -> float:
    started = perf_counter()
    call()
    return 1000 * (perf_counter() - started)


def _year(session: Session) -> list[figures.Row]:
    return figures.rates(session, _district(session), SINCE, UNTIL, "unit", UNTIL)


def _results(session: Session) -> list[object]:
    """What the page of results asks for a whole year."""
    district = _district(session)
    lines = [survey_figures.rates(session, district, SINCE, UNTIL, by, UNTIL) for by in ("unit", "category")]
    posts = [Post(role=Role.LEADER, area=district, area_id=district.id)]
    waiting = survey_figures.waiting(session, posts, SINCE, UNTIL, UNTIL)
    return [*lines, survey_figures.compare(session, district, SINCE, UNTIL, UNTIL), waiting]


def _voices(session: Session) -> object:
    unit_id = session.scalar(sa.select(sa.func.max(Unit.id)))
    return survey_figures.voices(session, [Post(role=Role.UNIT_HEAD, unit_id=unit_id)], SINCE, UNTIL)


def _spans(session: Session) -> list[board_spans.Span]:
    district = _district(session)
    return board_spans.lately(session, [Post(role=Role.LEADER, area=district, area_id=district.id)], UNTIL)


def _district(session: Session) -> Area:
    return session.scalars(sa.select(Area).where(Area.level == Level.DISTRICT)).one()


def _by_formulas(url: sa.URL) -> float:
    """Milliseconds; with no marks allowed, everything is counted. Stops where that is not what is read."""
    engine, most = _connect(url), figures.MANY
    with Session(engine) as session:
        read, counted = _year(session), list[figures.Row]()
        figures.MANY = 0
        taken = _timed(lambda: counted.extend(_year(session)))
        figures.MANY = most
    engine.dispose()
    if read != counted:
        raise SystemExit("what is read is not what the formulas count")
    return taken


def _with_marks(url: sa.URL) -> tuple[float, float]:
    """Milliseconds of a reading with cases that wait to be looked at, and seconds of looking at them."""
    engine = _connect(url)
    with db.transaction() as session:
        session.execute(sa.text("UPDATE cases SET urged = 1 WHERE id % :n = 0"), {"n": MANY // WRITTEN})
    with Session(engine) as session:
        _year(session)
        taken = _timed(lambda: _year(session))
    look = _timed(standings.keep_standings)
    engine.dispose()
    return taken, look / 1000


def _row(what: str, found: float, target: float | None) -> dict[str, Any]:
    return {"what": what, "found": round(found, 2), "target": target}
