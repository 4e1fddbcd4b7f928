"""The actors that draw posters which officers asked for."""

import logging
import time
from io import BytesIO
from typing import Any

from backend import db, storage
from backend.broker import actor
from backend.cases.code_figures import Wanted
from backend.console import posters
from backend.errors import AppError
from backend.places import poster_jobs, scope
from backend.places.models import Area
from backend.places.poster_jobs import JobState, PosterJob, Superseded
from backend.places.roles import Carrier
from backend.places.scope import Editor
from backend.times import now

logger = logging.getLogger(__name__)

PAUSE = 0.5  # seconds between two words of progress


@actor("posters")
def draw(ids: list[int]) -> None:
    """Draw these jobs, those that are due."""
    for job_id in ids:
        _draw_next(job_id)


@actor("posters")
def draw_due() -> None:
    """Draw what is due: lost nudges, and what a worker was drawing when it was killed."""
    while _draw_next():
        pass


def _draw_next(job_id: int | None = None) -> bool:
    with db.transaction() as session:
        job = poster_jobs.claim(session, now(), job_id)
    if job is not None and job.state is JobState.DRAWING:
        _draw(job)
    return job is not None


def _draw(job: PosterJob) -> None:
    """Collect in a short transaction, draw with none open, and record what became of it."""
    try:
        sheets = _collect(job)
        _report(job, total=posters.total(sheets, is_zip=job.is_zip), left_out=_left_out(sheets, job))
        drawn = BytesIO()
        posters.draw(sheets, job.format, drawn, is_zip=job.is_zip, on_page=Progress(job))
        _keep(job, drawn.getvalue(), posters.total(sheets, is_zip=job.is_zip))
    except AppError as refusal:
        _report(job, state=JobState.FAILED, error=refusal.message)
    except Superseded:
        logger.warning("posters %d are drawn by another worker", job.id)


def _collect(job: PosterJob) -> posters.Sheets:
    """Within what its officer may see now, whatever they saw when they asked."""
    with db.transaction() as session:
        editor = Editor(job.officer_id, tuple(scope.posts_of(session, job.officer_id)))
        carrier = job.wanted.get("carrier")
        wanted = Wanted(
            words=job.wanted.get("words", ""),
            carrier=Carrier(carrier) if carrier else None,
            state=job.wanted.get("state", ""),
            area=session.get_one(Area, job.area_id) if job.area_id else None,
        )
        return posters.collect(session, editor, wanted, ids=job.wanted.get("ids"))


def _keep(job: PosterJob, content: bytes, done: int) -> None:
    """The file, and the row that names it in one turn: the same file of an older job may go meanwhile.

    It is written with no transaction open: a disk may take longer than one may be idle (db.SETTINGS). In the
    turn it is still there and nothing is written, unless it was cleared away meanwhile.
    """
    storage.save(content)
    with db.transaction() as session:
        poster_jobs.take_turns(session)
        poster_jobs.report(session, job, state=JobState.DONE, sha256=storage.save(content), done=done)


def _left_out(sheets: posters.Sheets, job: PosterJob) -> int:
    return sheets.left_out + (0 if job.is_zip else len(sheets.pictures))


def _report(job: PosterJob, **known: Any) -> None:
    with db.transaction() as session:
        poster_jobs.report(session, job, **known)


class Progress:
    """Hears of every page, and writes it down now and then: a page takes a hundredth of a second."""

    def __init__(self, job: PosterJob) -> None:
        self.job, self.told_at = job, time.monotonic()

    def __call__(self, done: int) -> None:
        if time.monotonic() - self.told_at >= PAUSE:
            _report(self.job, done=done)
            self.told_at = time.monotonic()
