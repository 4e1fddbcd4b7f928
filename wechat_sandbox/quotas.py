"""How often an app may call each end point in a day, and what it has used: 45009 beyond it.

Counted in memory: a restart of the sandbox is a new day. The option `daily_limits` sets others by path.
"""

from wechat_sandbox.api import Answer, Call, Endpoint
from wechat_sandbox.apps import App
from wechat_sandbox.errors import ApiError
from wechat_sandbox.platform import Platform

# Source: the platform's table of daily limits for a new account; a mini program's messages have 10 million.
# That of bizsend is not documented: the one of template messages is the stricter guess.
DAILY: dict[str, int] = {
    "/cgi-bin/message/template/send": 100_000,
    "/cgi-bin/message/custom/send": 500_000,
    "/cgi-bin/message/subscribe/bizsend": 100_000,
    "/cgi-bin/message/subscribe/send": 10_000_000,
    "/cgi-bin/qrcode/create": 100_000,
    "/cgi-bin/media/upload": 100_000,
    "/cgi-bin/media/get": 200_000,
    "/cgi-bin/menu/create": 1_000,
    "/cgi-bin/user/info": 5_000_000,
}


def count(platform: Platform, app: App, path: str) -> None:
    """Count a call of this app; 45009 when the day's calls are used up."""
    limit = _limit(platform, path)
    if limit is not None and not platform.uses.add(platform.now(), app.app_id, path, limit):
        raise ApiError(45009)


def _limit(platform: Platform, path: str) -> int | None:
    asked: dict[str, int] = platform.option("daily_limits")
    return asked.get(path, DAILY.get(path))


def get(platform: Platform, call: Call) -> Answer:
    """POST /cgi-bin/openapi/quota/get: 76021 for a path that has no quota."""
    path = str(call.body().get("cgi_path") or "")
    limit = _limit(platform, path)
    if limit is None:
        raise ApiError(76021)
    used = platform.uses.used(platform.now(), call.app.app_id, path)
    quota = {"daily_limit": limit, "used": used, "remain": limit - used}
    return {"errcode": 0, "errmsg": "ok", "quota": quota}


def clear(platform: Platform, call: Call) -> Answer:
    """POST /cgi-bin/clear_quota: ten times a month, 48006 beyond."""
    if call.body().get("appid") != call.app.app_id:
        raise ApiError(40013)
    if not platform.uses.clear(platform.now(), call.app.app_id):
        raise ApiError(48006)
    return {"errcode": 0, "errmsg": "ok"}


ENDPOINTS = {
    "/cgi-bin/openapi/quota/get": Endpoint(get, ("POST",)),
    "/cgi-bin/clear_quota": Endpoint(clear, ("POST",)),
}
