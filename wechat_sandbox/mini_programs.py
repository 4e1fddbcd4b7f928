"""The server side of mini programs: log-in, phone number, codes."""

import base64
import re
import secrets
from collections.abc import Mapping
from typing import Any

from flask import Response

from wechat_sandbox import drawing, people, qrcodes, tokens, vouchers
from wechat_sandbox.api import Answer, Call, Endpoint
from wechat_sandbox.apps import App
from wechat_sandbox.errors import ApiError
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


ENDPOINTS = {
    "/sns/jscode2session": Endpoint(login, token=False, plain_text=True),
    "/wxa/business/getuserphonenumber": Endpoint(phone_number, ("POST",)),
    "/wxa/getwxacodeunlimit": Endpoint(unlimited_code, ("POST",)),
}
