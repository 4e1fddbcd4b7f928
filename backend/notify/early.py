"""Receipts that come before the message they speak of is written down.

WeChat's receipt can overtake the worker that sent the message; and when that worker is killed, the next one
gets the same id from WeChat and no second receipt. So a receipt for an unknown id waits here, in Redis, for
whoever records that id. One that Redis loses leaves its message `sent`: it went out, and no more is known.
"""

import logging
from collections.abc import Sequence
from functools import cache
from typing import cast

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from backend.config import config

logger = logging.getLogger(__name__)

KEEP = 600  # seconds: for so long WeChat takes a repeated client id for the same message
PATIENCE = 0.3  # seconds: WeChat waits five for an answer, and not for this


@cache
def _client() -> "redis.Redis":
    """A client of its own, that gives up at once: a receipt that is lost costs less than a late answer."""
    once, url = Retry(NoBackoff(), 0), config.redis_url
    return redis.Redis.from_url(url, socket_timeout=PATIENCE, socket_connect_timeout=PATIENCE, retry=once)


def _key(account: str, provider_id: str) -> str:
    return f"receipt:{account}:{provider_id}"


def keep(account: str, provider_id: str, status: str) -> None:
    """Let the receipt wait. Never fails the caller, whose answer WeChat waits for."""
    try:
        _client().set(_key(account, provider_id), status, ex=KEEP)
    except redis.RedisError as error:
        logger.warning("a receipt at %s came early and is lost: %s", account, error)


def take_all(names: Sequence[tuple[str, str]]) -> dict[tuple[str, str], str]:
    """The receipts that wait for these (account, provider id), where one does; nobody gets one twice."""
    if not names:
        return {}
    try:
        with _client().pipeline(transaction=False) as pipe:
            for name in names:
                pipe.getdel(_key(*name))
            found = cast(list[bytes | None], pipe.execute())
    except redis.RedisError as error:
        logger.warning("whether receipts came early for %d messages is not known: %s", len(names), error)
        return {}
    return {name: status.decode() for name, status in zip(names, found, strict=True) if status is not None}
