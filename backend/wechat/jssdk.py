"""Pages that use WeChat's own buttons: the account's ticket, and the signature of a page's address with it.

Source: the platform's document on JS-SDK (附录1, JS-SDK使用权限签名算法). A ticket lasts two hours, and
few may be fetched in a day: one for all processes, kept in Redis, fetched under one lock.
"""

import hashlib
import secrets
from functools import cache
from typing import TypedDict

import redis
from redis.exceptions import LockError, RedisError

from backend.broker import redis_client
from backend.config import WECHAT
from backend.times import now
from backend.wechat import calls, transport
from backend.wechat.accounts import Account
from backend.wechat.codes import unreachable

MARGIN = 120  # seconds before its end in which a ticket is no longer used
LOCK_SECONDS = 20  # longer than one fetch can take


class Signed(TypedDict):
    """What wx.config wants to be told, in its words."""

    appId: str
    timestamp: int
    nonceStr: str
    signature: str


def sign(account: Account, url: str) -> Signed:
    """Let the page at this address (without what follows #) use WeChat's buttons. Raises ProviderError."""
    ticket, nonce, at = _ticket(account), secrets.token_hex(8), int(now().timestamp())
    said = f"jsapi_ticket={ticket}&noncestr={nonce}&timestamp={at}&url={url}"
    signature = hashlib.sha1(said.encode(), usedforsecurity=False).hexdigest()  # as the document wants it
    return {"appId": account.app_id, "timestamp": at, "nonceStr": nonce, "signature": signature}


@cache
def _redis() -> "redis.Redis":
    return redis_client()


def _ticket(account: Account) -> str:
    try:
        return _stored(account) or _fetch_once(account)
    except LockError:
        raise unreachable("等待页面凭证超时", uncertain=False) from None
    except RedisError:  # each process would fetch its own, and use the day's up
        raise unreachable("队列没有回应", uncertain=False) from None


def _key(account: Account) -> str:
    return f"wechat:ticket:{account.app_id}"


def _stored(account: Account) -> str | None:
    ticket = _redis().get(_key(account))
    return ticket.decode() if isinstance(ticket, bytes) else None


def _fetch_once(account: Account) -> str:
    """Whoever gets the lock fetches; the others find the ticket when they get it."""
    lock = f"{_key(account)}:lock"
    with _redis().lock(lock, timeout=LOCK_SECONDS, blocking_timeout=LOCK_SECONDS, sleep=0.02):
        return _stored(account) or _fetch(account)


def _fetch(account: Account) -> str:
    answer = calls.with_token(account, _ask)
    ticket, seconds = answer.get("ticket"), answer.get("expires_in", 0)
    if not isinstance(ticket, str) or not ticket:
        raise unreachable("微信接口的回答不完整", uncertain=False)
    _redis().set(_key(account), ticket, ex=max(1, int(seconds) - MARGIN))
    return ticket


def _ask(token: str) -> calls.Answer:
    wanted = {"access_token": token, "type": "jsapi"}
    body, _ = transport.exchange("GET", f"{WECHAT}/cgi-bin/ticket/getticket", params=wanted)
    return transport.answered(body)
