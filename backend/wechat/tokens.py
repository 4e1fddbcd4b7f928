"""Access tokens: one per app for all processes, kept in Redis, fetched under one lock.

They come from `stable_token`, which gives everyone the same token until shortly before its end, so that a
late or second fetch cannot make the stored one worthless. While Redis is away each process keeps its own.
"""

import json
import logging
import threading
import time
from functools import cache
from typing import Any, Protocol

import redis
from redis.exceptions import LockError, RedisError

from backend.broker import redis_client
from backend.config import WECHAT
from backend.wechat import transport, wecom_codes
from backend.wechat.accounts import WeCom
from backend.wechat.codes import Fate, ProviderError, unreachable

logger = logging.getLogger(__name__)

MARGIN = 120  # seconds before its end in which a token is no longer used
SEEN = 2.0  # seconds for which a process goes by the token that it read; MARGIN is longer
REFUSED = 10.0  # seconds in which a process that was refused a token does not ask for one again
RENEW_EVERY = 30  # seconds in which a refused token is renewed at most once: a lasting 40001 is no storm
LOCK_SECONDS = 20  # longer than one fetch can take (transport.TIMEOUT)

# Forget the token only if it is still the stored one, and only if none was forgotten a moment ago.
FORGET = """
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
if not redis.call('SET', KEYS[2], '1', 'NX', 'EX', ARGV[2]) then return -1 end
redis.call('DEL', KEYS[1])
return 1"""


_seen: dict[str, tuple[str, float]] = {}  # app id → token, and until when (monotonic)
_refused: dict[str, tuple[ProviderError, float]] = {}  # app id → why it gets none, and until when


class App(Protocol):
    """What has a token: an official account, a mini program or an application in WeCom."""

    @property
    def app_id(self) -> str: ...
    @property
    def app_secret(self) -> str: ...


def get(app: App) -> str:
    """A token that is good for at least a moment. Raises ProviderError."""
    token, until = _seen.get(app.app_id, ("", 0.0))
    if time.monotonic() < until:
        return token
    token = _get(app)
    _seen[app.app_id] = (token, time.monotonic() + SEEN)
    return token


def _get(app: App) -> str:
    try:
        return _stored(app) or _fetch_once(app)
    except RedisError:
        logger.warning("Redis is away: this process keeps the token of %s itself", app.app_id)
        return _own(app)


def forget(app: App, token: str) -> bool:
    """Drop this token, if it is still the one in use; False: it was renewed a moment ago and stays."""
    _seen.pop(app.app_id, None)
    try:
        done = _redis().eval(FORGET, 2, _key(app), f"{_key(app)}:renewed", token, RENEW_EVERY)
        return int(done) >= 0
    except RedisError:
        return _forget_own(app, token)


def renew(app: App, refused: str) -> str | None:
    """The token to try again with, after this one was refused; None: a new one would not help."""
    return get(app) if forget(app, refused) else None


@cache
def _redis() -> "redis.Redis":
    return redis_client()


def _key(app: App) -> str:
    return f"wechat:token:{app.app_id}"


def _stored(app: App) -> str | None:
    token = _redis().get(_key(app))
    return token.decode() if isinstance(token, bytes) else None


def _fetch_once(app: App) -> str:
    """Whoever gets the lock fetches; the others find the token when they get it."""
    try:
        with _redis().lock(
            f"{_key(app)}:lock", timeout=LOCK_SECONDS, blocking_timeout=LOCK_SECONDS, sleep=0.02
        ):
            return _stored(app) or _store(app, *_fetch(app))
    except LockError:
        raise unreachable("等待访问凭证超时", uncertain=False) from None


def _store(app: App, token: str, seconds: float) -> str:
    _redis().set(_key(app), token, ex=max(1, int(seconds)))
    return token


def _fetch(app: App) -> tuple[str, float]:
    """A token from WeChat and the seconds for which it may be used.

    A wrong secret stays wrong: whoever is refused one is not to ask for every message.
    """
    error, until = _refused.get(app.app_id, (None, 0.0))
    if error is not None and time.monotonic() < until:
        raise error
    try:
        answer = _ask_wecom(app) if isinstance(app, WeCom) else _ask(app)
    except ProviderError as error:
        if error.fate is Fate.ACCOUNT:
            _refused[app.app_id] = (error, time.monotonic() + REFUSED)
        raise
    if not isinstance(answer.get("access_token"), str):
        raise unreachable("微信接口的回答不完整", uncertain=False)
    return answer["access_token"], float(answer.get("expires_in", 0)) - MARGIN


def _ask(app: App) -> dict[str, Any]:
    wanted = {"grant_type": "client_credential", "appid": app.app_id, "secret": app.app_secret}
    body, _ = transport.exchange("POST", f"{WECHAT}/cgi-bin/stable_token", data=json.dumps(wanted))
    return transport.answered(body)


def _ask_wecom(app: WeCom) -> dict[str, Any]:
    """WeCom answers everyone with the same token until it ends, as `stable_token` does."""
    wanted = {"corpid": app.corp_id, "corpsecret": app.secret}
    body, _ = transport.exchange("GET", f"{transport.WECOM}/cgi-bin/gettoken", params=wanted)
    return transport.answered(body, wecom_codes.failed)


_own_tokens: dict[str, tuple[str, float]] = {}  # app id → token, and until when (monotonic)
_own_renewed: dict[str, float] = {}
_own_lock = threading.Lock()


def _own(app: App) -> str:
    with _own_lock:
        token, until = _own_tokens.get(app.app_id, ("", 0.0))
        if time.monotonic() >= until:
            token, seconds = _fetch(app)
            _own_tokens[app.app_id] = (token, time.monotonic() + seconds)
        return token


def _forget_own(app: App, token: str) -> bool:
    with _own_lock:
        if _own_tokens.get(app.app_id, ("",))[0] != token:
            return True
        if time.monotonic() - _own_renewed.get(app.app_id, -RENEW_EVERY) < RENEW_EVERY:
            return False
        _own_renewed[app.app_id] = time.monotonic()
        del _own_tokens[app.app_id]
        return True


def reset() -> None:
    """Forget what this process knows."""
    for known in (_seen, _refused, _own_tokens, _own_renewed):
        known.clear()
