"""Sealing: seconds after a step was committed it gets its place in the chain. Intake pays nothing for it.

Positions have no gaps and the chain has one end, because whoever seals holds a lock: the next position and
the hash before it are read under it, and all of a batch is written or nothing. A step may be committed late,
under an id smaller than what is sealed already; so every run looks again at what may have been under way for
WINDOW, and once a night somebody looks at all. What a run costs is what happened within the window.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, LiteralString

import sqlalchemy as sa
from sqlalchemy.orm import Session

from backend import db
from backend.broker import actor
from backend.cases import ledger
from backend.cases.ledger_models import Seal
from backend.cases.models import CaseEvent

BATCH = 5_000
WINDOW = timedelta(minutes=15)  # no step's transaction is open for longer, save when a machine hangs

# An event gets its id while its transaction is open. What was sealed WINDOW ago had its id before that, and
# so had all with smaller ones; of the last thousand the highest, for among them may be one that came late.
HORIZON: LiteralString = """
SELECT coalesce(max(case_event_id), 0) FROM (
    SELECT case_event_id FROM seals WHERE sealed_at < coalesce(%(at)s, now()) - %(window)s
    ORDER BY id DESC LIMIT 1000
) long_sealed"""
HEAD: LiteralString = """
SELECT coalesce(s.id, 0), s.hash, coalesce(%(at)s, clock_timestamp())
FROM (SELECT 1) one LEFT JOIN (SELECT id, hash FROM seals ORDER BY id DESC LIMIT 1) s ON true"""
# The second condition on `s` lets PostgreSQL begin in its index where it begins in that of the events.
UNSEALED: LiteralString = f"""
SELECT e.id, e.note, {ledger.FACTS} FROM case_events e
WHERE e.id > %(after)s AND NOT EXISTS (
    SELECT FROM seals s WHERE s.case_event_id = e.id AND s.case_event_id > %(after)s
)
ORDER BY e.id LIMIT %(limit)s"""
ADD: LiteralString = """
INSERT INTO seals (id, case_event_id, hash, salt, sealed_at)
SELECT *, %(at)s
FROM unnest(%(ids)s::bigint[], %(events)s::bigint[], %(hashes)s::bytea[], %(salts)s::bytea[])"""


@dataclass(frozen=True)
class Receipt:
    """What shows that a case is sealed: the number of its latest seal, and how many steps have one."""

    number: str
    steps: int
    sealed_at: datetime


@actor("cases")
def seal_events() -> None:
    """Seal what was done since the last run, and what was committed late."""
    with db.transaction() as session:
        after = horizon(session)
    _seal_from(after)


@actor("cases")
def seal_leftovers() -> None:
    """Look through all events for one that nobody sealed, however late it was committed."""
    _seal_from(0)


def _seal_from(event_id: int) -> None:
    """Batch after batch. Two runs at once do no harm; the second leaves the work to the first."""
    after: int | None = event_id
    while after is not None:
        with db.transaction() as session:
            after = seal(session, after)


def horizon(session: Session, at: datetime | None = None) -> int:
    """The id up to which no event can be committed any more, as far as WINDOW goes; 0: look at all."""
    found = _run(session, HORIZON, {"at": at, "window": WINDOW})
    [(event_id,)] = found
    return int(event_id)


def seal(session: Session, after: int, at: datetime | None = None, limit: int = BATCH) -> int | None:
    """Seal up to `limit` events with ids greater than `after`. Returns the last one's id when there may be
    more; None when not, or when somebody else is sealing."""
    if not _lock(session):
        return None
    [(position, head, moment)] = _run(session, HEAD, {"at": at})
    session.execute(sa.text("SET LOCAL statement_timeout = '10min'"))  # the nightly look goes through all
    events = _run(session, UNSEALED, {"after": after, "limit": limit})
    if events:
        _run(session, ADD, _links(position, head or ledger.GENESIS, events, moment))
    return events[-1][0] if len(events) == limit else None


def _links(position: int, head: bytes, events: list[Any], at: datetime) -> dict[str, Any]:
    """What ADD takes: the links after this head, in the order of the events."""
    salts, hashes, sealed_at = [ledger.new_salt(note) for _, note, _ in events], [], ledger.microseconds(at)
    for (_, note, facts), salt in zip(events, salts, strict=True):
        head = ledger.link(head, facts, sealed_at, ledger.digest_of(salt, note) if salt else None)
        hashes.append(head)
    ids = list(range(position + 1, position + 1 + len(events)))
    return {"ids": ids, "events": [row[0] for row in events], "hashes": hashes, "salts": salts, "at": at}


def _lock(session: Session) -> bool:
    """Whether the end of the chain is ours until this transaction ends."""
    ours = sa.text("SELECT pg_try_advisory_xact_lock(hashtextextended('seals', 0))")
    return bool(session.scalar(ours))


def _run(session: Session, statement: LiteralString, values: dict[str, Any]) -> list[Any]:
    result = session.connection().exec_driver_sql(statement, values)
    return list(result) if result.returns_rows else []


def receipt_of(session: Session, case_id: int) -> Receipt | None:
    """The receipt of a case: of its latest sealed step; None in its first seconds."""
    own = sa.select(Seal).join(CaseEvent, CaseEvent.id == Seal.case_event_id)
    seals = session.scalars(own.where(CaseEvent.case_id == case_id).order_by(Seal.id)).all()
    if not seals:
        return None
    last = seals[-1]
    return Receipt(ledger.receipt(last.id, last.hash), len(seals), last.sealed_at)
