"""Going over the chain of seals from end to end: whether it is whole, and if not, where it breaks first.

One look at the database as it stood at one moment, row after row by position; memory does not grow with it.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, LiteralString

import sqlalchemy as sa
from sqlalchemy.orm import Session

from backend.cases import ledger
from backend.cases.ledger_models import LedgerCheck, Seal, Verification
from backend.times import now

AT_ONCE = 5_000  # rows that are fetched in one go; also how often somebody hears how far it is

# Where few rows are to come first PostgreSQL goes by position, and looks each event up: so nothing is sorted.
CHAIN: LiteralString = f"""
SELECT s.id, s.case_event_id, s.hash, s.salt, s.note_digest,
    (extract(epoch FROM s.sealed_at) * 1000000)::bigint, e.note, {ledger.FACTS},
    s.sealed_at - e.created_at > interval '1 hour'
FROM seals s LEFT JOIN case_events e ON e.id = s.case_event_id
WHERE s.id > %(after)s ORDER BY s.id"""
STRAY: LiteralString = """
SELECT e.id FROM case_events e
WHERE e.id > %(after)s AND e.id < %(before)s AND e.created_at < %(at)s
    AND NOT EXISTS (SELECT FROM seals s WHERE s.case_event_id = e.id)
ORDER BY e.id LIMIT 1"""
FIRST_ID, LAST_ID = -(2**63), 2**63 - 1


class Flaw(StrEnum):
    """How a ledger can be broken."""

    CHANGED = "changed"  # the event says something else now
    EVENT_GONE = "event_gone"
    SEAL_GONE = "seal_gone"
    SEAL_CHANGED = "seal_changed"
    FORKED = "forked"  # what follows was not made from what stands here
    REWRITTEN = "rewritten"  # the chain holds, but it is not the one that was verified before
    INSERTED = "inserted"  # an event among sealed ones without a seal
    UNSEALED = "unsealed"  # nobody has sealed it for too long


@dataclass(frozen=True)
class Head:
    """How far the chain goes: a position and its hash. Kept elsewhere, it proves what stands up to there."""

    position: int = 0
    hash: bytes = ledger.GENESIS

    def __str__(self) -> str:
        return f"{self.position}-{self.hash.hex()}"


@dataclass(frozen=True)
class Finding:
    """The first row that is broken. `event_id` is 0 where it cannot be known."""

    flaw: Flaw
    position: int
    event_id: int


@dataclass(frozen=True)
class Result:
    """`head` is the last that was right; `late` steps were sealed more than an hour after they happened."""

    head: Head
    steps: int
    emptied: int  # notes that had to go
    late: int
    finding: Finding | None


START = Head()


def verify(
    session: Session,
    since: Head = START,
    known: tuple[Head, ...] = (),
    *,
    unsealed_after: timedelta = timedelta(minutes=15),
    on_row: Callable[[int], object] = lambda count: None,
) -> Result:
    """Look at everything after `since`, and whether the chain still has the heads that are `known`.

    The session's transaction must be a new one: from here on it sees the database as it stands now.
    """
    session.execute(sa.text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"))
    session.execute(sa.text("SET LOCAL statement_timeout = 0"))
    chain = _Chain(since, {head.position: head.hash for head in (since, *known) if head.position})
    if _begins_elsewhere(session, since):
        return chain.result(Finding(Flaw.REWRITTEN, since.position, 0))
    with _rows(session, since.position) as rows:
        finding = chain.follow(rows, on_row)
    finding = finding or chain.ends_early() or _stray(session, chain, now() - unsealed_after)
    return chain.result(_with_event(session, finding) if finding else None)


class _Chain:
    """Where a walk along the chain stands."""

    def __init__(self, since: Head, known: dict[int, bytes]) -> None:
        self.since, self.known = since, known
        self.position, self.hash = since.position, since.hash
        self.emptied = self.late = 0

    def follow(self, rows: Iterator[Any], on_row: Callable[[int], object]) -> Finding | None:
        """Row after row, until one is not as it should be. Returns what is wrong with it."""
        for count, row in enumerate(rows, start=1):
            expected = self._expected(row)
            if row[0] != self.position + 1 or row[7] is None or expected != row[2]:
                return self._wrong(row, expected, next(rows, None))
            if self.known.get(row[0], expected) != expected:
                return Finding(Flaw.REWRITTEN, row[0], row[1])
            self._step(row)
            if count % AT_ONCE == 0:
                on_row(AT_ONCE)
        return None

    def _expected(self, row: Any, previous: bytes | None = None) -> bytes:
        _, _, _, salt, digest, sealed_at, note, facts, _ = row
        if salt is not None:
            digest = ledger.digest_of(salt, note or "")
        elif note:  # words where none were sealed, or where they have gone
            digest = ledger.digest_of(b"", note)
        return ledger.link(previous or self.hash, facts or "", sealed_at, digest)

    def _step(self, row: Any) -> None:
        self.position, self.hash = row[0], row[2]
        self.emptied += row[3] is None and row[4] is not None
        self.late += bool(row[8])

    def _wrong(self, row: Any, expected: bytes, following: Any) -> Finding:
        if row[0] != self.position + 1:
            return Finding(Flaw.SEAL_GONE, self.position + 1, 0)
        return Finding(self._flaw(row, expected, following), row[0], row[1])

    def _flaw(self, row: Any, expected: bytes, following: Any) -> Flaw:
        """The next link was made from the hash that stood here then: it says which of the two changed."""
        if row[7] is None:
            return Flaw.EVENT_GONE
        if following is None or following[7] is None:
            return Flaw.CHANGED
        if self._expected(following, row[2]) == following[2]:
            return Flaw.CHANGED
        return Flaw.SEAL_CHANGED if self._expected(following, expected) == following[2] else Flaw.FORKED

    def ends_early(self) -> Finding | None:
        """Whether a position that was verified once is not there any more."""
        gone = [position for position in self.known if position > self.position]
        return Finding(Flaw.SEAL_GONE, self.position + 1, 0) if gone else None

    def result(self, finding: Finding | None) -> Result:
        steps = self.position - self.since.position
        return Result(Head(self.position, self.hash), steps, self.emptied, self.late, finding)


def _begins_elsewhere(session: Session, since: Head) -> bool:
    seal = session.get(Seal, since.position) if since.position else None
    return since.position > 0 and (seal is None or seal.hash != since.hash)


@contextmanager
def _rows(session: Session, after: int) -> Iterator[Iterator[Any]]:
    """The chain behind this position, by a cursor on the server; SQLAlchemy would cost more than the hash."""
    connection = session.connection().connection.driver_connection
    assert connection is not None
    with connection.cursor(name="chain") as cursor:
        cursor.itersize = AT_ONCE
        cursor.execute(CHAIN, {"after": after}, binary=True)
        yield iter(cursor)


def _stray(session: Session, chain: _Chain, at: datetime) -> Finding | None:
    """An event that happened before `at` and has no seal: among sealed ones, or at the end."""
    event_id = _unsealed(session, FIRST_ID, LAST_ID, at)
    if event_id is None:
        return None
    highest = session.scalar(sa.select(sa.func.max(Seal.case_event_id))) or 0
    return Finding(Flaw.INSERTED if event_id < highest else Flaw.UNSEALED, chain.position, event_id)


def _unsealed(session: Session, after: int, before: int, at: datetime) -> int | None:
    values = {"after": after, "before": before, "at": at}
    found = session.connection().exec_driver_sql(STRAY, values).scalar()
    return int(found) if found is not None else None


def _with_event(session: Session, finding: Finding) -> Finding:
    """Which step a missing seal held, if one without a seal stands between its neighbours."""
    if finding.flaw is not Flaw.SEAL_GONE:
        return finding
    before, after = session.get(Seal, finding.position - 1), _next_seal(session, finding.position)
    low, high = before.case_event_id if before else FIRST_ID, after.case_event_id if after else LAST_ID
    event_id = _unsealed(session, low, high, now())
    return Finding(finding.flaw, finding.position, event_id or 0)


def _next_seal(session: Session, position: int) -> Seal | None:
    return session.scalar(sa.select(Seal).where(Seal.id > position).order_by(Seal.id).limit(1))


def last_check(session: Session) -> LedgerCheck | None:
    """The newest run that found everything whole."""
    whole = sa.select(LedgerCheck).where(LedgerCheck.result == Verification.WHOLE)
    return session.scalar(whole.order_by(LedgerCheck.id.desc()).limit(1))


def known_heads(session: Session) -> tuple[Head, ...]:
    """The heads of all runs that found everything whole."""
    whole = sa.select(LedgerCheck.until_id, LedgerCheck.head).where(LedgerCheck.result == Verification.WHOLE)
    return tuple(Head(position, found) for position, found in session.execute(whole.distinct()))


def record(session: Session, result: Result, words: str) -> None:
    """Keep how the run ended."""
    ended = Verification.BROKEN if result.finding else Verification.WHOLE
    row = LedgerCheck(until_id=result.head.position, head=result.head.hash, result=ended, words=words)
    session.add(row)
