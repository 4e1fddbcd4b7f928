"""Pages that use WeChat's own buttons: the ticket, the check of a page's signature, and the tap that allows.

On a phone the script of the JS-SDK is the sandbox's own (phones/static/jweixin.js), which asks here.
"""

import hashlib
import hmac
from collections.abc import Mapping
from typing import Any

from wechat_sandbox import apps, ids, subscriptions
from wechat_sandbox.api import Answer, Call, Endpoint
from wechat_sandbox.apps import App
from wechat_sandbox.errors import ApiError, Refusal
from wechat_sandbox.people import User
from wechat_sandbox.platform import Platform

SPACE = "jsapi"  # among the tokens
LENGTH, LIFE_SECONDS, FOREVER = 86, 7200, 1e12
MOST = 3  # templates of one button
TAGS = {"wx-open-subscribe"}


def give_ticket(platform: Platform, call: Call) -> Answer:
    """GET /cgi-bin/ticket/getticket?type=jsapi: the same until it ends."""
    if call.query("type") != "jsapi":
        raise ApiError(40097)
    if call.app.kind != "service_account":
        raise ApiError(48001)
    now = platform.now()
    with platform.state.transaction():
        row = _current(platform, call.app)
        ticket, until = (row["token"], row["expires_at"]) if row else _make(platform, call.app, now)
    return {"errcode": 0, "errmsg": "ok", "ticket": ticket, "expires_in": int(until - now)}


def _current(platform: Platform, app: App) -> Any:
    return platform.state.row(
        "SELECT * FROM tokens WHERE app_id = ? AND space = ? AND expires_at > ?",
        app.app_id, SPACE, platform.now(),
    )  # fmt: skip


def _make(platform: Platform, app: App, at: float) -> tuple[str, float]:
    ticket, until = ids.random_text(LENGTH), at + LIFE_SECONDS
    values = (ticket, app.app_id, SPACE, at, until, FOREVER, False)
    platform.state.write("INSERT INTO tokens VALUES (?, ?, ?, ?, ?, ?, ?)", *values)
    return ticket, until


def check_page(platform: Platform, said: Mapping[str, Any], url: str) -> None:
    """Whether wx.config is signed for exactly this address. Raises Refusal, in WeChat's words."""
    app = apps.find(platform, str(said.get("appId") or ""))
    if app is None or app.kind != "service_account":
        raise Refusal("config:fail,invalid appid")
    if not set(said.get("openTagList") or ()) <= TAGS or not said.get("jsApiList"):
        raise Refusal("config:fail,permission denied")
    row = _current(platform, app)
    nonce, at = said.get("nonceStr"), said.get("timestamp")
    signed = f"jsapi_ticket={row['token'] if row else ''}&noncestr={nonce}&timestamp={at}&url={url}"
    wanted = hashlib.sha1(signed.encode(), usedforsecurity=False).hexdigest()
    if row is None or not hmac.compare_digest(wanted, str(said.get("signature"))):
        raise Refusal("config:fail,invalid signature")


def allow(platform: Platform, user: User, said: Mapping[str, Any]) -> dict[str, Any]:
    """The person taps the button and allows all that it asks for."""
    template_ids = [str(one) for one in said.get("templates") or []]
    if len(template_ids) > MOST:
        raise Refusal(f"subscribe:fail,at most {MOST} templates")
    app = apps.require(platform, said.get("appId"))
    subscriptions.answer(platform, app, user, template_ids, accept=True)
    return {one: {"status": "accept"} for one in template_ids}


ENDPOINTS = {"/cgi-bin/ticket/getticket": Endpoint(give_ticket, ("GET",))}
