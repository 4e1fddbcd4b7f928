"""Climbing: a batch of messages goes up its ladders together, with many calls of providers in flight.

What the rungs want is read and reserved for the whole batch in one transaction; calls are made with none
open; what has been answered meanwhile is written down in one. A message that breaks such a transaction is
written alone, so that it holds up no other.
"""

import logging
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Any, TypeVar

from sqlalchemy.orm import Session

from backend import db
from backend.notify import circuit, early, ladders, outbox, records
from backend.notify.calling import STOPPED, Answer, Calls, Climb, Person, answered, let_go, person, start
from backend.notify.channels import (
    LOOK_UPS,
    Asked,
    Channel,
    Letter,
    NotServed,
    Owed,
    Refusal,
    Then,
    is_urgent,
)
from backend.notify.messages import haste
from backend.notify.records import End
from backend.times import now, stamp

logger = logging.getLogger(__name__)

T = TypeVar("T", Climb, Answer)
NOT_YET = "前面的办法过一会儿还会再试，先不请人打电话"


def climb(batch: Sequence[Owed], at: datetime | None = None) -> None:
    """Try the channels for each of these in turn until one takes the message, and record what happened."""
    ready = [Climb(owed, tuple(ladders.channels_for(owed))) for owed in batch]
    calls: Calls = {}
    while ready or calls:
        first, ready = _take_turns(ready, calls)
        begun = _together(partial(_begin, at=at, stopped=circuit.stopped()), first) if first else []
        calls |= {start(each, at): person(each) for each in sorted(begun, key=_haste)}
        answers, calls = answered(calls)
        ready = _together(partial(_record, at=at), answers) + ready


def _take_turns(ready: Sequence[Climb], calls: Calls) -> tuple[list[Climb], list[Climb]]:
    """Of several messages to one person one is called out at a time, the oldest first: so they arrive in
    their order, and the platform refuses none because of another."""
    first: dict[Person, Climb] = {}
    busy, later = set(calls.values()), []
    for each in sorted(ready, key=lambda each: each.owed.id):
        if person(each) in busy or first.setdefault(person(each), each) is not each:
            later.append(each)
    return list(first.values()), later


def _haste(each: Climb) -> tuple[int, int]:
    """What is urgent is called out first, then the oldest."""
    return haste(each.owed.message, each.owed.fields), each.owed.id


def _together(write: Callable[[Session, Sequence[T]], list[Climb]], batch: Sequence[T]) -> list[Climb]:
    """Write for all of these in one transaction; where that breaks, for each in one of its own."""
    if not batch:
        return []
    try:
        with db.transaction() as session:
            return write(session, sorted(batch, key=person))
    except Exception as error:  # whatever it is: it must hold up no other message
        if len(batch) == 1:
            let_go(batch[0].owed, error)
            return []
    return [left for each in batch for left in _together(write, [each])]


def _begin(
    session: Session, batch: Sequence[Climb], at: datetime | None, stopped: Iterable[str]
) -> list[Climb]:
    """Prepare a letter for each, and mark that its call begins; of the others, write down how they end.

    `stopped`: the accounts that are not to be called now.
    """
    for look_up in LOOK_UPS:
        look_up(session, [each.owed for each in batch])
    probed = dict.fromkeys(stopped, False)
    stepped = [_stop(session, _step(session, each), probed) for each in batch]
    records.record(session, [_end(each) for each in stepped if each.letter is None], at=at)
    ready = [each for each in stepped if each.letter is not None]
    owed = records.begin_all(
        session, [(e.owed, e.rungs[0].name, e.letter.account) for e in ready if e.letter], at=at
    )
    begun = time.monotonic()
    return [replace(each, owed=mine, begun=begun) for each, mine in zip(ready, owed, strict=True)]


def _step(session: Session, each: Climb) -> Climb:
    """On to the first rung that can take the message; without a letter: there is none."""
    while each.rungs:
        try:
            return replace(each, letter=_letter(session, each))
        except Refusal as refusal:
            each = _refused(each, refusal)
    return replace(each, letter=None)


def _stop(session: Session, each: Climb, probed: dict[str, bool]) -> Climb:
    """While calls to its account have stopped it waits, at no cost of an attempt; one in a while may ask.

    What is urgent does not wait: it goes on to a rung of somebody who can be called. `probed`: the accounts
    that have stopped, and whether this batch has asked already if its turn has come.
    """
    if each.letter is None or each.letter.account not in probed:
        return each
    was_asked, probed[each.letter.account] = probed[each.letter.account], True
    if not was_asked and circuit.may_probe(each.letter.account):
        return replace(each, is_probe=True)
    account = each.letter.account
    each.letter.settle(session, STOPPED)
    each = replace(each, letter=None, stopped_at=account)
    if not is_urgent(each.owed):
        return each
    return _stop(session, _step(session, _refused(each, _passed_by(account))), probed)


def _passed_by(account: str) -> Refusal:
    """For what is urgent: the next rung is tried."""
    return Refusal(f"{records.provider_of(account)}接口不通", Then.LATER)


def _end(each: Climb) -> End:
    if each.stopped_at is not None:
        return records.stopped(each.owed, each.stopped_at)
    return records.refused(each.owed, _sum_up(each))


