"""A whole district's size: taking it in, finding a place, an entry, a unit's cases; each against its target.

One process; PostgreSQL on the other core. Each look-up is timed by itself, over values in turn, after a
round to warm up; the kinds of look-up follow one another in every round, so that a slow minute meets all.
"""

import random
import statistics
from collections.abc import Callable, Iterator
from functools import partial
from itertools import cycle
from pathlib import Path
from time import perf_counter
from typing import Any

import sqlalchemy as sa
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from backend import auth, db
from backend.app import create_app
from backend.cases import category_search, dispatch, duties, queries
from backend.cases.models import Case, DutyList
from backend.cases.tables import KINDS
from backend.config import config
from backend.migrations import upgrade
from backend.notify.models import Contact
from backend.places import codes, imports, outlines
from backend.places import queries as places
from backend.places.imports import Options
from backend.places.models import Area, Officer, Post, Resident
from backend.places.roles import Level, Role
from backend.places.scope import COMMAND_LINE, posts_of, subtree
from bench import city_hall, district
from bench.report import progress

ROUNDS, EACH = 6, 40
CASES, STEP = 300_000, 10_000
Look = Callable[[], object]
PAGES = (
    "/console/areas/",
    "/console/areas/?q=%E7%AC%AC3%E7%BD%91%E6%A0%BC",
    "/console/units/",
    "/console/officers/",
    "/console/roster/",
    "/console/dictionary/",
    "/console/dictionary/?q=ld",
    "/console/duties/",
    "/console/codes/",
    "/console/changes/",
)
# Spread over all grids, classified and with a unit; one in four came by a code of its grid.
PAST = """
    WITH lists AS (SELECT
        (SELECT array_agg(id ORDER BY id) FROM areas WHERE level = 'grid') AS grids,
        (SELECT array_agg(id ORDER BY id) FROM categories WHERE level = 3) AS entries,
        (SELECT array_agg(id ORDER BY id) FROM units) AS offices
    ), drawn AS (
        SELECT n, grids[1 + n % cardinality(grids)] AS grid, entries[1 + n % cardinality(entries)] AS entry,
            offices[1 + n % cardinality(offices)] AS office
        FROM lists, generate_series(CAST(:first AS int), CAST(:last AS int)) n
    )
    INSERT INTO cases (number, channel, status, report, place_id, district_id, subdistrict_id, community_id,
        zone_id, grid_id, unit_id, category_id, code_id, discovered_at, accepted_at, resolved_at, closed_at)
    SELECT '8' || lpad(n::text, 11, '0'), 'wechat',
        CASE WHEN n % 200 = 0 THEN 'in_progress' ELSE 'closed' END,
        '第' || n || '件事：小区门口的垃圾堆了几天没有人清理', g.id, g.district_id, g.subdistrict_id,
        g.community_id, g.zone_id, g.id, office, entry, CASE WHEN n % 4 = 0 THEN p.id END,
        now() - n % 1000 * interval '1 day', now(), now(), now()
    FROM drawn JOIN areas g ON g.id = grid JOIN place_codes p ON p.area_id = g.id"""


