"""The address that WeChat calls: GET checks it, POST delivers messages and takes the reply away.

It is a WSGI application of its own beside the pages' one. Deliveries need no cookies, sessions, CSRF, routing
or headers for browsers: they carry WeChat's signature, a repeat of one is never refused, and there are many.
Flask would cost each as much as both its statements.
"""

import json
import logging
from collections.abc import Callable, Iterable, Mapping
from http import HTTPStatus
from time import perf_counter
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from prometheus_client import Histogram

from backend.errors import AppError, TooLarge
from backend.times import now
from backend.wechat import accounts, codec, envelope, inbound
from backend.wechat.accounts import Account
from backend.wechat.envelope import MAX_BODY, Delivery

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

logger = logging.getLogger(__name__)
DELIVERIES = Histogram(
    "wechat_delivery_seconds",
    "Time to take in one delivery of WeChat's, by outcome",
    ["outcome"],
    buckets=(0.005, 0.02, 0.1, 0.5, 2, 5),
)

NOTHING_TO_SAY = "success"  # what WeChat takes for "no reply, and do not deliver again"
PREFIX = "/wechat/"
Answer = tuple[int, str, str]  # status, type, body
Method = Callable[[str, "WSGIEnvironment"], Answer]  # takes what stands behind the prefix of the path


def is_callback(path: str) -> bool:
    """Whether this path is an account's callback; the login's are one level deeper."""
    return path.startswith(PREFIX) and "/" not in path[len(PREFIX) :]


def door(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
    """The application behind /wechat/<account>."""
    return serve(environ, start_response, METHODS, environ["PATH_INFO"][len(PREFIX) :])


def serve(
    environ: "WSGIEnvironment",
    start_response: "StartResponse",
    methods: Mapping[str, Method],
    name: str,
    times: Histogram = DELIVERIES,
) -> Iterable[bytes]:
    """Answer one delivery by the method for it; `name` is what stands behind the prefix of the path."""
    start = perf_counter()
    answer = methods.get(environ["REQUEST_METHOD"])
    try:
        status, kind, text = answer(name, environ) if answer else (405, "text/plain", "")
        outcome = str(status)
    except AppError as refusal:
        outcome = refusal.code
        status, kind, text = _refuse(name, refusal)
    except Exception:  # what nobody foresaw: a line in the log, and nothing of it in the answer
        logger.exception("a delivery failed")
        outcome = "error"
        status, kind, text = _say(AppError())
    body = text.encode()
    times.labels(outcome).observe(perf_counter() - start)
    headers = [("Content-Type", f"{kind}; charset=utf-8"), ("Content-Length", str(len(body)))]
    start_response(f"{status} {HTTPStatus(status).phrase}", headers)
    return [body]


def verify(name: str, environ: "WSGIEnvironment") -> Answer:
    """Echo what WeChat sends to check that the address is ours."""
    echo = envelope.verify(accounts.get(name), query_of(environ), now())
    return 200, "text/plain", echo


def deliver(name: str, environ: "WSGIEnvironment") -> Answer:
    """Take one message in and answer it, within WeChat's five seconds."""
    at, account = now(), accounts.get(name)
    delivery = envelope.open_delivery(account, query_of(environ), body_of(environ), at)
    reply = inbound.receive(account, delivery, at)
    return 200, "text/xml", _shape(account, delivery, reply, int(at.timestamp()))


METHODS: Mapping[str, Method] = {"GET": verify, "POST": deliver}


def query_of(environ: "WSGIEnvironment") -> Mapping[str, str]:
    """What stands behind the question mark."""
    return dict(parse_qsl(environ.get("QUERY_STRING", "")))


def body_of(environ: "WSGIEnvironment") -> bytes:
    """The body, read no further than what a real message can have, whatever content type it claims."""
    length = environ.get("CONTENT_LENGTH") or ""
    if length.isdigit() and int(length) > MAX_BODY:
        raise TooLarge("消息超过 64 KiB")
    body: bytes = environ["wsgi.input"].read(int(length) if length.isdigit() else MAX_BODY + 1)
    return body


def _shape(account: Account, delivery: Delivery, reply: str, at: int) -> str:
    if not reply:
        return NOTHING_TO_SAY
    text = codec.text_reply(delivery.openid, delivery.original_id, at, reply)
    if not delivery.sealed:
        return text
    return codec.envelope(envelope.box_of(account), account.token, text, at, delivery.nonce)


def _refuse(name: str, refusal: AppError) -> Answer:
    """A line in the log with the reason, and a short answer. What was sent is in neither."""
    logger.warning("delivery for %.32r refused: %s (%s)", name, refusal.code, refusal.message)
    return _say(refusal)


def _say(error: AppError) -> Answer:
    said = {"error": error.code, "message": error.message}
    return error.status, "application/json", json.dumps(said, ensure_ascii=False)
