"""What a post takes with it when it ends: who stands in for its holder, turns of duty; posts held twice."""

from collections.abc import Collection
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from backend.places.models import Post, Shift

AN_INSTANT = timedelta(microseconds=1)  # a post ends after it began


def end_with(session: Session, post_id: int, at: datetime) -> None:
    """Let what hangs on a post end at this moment, too."""
    stand_ins = sa.update(Post).where(Post.for_id == post_id, Post.until > at)
    session.execute(
        stand_ins.values(until=sa.func.greatest(at, Post.since + AN_INSTANT)),
        execution_options={"synchronize_session": False},
    )
    _end_shifts(session, post_id, at)


def end_doubles(
    session: Session,
    at_place: sa.orm.InstrumentedAttribute[int | None],
    place_id: int,
    at: datetime,
    moved: Collection[int] = (),
) -> None:
    """Who holds the same role twice, now that two areas or units (`at_place`) are one, holds it once.

    The older post stays, but none of `moved` beside another; stand-ins and turns of duty go with the other.
    """
    held = sa.select(Post.id, Post.since, Post.officer_id, Post.role, Post.for_id).where(
        at_place == place_id, Post.until.is_(None) | (Post.until > at)
    )
    kept: set[tuple[object, ...]] = set()
    rows = session.execute(held).all()
    for post_id, since, *what in sorted(rows, key=lambda row: (row.id in moved, row.since, row.id)):
        if tuple(what) in kept:
            _end_unseen(session, post_id, max(at, since + AN_INSTANT))
        kept.add(tuple(what))


def _end_unseen(session: Session, post_id: int, at: datetime) -> None:
    """End a post and who stands in for its holder, without a record of its own."""
    own = sa.or_(Post.id == post_id, (Post.for_id == post_id) & (Post.until > at))
    ending = sa.update(Post).where(own).values(until=sa.func.greatest(at, Post.since + AN_INSTANT))
    session.execute(ending, execution_options={"synchronize_session": "fetch"})
    _end_shifts(session, post_id, at)


def _end_shifts(session: Session, post_id: int, at: datetime) -> None:
    """Turns of duty that have not begun go; one that is on ends now."""
    own = Shift.post_id == post_id
    unsynced = {"synchronize_session": False}
    session.execute(sa.delete(Shift).where(own, Shift.since >= at), execution_options=unsynced)
    ending = sa.update(Shift).where(own, Shift.until > at).values(until=at)
    session.execute(ending, execution_options=unsynced)
