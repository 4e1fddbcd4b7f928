"""The addresses that Tencent Cloud calls about text messages: /sms/<token>/report and /sms/<token>/reply.

It signs nothing, so the token in the address is what it is known by. A report closes the row of its message;
an answer that says T keeps the number from getting any more until it says 恢复; any other answers a survey.
"""

import hmac
import json
import logging
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from prometheus_client import Histogram
from sqlalchemy.orm import Session

from backend import db
from backend.errors import AppError, Malformed, NotFound
from backend.notify import outbox, sms_heard, sms_optouts, sms_settings
from backend.notify.sms_channel import MOBILE
from backend.notify.sms_codes import ACCOUNT
from backend.times import now
from backend.web import sms_replies
from backend.wechat.callback import Answer, Method, body_of, serve

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

logger = logging.getLogger(__name__)
PREFIX = "/sms/"
ARRIVED, LOST = "success", "failed"
DELIVERIES = Histogram("sms_delivery_seconds", "Time to take in one call about text messages", ["outcome"])
TAKEN = json.dumps({"result": 0, "errmsg": "OK"})


def is_callback(path: str) -> bool:
    return path.startswith(PREFIX)


def door(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
    """The application behind /sms/…"""
    return serve(environ, start_response, METHODS, environ["PATH_INFO"][len(PREFIX) :], DELIVERIES)


def deliver(name: str, environ: "WSGIEnvironment") -> Answer:
    """Take one call in: the part of the address behind the token says what it is about."""
    token, _, about = name.partition("/")
    settings = sms_settings.settings()
    if settings is None or not hmac.compare_digest(token.encode(), settings.callback_token.encode()):
        raise NotFound("没有这个地址：请核对腾讯云填写的回调地址")
    if about not in ABOUT:
        raise NotFound("回调地址的结尾只能是 report 或 reply")
    ABOUT[about](_document(environ))
    return 200, "application/json", TAKEN


METHODS: Mapping[str, Method] = {"POST": deliver}


def _document(environ: "WSGIEnvironment") -> Any:
    try:
        return json.loads(body_of(environ))
    except ValueError:
        raise Malformed("不是 JSON") from None


def _report(document: Any) -> None:
    """Several may come at once; one that cannot be read must not hold the others up."""
    for one in document if isinstance(document, list) else [document]:
        if not isinstance(one, dict) or not one.get("sid"):
            logger.warning("a report of a text message without its number")
            continue
        status = ARRIVED if one.get("report_status") == "SUCCESS" else LOST
        with db.transaction() as session:
            outbox.receipt(session, ACCOUNT, str(one["sid"]), status)


def _reply(document: Any) -> None:
    said = document if isinstance(document, dict) else {}
    phone, text = str(said.get("mobile", "")), str(said.get("text", ""))
    if not MOBILE.fullmatch(phone):
        return
    with db.transaction() as session:
        if sms_heard.note(session, phone, text, str(said.get("time", "")), now()):
            _try(session, phone, text)


def _try(session: Session, phone: str, text: str) -> None:
    """Take it in; what is refused was heard all the same."""
    try:
        with session.begin_nested():
            _take(session, phone, text)
    except AppError as refusal:
        logger.info("an answer by text message was not taken: %s", refusal.message)


def _take(session: Session, phone: str, text: str) -> None:
    if sms_optouts.is_meant(text):
        sms_optouts.keep(session, phone)
    elif sms_optouts.is_taken_back(text):
        sms_optouts.drop(session, phone)
    else:
        sms_replies.take(session, phone, text)


ABOUT: dict[str, Callable[[Any], None]] = {"report": _report, "reply": _reply}
