"""How many calls WeChat lets an account make in a day: what was used, what is left, and who waits.

Our own calls are counted in Redis, by the day in Shanghai; what the platform itself tells (others may call
for the same account) is asked for by the clock. When a path nears its limit, what can wait until the next day
does; when WeChat says that it is used up (45009), nobody tries it again before midnight.
"""

import json
import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache

import redis
from redis.exceptions import RedisError

from backend.broker import redis_client
from backend.notify.channels import Owed, Refusal, Then, is_urgent, kind_of
from backend.times import local, now
from backend.wechat.codes import failed

logger = logging.getLogger(__name__)

USED_UP = 45009
NEAR = 0.8  # of the limit: the administrators are warned
SCARCE = 0.9  # of the limit: the rest is kept for what is urgent
SCARCE_REASON = "今天的额度快用完了，先让要紧的"
USED_UP_REASON = "微信今天的调用次数已用完，明天再发"
KEPT = 3 * 86_400  # seconds that a day's counts are kept
FRESH = 5.0  # seconds for which a process goes by what it read: a quota is no matter of single messages


@dataclass(frozen=True)
class Api:
    """One path with a limit of its own. `daily` is the platform's usual one, for a new account."""

    label: str
    daily: int


# Source: the platform's table of call limits. That of bizsend is in no document: the stricter guess.
CARD, CHAT = "/cgi-bin/message/template/send", "/cgi-bin/message/custom/send"
NOTICE, MINI = "/cgi-bin/message/subscribe/bizsend", "/cgi-bin/message/subscribe/send"
APIS: dict[str, Api] = {
    CARD: Api("模板消息", 100_000),
    CHAT: Api("会话消息", 500_000),
    NOTICE: Api("公众号订阅通知", 100_000),
    MINI: Api("小程序订阅消息", 10_000_000),
    "/cgi-bin/qrcode/create": Api("带参数二维码", 100_000),
    "/cgi-bin/menu/create": Api("公众号菜单", 1_000),
}


@dataclass(frozen=True)
class Standing:
    """What one app has used of one path today. `told_at`: when the platform said so; None: our own count."""

    path: str
    label: str
    used: int
    limit: int
    told_at: str | None
    is_closed: bool

    @property
    def left(self) -> int:
        return 0 if self.is_closed else max(0, self.limit - self.used)

    @property
    def share(self) -> float:
        return 1.0 if self.is_closed else min(1.0, self.used / self.limit) if self.limit else 1.0

    @property
    def is_near(self) -> bool:
        return self.share >= NEAR


@cache
def _redis() -> "redis.Redis":
    return redis_client()


def _today(app_id: str, at: datetime | None = None) -> str:
    return f"wechat:calls:{local(at or now()):%Y%m%d}:{app_id}"


def midnight(at: datetime | None = None) -> datetime:
    """When the next day begins in Shanghai, and with it the platform's counts."""
    day = local(at or now()).replace(hour=0, minute=0, second=0, microsecond=0)
    return day + timedelta(days=1)


def count(app_id: str, path: str) -> None:
    """Count a call that is about to be made. Raises ProviderError (45009) when the path is closed today."""
    if path not in APIS:
        return
    if _standing_now(app_id, path).is_closed:
        raise failed(USED_UP)
    try:
        if _redis().hincrby(_today(app_id), path, 1) == 1:
            _redis().expire(_today(app_id), KEPT)
    except RedisError:  # the message matters more than its count
        logger.warning("a call of %s is not counted: Redis is away", app_id)


def close(app_id: str, path: str) -> None:
    """WeChat says that this path is used up: nobody tries it again today."""
    if path not in APIS:
        return
    logger.error("the calls of %s to %s are used up for today", app_id, path)
    try:
        with _redis().pipeline(transaction=False) as pipe:
            pipe.hset(_today(app_id), f"closed:{path}", "1")
            _run(pipe, app_id)
    except RedisError:
        logger.warning("that %s has used up a path is not known to others: Redis is away", app_id)
    _read_at.pop(app_id, None)


def admit(app_id: str, path: str, owed: Owed) -> None:
    """Let this message use the path now. Raises Refusal: it waits for tomorrow's calls.

    What is urgent goes until WeChat itself refuses; the rest leaves it the last tenth.
    """
    standing = _standing_now(app_id, path)
    if standing.is_closed:
        raise Refusal(USED_UP_REASON, Then.LATER, until=midnight())
    if standing.share >= SCARCE and not (is_urgent(owed) or kind_of(owed).urgent):
        raise Refusal(SCARCE_REASON, Then.LATER, next_rung=False, until=midnight())


def note(app_id: str, path: str, limit: int, used: int) -> None:
    """Write down what the platform told of a path."""
    said = json.dumps({"limit": limit, "used": used, "at": f"{local(now()):%H:%M}"})
    with _redis().pipeline(transaction=False) as pipe:
        pipe.hset(_today(app_id), f"told:{path}", said)
        _run(pipe, app_id)
    _read_at.pop(app_id, None)


def _run(pipe: "redis.client.Pipeline", app_id: str) -> None:
    """What was put into the pipe, and the day's counts kept for some days."""
    pipe.expire(_today(app_id), KEPT)
    pipe.execute()


def standings(app_id: str) -> list[Standing]:
    """Every path of this app as it is now, read anew. Raises RedisError."""
    kept = {_text(key): _text(value) for key, value in _redis().hgetall(_today(app_id)).items()}
    return [_standing(path, kept) for path in APIS]


def _text(value: bytes | str) -> str:
    return value.decode() if isinstance(value, bytes) else value


def _standing(path: str, kept: Mapping[str, str]) -> Standing:
    """The higher of both counts: ours is fresh, the platform's knows of others' calls."""
    told = json.loads(kept.get(f"told:{path}", "{}"))
    used = max(int(kept.get(path, 0)), int(told.get("used", 0)))
    limit = int(told.get("limit", 0)) or APIS[path].daily
    return Standing(path, APIS[path].label, used, limit, told.get("at"), f"closed:{path}" in kept)


_read_at: dict[str, tuple[float, str, dict[str, Standing]]] = {}


def _standing_now(app_id: str, path: str) -> Standing:
    """As this process read it some seconds ago; as unused while Redis is away."""
    at, day, found = _read_at.get(app_id, (0.0, "", {}))
    if time.monotonic() - at > FRESH or day != _today(app_id):
        try:
            found = {one.path: one for one in standings(app_id)}
        except RedisError:
            found = {one: _standing(one, {}) for one in APIS}
        _read_at[app_id] = (time.monotonic(), _today(app_id), found)
    return found[path]


def forget() -> None:
    """Read everything anew at the next call."""
    _read_at.clear()