def run(folder: Path) -> dict[str, Any]:
    """Returns the table's rows and what was found besides."""
    server = sa.create_engine(config.database_url, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
    with server.connect() as connection:
        connection.exec_driver_sql("CREATE DATABASE size")
    url = server.url.set(database="size").render_as_string(hide_password=False)
    upgrade(url)
    engine = db.connect(url)
    try:
        taken = _take_in()
        _fill(engine)
        rows = [*taken, *_measure()]
    finally:
        engine.dispose()
    says = f"10,600 places, 4,096 entries, {CASES:,} cases; each look-up {(ROUNDS - 1) * EACH} times."
    return {"rows": rows, "says": says}


def _take_in() -> list[dict[str, Any]]:
    """Take the district in, and say how long each part took."""
    rows = []
    for what, kind, content, target in progress(list(_files()), "taking in"):
        options = Options(name="量测", under_id=_district() if kind == "duties" else None)
        with db.transaction() as session:
            started = perf_counter()
            row = imports.look(session, KINDS[kind], content, f"{kind}.csv", COMMAND_LINE, options)
            looked = perf_counter()
            imports.apply(session, KINDS[kind], row, COMMAND_LINE)
            session.flush()
            done = perf_counter()
            count = sum(row.counts.values())
        rows.append(_row(f"dry run of {count:,} {what}, s", [looked - started], target))
        rows.append(_row(f"taking {count:,} {what} in, s", [done - looked], target))
    with db.transaction() as session:
        started = perf_counter()
        outlines.take_in(session, COMMAND_LINE, outlines.read(district.outlines_geojson()))
        rows.append(_row("outlines of 3,044 grids, s", [perf_counter() - started], None))
    return rows


def _files() -> Iterator[tuple[str, str, bytes, float | None]]:
    yield "places", "areas", district.areas_csv(), 10.0
    yield "units", "units", city_hall.units_csv(), None
    yield "posts", "officers", city_hall.officers_csv(), None
    yield "entries", "categories", city_hall.categories_csv(), None
    yield "duties", "duties", city_hall.duties_csv(), None


def _district() -> int:
    with db.transaction() as session:
        return session.scalars(sa.select(Area.id).where(Area.level == Level.DISTRICT)).one()


def _fill(engine: sa.Engine) -> None:
    """Codes for all places, and cases of the past; then let PostgreSQL know what there is."""
    with db.transaction() as session:
        codes.make_codes(session)
        [draft] = session.scalars(sa.select(DutyList.id))
        duties.switch_on(session, COMMAND_LINE, draft)
    for first in progress(range(1, CASES, STEP), "past cases"):
        with db.transaction() as session:
            session.execute(sa.text(PAST), {"first": first, "last": first + STEP - 1})
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("VACUUM ANALYZE")


def _measure() -> list[dict[str, Any]]:
    """Every look-up in turn, round after round; the first round warms up."""
    pages = _pages()
    with db.transaction() as session:
        looks = {**_look_ups(session), **pages}
        times: dict[str, list[float]] = {what: [] for what in looks}
        for number in progress(range(ROUNDS), "looking up"):
            for what, (look, _) in looks.items():
                taken = [_timed(session, look) for _ in range(EACH)]
                times[what] += taken if number else []
    return [_row(f"{what}, ms", [1000 * one for one in times[what]], looks[what][1]) for what in looks]


def _timed(session: Session, look: Look) -> float:
    """Seconds. What the session knows already is forgotten first."""
    session.expunge_all()
    started = perf_counter()
    look()
    return perf_counter() - started


def _look_ups(session: Session) -> dict[str, tuple[Look, float | None]]:
    dice = random.Random(7)
    top = _district()
    streets, communities = (
        list(session.scalars(sa.select(Area).where(Area.level == level)))
        for level in (Level.SUBDISTRICT, Level.COMMUNITY)
    )
    points = cycle([district.centre_of_grid(dice.randrange(district.GRIDS)) for _ in range(97)])
    typed = {name: cycle(words) for name, words in city_hall.typed().items()}
    some = cycle(list(session.scalars(sa.select(Case).order_by(Case.id).limit(97))))
    reach = {
        role: cycle(_posts(session, role))
        for role in (Role.INFORMATION_OFFICER, Role.HANDLER, Role.DISPATCHER)
    }
    return {
        "which place is this point in": (lambda: places.at_point(session, top, *next(points)), 5.0),
        "the same without outlines": (lambda: places.nearest(session, top, *next(points)), 5.0),
        "all places of a community": (_subtree(session, communities), 5.0),
        "all places of a street": (_subtree(session, streets), 5.0),
        "an entry by Chinese": (lambda: category_search.find(session, next(typed["chinese"])), 20.0),
        "an entry by pinyin initials": (lambda: category_search.find(session, next(typed["initials"])), 20.0),
        "an entry by code": (lambda: category_search.find(session, next(typed["code"])), 20.0),
        "the unit of a case by the duty list": (lambda: dispatch.route(session, next(some)), None),
        **{f"cases of one {role.value}": (_cases(session, reach[role]), None) for role in reach},
    }


def _posts(session: Session, role: Role) -> list[tuple[Post, ...]]:
    held = sa.select(Post.officer_id).where(Post.role == role).distinct().limit(50)
    return [tuple(posts_of(session, officer_id)) for officer_id in session.scalars(held)]


def _subtree(session: Session, areas: list[Area]) -> Look:
    one = cycle(areas)
    return lambda: session.execute(sa.select(Area.id, Area.name).where(subtree(next(one)))).all()


def _cases(session: Session, posts: Iterator[tuple[Post, ...]]) -> Look:
    return lambda: queries.officer_cases(session, next(posts))


def _pages() -> dict[str, tuple[Look, float | None]]:
    """The console's lists, as an administrator of the whole district sees them."""
    client = create_app().test_client()
    with db.transaction() as session:
        client.set_cookie(auth.COOKIE, _login(session))
    return {f"page {path}": (partial(_get, client, path), 100.0) for path in PAGES}


def _get(client: FlaskClient, path: str) -> None:
    answer = client.get(path)
    if answer.status_code != 200:
        raise SystemExit(f"{path} answered {answer.status_code}")


def _login(session: Session) -> str:
    """The token of an administrator's login."""
    officer = Officer(name="量测")
    resident = Resident()
    session.add_all([officer, resident])
    session.flush()
    session.add(Post(officer_id=officer.id, role=Role.ADMINISTRATOR, area_id=_district()))
    contact = Contact(
        account="bench", openid="o-administrator", resident_id=resident.id, officer_id=officer.id
    )
    session.add(contact)
    session.flush()
    token, _ = auth.start_session(session, contact.id)
    return token


def _row(what: str, times: list[float], target: float | None) -> dict[str, Any]:
    ordered = sorted(times)
    worst = ordered[min(len(ordered) - 1, int(0.99 * len(ordered)))] if len(ordered) > 1 else None
    shown = {"what": what, "median": round(statistics.median(times), 2)}
    return {**shown, "p99": worst and round(worst, 2), "target": target}
