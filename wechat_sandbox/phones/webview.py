"""A phone's web view: a reverse proxy on the phone's own origin to the page that was opened.

Each phone has an origin of its own, http://phone<user_id>.localhost:PORT, so that two phones in one
browser keep their cookies apart. The origin of the opened page is kept in a cookie of the phone.
"""

import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

import urllib3
from flask import Request, Response, jsonify, send_from_directory

from wechat_sandbox import jssdk, oauth, people
from wechat_sandbox.errors import Refusal
from wechat_sandbox.platform import Platform

HOST = re.compile(r"phone(\d+)\.localhost(:\d+)?")
COOKIE = "sandbox_origin"
STATIC = Path(__file__).parent / "static"
OWN, SCRIPTS, SCRIPTS_FROM = "/open/", "/open/js/", "https://res.wx.qq.com"
# The phones' page frames the web view from another site, so its cookies must be partitioned ones; that
# needs Secure, which browsers allow on localhost.
COOKIE_RULES = "Path=/; SameSite=None; Secure; Partitioned"
USER_AGENT = (
    "Mozilla/5.0 (Linux; Android 14; V2302A) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 "
    "Chrome/126.0.0.0 Mobile Safari/537.36 MicroMessenger/8.0.50.2701(0x28003253) WeChat/arm64 NetType/WIFI "
    "Language/zh_CN ABI/arm64"
)
NOT_PASSED_ON = {
    "host", "cookie", "origin", "referer", "user-agent", "accept-encoding", "connection", "content-length",
}  # fmt: skip
# A web view is not a frame: what forbids framing would only disturb the picture of the phone.
NOT_PASSED_BACK = {
    "connection", "content-encoding", "content-length", "transfer-encoding", "set-cookie", "location",
    "x-frame-options", "strict-transport-security", "content-security-policy", "server", "date",
}  # fmt: skip
REWRITTEN_TYPES = ("text/", "application/json", "application/javascript", "application/xhtml")
http = urllib3.PoolManager(maxsize=8, retries=False)  # a page asks for several files at once


@dataclass(frozen=True)
class View:
    """One phone's web view: its own origin, the origin of the page, the addresses of WeChat itself."""

    user: people.User
    phone: str
    origin: str
    wechat: tuple[str, ...]


def answer(platform: Platform, request: Request) -> Response | None:
    """The web view's answer when the request is for a phone's host, else None."""
    match = HOST.fullmatch(request.host)
    if match is None:
        return None
    try:
        user = people.require(platform, int(match[1]))
    except Refusal as error:
        return _say(str(error), 404)
    phone = f"http://{request.host}"
    origin = unquote(request.cookies.get(COOKIE, ""))
    view = View(user, phone, origin, (platform.base_url, "https://open.weixin.qq.com"))
    if request.path == "/open":
        return _open(view, request.args.get("url", ""))
    if request.path == oauth.PATH:
        return _authorize(platform, view, request)
    if request.path.startswith(OWN):
        return _own(platform, view, request)
    return _pass_on(view, request) if origin else _say("还没有打开网页", 404)


def _open(view: View, url: str) -> Response:
    """Remember the origin of the page and go to its path on the phone's origin."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.netloc:
        return _say("打不开这个地址", 400)
    response = Response("", status=302)
    origin = f"{parts.scheme}://{parts.netloc}"
    response.headers["Location"] = url[len(origin) :] if parts.path else "/" + url[len(origin) :]
    if origin in view.wechat:
        return response
    response.headers.add("Set-Cookie", f"{COOKIE}={quote(origin, safe='')}; HttpOnly; {COOKIE_RULES}")
    return response


def _authorize(platform: Platform, view: View, request: Request) -> Response:
    """WeChat itself answers the authorize address as the phone's user."""
    try:
        target = oauth.authorize(platform, view.user, request.url)
    except oauth.AuthorizeRefused as error:
        return _say(str(error), 200)
    return Response("", status=302, headers={"Location": _on_phone(view, target)})


def _own(platform: Platform, view: View, request: Request) -> Response:
    """What WeChat's script on a page loads and asks."""
    if request.path.startswith(SCRIPTS):
        return send_from_directory(STATIC, "jweixin.js", max_age=0)
    said = request.get_json(force=True)
    try:
        if request.path == f"{OWN}config":
            jssdk.check_page(platform, said, view.origin + str(said.get("page")))
            return jsonify({})
        return jsonify(jssdk.allow(platform, view.user, said))
    except Refusal as error:
        return Response(str(error), status=403, content_type="text/plain; charset=utf-8")


