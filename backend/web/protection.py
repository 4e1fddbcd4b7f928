"""What stands before and after every request of a person or a program: CSRF, rate limits, size, headers.

WeChat's deliveries do not pass here: they are signed, and have a door of their own (wechat/callback.py).
"""

from functools import partial

from flask import Blueprint, Flask, Response, g, request
from flask_wtf.csrf import CSRFProtect
from limits import RateLimitItem, parse
from limits.errors import StorageError
from limits.storage import MemoryStorage, storage_from_string
from limits.strategies import FixedWindowRateLimiter

from backend.auth import COOKIE, SAFE, hash_token
from backend.config import WECHAT, config
from backend.errors import TooMany

BODY_LIMIT = 12 * 1024 * 1024  # a photo of 10 MB and what goes with it
WRITES_PER_MINUTE = 60  # of one session, or of one address without a session
ADDRESS_PER_MINUTE = 1_200  # of one address, whatever tokens it shows: WeChat's users share addresses

csrf = CSRFProtect()

_WRITES = parse(f"{WRITES_PER_MINUTE} per minute")
_ADDRESS = parse(f"{ADDRESS_PER_MINUTE} per minute")
_shared = FixedWindowRateLimiter(
    storage_from_string(
        config.redis_url.replace("unix://", "redis+unix://", 1),
        wrap_exceptions=True,
        socket_connect_timeout=1,
        socket_timeout=1,
    )
)
_own = FixedWindowRateLimiter(MemoryStorage())  # without Redis each process counts for itself


def charge() -> None:
    """Count this request against its caller's budget and its address's. Raises TooMany for a used up one."""
    try:
        is_within = _hit(_shared)
    except StorageError:
        is_within = _hit(_own)
    if not is_within:
        raise TooMany("操作太频繁，请过一分钟再试")


def is_within(budget: RateLimitItem, *whose: str) -> bool:
    """Count one more use of this budget; False once it is used up. `whose` begins with what is counted."""
    try:
        return _shared.hit(budget, *whose)
    except StorageError:
        return _own.hit(budget, *whose)


def _hit(limiter: FixedWindowRateLimiter) -> bool:
    """The address counts too, or a new made-up token each time would be a new budget each time."""
    return limiter.hit(_WRITES, caller()) and limiter.hit(_ADDRESS, request.remote_addr or "unknown")


def caller() -> str:
    """Whose budget it is. WeChat's users share addresses, so a session, as a hash, comes first."""
    token = request.headers.get("Authorization") or request.cookies.get(COOKIE)
    return hash_token(token).hex() if token else request.remote_addr or "unknown"


def register(app: Flask, *, bearer: Blueprint) -> None:
    """`bearer` holds what no cookie opens, so that no browser can be tricked into calling it."""
    app.config |= {
        "MAX_CONTENT_LENGTH": BODY_LIMIT,
        "SESSION_COOKIE_NAME": "form",  # holds the CSRF token; who is logged in is auth.COOKIE's matter
        "SESSION_COOKIE_SAMESITE": "Lax",
        "SESSION_COOKIE_SECURE": config.public_url.startswith("https:"),
        "WTF_CSRF_CHECK_DEFAULT": False,
        "WTF_CSRF_TIME_LIMIT": None,  # as long as the browser's session: people come back to an open page
    }
    csrf.init_app(app)
    app.before_request(partial(guard, bearer.name))
    app.after_request(set_headers)


def guard(bearer: str) -> None:
    """Check every request that changes something."""
    if request.method in SAFE or request.endpoint is None:
        return
    charge()
    if request.blueprint != bearer:
        csrf.protect()


def set_headers(response: Response) -> Response:
    if POLICY_NAME in g:
        response.headers.setdefault("Content-Security-Policy", g.content_policy)
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    if request.blueprint is not None:
        response.headers.setdefault("Cache-Control", "no-store")  # pages hold personal data
    return response


def let_wechat_in() -> None:
    """Let the page of this request load WeChat's own script, and the frames in which it draws its buttons."""
    g.content_policy = "; ".join((*POLICY, *WECHATS))


def _framers() -> str:
    """Nobody may frame our pages, but the sandbox's phones when there is no real WeChat behind us."""
    return "'none'" if config.wechat_api_base == WECHAT else "http://127.0.0.1:* http://*.localhost:*"


POLICY = (
    "default-src 'self'",
    "img-src 'self' data: blob:",  # WeUI's icons are data
    "font-src 'self' data:",
    "object-src 'none'",
    "base-uri 'none'",
    "form-action 'self'",
    f"frame-ancestors {_framers()}",
)
POLICY_NAME = "content_policy"
# Where WeChat's script comes from, and the frames in which it is said to draw its buttons (开放标签).
WECHATS = ("script-src 'self' https://res.wx.qq.com", "frame-src https://*.qq.com webcompt:")
HEADERS = {
    "Content-Security-Policy": "; ".join(POLICY),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=()",
}
