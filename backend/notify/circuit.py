"""The circuit of an account: when its provider fails time after time, calls stop until one finds it back.

Each process counts failures in a row; that a circuit is open all of them know, through Redis. One call at a
time, at growing intervals, asks whether the provider is there again. While Redis is away each process keeps
its own circuits.
"""

import logging
import threading
import time
from collections import Counter
from functools import cache
from typing import cast

import redis
from redis.exceptions import RedisError

from backend.broker import redis_client
from backend.notify.channels import Refusal, Then

logger = logging.getLogger(__name__)

FAILURES = 5  # in a row, in one process
FIRST_PROBE, LONGEST_PAUSE = 5.0, 15.0  # seconds; each pause is twice the one before
OPEN = "circuits"  # in Redis: account → the moment of the next probe, and the pause before it

# 1: there is nothing to wait for. 2: this call is the probe, and nobody else's until the next pause is over.
MAY_CALL = """
local said = redis.call('HGET', KEYS[1], ARGV[1])
if not said then return 1 end
local time = redis.call('TIME')
local now = time[1] + time[2] / 1000000
local at, pause = string.match(said, '(%S+) (%S+)')
if now < tonumber(at) then return 0 end
pause = math.min(tonumber(pause) * 2, tonumber(ARGV[2]))
redis.call('HSET', KEYS[1], ARGV[1], string.format('%.3f %.3f', now + pause, pause))
return 2"""
STOP = """
local time = redis.call('TIME')
local at = time[1] + time[2] / 1000000 + ARGV[2]
return redis.call('HSETNX', KEYS[1], ARGV[1], string.format('%.3f %.3f', at, tonumber(ARGV[2])))"""

_failures: "Counter[str]" = Counter()
_open: dict[str, tuple[float, float]] = {}  # as this process knows them: next probe (unix time), pause
_lock = threading.Lock()


@cache
def _redis() -> "redis.Redis":
    return redis_client()


def stopped() -> frozenset[str]:
    """The accounts that are not to be called now; this process knows them from now on."""
    try:
        found = cast(dict[bytes, bytes], _redis().hgetall(OPEN))
    except RedisError:
        with _lock:
            return frozenset(_open)
    known = {name.decode(): _read(said.decode()) for name, said in found.items()}
    with _lock:
        _open.clear()
        _open.update(known)
    return frozenset(known)


def _read(said: str) -> tuple[float, float]:
    at, pause = said.split()
    return float(at), float(pause)


def is_open(account: str) -> bool:
    """Whether calls to this account have stopped, as far as this process knows; costs nothing."""
    return account in _open


def probes_due() -> list[str]:
    """The accounts of which it is time to ask whether they are back."""
    stopped()
    with _lock:
        return [account for account, (at, _) in _open.items() if at <= time.time()]


def may_probe(account: str) -> bool:
    """Whether this call may be made though calls have stopped: the one that asks, or it is back already."""
    try:
        return bool(_redis().eval(MAY_CALL, 1, OPEN, account, str(LONGEST_PAUSE)))
    except RedisError:
        return _may_probe_alone(account)


def _may_probe_alone(account: str) -> bool:
    with _lock:
        at, pause = _open.get(account, (0.0, 0.0))
        if time.time() < at:
            return False
        pause = min(pause * 2, LONGEST_PAUSE)
        _open[account] = (time.time() + pause, pause)
        return True


def is_failure(refusal: Refusal) -> bool:
    """Whether the provider failed as such: nothing else could be tried there either, nor said until when."""
    return refusal.then is Then.LATER and not refusal.next_rung and refusal.until is None


def hear(account: str, refusal: Refusal | None) -> None:
    """What became of a call: a refusal with a reason is an answer, too."""
    if refusal is not None and is_failure(refusal):
        _count(account)
    else:
        _close(account)


def _count(account: str) -> None:
    """After so many failures in a row calls stop."""
    with _lock:
        _failures[account] += 1
        if _failures[account] < FAILURES or account in _open:
            return
        _open[account] = (time.time() + FIRST_PROBE, FIRST_PROBE)
    logger.error("calls to account %s stop: it failed %d times in a row", account, FAILURES)
    try:
        _redis().eval(STOP, 1, OPEN, account, str(FIRST_PROBE))
    except RedisError:
        logger.warning("Redis is away: this process alone knows that account %s fails", account)


def _close(account: str) -> None:
    """A call was answered: calls go on, if they had stopped."""
    if not _failures[account] and account not in _open:
        return
    with _lock:
        _failures[account] = 0
        was_open = _open.pop(account, None) is not None
    if was_open:
        logger.warning("account %s is back", account)
        _forget(account)


def _forget(account: str) -> None:
    try:
        _redis().hdel(OPEN, account)
    except RedisError:
        logger.warning("Redis is away: this process alone knows that account %s is back", account)


def reset() -> None:
    """Forget what this process knows."""
    with _lock:
        _failures.clear()
        _open.clear()
