"""Signing in inside WeCom: who opens a card's page there is the officer to whom the member is bound.

The same trip as login.py makes through WeChat, with the same cookie; a member who is nobody's is told how to
be bound.
"""

import hmac
import logging
import secrets

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from backend import auth, db, devices
from backend.auth import public
from backend.config import config
from backend.errors import AppError, NotFound
from backend.wechat import accounts, wecom_binding, wecom_client
from backend.wechat.accounts import WeCom
from backend.wechat.login import COOKIE, LIFE, own_path, set_cookie, why_not

logger = logging.getLogger(__name__)
bp = Blueprint("wecom", __name__, url_prefix="/wecom")
PATH = "/wecom/"
NOT_BOUND = "您的企业微信还没有绑定工作人员，请把企业微信账号告诉管理员"


@bp.get("/<account>/login")
@public
def login(account: str) -> ResponseReturnValue:
    """Send the browser to WeCom, to come back with a code."""
    app, state = _app(account), secrets.token_hex(16)
    back = config.public_url + url_for("wecom.finish", account=account)
    response = redirect(wecom_client.authorize_url(app, back, state))
    trip = auth.sign(COOKIE, [account, state, own_path(request.args.get("next", ""))])
    set_cookie(response, COOKIE, trip, LIFE, path=PATH)
    return response


@bp.get("/<account>/oauth")
@public
def finish(account: str) -> ResponseReturnValue:
    """Back from WeCom: exchange the code, start a session, go on to the page that was wanted."""
    app, (state, next_path) = _app(account), _trip(account)
    if not state or not hmac.compare_digest(state, request.args.get("state", "")):
        return _try_again(account, next_path, "这次进入没有接上，请再点一次")
    try:
        userid = wecom_client.exchange_code(app, request.args.get("code", ""))
    except AppError as error:
        logger.info("no login in WeCom at %s: %s", account, error.code)
        return _try_again(account, next_path, why_not(error, "企业微信"))
    with db.transaction() as session:
        token = _session_of(session, account, userid)
    if token is None:
        return _try_again(account, next_path, NOT_BOUND)
    response = redirect(next_path)
    set_cookie(response, auth.COOKIE, token, auth.LIFE)
    response.delete_cookie(COOKIE, path=PATH)
    return response


def _app(account: str) -> WeCom:
    app = accounts.get(account).wecom
    if app is None:
        raise NotFound("这里没有企业微信")
    return app


def _session_of(session: Session, account: str, userid: str) -> str | None:
    """A new login of the member's officer; None for a member who is bound to nobody."""
    contact_id = wecom_binding.contact_of(session, account, userid)
    if contact_id is None:
        return None
    return auth.start_session(session, contact_id, devices.describe(request.user_agent.string))[0]


def _trip(account: str) -> tuple[str, str]:
    """The state that this browser was given for this account (or nothing), and where it wanted to go."""
    try:
        at, state, next_path = auth.unsign(COOKIE, request.cookies.get(COOKIE, ""), LIFE)
    except AppError:
        return "", "/"
    return (state if at == account else ""), next_path


def _try_again(account: str, next_path: str, message: str) -> ResponseReturnValue:
    links = [("重新进入", url_for("wecom.login", account=account, next=next_path))]
    return render_template("message.html", title="请重新进入", message=message, icon="warn", links=links), 400
