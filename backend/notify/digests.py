"""Digests: what an officer would read in many messages within minutes goes as one.

The first goes at once. What follows of a kind that gathers waits until GATHER_SECONDS are over since, and
goes together; each row then names the message in whose hands it is (`digest_id`) and shares its fate. What
is about an urgent case is never held.
"""

from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, cast

import sqlalchemy as sa
from sqlalchemy.orm import Session

from backend.config import config
from backend.notify import records
from backend.notify.messages import CATALOGUE, Message, haste
from backend.notify.models import Delivery, Held, Notification
from backend.notify.outbox import AT_ONCE
from backend.times import stamp

GATHERING = {message: kind.gathers for message, kind in CATALOGUE.items() if kind.gathers}
WAITS = "稍后和别的消息并成一条发"
DISSOLVED = "里面的消息改为一条一条处理"
LOCK = 0x_D16E57 << 32  # and an officer's id

Row = Notification
_WAITING = Row.status == sa.literal_column(f"'{Delivery.WAITING}'")


def gather(session: Session, ids: Sequence[int], at: datetime | None = None) -> list[int]:
    """Which of these messages may go now, and the digests made of others; what waits says when and why."""
    pause = timedelta(seconds=config.gather_seconds)
    found = _officers(session, ids, at) if pause else None
    if found is None:
        return list(ids)
    officers, moment = found
    _take_turns(session, officers)
    told = _last_told(session, officers, moment - pause)
    left, made = set(ids), []
    for officer, rows in _waiting(session, officers, ids).items():
        if len(rows) > 1 and any(_is_ripe(row, moment) for row in rows):
            made.append(_make(session, officer, rows, moment))
            left -= {row.id for row in rows}
        else:
            left -= _put_off(session, rows, told.get(officer), moment, pause)
    return [*made, *(one for one in ids if one in left)]


def _officers(session: Session, ids: Sequence[int], at: datetime | None) -> tuple[list[int], datetime] | None:
    """To whom those of these messages go that can be gathered, in the order in which they are locked, and the
    moment by the clock that says what is due. None: none of them can."""
    wanted = sa.select(Row.officer_id, records.moment(at)).distinct().where(Row.id.in_(ids), *_can_wait())
    found = session.execute(wanted).all()
    return (sorted(officer or 0 for officer, _ in found), found[0][1]) if found else None


def _can_wait() -> tuple[sa.ColumnElement[bool], ...]:
    is_ordinary = Row.fields["urgent"].astext.is_distinct_from("1")
    is_free = ~Row.rungs.contains([{"chosen": True}])  # else somebody wants this very one sent, and how
    return _WAITING, Row.officer_id.is_not(None), Row.message.in_(GATHERING), is_ordinary, is_free


def _take_turns(session: Session, officers: Sequence[int]) -> None:
    """Of several workers one at a time decides for an officer: else each would send a first one."""
    keys = [LOCK + officer for officer in officers]
    session.execute(sa.text("SELECT pg_advisory_xact_lock(key) FROM unnest(:keys) key"), {"keys": keys})


def _last_told(session: Session, officers: Sequence[int], since: datetime) -> dict[int, datetime]:
    """When each of these was last sent what gathers, if that was since then; now, if it is being sent."""
    kinds = (Row.officer_id.in_(officers), Row.message.in_([*GATHERING, Message.DIGEST]))
    is_called = (Row.status == sa.literal_column(f"'{Delivery.SENDING}'")) & Row.lease_until.is_not(None)
    sent = sa.select(Row.officer_id, Row.sent_at.label("told")).where(*kinds, Row.sent_at > since)
    called = sa.select(Row.officer_id, sa.func.now()).where(*kinds, is_called)
    rows: Sequence[Any] = session.execute(sa.union_all(sent, called)).all()
    return {officer: told for officer, told in sorted((row[0], row[1]) for row in rows)}


def _waiting(session: Session, officers: Sequence[int], ids: Sequence[int]) -> dict[int, list[Notification]]:
    """What can be gathered for each: of these messages, and what waits already."""
    is_gathered = Row.held == sa.literal_column(f"'{Held.DIGEST}'")
    wanted = sa.select(Row).where(Row.officer_id.in_(officers), *_can_wait(), Row.id.in_(ids) | is_gathered)
    found: dict[int, list[Notification]] = defaultdict(list)
    for row in session.scalars(wanted.order_by(Row.id).with_for_update(skip_locked=True)):
        found[row.officer_id or 0].append(row)
    return found


