"""Actors of notify: deliver these messages; send what is due; find what everyone forgot."""

import logging
import time
from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from functools import partial

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from backend import db
from backend.broker import actor, waiting
from backend.notify import circuit, digests, fading, limits, optouts, outbox, quiet
from backend.notify.channels import Owed
from backend.notify.climbing import climb

logger = logging.getLogger(__name__)

SPELL = 5.0  # seconds for which one actor goes on; then others have their turn
DRAIN, DRAINS = 64, 3  # messages taken at once, and how many do so at the same time: leases outlast the calls


@actor("notify")
def deliver(ids: list[int]) -> None:
    """Send those of these messages that are due and free. Safe to run twice, and by several workers."""
    with db.transaction() as session:
        claimed = take(session, outbox.due(session, ids))
    climb(claimed)


def take(session: Session, ids: Sequence[int], at: datetime | None = None) -> list[Owed]:
    """Claim those of these due messages that may go now; the others say until when they wait, or
    that they are not wanted."""
    optouts.refuse(session, ids, at)
    quiet.hold(session, ids, at)
    left = digests.gather(session, ids, at)
    limits.hold(session, left, at)
    return outbox.claim(session, left, at=at)


@actor("notify")
def drain() -> None:
    """Send what is due, the urgent and then the oldest first, until nothing is or the spell is over."""
    until = time.monotonic() + SPELL
    while _drain_some() and time.monotonic() < until:
        pass


def _drain_some() -> bool:
    """Send as much as one batch. False: nothing was due."""
    with db.transaction() as session:
        ids = outbox.due(session, limit=DRAIN)
        claimed = take(session, ids)
    climb(claimed)
    return bool(ids)


@actor("notify")
def sweep() -> None:
    """Give back what dead workers held; have sent what is due, retries and lost nudges alike.

    No more is asked for than there is room for: a queue full of such requests would hold new messages up.
    """
    stopped, probed = circuit.stopped(), circuit.probes_due()
    _some_at_a_time(outbox.release_expired)
    _some_at_a_time(partial(_let_go_on, stopped=stopped))
    for account in probed:
        _some_at_a_time(partial(_probe, account=account))
    _some_at_a_time(fading.drop)
    _some_at_a_time(digests.share)
    with db.transaction() as session:
        batches = -(-len(outbox.due(session, limit=DRAIN * DRAINS)) // DRAIN)
    for _ in range(min(batches, DRAINS - waiting("notify"))):
        drain.send()


def _some_at_a_time(write: Callable[[Session], int]) -> None:
    """Do this until there is no more to do or the spell is over, a part in each transaction. When it breaks,
    the rest of the sweep goes on without it."""
    until, done = time.monotonic() + SPELL, outbox.AT_ONCE
    try:
        while done == outbox.AT_ONCE and time.monotonic() < until:
            with db.transaction() as session:
                done = write(session)
    except SQLAlchemyError:
        logger.exception("a part of the sweep failed")


def _let_go_on(session: Session, stopped: Collection[str]) -> int:
    """What waited for an account goes on; what is no news any more ends before anybody can take it."""
    released = outbox.release_stopped(session, stopped)
    fading.drop(session, released)
    return len(released)


def _probe(session: Session, account: str) -> int:
    outbox.probe(session, account)
    return 1
