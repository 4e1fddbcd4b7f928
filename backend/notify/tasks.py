"""Actors of notify: deliver these messages; find those that everyone forgot."""

import logging
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from backend import db
from backend.broker import actor, nudge
from backend.notify import early, outbox, quiet
from backend.notify.channels import LADDERS, Channel, Letter, Owed, Refusal, Then
from backend.times import now, stamp

logger = logging.getLogger(__name__)


@actor("notify")
def deliver(ids: list[int]) -> None:
    """Send those of these messages that are due and free. Safe to run twice, and by several workers."""
    with db.transaction() as session:
        quiet.hold(session, ids)
        claimed = outbox.claim(session, ids)
    for owed in claimed:
        try:
            climb(owed)
        except outbox.LeaseLost:
            logger.info("message %d was taken over by another worker", owed.id)
        except Exception:  # the others must go out; this one's lease runs out and it is tried again
            logger.exception("message %d could not be delivered", owed.id)


@actor("notify")
def sweep() -> None:
    """Give back what dead workers held; enqueue what is due, retries and lost nudges alike."""
    with db.transaction() as session:
        outbox.release_expired(session)
        quiet.drop_faded(session)
        ids = outbox.due(session)
    nudge(deliver, ids)


def climb(owed: Owed, at: datetime | None = None) -> None:
    """Try the channels for this person in turn until one takes the message, and record what happened."""
    refusals: list[Refusal] = []
    for channel in LADDERS[owed.recipient]:
        letter = None
        try:
            letter, owed = _prepare(channel, owed, at)
            _record_sent(owed, letter.account, letter.deliver(), at)
            return
        except Refusal as refusal:
            refusals.append(refusal)
            owed = _learn(owed, channel, letter, refusal)
            if not refusal.next_rung:
                break
    refused = _sum_up(refusals, owed)
    logger.warning("message %d was not sent (%s): %s", owed.id, refused.then, refused.reason)
    with db.transaction() as session:
        outbox.record_refused(session, owed, refused, at=at)


def _prepare(channel: Channel, owed: Owed, at: datetime | None) -> tuple[Letter, Owed]:
    """The letter, and the message with the lease renewed for its delivery."""
    if owed.is_closed(channel.name):
        raise Refusal("微信没有送达", Then.NEVER)
    with db.transaction() as session:
        letter = channel.prepare(session, owed)
        return letter, outbox.begin(session, owed, channel.name, letter.account, at=at)


def _record_sent(owed: Owed, account: str, provider_id: str | None, at: datetime | None) -> None:
    with db.transaction() as session:
        if not outbox.record_sent(session, owed, provider_id, at=at):
            logger.warning("message %d was sent, but is another worker's by now", owed.id)
    if provider_id and (status := early.take(account, provider_id)):
        with db.transaction() as session:
            outbox.receipt(session, account, provider_id, status, at=at)


def _learn(owed: Owed, channel: Channel, letter: Letter | None, refusal: Refusal) -> Owed:
    """The message with this rung written down; a call without an answer stays marked as such."""
    said = {"channel": channel.name, "why": refusal.reason, "at": stamp(now())}
    owed = replace(owed, rungs=(*(rung for rung in owed.rungs if not _same(rung, said)), said))
    if letter is None:
        return owed
    with db.transaction() as session:
        letter.settle(session, refusal)
    if refusal.uncertain:
        return replace(owed, unanswered=channel.name)
    return replace(owed, unanswered=None) if owed.unanswered == channel.name else owed


def _same(rung: dict[str, Any], said: dict[str, Any]) -> bool:
    return not rung.get("lost") and (rung["channel"], rung["why"]) == (said["channel"], said["why"])


def _sum_up(refusals: Sequence[Refusal], owed: Owed) -> Refusal:
    """All reasons in one, with the best hope that any of them leaves."""
    if not refusals:
        return Refusal("没有可用的发送渠道", Then.LATER)
    then = next(then for then in Then if any(refusal.then is then for refusal in refusals))
    if then is Then.VISIT and owed.unanswered:  # it may have gone out long before that visit
        then = Then.NEVER
    return Refusal("；".join(dict.fromkeys(refusal.reason for refusal in refusals)), then)
