"""The actor that clears away at night what nobody needs any more: files of posters, tickets, old logins.

A batch is found and removed as one. A worker killed within it leaves it for the next night.
"""

import logging
from collections.abc import Callable
from datetime import datetime, timedelta

import sqlalchemy as sa
from obstore.exceptions import BaseError
from sqlalchemy.orm import InstrumentedAttribute, Session

from backend import db, storage
from backend.auth import LoginSession, LoginTicket
from backend.broker import actor
from backend.places import poster_jobs
from backend.times import now

logger = logging.getLogger(__name__)

BATCH = 500
FILES = 20  # in one batch: whoever has drawn posters waits for their turn as long as a batch takes
TICKETS_KEPT = timedelta(days=1)  # after they expired
POSTERS_KEPT = timedelta(days=30)  # after they were drawn
LOGINS_KEPT = timedelta(days=90)  # after they ended


@actor("night")
def clear_away() -> None:
    """Remove what has been kept for long enough (README.md, In production)."""
    for take, batch in ((forget_tickets, BATCH), (forget_logins, BATCH), (drop_posters, FILES)):
        _in_batches(take, batch)


def _in_batches(take: Callable[[Session, datetime, int], int], batch: int) -> None:
    done = batch
    while done == batch:
        with db.transaction() as session:
            done = take(session, now(), batch)


def forget_tickets(session: Session, at: datetime, limit: int) -> int:
    """Remove tickets with which no desktop has got in, or can, for TICKETS_KEPT. Returns how many."""
    return _delete(session, LoginTicket.id, LoginTicket.expires_at <= at - TICKETS_KEPT, limit)


def forget_logins(session: Session, at: datetime, limit: int) -> int:
    """Remove logins that expired, or were ended, LOGINS_KEPT ago. Returns how many."""
    ended = sa.func.least(LoginSession.expires_at, LoginSession.revoked_at)
    return _delete(session, LoginSession.id, ended <= at - LOGINS_KEPT, limit)


def drop_posters(session: Session, at: datetime, limit: int) -> int:
    """Remove the files of posters drawn POSTERS_KEPT ago; the job stays. Returns of how many jobs.

    A file goes before the commit: were the commit lost, the job would be due again and find nothing to
    remove, while a file that stayed behind would never be found again.
    """
    poster_jobs.take_turns(session)
    gone = poster_jobs.let_go(session, at - POSTERS_KEPT, limit)
    for sha256 in set(gone) - _named(session, set(gone)):
        _remove(sha256)
    return len(gone)


def _remove(sha256: str) -> None:
    """One that cannot be removed is named in the log, for somebody to remove: the others do not wait."""
    try:
        storage.remove(sha256)
    except (OSError, BaseError):
        logger.exception("posters' file %s stays in the store: remove it by hand", sha256)


def _delete(
    session: Session, key: InstrumentedAttribute[int], over: sa.ColumnElement[bool], limit: int
) -> int:
    some = sa.select(key).where(over).limit(limit).with_for_update(skip_locked=True)
    deleted = sa.delete(key.class_).where(key.in_(some)).returning(key)
    return len(session.execute(deleted, execution_options={"synchronize_session": False}).all())


def _named(session: Session, wanted: set[str]) -> set[str]:
    """Which of these files some row of any table still names."""
    columns = [table.c.sha256 for table in db.Base.metadata.sorted_tables if "sha256" in table.c]
    found = sa.union(*(sa.select(column).where(column.in_(wanted)) for column in columns))
    return set(session.scalars(found))
