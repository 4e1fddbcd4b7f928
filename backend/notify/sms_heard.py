"""Which answers to text messages were taken in already: Tencent Cloud tells of one again when it is in doubt.

Redis keeps this. What it loses is taken in once more, and the same answer again changes nothing.
"""

import logging
from functools import cache

import redis

from backend.broker import redis_client
from backend.privacy import blind_index

logger = logging.getLogger(__name__)
KEEP = 3 * 86_400  # seconds
_client = cache(redis_client)


def name_of(phone: str, text: str, time: str) -> str:
    """What this answer is known by; it tells neither the number nor the words."""
    return f"sms:heard:{blind_index(f'{phone}:{time}:{text}').hex()}"


def is_known(name: str) -> bool:
    try:
        return bool(_client().exists(name))
    except redis.RedisError as error:
        logger.warning("whether an answer by text message came before is not known: %s", error)
        return False


def keep(name: str) -> None:
    """Note that it was taken in, after the commit. Never fails the caller."""
    try:
        _client().set(name, 1, ex=KEEP)
    except redis.RedisError as error:
        logger.warning("that an answer by text message was taken in is not noted: %s", error)
