"""Calls: the letter of a message is delivered by one of the threads that call, with no transaction open."""

import contextvars
import logging
import time
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache

from backend import db
from backend.config import config
from backend.notify import circuit, records
from backend.notify.channels import Channel, Letter, Owed, Refusal, Then
from backend.notify.records import LeaseLost

logger = logging.getLogger(__name__)

LINGER = 0.05  # seconds that an answer waits for others, to be written down with them
STOPPED = Refusal("接口不通", Then.LATER, next_rung=False)  # a call that was not made, for others failed
FRESH = 20.0  # seconds after which a call that waited for its turn proves anew that the message is its own


@dataclass(frozen=True)
class Climb:
    """A message on its ladder: the rungs not taken yet, the letter for the first, and why others were not."""

    owed: Owed
    rungs: tuple[Channel, ...]
    refusals: tuple[Refusal, ...] = ()
    letter: Letter | None = None
    begun: float = 0.0
    is_probe: bool = False  # calls to its account have stopped: this one asks whether it is back
    stopped_at: str | None = None  # the account because of which it waits


@dataclass(frozen=True)
class Answer:
    """What the provider said to a call."""

    climb: Climb
    provider_id: str | None = None
    refusal: Refusal | None = None

    @property
    def owed(self) -> Owed:
        return self.climb.owed


Person = tuple[int, int]  # officer, resident; the other is 0
Calls = dict["Future[Answer | None]", Person]


def person(each: Climb | Answer) -> Person:
    """In one order everywhere, so that no two workers wait for each other's windows and consents."""
    owed = each.owed
    return owed.officer_id or 0, owed.resident_id or 0


@cache
def _pool() -> ThreadPoolExecutor:
    """Threads that call: each keeps connections of its own."""
    return ThreadPoolExecutor(config.provider_calls, thread_name_prefix="call")


def start(each: Climb, at: datetime | None) -> "Future[Answer | None]":
    return _pool().submit(contextvars.copy_context().run, _call, each, at)


def answered(calls: Calls) -> tuple[list[Answer], Calls]:
    """The answers that have come, one at least, and the calls that are still waited for."""
    if not calls:
        return [], calls
    wait(calls, return_when=FIRST_COMPLETED)
    done, others = wait(calls, timeout=LINGER)
    found = [future.result() for future in done]
    return [answer for answer in found if answer is not None], {each: calls[each] for each in others}


def let_go(owed: Owed, error: Exception) -> None:
    """The others must go out; this one's lease runs out, and it is tried again."""
    if isinstance(error, LeaseLost):
        logger.info("message %d was taken over by another worker", owed.id)
    else:
        logger.error("message %d could not be delivered", owed.id, exc_info=error)


def _call(each: Climb, at: datetime | None) -> Answer | None:
    """Make the call, with no transaction open. None: nothing is known of it, and its lease runs out."""
    try:
        return _deliver(_renewed(each, at))
    except Exception as error:  # whatever it is: the others must go out
        let_go(each.owed, error)
        return None


def _renewed(each: Climb, at: datetime | None) -> Climb:
    """A call that waited long behind others renews its lease. Raises LeaseLost."""
    assert each.letter is not None
    if time.monotonic() - each.begun < FRESH:
        return each
    with db.transaction() as session:
        owed = records.begin(session, each.owed, each.rungs[0].name, each.letter.account, at=at)
    return replace(each, owed=owed)


def _deliver(each: Climb) -> Answer:
    assert each.letter is not None
    account = each.letter.account
    if circuit.is_open(account) and not each.is_probe:
        return Answer(each, refusal=STOPPED)
    try:
        answer = Answer(each, provider_id=each.letter.deliver())
    except Refusal as refusal:
        answer = Answer(each, refusal=refusal)
    circuit.hear(account, answer.refusal)
    return answer