def _pass_on(view: View, request: Request) -> Response:
    target = view.origin + request.full_path.removesuffix("?")
    try:
        upstream = http.request(
            request.method, target, body=request.get_data(), headers=_headers(view, request),
            redirect=False, timeout=30,
        )  # fmt: skip
    except urllib3.exceptions.HTTPError:
        return _say("网页打不开，请稍后再试", 502)
    return _bring_back(view, upstream)


def _headers(view: View, request: Request) -> dict[str, str]:
    """The request's headers as if the page were opened on its real origin in WeChat."""
    passed = {name: value for name, value in request.headers.items() if name.lower() not in NOT_PASSED_ON}
    passed |= {"User-Agent": USER_AGENT, "Accept-Encoding": "identity"}
    cookies = [f"{name}={value}" for name, value in _cookies(request) if name != COOKIE]
    if cookies:
        passed["Cookie"] = "; ".join(cookies)
    for name in ("Origin", "Referer"):
        value = request.headers.get(name, "")
        if value.startswith(view.phone):
            passed[name] = view.origin + value.removeprefix(view.phone)
    return passed


def _cookies(request: Request) -> list[tuple[str, str]]:
    """The raw cookies: decoding and encoding them again could change what a page signed."""
    pairs = (part.strip().partition("=") for part in request.headers.get("Cookie", "").split(";"))
    return [(name, value) for name, _, value in pairs if name]


def _bring_back(view: View, upstream: urllib3.BaseHTTPResponse) -> Response:
    content = upstream.data
    if upstream.headers.get("Content-Type", "").startswith(REWRITTEN_TYPES):
        content = _rewrite(view, content)
    response = Response(content, status=upstream.status)
    response.headers.clear()
    for name, value in upstream.headers.items():
        if name.lower() not in NOT_PASSED_BACK:
            response.headers.add(name, value)
    for value in upstream.headers.getlist("Set-Cookie"):
        response.headers.add("Set-Cookie", _cookie_for_frame(value))
    policy = upstream.headers.get("Content-Security-Policy")
    if policy:
        response.headers["Content-Security-Policy"] = _without_frame_rule(policy)
    if "Location" in upstream.headers:
        response.headers["Location"] = _on_phone(view, upstream.headers["Location"])
    return response


def _on_phone(view: View, url: str) -> str:
    """An address as the phone's browser must follow it."""
    for origin in (view.origin, *view.wechat):
        if origin and (url == origin or url.startswith((origin + "/", origin + "?"))):
            return view.phone + url.removeprefix(origin)
    if url.startswith(("http://", "https://")):
        return f"{view.phone}/open?url={quote(url, safe='')}"
    return url


def _rewrite(view: View, content: bytes) -> bytes:
    """The page's own origin, the authorize address and WeChat's script are the phone's."""
    content = content.replace(view.origin.encode(), view.phone.encode())
    for wechat in view.wechat:
        content = content.replace(f"{wechat}{oauth.PATH}".encode(), f"{view.phone}{oauth.PATH}".encode())
    content = content.replace(f"{SCRIPTS_FROM}{SCRIPTS}".encode(), f"{view.phone}{SCRIPTS}".encode())
    return content


def _cookie_for_frame(cookie: str) -> str:
    """The page's cookie with the attributes that a framed phone needs."""
    dropped = ("domain=", "samesite=", "secure", "partitioned", "path=")
    parts = [part.strip() for part in cookie.split(";")]
    kept = [part for part in parts if not part.lower().startswith(dropped) or part == parts[0]]
    path = next((part for part in parts if part.lower().startswith("path=")), "Path=/")
    return "; ".join([*kept, COOKIE_RULES.replace("Path=/", path)])


def _without_frame_rule(policy: str) -> str:
    rules = (rule.strip() for rule in policy.split(";"))
    return "; ".join(rule for rule in rules if rule and not rule.startswith("frame-ancestors"))


def _say(sentence: str, status: int) -> Response:
    head = "<!doctype html><meta charset=utf-8><meta name=viewport content='width=device-width'>"
    return Response(f"{head}<p>{sentence}</p>", status=status, content_type="text/html; charset=utf-8")