def _is_ripe(row: Notification, at: datetime) -> bool:
    return row.held is Held.DIGEST and row.due_at <= at


def _put_off(
    session: Session, rows: Sequence[Notification], told: datetime | None, at: datetime, pause: timedelta
) -> set[int]:
    """Let these wait, but for the first where nobody was told lately. Returns the ids of all that wait."""
    ends = min((row.due_at for row in rows if row.held is Held.DIGEST), default=(told or at) + pause)
    fresh = [row for row in rows if row.held is not Held.DIGEST]
    if ends <= at or (told is None and len(fresh) == len(rows)):
        fresh = fresh[1:]
    for row in fresh:
        row.held, row.error, row.due_at = Held.DIGEST, WAITS, ends
    session.flush()
    return {row.id for row in rows if row.due_at > at}


def _make(session: Session, officer: int, rows: Sequence[Notification], at: datetime) -> int:
    """One message in the place of these, which are in its hands from now on."""
    counted = Counter(GATHERING[row.message] for row in rows)
    said = "、".join(f"{number} 件{what}" for what, number in counted.most_common())
    fields = {"number": str(len(rows)), "summary": said, "note": said, "at": stamp(at)}
    key = f"digest:{officer}:{rows[-1].id}:{at.timestamp():.6f}"  # these may have gone in one that was lost
    own = {"message": Message.DIGEST, "fields": fields, "haste": haste(Message.DIGEST, fields)}
    digest = Row(key=key, officer_id=officer, due_at=at, **own)
    session.add(digest)
    session.flush()
    for row in rows:
        row.status, row.digest_id, row.held, row.error = Delivery.SENDING, digest.id, None, None
    session.flush()
    return digest.id


# A row in the hands of a digest has no lease: nobody takes it, and nobody gives it back. It follows the
# digest for as long as a receipt may come (from these channels one does), also when that sends the digest up
# its ladder once more.
SHARE = sa.text("""
    UPDATE notifications n SET status = m.fate, received_at = m.received_at,
        sent_at = CASE WHEN m.fate <> 'sending' THEN m.sent_at END,
        account = m.account, channel = m.channel, error = m.error, attempts = m.attempts
    FROM (
        SELECT n.id AS member, d.*, CASE WHEN d.status = 'waiting' THEN 'sending' ELSE d.status END AS fate
        FROM notifications n JOIN notifications d ON d.id = n.digest_id
        WHERE n.digest_id IS NOT NULL AND (n.status = 'sending' OR n.status = 'sent'
                AND n.channel IN ('wechat_template', 'wechat_notice', 'sms'))
            AND (n.sent_at IS NULL OR n.sent_at > now() - :receipts)
            AND n.status <> CASE WHEN d.status = 'waiting' THEN 'sending' ELSE d.status END
        LIMIT :most FOR UPDATE OF n SKIP LOCKED
    ) m
    WHERE n.id = m.member""")
RECEIPTS = timedelta(days=4)  # the latest is that of a text message to a telephone that was off


def share(session: Session) -> int:
    """What went in a digest becomes what the digest became, at most AT_ONCE at a time. Returns how many.

    Cost: what is in the hands of digests, or was sent in one these last days.
    """
    shared = session.execute(SHARE, {"receipts": RECEIPTS, "most": AT_ONCE})
    return cast("sa.CursorResult[Any]", shared).rowcount


def dissolve(session: Session, officer_id: int) -> None:
    """What waits in digests for this officer waits by itself again; the digests end."""
    waits = (Row.officer_id == officer_id, Row.message == Message.DIGEST, _WAITING)
    ended = sa.update(Row).where(*waits).values(status=Delivery.FAILED, held=None, error=DISSOLVED)
    digests = session.scalars(ended.returning(Row.id)).all()
    members = (Row.officer_id == officer_id, Row.digest_id.in_(digests), Row.status != Delivery.FAILED)
    freed = {"status": Delivery.WAITING, "digest_id": None, "sent_at": None}
    session.execute(sa.update(Row).where(*members).values(freed))
