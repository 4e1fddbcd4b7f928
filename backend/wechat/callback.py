"""The address that WeChat calls: GET checks it, POST delivers messages and takes the reply away.

It is an application of its own, without cookies, sessions and what else stands before pages: deliveries carry
WeChat's signature, are never refused as a repeat, and are many.
"""

import logging
from time import perf_counter

from flask import Flask, Response, request
from flask.typing import ResponseReturnValue
from prometheus_client import Histogram
from werkzeug.exceptions import HTTPException

from backend.auth import public
from backend.errors import AppError, TooLarge
from backend.times import now
from backend.wechat import accounts, codec, envelope, inbound
from backend.wechat.accounts import Account
from backend.wechat.envelope import MAX_BODY, Delivery

logger = logging.getLogger(__name__)
DELIVERIES = Histogram(
    "wechat_delivery_seconds",
    "Time to take in one delivery of WeChat's, by outcome",
    ["outcome"],
    buckets=(0.005, 0.02, 0.1, 0.5, 2, 5),
)
ANSWERED = DELIVERIES.labels("answered")

NOTHING_TO_SAY = "success"  # what WeChat takes for "no reply, and do not deliver again"


def create_door() -> Flask:
    """The application behind /wechat/<account>."""
    door = Flask(__name__, static_folder=None)
    door.add_url_rule("/wechat/<account>", view_func=verify)
    door.add_url_rule("/wechat/<account>", view_func=deliver, methods=["POST"])
    door.register_error_handler(Exception, _fail)
    return door


@public
def verify(account: str) -> ResponseReturnValue:
    """Echo what WeChat sends to check that the address is ours."""
    try:
        echo = envelope.verify(accounts.get(account), request.args, now())
    except AppError as refusal:
        return _refuse(account, refusal)
    return Response(echo, mimetype="text/plain")


@public
def deliver(account: str) -> ResponseReturnValue:
    """Take one message in and answer it, within WeChat's five seconds."""
    at, start = now(), perf_counter()
    try:
        target = accounts.get(account)
        delivery = envelope.open_delivery(target, request.args, _body(), at)
        reply = inbound.receive(target, delivery, at)
    except AppError as refusal:
        return _refuse(account, refusal)
    ANSWERED.observe(perf_counter() - start)
    return Response(_shape(target, delivery, reply, int(at.timestamp())), mimetype="text/xml")


def _body() -> bytes:
    """The body, read no further than what a real message can have, whatever content type it claims."""
    if (request.content_length or 0) > MAX_BODY:
        raise TooLarge("消息超过 64 KiB")
    return request.stream.read(MAX_BODY + 1)


def _shape(account: Account, delivery: Delivery, reply: str, at: int) -> str:
    if not reply:
        return NOTHING_TO_SAY
    text = codec.text_reply(delivery.openid, delivery.original_id, at, reply)
    if not delivery.sealed:
        return text
    return codec.envelope(envelope.box_of(account), account.token, text, at, delivery.nonce)


def _refuse(account: str, refusal: AppError) -> ResponseReturnValue:
    """A line in the log with the reason, and a short answer. What was sent is in neither."""
    logger.warning("delivery for %.32r refused: %s (%s)", account, refusal.code, refusal.message)
    DELIVERIES.labels(refusal.code).observe(0)
    return {"error": refusal.code, "message": refusal.message}, refusal.status


def _fail(error: Exception) -> ResponseReturnValue:
    """What nobody foresaw: a line in the log, and nothing of it in the answer."""
    if isinstance(error, HTTPException):
        return error
    logger.error("a delivery failed", exc_info=error)
    return {"error": "error", "message": "服务暂时不可用，请稍后再试"}, 500
