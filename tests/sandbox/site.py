"""A small web site that signs people in through WeChat, for web views to open."""

from typing import Any
from urllib.parse import urlencode

import requests
from flask import Flask, Response, redirect, request

from tests.sandbox_client import Sandbox

APP_ID, SECRET = "wx1234567890abcdef", "0123456789abcdef0123456789abcdef"


def authorize_address(sandbox: Sandbox, **changes: str) -> str:
    """An authorize address in the order that WeChat wants."""
    query = {
        "appid": APP_ID, "redirect_uri": "http://x.test/back?a=1", "response_type": "code",
        "scope": "snsapi_base", "state": "abc123",
    }  # fmt: skip
    return f"{sandbox.url}/connect/oauth2/authorize?{urlencode(query | changes)}#wechat_redirect"


def exchange(sandbox: Sandbox, code: str, **changes: str) -> requests.Response:
    """The answer of /sns/oauth2/access_token."""
    query = {"appid": APP_ID, "secret": SECRET, "code": code, "grant_type": "authorization_code"}
    return requests.get(f"{sandbox.url}/sns/oauth2/access_token", params=query | changes, timeout=5)


def make_site(sandbox: Sandbox) -> Flask:
    """`/mine` sends to WeChat and back and then knows who is there; the other pages show what they got."""
    app = Flask(__name__)
    app.add_url_rule("/seen", view_func=seen, methods=["GET", "POST"])
    app.add_url_rule("/page", view_func=page)
    app.add_url_rule("/away", view_func=lambda: redirect("http://other.test/x?y=1"))

    @app.get("/mine")
    def mine() -> Any:
        if "who" in request.cookies:
            return f"我是 {request.cookies['who']}"
        if "code" not in request.args:
            return redirect(authorize_address(sandbox, redirect_uri=request.url))
        answer = redirect("/mine")
        who = exchange(sandbox, request.args["code"]).json()["openid"]
        answer.set_cookie("who", who, httponly=True, samesite="Lax")
        return answer

    return app


def seen() -> dict[str, Any]:
    """What the request looked like."""
    names = ("User-Agent", "Origin", "Referer", "Cookie")
    return {"host": request.host, **{name: request.headers.get(name) for name in names}}


def page() -> Response:
    """A page with absolute links, a cookie and a ban on framing."""
    answer = Response(f'<a href="{request.host_url}next">weiter</a><a href="http://other.test/x">fort</a>')
    answer.headers["X-Frame-Options"] = "DENY"
    answer.headers["Content-Security-Policy"] = "default-src 'self'; frame-ancestors 'none'"
    answer.set_cookie("token", "a=b c", domain="127.0.0.1", samesite="Strict", path="/page")
    return answer
