"""The address that WeCom calls, /wecom/<account>: GET checks it, POST delivers a tap on a card.

As strict as callback.py, with WeCom's differences: the echostr is sealed too, there is no plain mode, and
`msg_signature` covers every delivery. Whatever is not a tap is taken and left.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING

from backend import db
from backend.errors import NotFound
from backend.times import now
from backend.wechat import accounts, codec, envelope, wecom_taps
from backend.wechat.accounts import WeCom
from backend.wechat.callback import Answer, Method, body_of, query_of, serve
from backend.wechat.codec import Fields, Malformed
from backend.wechat.envelope import MAX_BODY, NotSigned, Refused
from backend.wechat.wecom_taps import Tap

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

PREFIX = "/wecom/"
TAP = "template_card_event"
LONGEST = 1024  # bytes of a button's key or a response code


def is_callback(path: str) -> bool:
    """Whether this path is an account's callback; the login's are one level deeper."""
    return path.startswith(PREFIX) and "/" not in path[len(PREFIX) :]


def door(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
    """The application behind /wecom/<account>."""
    return serve(environ, start_response, METHODS, environ["PATH_INFO"][len(PREFIX) :])


def verify(name: str, environ: "WSGIEnvironment") -> Answer:
    """Open the echostr that WeCom sends to check that the address is ours, and give it back."""
    query = query_of(environ)
    return 200, "text/plain", _opened(_app(name), query, query.get("echostr", "").encode(), now()).decode()


def deliver(name: str, environ: "WSGIEnvironment") -> Answer:
    """Take one delivery in. The card is updated by itself; the delivery gets an empty answer."""
    app, body = _app(name), body_of(environ)
    sealed = codec.sealed_part(body) if len(body) <= MAX_BODY else None
    if sealed is None:
        raise Refused("消息里没有 Encrypt")
    tap = _tap(app, _read(app, query_of(environ), sealed))
    if tap is not None:
        with db.transaction() as session:
            wecom_taps.receive(session, name, tap)
    return 200, "text/plain", ""


METHODS: Mapping[str, Method] = {"GET": verify, "POST": deliver}


def _app(name: str) -> WeCom:
    app = accounts.get(name).wecom
    if app is None:
        raise NotFound("这个公众号没有配置企业微信")
    return app


def _opened(app: WeCom, query: Mapping[str, str], sealed: bytes, at: datetime) -> bytes:
    """What was sealed for this application, if WeCom signed it a moment ago."""
    timestamp, nonce = envelope.fresh(query, at)
    signature = envelope.signature(query, "msg_signature")
    text = sealed.decode("ascii", "replace")
    if not codec.is_signed(signature, app.token, timestamp, nonce, text):
        raise NotSigned("msg_signature 不对：请核对企业微信里填写的 Token")
    try:
        return envelope.box(app.aes_key, app.corp_id).open(sealed)
    except Malformed as error:
        raise Refused(f"消息读不出来：{error}") from None


def _read(app: WeCom, query: Mapping[str, str], sealed: bytes) -> Fields:
    try:
        return codec.read_xml(_opened(app, query, sealed, now()))
    except Malformed as error:
        raise Refused(f"消息读不出来：{error}") from None


def _tap(app: WeCom, fields: Fields) -> Tap | None:
    """The tap that was delivered; None for what is none. Raises Refused for one that is not ours to take."""
    if _text(fields, "ToUserName") != app.corp_id or _text(fields, "AgentID") != app.agent_id:
        raise Refused("消息是发给另一个应用的：请核对 corp_id 和 agent_id")
    if _text(fields, "MsgType") != "event" or _text(fields, "Event").lower() != TAP:
        return None
    said = [_text(fields, name) for name in ("FromUserName", "EventKey", "ResponseCode")]
    if not all(0 < len(one.encode()) <= LONGEST for one in said):
        raise Refused("点击的内容不完整")
    return Tap(*said)


def _text(fields: Fields, name: str) -> str:
    found = fields.get(name)
    return found if isinstance(found, str) else ""
