"""The ledger's links: which bytes of a step are sealed, and how each link rests on the one before.

A seal's hash is SHA-256 over the 32 bytes of the hash before (GENESIS for position 1) and the UTF-8 of these
words, put together with U+001F, in this order:

1. the format, "1";
2. FIELDS, each as its text, an id or status that is not there as nothing: whole numbers in decimal, times as
   whole microseconds since 1970 in UTC, yes as "1" and no as "0";
3. when it was sealed, in microseconds as above;
4. the note's digest in small hexadecimal letters, nothing for a step without a note.

No field that the service writes holds U+001F, so no other row has the same bytes. The note is held by a
digest over a random salt and its UTF-8: when the note has to go, the salt goes with it and the digest stays,
and the chain holds though nobody can try out what was said (docs/decisions/sealed-steps.md).
"""

import hashlib
import secrets
from datetime import UTC, datetime, timedelta
from typing import LiteralString

FORMAT: LiteralString = "1"
BETWEEN = "\x1f"
GENESIS = bytes(32)
SALT = 16  # bytes
SHOWN = 16  # hexadecimal digits of a receipt
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

# The columns of case_events, and how PostgreSQL says each. Whoever changes this makes a new format: what is
# sealed was sealed by the old one. A test says the same in Python, apart from this.
FIELDS: tuple[tuple[str, LiteralString], ...] = (
    ("id", "e.id"),
    ("case_id", "e.case_id"),
    ("round", "e.round"),
    ("action", "e.action"),
    ("role", "e.role"),
    ("officer_id", "coalesce(e.officer_id::text, '')"),
    ("resident_id", "coalesce(e.resident_id::text, '')"),
    ("unit_id", "coalesce(e.unit_id::text, '')"),
    ("from_status", "coalesce(e.from_status, '')"),
    ("to_status", "e.to_status"),
    ("public", "e.public::int"),
    ("created_at", "(extract(epoch FROM e.created_at) * 1000000)::bigint"),
)
# What a statement selects of an event `e`: the format and all fields as one text; NULL where there is none.
FACTS: LiteralString = (
    f"CASE WHEN e.id IS NOT NULL THEN concat_ws(E'\\x1f', '{FORMAT}', "
    + ", ".join([said for _, said in FIELDS])
    + ") END"
)


def link(previous: bytes, facts: str, sealed_at: int, digest: bytes | None) -> bytes:
    """The hash of the next position: over the one before, the facts, when (µs), and the note's digest."""
    note = digest.hex() if digest else ""
    return hashlib.sha256(previous + f"{facts}{BETWEEN}{sealed_at}{BETWEEN}{note}".encode()).digest()


def digest_of(salt: bytes, note: str) -> bytes:
    """What stands for a note in its link."""
    return hashlib.sha256(salt + note.encode()).digest()


def new_salt(note: str) -> bytes | None:
    """A salt for this note; none is needed where nothing was said."""
    return secrets.token_bytes(SALT) if note else None


def microseconds(moment: datetime) -> int:
    """Whole microseconds since 1970 in UTC, as links hold times."""
    return (moment - EPOCH) // timedelta(microseconds=1)


def receipt(position: int, sealed: bytes) -> str:
    """A seal as people read it to each other (存证编号): its position and the beginning of its hash."""
    return f"{position}-{sealed.hex()[:SHOWN]}"
