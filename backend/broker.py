"""The queue. Actors are declared with `actor` from here, so none can exist before its broker.

A message carries ids only; the row in PostgreSQL is the truth. `nudge` says "look at this row now" after a
commit: it costs the caller an append to a list, and a nudge that is lost is made good by the sweep.
"""

import logging
import queue
import threading
import time
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

import dramatiq
import redis
from dramatiq.brokers.redis import RedisBroker
from dramatiq.middleware import default_middleware
from dramatiq.middleware.prometheus import Prometheus
from redis.backoff import NoBackoff
from redis.retry import Retry

from backend.config import config

logger = logging.getLogger(__name__)
P = ParamSpec("P")
R = TypeVar("R")

BATCH = 20  # ids in one message: small enough that a slow provider does not hold many back

# A dead worker's messages come back after the heartbeat, on the next fetch of any live one.
broker = RedisBroker(  # type: ignore[no-untyped-call]
    url=config.redis_url,
    middleware=[middleware() for middleware in default_middleware if middleware is not Prometheus],
    heartbeat_timeout=15_000,
    maintenance_chance=100_000,
)
dramatiq.set_broker(broker)


def actor(queue_name: str) -> Callable[[Callable[P, R]], "dramatiq.Actor[P, R]"]:
    """Declare an actor that never retries by itself: the rows know what is still to be done."""
    return dramatiq.actor(queue_name=queue_name, max_retries=0, time_limit=300_000)


def redis_client() -> "redis.Redis":
    """A client for tokens, locks and limits, that gives up quickly rather than hold a person up."""
    once_more = Retry(NoBackoff(), 1)  # the default waits up to six seconds before it says that Redis is away
    return redis.Redis.from_url(config.redis_url, socket_timeout=2, socket_connect_timeout=2, retry=once_more)


def waiting(queue_name: str) -> int:
    """How many messages of this queue no worker has taken yet."""
    return int(broker.client.llen(f"{broker.namespace}:{queue_name}"))


LINGER = 0.01  # seconds that a nudge waits for others to go with: a send costs as much as a statement
_nudges: "queue.SimpleQueue[tuple[dramatiq.Actor[Any, Any], int]]" = queue.SimpleQueue()
_sender: list[threading.Thread] = []
_lock = threading.Lock()


def nudge(wanted: "dramatiq.Actor[Any, Any]", ids: list[int]) -> None:
    """Ask workers to look at these rows soon. Never blocks and never fails the caller."""
    for row_id in ids:
        _nudges.put((wanted, row_id))
    if ids and not _sender:
        _start_sender()


def _start_sender() -> None:
    with _lock:
        if not _sender:
            thread = threading.Thread(target=_send_forever, name="nudges", daemon=True)
            _sender.append(thread)
            thread.start()


def _send_forever() -> None:
    while True:
        waiting = [_nudges.get()]
        time.sleep(LINGER)
        while not _nudges.empty() and len(waiting) < 1_000:
            waiting.append(_nudges.get())
        _send(waiting)


def _send(waiting: "list[tuple[dramatiq.Actor[Any, Any], int]]") -> None:
    by_actor: dict[dramatiq.Actor[Any, Any], list[int]] = {}
    for wanted, row_id in waiting:
        by_actor.setdefault(wanted, []).append(row_id)
    for wanted, ids in by_actor.items():
        try:
            for start in range(0, len(ids), BATCH):
                wanted.send(ids[start : start + BATCH])
        except Exception:  # Redis is away: the sweep will find the rows
            logger.warning("nudge lost for %d rows of %s", len(ids), wanted.actor_name)
