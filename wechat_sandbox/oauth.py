"""Web authorisation: the authorize address inside WeChat, and the exchange of its code under /sns."""

import re
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from wechat_sandbox import apps, ids, people, tokens, vouchers
from wechat_sandbox.api import Answer, Call, Endpoint
from wechat_sandbox.apps import App
from wechat_sandbox.errors import ApiError
from wechat_sandbox.people import User
from wechat_sandbox.platform import Platform

PATH = "/connect/oauth2/authorize"
SCOPES = {"snsapi_base", "snsapi_userinfo"}
# The documents say that the address is matched against a pattern, so the order counts.
ORDER = ["appid", "redirect_uri", "response_type", "scope", "state"]
FOREVER = 30 * 24 * 3600


class AuthorizeRefused(Exception):
    """The page that WeChat shows instead of going on; the text is what it says."""


def authorize(platform: Platform, user: User, url: str) -> str:
    """Where WeChat sends this user from an authorize address (with or without #wechat_redirect).

    snsapi_userinfo is granted silently: the consent page is not simulated.
    """
    query = dict(parse_qsl(urlsplit(url).query, keep_blank_values=True))
    app = _check_query(platform, query)
    target = urlsplit(query["redirect_uri"])
    if app.web_domains and target.netloc not in app.web_domains:
        raise AuthorizeRefused("redirect_uri域名与后台配置不一致，错误码:10003")
    code = vouchers.issue(platform, app, user, "oauth", query["scope"])
    added = urlencode({"code": code, "state": query.get("state", "")})
    joined = f"{target.query}&{added}" if target.query else added
    return urlunsplit((target.scheme, target.netloc, target.path or "/", joined, ""))


def _check_query(platform: Platform, query: dict[str, str]) -> App:
    app = apps.find(platform, query.get("appid", ""))
    if app is None or app.kind not in ("service_account", "work_app"):
        raise AuthorizeRefused("appid 参数错误")
    if query.get("scope") not in SCOPES:
        raise AuthorizeRefused("Scope 参数错误或没有 Scope 权限")
    if query.get("response_type") != "code":
        raise AuthorizeRefused("response_type 参数错误")
    if not query.get("redirect_uri", "").startswith(("http://", "https://")):
        raise AuthorizeRefused("redirect_uri 参数错误")
    if not re.fullmatch(r"[A-Za-z0-9]{0,128}", query.get("state", "")):
        raise AuthorizeRefused("state 参数错误：只能是 128 个以内的字母和数字")
    if [name for name in query if name in ORDER] != [name for name in ORDER if name in query]:
        raise AuthorizeRefused("参数顺序错误")
    return app


def access_token(platform: Platform, call: Call) -> Answer:
    """GET /sns/oauth2/access_token: openid and tokens for a code, once."""
    app = tokens.check_secret(platform, call.query("appid"), call.query("secret"))
    if call.query("grant_type") != "authorization_code":
        raise ApiError(40002)
    user, scope = vouchers.redeem(platform, app, call.query("code"), "oauth")
    return _grant(platform, app, user, scope)


def refresh_token(platform: Platform, call: Call) -> Answer:
    """GET /sns/oauth2/refresh_token."""
    app = apps.find(platform, call.query("appid"))
    if app is None:
        raise ApiError(40013)
    user, scope = _holder(platform, call.query("refresh_token"), "refresh", 40030)
    return _grant(platform, app, user, scope)


def userinfo(platform: Platform, call: Call) -> Answer:
    """GET /sns/userinfo: needs the scope snsapi_userinfo; there is no real nickname or city any more."""
    user, scope = _holder(platform, call.query("access_token"), "web", 40001)
    app = _app_of(platform, call.query("access_token"))
    if people.openid(app, user) != call.query("openid"):
        raise ApiError(40003)
    if scope != "snsapi_userinfo":
        raise ApiError(48001)
    known = {"openid": call.query("openid"), "nickname": user.name, "sex": 0, "province": "", "city": ""}
    union = people.unionid(app, user)
    return known | {"country": "", "headimgurl": "", "privilege": []} | ({"unionid": union} if union else {})


def auth(platform: Platform, call: Call) -> Answer:
    """GET /sns/auth: whether a web access token is still good for this openid."""
    user, _ = _holder(platform, call.query("access_token"), "web", 40001)
    if people.openid(_app_of(platform, call.query("access_token")), user) != call.query("openid"):
        raise ApiError(40003)
    return {"errcode": 0, "errmsg": "ok"}


def _grant(platform: Platform, app: App, user: User, scope: str) -> dict[str, object]:
    union = people.unionid(app, user)
    return {
        "access_token": _keep(platform, app, user, "web", scope), "expires_in": tokens.LIFE_SECONDS,
        "refresh_token": _keep(platform, app, user, "refresh", scope),
        "openid": people.openid(app, user), "scope": scope, **({"unionid": union} if union else {}),
    }  # fmt: skip


def _keep(platform: Platform, app: App, user: User, kind: str, scope: str) -> str:
    value = ids.random_text(tokens.TOKEN_LENGTH)
    platform.state.write(
        "INSERT INTO vouchers (code, kind, app_id, user_id, scope, created_at) VALUES (?, ?, ?, ?, ?, ?)",
        value, kind, app.app_id, user.user_id, scope, platform.now(),
    )  # fmt: skip
    return value


def _holder(platform: Platform, value: str, kind: str, errcode: int) -> tuple[User, str]:
    row = platform.state.row("SELECT * FROM vouchers WHERE code = ? AND kind = ?", value, kind)
    life = tokens.LIFE_SECONDS if kind == "web" else FOREVER
    if row is None:
        raise ApiError(errcode)
    if platform.now() - row["created_at"] >= life:
        raise ApiError(42001 if kind == "web" else errcode)
    return people.require(platform, row["user_id"]), row["scope"]


def _app_of(platform: Platform, value: str) -> App:
    row = platform.state.row("SELECT app_id FROM vouchers WHERE code = ?", value)
    app = apps.find(platform, row["app_id"]) if row else None
    if app is None:
        raise ApiError(40001)
    return app


ENDPOINTS = {
    "/sns/oauth2/access_token": Endpoint(access_token, token=False, plain_text=True),
    "/sns/oauth2/refresh_token": Endpoint(refresh_token, token=False, plain_text=True),
    "/sns/userinfo": Endpoint(userinfo, token=False, plain_text=True),
    "/sns/auth": Endpoint(auth, token=False, plain_text=True),
}
