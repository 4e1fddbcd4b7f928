"""Delivers one message or event to an account's callback, as often as WeChat does."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

import urllib3

from wechat_sandbox import codec, ids, json_format, xml
from wechat_sandbox.apps import App
from wechat_sandbox.platform import Platform

STALE_SECONDS = 24 * 3600
FORMATS = {"xml": xml.render, "json": json_format.render}
HEADERS = {"User-Agent": "Mozilla/4.0", "Content-Type": "text/xml", "Connection": "close", "Accept": "*/*"}
http = urllib3.PoolManager(maxsize=1, retries=False)


@dataclass(frozen=True)
class Delivery:
    """One attempt: the HTTP status (None when no answer came), its length and what went wrong."""

    status: int | None
    ms: int
    error: str | None
    body: bytes = b""

    def document(self) -> dict[str, object]:
        """The attempt as the control API shows it."""
        return {"status": self.status, "ms": self.ms, "error": self.error}


def deliver(platform: Platform, app: App, openid: str, fields: Mapping[str, object]) -> list[Delivery]:
    """Push until the account answers or the attempts are used up; returns every attempt in order.

    Repeats carry the same body and the same timestamp with a new nonce and signature, as access logs
    of real accounts show. The faults in force are applied to every attempt.
    """
    overtakes = platform.faults.hold()
    timestamp = int(platform.now())
    try:
        deliveries = _burst(platform, app, openid, fields, timestamp)
        while _again(platform, deliveries) and len(deliveries) < platform.option("deliveries"):
            deliveries.append(_attempt(platform, app, openid, fields, timestamp))
        return deliveries
    finally:
        if overtakes:
            platform.faults.release()


def answer_of(deliveries: list[Delivery]) -> Delivery:
    """The attempt whose answer counts: the first that was answered, else the last."""
    return next((one for one in deliveries if one.status == 200), deliveries[-1])


def verify(platform: Platform, app: App) -> Delivery:
    """The GET with which WeChat checks a callback address when its owner saves it."""
    timestamp, nonce, echo = str(int(platform.now())), ids.random_digits(10), ids.random_digits(19)
    query = {"signature": codec.sign(app.token, timestamp, nonce), "timestamp": timestamp, "nonce": nonce}
    if app.kind == "work_app":
        return _verify_sealed(platform, app, timestamp, nonce, echo)
    delivery = _request(platform, "GET", f"{app.callback_url}?{urlencode(query | {'echostr': echo})}", None)
    if delivery.status == 200 and delivery.body != echo.encode():
        return Delivery(200, delivery.ms, "the answer is not the raw echostr", delivery.body)
    return delivery


def _verify_sealed(platform: Platform, app: App, timestamp: str, nonce: str, echo: str) -> Delivery:
    """WeCom's check: the echostr is encrypted, and the answer must be what was inside."""
    sealed = codec.encrypt(app.aes_key, app.app_id, echo)
    query = {"msg_signature": codec.sign(app.token, timestamp, nonce, sealed), "timestamp": timestamp}
    query |= {"nonce": nonce, "echostr": sealed}
    delivery = _request(platform, "GET", f"{app.callback_url}?{urlencode(query)}", None)
    if delivery.status == 200 and delivery.body != echo.encode():
        return Delivery(200, delivery.ms, "the answer is not the opened echostr", delivery.body)
    return delivery


def _burst(
    platform: Platform, app: App, openid: str, fields: Mapping[str, object], timestamp: int
) -> list[Delivery]:
    """The first attempt, with the `duplicate` fault's further ones at the same moment."""
    count = platform.faults.push("duplicate")
    arguments = (platform, app, openid, fields, timestamp)
    others = [platform.burst.submit(_attempt, *arguments) for _ in range(count)]
    return [_attempt(*arguments), *(other.result() for other in others)]


def _again(platform: Platform, deliveries: list[Delivery]) -> bool:
    """Whether WeChat would deliver once more after these attempts."""
    if any(one.status == 200 for one in deliveries):
        return False
    if any(one.status is not None for one in deliveries):
        return bool(platform.option("retry_on_http_error"))
    if deliveries[-1].ms < 100:
        time.sleep(platform.option("retry_pause_ms") / 1000)
    return True


def _attempt(
    platform: Platform, app: App, openid: str, fields: Mapping[str, object], timestamp: int
) -> Delivery:
    time.sleep(platform.faults.push("delay_ms") / 1000)
    query, body = _envelope(platform, app, openid, fields, timestamp)
    delivery = _request(platform, "POST", f"{app.callback_url}?{urlencode(query)}", body.encode())
    if platform.faults.take_drop():
        delivery = Delivery(None, delivery.ms, "the network lost the answer")
    platform.pushes.add(
        {
            "at": platform.now(), "app_id": app.app_id, "openid": openid, "query": query, "body": body,
            "fields": dict(fields), **delivery.document(),
            "response": delivery.body.decode(errors="replace"),
        }
    )  # fmt: skip
    return delivery


def _request(platform: Platform, method: str, url: str, body: bytes | None) -> Delivery:
    limit = float(platform.option("reply_seconds"))
    start = time.monotonic()
    try:
        answer = http.request(method, url, body=body, headers=HEADERS, timeout=limit, redirect=False)
    except urllib3.exceptions.NewConnectionError:  # A subclass of its TimeoutError.
        return Delivery(None, _ms_since(start), "no connection: refused")
    except urllib3.exceptions.TimeoutError:
        return Delivery(None, _ms_since(start), f"no answer within {limit:g} s")
    except urllib3.exceptions.HTTPError as error:
        return Delivery(None, _ms_since(start), f"no connection: {type(error).__name__}")
    if time.monotonic() - start > limit:  # A server that dribbles its answer is late all the same.
        return Delivery(None, _ms_since(start), f"no answer within {limit:g} s")
    problem = None if answer.status == 200 else f"HTTP {answer.status}"
    return Delivery(answer.status, _ms_since(start), problem, answer.data)


def _envelope(
    platform: Platform, app: App, openid: str, fields: Mapping[str, object], timestamp: int
) -> tuple[dict[str, str], str]:
    """The query and the body of one attempt in the app's mode."""
    sent_at = str(timestamp - STALE_SECONDS if platform.faults.push("stale_timestamp") else timestamp)
    token = "x" + app.token if platform.faults.push("wrong_signature") else app.token
    nonce = ids.random_digits(10)
    query = {"signature": codec.sign(token, sent_at, nonce), "timestamp": sent_at, "nonce": nonce}
    query["openid"] = openid
    render = FORMATS[app.data_format]
    plain = render(fields)
    if app.mode == "plain":
        return query, plain
    owner = "wx" + "0" * 16 if platform.faults.push("foreign_app") else app.app_id
    padded = not platform.faults.push("bad_padding")
    encrypted = codec.encrypt(app.aes_key, owner, plain, padded=padded)
    if app.kind == "work_app":  # WeCom signs what is sealed, and says nothing else outside it
        query = {"msg_signature": codec.sign(token, sent_at, nonce, encrypted), "timestamp": sent_at}
        outer = {"ToUserName": app.app_id, "Encrypt": encrypted, "AgentID": str(app.agent_id)}
        return query | {"nonce": nonce}, xml.render(outer)
    query |= {"encrypt_type": "aes", "msg_signature": codec.sign(token, sent_at, nonce, encrypted)}
    outside = fields if app.mode == "compatible" else {"ToUserName": app.original_id}
    return query, render({**outside, "Encrypt": encrypted})


def _ms_since(start: float) -> int:
    return round((time.monotonic() - start) * 1000)
