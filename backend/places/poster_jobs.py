"""Posters that somebody asked for: a worker draws them, says how far it is, and leaves them in the store.

A job is claimed for a while; each word of progress renews the claim. A worker that is killed leaves a claim
that runs out, and the job is drawn again from the start: the same posters are the same file.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy import ForeignKey
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, Session, mapped_column

from backend.db import Base, created_at
from backend.errors import NotFound
from backend.places.layouts import Format
from backend.times import now

LEASE = timedelta(seconds=60)
ATTEMPTS = 3
GIVEN_UP = "画了几次都没有画完，请选小一点的范围再试，或联系系统管理员"
CLEARED = "这份海报的文件已清理，请重新生成"


class JobState(StrEnum):
    WAITING = "waiting"
    DRAWING = "drawing"
    DONE = "done"
    FAILED = "failed"


class PosterJob(Base):
    """One file of posters. `wanted` holds what the list was narrowed to, or the ids of chosen codes."""

    __tablename__ = "poster_jobs"
    __table_args__ = (
        sa.Index("ix_poster_jobs_due", "due_at", postgresql_where=sa.text("state IN ('waiting', 'drawing')")),
    )

    officer_id: Mapped[int] = mapped_column(ForeignKey("officers.id"), index=True)
    area_id: Mapped[int | None] = mapped_column(ForeignKey("areas.id"))
    wanted: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default=sa.text("'{}'"))
    format: Mapped[Format]
    is_zip: Mapped[bool] = mapped_column(server_default=sa.false())
    state: Mapped[JobState] = mapped_column(server_default="waiting")
    done: Mapped[int] = mapped_column(server_default="0")  # posters
    total: Mapped[int] = mapped_column(server_default="0")
    left_out: Mapped[int] = mapped_column(server_default="0")  # codes of which no poster can be drawn
    sha256: Mapped[str | None]  # of the file, from when it is drawn until it is cleared away
    error: Mapped[str | None]
    due_at: Mapped[datetime] = mapped_column(server_default=sa.func.now())  # next attempt, or lease's end
    attempts: Mapped[int] = mapped_column(sa.SmallInteger, server_default="0")
    created_at: Mapped[created_at]

    @property
    def is_cleared(self) -> bool:
        """Whether the file was there and has been cleared away."""
        return self.state is JobState.DONE and self.sha256 is None


class Superseded(Exception):
    """Another worker has this job now."""


UNFINISHED = PosterJob.state.in_((JobState.WAITING, JobState.DRAWING))


def find(session: Session, job_id: int, officer_id: int) -> PosterJob:
    """The job of this officer; nobody else's is ever found."""
    job = session.get(PosterJob, job_id)
    if job is None or job.officer_id != officer_id:
        raise NotFound("没有这次打印，请回到二维码页面重新选择")
    return job


def recent(session: Session, officer_id: int, limit: int = 5) -> Sequence[PosterJob]:
    """What this officer asked for lately, newest first."""
    own = sa.select(PosterJob).where(PosterJob.officer_id == officer_id)
    return session.scalars(own.order_by(PosterJob.id.desc()).limit(limit)).all()


def claim(session: Session, at: datetime, job_id: int | None = None) -> PosterJob | None:
    """A job that is due (this one, or the one that waits longest), for as long as LEASE; None without one."""
    due = sa.select(PosterJob.id).where(UNFINISHED, PosterJob.due_at <= at)
    if job_id is not None:
        due = due.where(PosterJob.id == job_id)
    first = due.order_by(PosterJob.due_at).limit(1).with_for_update(skip_locked=True)
    job = session.scalars(sa.select(PosterJob).where(PosterJob.id.in_(first)).with_for_update()).first()
    if job is None:
        return None
    job.attempts += 1
    job.done, job.due_at = 0, at + LEASE
    job.state = JobState.DRAWING
    if job.attempts > ATTEMPTS:
        job.state, job.error = JobState.FAILED, GIVEN_UP
    return job


def report(session: Session, job: PosterJob, **known: Any) -> None:
    """Write down how far this attempt is, and renew its claim. Raises Superseded when it is not the last."""
    mine = (PosterJob.id == job.id, PosterJob.attempts == job.attempts, UNFINISHED)
    values = {"due_at": now() + LEASE} | known
    written = session.execute(sa.update(PosterJob).where(*mine).values(values).returning(PosterJob.id))
    if written.first() is None:
        raise Superseded


def take_turns(session: Session) -> None:
    """Wait until nobody else writes a file of posters or clears one away: two jobs may have the same file."""
    session.execute(sa.text("SELECT pg_advisory_xact_lock(hashtextextended('poster files', 0))"))


def let_go(session: Session, before: datetime, limit: int) -> list[str]:
    """Name the files of jobs that were drawn before this moment no longer. Returns their SHA-256."""
    # Drawn at `due_at` less LEASE: the report that a job is done renewed its claim, as every report does, and
    # nobody changes it after. A minute does not count where files are kept for days.
    drawn = (PosterJob.state == JobState.DONE, PosterJob.sha256.is_not(None), PosterJob.due_at <= before)
    some = sa.select(PosterJob.id, PosterJob.sha256).where(*drawn).limit(limit)
    found = session.execute(some.with_for_update(skip_locked=True)).all()
    own = PosterJob.id.in_([row.id for row in found])
    session.execute(sa.update(PosterJob).where(own).values(sha256=None))
    return [row.sha256 for row in found if row.sha256]
