"""What a worker writes down of the messages it holds: that a call begins, and what became of it.

All of a batch in one statement each. Every row is guarded by its lease: what is another worker's by now stays
as that one leaves it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Session

from backend.notify import binding
from backend.notify.channels import Owed, Refusal, Then
from backend.notify.models import Delivery, Held

LEASE = timedelta(seconds=60)  # longer than one call with a renewed token can take
BACKOFF = (
    timedelta(seconds=10),
    timedelta(seconds=30),
    timedelta(minutes=2),
    timedelta(minutes=10),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=6),
    timedelta(hours=12),
)
OUTAGE_ENDS = timedelta(minutes=5)  # then it is looked at again, even if nobody noticed the end of it
OUTAGE = "{provider}接口暂时不通，恢复后马上发"
ATTEMPTS = len(BACKOFF) + 1
NEXT_VISIT = timedelta(days=3650)  # put off until the person comes to us; `wake` looks for half of this


class LeaseLost(Exception):
    """The message is another worker's by now."""


def moment(at: datetime | None) -> sa.ColumnElement[datetime]:
    """The database's clock, so that workers on several machines agree; tests give their own moment."""
    return sa.func.now() if at is None else sa.literal(at)


BEGIN = sa.text("""
    UPDATE notifications n SET channel = b.channel, account = b.account,
        lease_until = coalesce(:at, now()) + :lease
    FROM jsonb_to_recordset(:begun) b(id bigint, lease timestamptz, channel text, account text)
    WHERE n.id = b.id AND n.status = 'sending' AND n.lease_until = b.lease
    RETURNING n.id, n.lease_until""").bindparams(
    sa.bindparam("begun", type_=JSONB), sa.bindparam("at", type_=sa.TIMESTAMP(timezone=True))
)


def begin(
    session: Session,
    owed: Owed,
    channel: str,
    account: str,
    *,
    at: datetime | None = None,
    lease: timedelta = LEASE,
) -> Owed:
    """Mark that a call on this channel begins, and renew the lease for it. Raises LeaseLost."""
    return begin_all(session, [(owed, channel, account)], at=at, lease=lease)[0]


def begin_all(
    session: Session,
    calls: Sequence[tuple[Owed, str, str]],
    *,
    at: datetime | None = None,
    lease: timedelta = LEASE,
) -> list[Owed]:
    """The same for many calls (message, channel, account) at once. Raises LeaseLost if one is another's."""
    begun = [
        {"id": owed.id, "lease": owed.lease.isoformat(), "channel": channel, "account": account}
        for owed, channel, account in calls
    ]
    rows = session.execute(BEGIN, {"begun": begun, "at": at, "lease": lease}) if begun else ()
    leases: dict[int, datetime] = {row.id: row.lease_until for row in rows}
    for owed, _, _ in calls:
        if owed.id not in leases:
            raise LeaseLost(owed.id)
    return [replace(owed, lease=leases[owed.id]) for owed, _, _ in calls]


@dataclass(frozen=True)
class End:
    """What became of an attempt. `wait`, `until`: when it is due again; `channel`: of an unanswered call."""

    owed: Owed
    status: Delivery
    provider_id: str | None = None
    error: str | None = None
    wait: timedelta | None = None
    until: datetime | None = None
    attempts: int | None = None
    held: Held | None = None
    account: str | None = None

    def document(self) -> dict[str, Any]:
        """As RECORD reads it."""
        return {
            "id": self.owed.id,
            "lease": self.owed.lease.isoformat(),
            "status": self.status,
            "provider_id": self.provider_id,
            "rungs": list(self.owed.rungs),
            "error": self.error,
            "channel": self.owed.unanswered,
            "wait": None if self.wait is None else self.wait.total_seconds(),
            "until": None if self.until is None else self.until.isoformat(),
            "attempts": self.owed.attempts if self.attempts is None else self.attempts,
            "held": self.held,
            "account": self.account,
        }


def sent(owed: Owed, provider_id: str | None) -> End:
    """The provider took it."""
    return End(owed, Delivery.SENT, provider_id)


def refused(owed: Owed, refusal: Refusal) -> End:
    """No channel took it: try later, wait for the person's next visit (or for who was asked to say it), or
    give up and say why. `until` a moment: this attempt is not counted, but those before it are."""
    if refusal.then is Then.LATER and refusal.until:
        counted = owed.attempts - 1
        return End(owed, Delivery.WAITING, error=refusal.reason, until=refusal.until, attempts=counted)
    if refusal.then is Then.LATER and owed.attempts < ATTEMPTS:
        return End(owed, Delivery.WAITING, error=refusal.reason, wait=BACKOFF[owed.attempts - 1])
    if refusal.then is Then.VISIT or owed.is_asked:
        return End(owed, Delivery.WAITING, error=refusal.reason, wait=NEXT_VISIT, attempts=0)
    return End(owed, Delivery.FAILED, error=refusal.reason)


def provider_of(account: str) -> str:
    """What people call whoever is behind this account."""
    if account.endswith(binding.WORK):
        return "企业微信"
    return "短信" if account == "sms" else "微信"


def stopped(owed: Owed, account: str) -> End:
    """Calls to this account have stopped: it waits until they go on, and that costs no attempt."""
    return End(
        owed,
        Delivery.WAITING,
        error=OUTAGE.format(provider=provider_of(account)),
        wait=OUTAGE_ENDS,
        attempts=owed.attempts - 1,
        held=Held.OUTAGE,
        account=account,
    )


RECORD = sa.text("""
    UPDATE notifications n SET status = e.status, lease_until = NULL, rungs = e.rungs, error = e.error,
        attempts = e.attempts, held = e.held, account = coalesce(e.account, n.account),
        provider_id = coalesce(e.provider_id, n.provider_id),
        channel = CASE WHEN e.status = 'sent' THEN n.channel ELSE e.channel END,
        sent_at = CASE WHEN e.status = 'sent' THEN coalesce(:at, now()) ELSE n.sent_at END,
        due_at = coalesce(e.until, coalesce(:at, now()) + make_interval(secs => e.wait), n.due_at)
    FROM jsonb_to_recordset(:ends) e(id bigint, lease timestamptz, status text, provider_id text, rungs jsonb,
        error text, channel text, wait float8, until timestamptz, attempts smallint, held text, account text)
    WHERE n.id = e.id AND n.status = 'sending' AND n.lease_until = e.lease
    RETURNING n.id""").bindparams(
    sa.bindparam("ends", type_=JSONB), sa.bindparam("at", type_=sa.TIMESTAMP(timezone=True))
)


def record(session: Session, ends: Sequence[End], *, at: datetime | None = None) -> set[int]:
    """Write down what became of these messages, in one statement. Returns the ids of those that were still
    this worker's: of the others, what another worker does counts."""
    if not ends:
        return set()
    written = session.scalars(RECORD, {"ends": [end.document() for end in ends], "at": at})
    return set(written)