def _letter(session: Session, each: Climb) -> Letter:
    channel, owed = each.rungs[0], each.owed
    if why := owed.closed(channel.name):
        raise Refusal(why, Then.NEVER)
    if channel.name == ladders.Rung.TELEPHONE and _may_go_later(each):
        raise NotServed(NOT_YET)
    return channel.prepare(session, owed)


def _may_go_later(each: Climb) -> bool:
    """Whether a later attempt may bring what is not urgent: only after the last one is somebody asked to say
    it."""
    has_hope = any(refusal.then is Then.LATER for refusal in each.refusals)
    return has_hope and not _is_last(each) and not is_urgent(each.owed)


def _is_last(each: Climb) -> bool:
    return each.owed.attempts >= records.ATTEMPTS


def _left(each: Climb, refusal: Refusal) -> tuple[Channel, ...]:
    """The next rungs, if they may be tried. After the last attempt a person can say what no provider takes:
    but where calls to an account have stopped, none was made that counts."""
    if refusal.next_rung:
        return each.rungs[1:]
    may_be_said = _is_last(each) and each.stopped_at is None
    return tuple(rung for rung in each.rungs[1:] if may_be_said and rung.name == ladders.Rung.TELEPHONE)


def _refused(each: Climb, refusal: Refusal) -> Climb:
    """The rung is written down; the next ones are left, if they may be tried."""
    said: dict[str, Any] = {"channel": each.rungs[0].name, "why": refusal.reason, "at": stamp(now())}
    said |= {"asked": True} if isinstance(refusal, Asked) else {}
    rungs = (*(rung for rung in each.owed.rungs if not _same(rung, said)), said)
    return replace(
        each,
        owed=replace(each.owed, rungs=rungs),
        rungs=_left(each, refusal),
        refusals=(*each.refusals, refusal),
        letter=None,
    )


def _same(rung: dict[str, Any], said: dict[str, Any]) -> bool:
    return not rung.get("lost") and (rung["channel"], rung["why"]) == (said["channel"], said["why"])


def _sum_up(each: Climb) -> Refusal:
    """All reasons in one, with the best hope that any of them leaves."""
    refusals = [refusal for refusal in each.refusals if not isinstance(refusal, NotServed)]
    refusals = refusals or [Refusal("没有可用的发送渠道", Then.LATER)]
    then = next(then for then in Then if any(refusal.then is then for refusal in refusals))
    if then is Then.VISIT and (each.owed.unanswered or not ladders.may_wait(each.owed)):
        then = Then.NEVER  # it may have gone out long before that visit
    moments = [refusal.until for refusal in refusals if refusal.then is Then.LATER]
    may_wait = all(moments) or _is_last(each)  # no attempt is left but one that is not counted
    until = min((moment for moment in moments if moment), default=None) if may_wait else None
    reason = "；".join(dict.fromkeys(refusal.reason for refusal in refusals))
    logger.warning("message %d was not sent (%s): %s", each.owed.id, then, reason)
    return Refusal(reason, then, until=until)


def _record(session: Session, answers: Sequence[Answer], at: datetime | None) -> list[Climb]:
    """Write down what was answered. Returns those that go on to another rung."""
    taken = [answer for answer in answers if answer.refusal is None]
    left = [_learn(session, answer.climb, answer.refusal) for answer in answers if answer.refusal is not None]
    ends = [records.sent(answer.owed, answer.provider_id) for answer in taken]
    ends += [_end(each) for each in left if not each.rungs]
    written = records.record(session, ends, at=at)
    for end in ends:
        if end.owed.id not in written:
            logger.warning("what became of message %d is not written: it is another worker's", end.owed.id)
    db.after_commit(session, lambda: _hear(taken, at))
    return [each for each in left if each.rungs]


def _learn(session: Session, each: Climb, refusal: Refusal) -> Climb:
    """What a refused call teaches; a call without an answer stays marked as such."""
    assert each.letter is not None
    channel, account, was_made = each.rungs[0].name, each.letter.account, refusal is not STOPPED
    each.letter.settle(session, refusal)
    is_failure = circuit.is_failure(refusal)
    if not was_made or (is_failure and circuit.is_open(account)):
        each = replace(each, stopped_at=account)
    if is_failure and is_urgent(each.owed):  # it waits for no other attempt, but tries somebody else
        reason = refusal.reason if was_made else _passed_by(account).reason
        refusal = Refusal(reason, refusal.then, uncertain=refusal.uncertain)
    elif not was_made:
        return replace(each, rungs=())
    each = _refused(each, refusal)
    if refusal.uncertain:
        return replace(each, owed=replace(each.owed, unanswered=channel))
    is_settled = was_made and each.owed.unanswered == channel
    return replace(each, owed=replace(each.owed, unanswered=None)) if is_settled else each


def _hear(taken: Sequence[Answer], at: datetime | None) -> None:
    """Receipts that were quicker than our record are written down now."""
    names = [
        (each.climb.letter.account, each.provider_id)
        for each in taken
        if each.climb.letter and each.provider_id
    ]
    if receipts := early.take_all(names):
        with db.transaction() as session:
            outbox.receive(session, receipts, at=at)
