"""Accounts that a provider refuses as a whole: blocked, not allowed to do this, unpaid, not from this server.

Kept in Redis for some hours after the last refusal, so that an administrator sees it and what was repaired
vanishes by itself.
"""

import logging
from dataclasses import dataclass
from functools import cache

import redis
from redis.exceptions import RedisError

from backend.broker import redis_client
from backend.times import now, stamp

logger = logging.getLogger(__name__)
KEPT = 6 * 3600  # seconds


@dataclass(frozen=True)
class Refusal:
    """What the provider said of an account, and when it last did."""

    account: str
    why: str
    at: str


@cache
def _redis() -> "redis.Redis":
    return redis_client()


def note(account: str, why: str) -> None:
    """The provider refuses this account. Never fails the caller."""
    try:
        _redis().set(f"refused:{account}", f"{stamp(now())}\n{why}", ex=KEPT)
    except RedisError:
        logger.warning("that account %s is refused is not known to others: Redis is away", account)


def of(account: str) -> Refusal | None:
    """What is wrong with this account. Raises RedisError."""
    kept = _redis().get(f"refused:{account}")
    if not isinstance(kept, bytes):
        return None
    at, why = kept.decode().split("\n", 1)
    return Refusal(account, why, at)
