"""A thousand posters as the worker draws them: collected, drawn, stored and recorded, for each format."""

from pathlib import Path
from time import perf_counter
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from backend import db
from backend.cases.tables import KINDS
from backend.config import config
from backend.console import poster_tasks
from backend.migrations import upgrade
from backend.places import codes, imports
from backend.places.imports import Options
from backend.places.layouts import Format
from backend.places.models import Area, Officer, PlaceCode, Post
from backend.places.poster_jobs import JobState, PosterJob
from backend.places.roles import Carrier, Level, Role
from backend.places.scope import COMMAND_LINE
from bench import district
from bench.report import progress

POSTERS = 1_000
TARGET = 20.0  # seconds


def run(folder: Path) -> dict[str, Any]:
    """Returns the table's rows and what was found besides."""
    server = sa.create_engine(config.database_url, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
    with server.connect() as connection:
        connection.exec_driver_sql("CREATE DATABASE posters")
    url = server.url.set(database="posters").render_as_string(hide_password=False)
    upgrade(url)
    engine = db.connect(url)
    try:
        with db.transaction() as session:
            officer_id = _officer_with_codes(session)
        kinds = [(format_, is_zip) for format_ in Format for is_zip in (False, True)]
        rows = [_row(officer_id, *kind) for kind in progress(kinds, "posters")]
    finally:
        engine.dispose()
    return {"rows": rows, "says": f"{POSTERS:,} places with a code of their own, one process."}


def _officer_with_codes(session: Session) -> int:
    """Who administers a whole district, in which a thousand buildings have a code on their doors."""
    row = imports.look(session, KINDS["areas"], district.areas_csv(), "areas.csv", COMMAND_LINE, Options())
    imports.apply(session, KINDS["areas"], row, COMMAND_LINE)
    session.flush()
    buildings = session.scalars(sa.select(Area.id).where(Area.level == Level.BUILDING).limit(POSTERS))
    session.add_all(
        PlaceCode(area_id=area_id, carrier=Carrier.URL, scene=codes.random_scene()) for area_id in buildings
    )
    whole = session.scalars(sa.select(Area.id).where(Area.level == Level.DISTRICT)).one()
    officer = Officer(name="丁一")
    session.add(officer)
    session.flush()
    session.add(Post(officer_id=officer.id, role=Role.ADMINISTRATOR, area_id=whole))
    return officer.id


def _row(officer_id: int, format_: Format, is_zip: bool) -> dict[str, Any]:
    with db.transaction() as session:
        job = PosterJob(officer_id=officer_id, wanted={"carrier": "url"}, format=format_, is_zip=is_zip)
        session.add(job)
    started = perf_counter()
    poster_tasks.draw_due.fn()
    seconds = perf_counter() - started
    with db.transaction() as session:
        done = session.get_one(PosterJob, job.id)
        assert (done.state, done.done) == (JobState.DONE, POSTERS), done.error
    what = f"{POSTERS:,} posters, {format_}, {'zip' if is_zip else 'one PDF'}, s"
    return {"what": what, "median": round(seconds, 2), "p99": None, "target": TARGET}
