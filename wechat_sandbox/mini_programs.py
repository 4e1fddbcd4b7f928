"""The server side of mini programs: log-in, phone number, codes, subscription messages."""

import base64
import re
import secrets
from collections.abc import Mapping
from typing import Any

from flask import Response

from wechat_sandbox import drawing, ids, people, qrcodes, receipts, templates, tokens, vouchers
from wechat_sandbox.api import Answer, Call, Endpoint
from wechat_sandbox.apps import App
from wechat_sandbox.errors import ApiError
from wechat_sandbox.people import User
from wechat_sandbox.platform import Platform
from wechat_sandbox.qrcodes import Code

SCENE = re.compile(r"[0-9A-Za-z!#$&'()*+,/:;=?@\-._~]{1,32}")
WIDTHS = range(280, 1281)
VERSIONS = ("release", "trial", "develop")


def login(platform: Platform, call: Call) -> Answer:
    """GET /sns/jscode2session: openid and session_key for a wx.login code, once."""
    app = tokens.check_secret(platform, call.query("appid"), call.query("secret"))
    if call.query("grant_type") != "authorization_code":
        raise ApiError(40002)
    user, _ = vouchers.redeem(platform, app, call.query("js_code"), "login")
    union = people.unionid(app, user)
    session_key = base64.b64encode(secrets.token_bytes(16)).decode()
    known = {"session_key": session_key, "openid": people.openid(app, user)}
    return known | ({"unionid": union} if union else {})


def phone_number(platform: Platform, call: Call) -> Answer:
    """POST /wxa/business/getuserphonenumber: an invented number, always the same for one person."""
    user, _ = vouchers.redeem(platform, call.app, str(call.body().get("code") or ""), "phone")
    number = f"1990000{user.user_id % 10_000:04d}"
    mark = {"timestamp": int(platform.now()), "appid": call.app.app_id}
    known = {"phoneNumber": number, "purePhoneNumber": number, "countryCode": "86", "watermark": mark}
    return {"errcode": 0, "errmsg": "ok", "phone_info": known}


def unlimited_code(platform: Platform, call: Call) -> Answer:
    """POST /wxa/getwxacodeunlimit: a picture. Ours holds an ordinary QR code that `scanning` understands."""
    body = call.body()
    if call.app.kind != "mini_program":
        raise ApiError(48001)
    scene = body.get("scene")
    if not isinstance(scene, str) or not 1 <= len(scene) <= 32:
        raise ApiError(40169)
    if not SCENE.fullmatch(scene):
        raise ApiError(40129)
    if "scancode_time" in scene:
        raise ApiError(85096)
    page, width = _check_page(call.app, body), body.get("width", 430)
    version = body.get("env_version", "release")
    if width not in WIDTHS or version not in VERSIONS:
        raise ApiError(40097)
    details = {"scene": scene, "kind": "mini_program", "page": page, "env_version": version}
    code = _keep(platform, call.app, details | {"label": f"{call.app.name} {scene}"})
    return Response(drawing.as_bytes(drawing.draw_code(code.url, width), "JPEG"), content_type="image/jpeg")


def _keep(platform: Platform, app: App, details: Mapping[str, Any]) -> Code:
    """Store the code, or 45009: the limit of calls in a minute is held for the codes that they make."""
    now = platform.now()
    with platform.state.transaction():
        made = qrcodes.count_permanent(platform, app, now - 60, now)
        if made >= platform.option("mini_program_codes_per_minute"):
            raise ApiError(45009)
        return qrcodes.keep(platform, app, None, details)


def _check_page(app: App, body: Mapping[str, Any]) -> str:
    """The page of the code; 41030 when it is written wrongly or is not published."""
    page = str(body.get("page") or "")
    if page.startswith("/") or "?" in page:
        raise ApiError(41030)
    if page and app.pages and body.get("check_path", True) and page not in app.pages:
        raise ApiError(41030)
    return page or (app.pages[0] if app.pages else "")


def send_subscribed(platform: Platform, call: Call) -> Answer:
    """POST /cgi-bin/message/subscribe/send: uses up one acceptance of the user; 43101 without one."""
    body = call.body()
    if call.app.kind != "mini_program":
        raise ApiError(48001)
    if body.get("miniprogram_state", "formal") not in ("developer", "trial", "formal"):
        raise ApiError(40097)
    return _send(platform, call.app, body, {"app_id": call.app.app_id, "page": body.get("page") or ""})


def send_from_account(platform: Platform, call: Call) -> Answer:
    """POST /cgi-bin/message/subscribe/bizsend: the same for service accounts, also to non-followers."""
    body = call.body()
    if call.app.kind != "service_account":
        raise ApiError(48001)
    return _send(platform, call.app, body, None)


def _send(platform: Platform, app: App, body: dict[str, Any], opens: dict[str, Any] | None) -> dict[str, Any]:
    user = templates.check_receiver(platform, app, body)
    card = templates.read_card(app, body | {"url": body.get("page")} if opens is None else body)
    if opens is not None and opens["page"]:
        card |= {"mini_program": opens}
    with platform.state.transaction():
        _use_grant(platform, app, user, card["template_id"])
        msgid = ids.template_numbers.next()
        templates.show(platform, app, user, msgid, card)
    receipts.subscription_sent(platform, app, str(body["touser"]), msgid, card["template_id"])
    return {"errcode": 0, "errmsg": "ok", "msgid": msgid}


def _use_grant(platform: Platform, app: App, user: User, template_id: str) -> None:
    used = platform.state.write(
        "UPDATE grants SET left = left - 1"
        " WHERE app_id = ? AND user_id = ? AND template_id = ? AND left > 0",
        app.app_id, user.user_id, template_id,
    )  # fmt: skip
    if not used:
        raise ApiError(43101)


ENDPOINTS = {
    "/sns/jscode2session": Endpoint(login, token=False, plain_text=True),
    "/wxa/business/getuserphonenumber": Endpoint(phone_number, ("POST",)),
    "/wxa/getwxacodeunlimit": Endpoint(unlimited_code, ("POST",)),
    "/cgi-bin/message/subscribe/send": Endpoint(send_subscribed, ("POST",)),
    "/cgi-bin/message/subscribe/bizsend": Endpoint(send_from_account, ("POST",)),
}
