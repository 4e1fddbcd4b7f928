"""How a failure is answered: one shape for programs, one plain Chinese page for people."""

import logging
import secrets
from typing import Any
from urllib.parse import urlsplit

from flask import Flask, Response, flash, g, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from psycopg.errors import DeadlockDetected, LockNotAvailable, QueryCanceled
from sqlalchemy.exc import DataError, OperationalError
from werkzeug.exceptions import HTTPException

from backend import devices, logs
from backend.errors import AppError, LoginNeeded, NoPost, SecondFactorNeeded
from backend.wechat import accounts

logger = logging.getLogger(__name__)

# What a person reads for an error that Flask itself found.
SENTENCES = {
    400: ("bad_request", "页面已经过期，或者内容不完整。请返回上一页，刷新后再试"),
    404: ("not_found", "没有这个页面，请从微信消息里重新打开"),
    405: ("not_allowed", "这个地址不能这样打开，请从微信消息里重新打开"),
    413: ("too_large", "内容太大了，一次最多 12 MB，请分几次提交"),
    415: ("unsupported", "不能识别提交的内容"),
    429: ("too_many", "操作太频繁，请过一分钟再试"),
}
# The same at a desk, where no message of WeChat's is at hand.
DESK_SENTENCES = {
    404: ("not_found", "没有这个页面，请核对地址，或者从列表里重新打开"),
    405: ("not_allowed", "这个地址不能这样打开，请从列表里重新打开"),
}
DESK = "/console/"
HOME = ("回到首页", "/")
NOT_SAVED = "刚才的改动还没有保存：请先验证，再回去提交一次"
OTHERWISE = ("error", "这次没有办成，请稍后再试")
TITLES = {
    401: "请重新进入",
    403: "没有权限",
    404: "没有找到",
    410: "已经结束",
    429: "请稍等",
}


def register(app: Flask) -> None:
    app.before_request(name_request)
    app.teardown_request(forget_request)
    app.register_error_handler(AppError, show_expected)
    app.register_error_handler(HTTPException, show_http)
    app.register_error_handler(DataError, show_impossible)
    app.register_error_handler(OperationalError, show_busy)
    app.register_error_handler(Exception, show_unexpected)


def name_request() -> None:
    """Give the request an id, which every line it logs carries and an error page shows."""
    g.request_id = secrets.token_hex(4)
    logs.begin(request_id=g.request_id, endpoint=request.endpoint or "")


def forget_request(_error: BaseException | None) -> None:
    """The thread may take in a delivery of WeChat's next: its lines must not carry the id of a page."""
    logs.begin()


def show_expected(error: AppError) -> ResponseReturnValue:
    if isinstance(error, LoginNeeded) and not wants_json():
        return _ask_to_log_in(error)
    if isinstance(error, SecondFactorNeeded) and not wants_json():
        return _ask_for_second_factor()
    return answer(error.status, error.code, error.message)


def show_impossible(_error: DataError) -> ResponseReturnValue:
    """A number that no row can have: somebody has changed an address or a form by hand."""
    return answer(404, "not_found", "没有找到，请返回上一页重新打开")


def show_busy(error: OperationalError) -> ResponseReturnValue:
    """Somebody else holds the same rows for longer than a person waits; anything else is not expected."""
    if not isinstance(error.orig, LockNotAvailable | DeadlockDetected | QueryCanceled):
        return show_unexpected(error)
    logger.warning("the database was busy in request %s: %s", g.request_id, type(error.orig).__name__)
    return answer(409, "busy", "有人正在改同样的资料，请稍后再试")


def show_http(error: HTTPException) -> ResponseReturnValue:
    status = error.code or 500
    if status < 400:
        return error  # a redirect of Flask's own
    at_desk = DESK_SENTENCES if request.path.startswith(DESK) else {}
    code, message = at_desk.get(status) or SENTENCES.get(status, OTHERWISE)
    response = make_response(answer(status, code, message))
    for name, value in error.get_headers():
        if name in {"Allow", "Retry-After"}:
            response.headers[name] = value
    return response


def show_unexpected(error: Exception) -> ResponseReturnValue:
    """Log it and show the request's id alone, so that a person can report it and nothing leaks."""
    logger.error("unexpected error in request %s", g.request_id, exc_info=error)
    return answer(500, "error", f"系统出了一点问题，请稍后再试（错误号 {g.request_id}）")


def wants_json() -> bool:
    if request.path.startswith("/api/"):
        return True
    best = request.accept_mimetypes.best_match(["text/html", "application/json"])
    return best == "application/json"


def answer(status: int, code: str, message: str, **shown: Any) -> ResponseReturnValue:
    if wants_json():
        return {"error": code, "message": message}, status
    page = {
        "title": TITLES.get(status, "没有办成"),
        "message": message,
        "icon": "warn",
        "links": [way_back(code)],
    } | shown
    return render_template("message.html", **page), status


def way_back(code: str) -> tuple[str, str]:
    """Where the reader of such a refusal belongs, as (words, address): who works here to their list,
    residents to what they reported. Who is not let in at the desk would only go in a circle there."""
    is_desk = request.path.startswith(DESK)
    is_resident = g.get("contact_id") is not None and g.get("officer_id") is None
    if is_desk and not is_resident and code != NoPost.code:
        return "返回诉求列表", url_for("console.cases")
    if is_desk or request.path.startswith("/r/"):
        return "我反映的事", url_for("resident.home")
    return HOME


def login_url(next_path: str) -> str:
    """Where WeChat is asked who this is: the account named in the address, else the first."""
    known = accounts.all_accounts()
    wanted = request.args.get("account", "")
    account = wanted if wanted in known else next(iter(known))
    return url_for("login.login", account=account, next=next_path)


def entrance(next_path: str) -> str:
    """Where one says who one is: officers at a desk by scanning a code, everyone else through WeChat."""
    is_at_desk = not devices.is_in_wechat(request.user_agent.string)
    if is_at_desk and next_path.startswith("/console"):
        return url_for("entry.ask", next=next_path)
    return login_url(next_path)


def _ask_to_log_in(error: LoginNeeded) -> ResponseReturnValue:
    """Send a stranger to say who they are and back; someone known, but not entitled, would only go in a
    circle."""
    is_stranger = g.get("contact_id") is None
    if is_stranger and "HX-Request" in request.headers:
        return _leave_for(entrance(page_before()))
    if is_stranger and request.method in {"GET", "HEAD"}:
        return redirect(entrance(request.full_path.rstrip("?")))
    back = request.full_path if request.method == "GET" else urlsplit(request.referrer or "/").path
    links = [("重新进入", entrance(back.rstrip("?")))] + ([] if is_stranger else [way_back(error.code)])
    title = "请重新进入" if is_stranger else "这个页面打不开"
    return answer(error.status, error.code, error.message, links=links, title=title)


def _ask_for_second_factor() -> ResponseReturnValue:
    """What was sent cannot be sent again for them: say so, and lead back to the page of the form."""
    flash(NOT_SAVED, "info")
    return _leave_for(url_for("second_factor.ask", next=page_before()))


def page_before() -> str:
    """The path of the page of ours whose form or button sent this request; else the officers' first page."""
    came = urlsplit(request.headers.get("HX-Current-URL") or request.referrer or "")
    if came.netloc != request.host:
        return url_for("console.cases")
    return f"{came.path}?{came.query}".rstrip("?")


def _leave_for(address: str) -> ResponseReturnValue:
    """Lead the whole page there, also where a script asked for a piece of it."""
    if "HX-Request" in request.headers:
        return Response(headers={"HX-Redirect": address})
    return redirect(address, 303)
