"""Signing in inside WeChat: OAuth2 with snsapi_base, which asks the person nothing (wechat.md B.10).

The state is bound to the browser by a short-lived signed cookie, which also remembers the page to go back to.
"""

import hmac
import logging
import secrets
from datetime import timedelta

from flask import Blueprint, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.wrappers import Response

from backend import auth, db, devices
from backend.auth import public
from backend.config import config
from backend.errors import AppError
from backend.wechat import accounts, client, contacts
from backend.wechat.codes import Fate, ProviderError

logger = logging.getLogger(__name__)
bp = Blueprint("login", __name__, url_prefix="/wechat")

COOKIE = "login"
NOT_KNOWN = "{}没有认出这次进入，请再点一次"
NO_ANSWER = "{}暂时没有回应，请过一会儿再点"
LIFE = timedelta(minutes=10)  # a code lives for five
SECURE = config.public_url.startswith("https:")


@bp.get("/<account>/login")
@public
def login(account: str) -> ResponseReturnValue:
    """Send the browser to WeChat, to come back with a code."""
    known = accounts.get(account)
    state = secrets.token_hex(16)  # WeChat takes letters and digits alone
    back = config.public_url + url_for("login.finish", account=account)
    response = redirect(client.authorize_url(known, back, state))
    trip = auth.sign(COOKIE, [account, state, own_path(request.args.get("next", ""))])
    set_cookie(response, COOKIE, trip, LIFE, path="/wechat/")
    return response


@bp.get("/<account>/oauth")
@public
def finish(account: str) -> ResponseReturnValue:
    """Back from WeChat: exchange the code, start a session, go on to the page that was wanted."""
    known = accounts.get(account)
    state, next_path = _trip(account)
    code = request.args.get("code", "")
    if not state or not hmac.compare_digest(state, request.args.get("state", "")):
        return _try_again(account, next_path, "这次进入没有接上，请再点一次")
    if not code or code == "authdeny":  # what WeChat sends back when the person says no
        return _try_again(account, next_path, "没有得到您的同意，所以不知道您是哪一位")
    try:
        identity = client.exchange_code(known, code)
    except AppError as error:
        logger.info("no login at %s: %s", account, error.code)
        return _try_again(account, next_path, why_not(error, "微信"))
    with db.transaction() as session:
        contact_id = contacts.meet(session, account, identity.openid, identity.unionid)
        device = devices.describe(request.user_agent.string)
        token, _ = auth.start_session(session, contact_id, device)
    response = redirect(next_path)
    set_cookie(response, auth.COOKIE, token, auth.LIFE)
    response.delete_cookie(COOKIE, path="/wechat/")
    return response


def why_not(error: AppError, whose: str) -> str:
    """Why a code brought nobody, as the visitor reads it; `whose` names who was asked about the code."""
    is_away = isinstance(error, ProviderError) and error.fate is Fate.TRANSIENT
    return (NO_ANSWER if is_away else NOT_KNOWN).format(whose)


@bp.post("/<account>/logout")
@public
def logout(account: str) -> ResponseReturnValue:
    """End this browser's session, for good."""
    accounts.get(account)
    with db.transaction() as session:
        auth.end_session(session)
    links = [("重新进入", url_for("login.login", account=account, next="/"))]
    words = {"title": "已退出", "message": "您已经退出登录。", "icon": "success", "links": links}
    response = make_response(render_template("message.html", **words))
    response.delete_cookie(auth.COOKIE)
    return response


def own_path(wanted: str) -> str:
    """The path if it leads to a page of ours; else the front page. Browsers read \\ as / and skip tabs."""
    is_ours = wanted.startswith("/") and not wanted.startswith("//")
    is_plain = wanted.isprintable() and "\\" not in wanted
    return wanted if is_ours and is_plain else "/"


def set_cookie(response: Response, name: str, value: str, life: timedelta, path: str = "/") -> None:
    response.set_cookie(name, value, max_age=life, path=path, httponly=True, samesite="Lax", secure=SECURE)


def _trip(account: str) -> tuple[str, str]:
    """The state that this browser was given for this account (or nothing), and where it wanted to go."""
    try:
        at, state, next_path = auth.unsign(COOKIE, request.cookies.get(COOKIE, ""), LIFE)
    except AppError:
        return "", "/"
    return (state if at == account else ""), next_path


def _try_again(account: str, next_path: str, message: str) -> ResponseReturnValue:
    links = [("重新进入", url_for("login.login", account=account, next=next_path))]
    return render_template("message.html", title="请重新进入", message=message, icon="warn", links=links), 400
