"""From an HTTP delivery to a message: size, signature, freshness, decryption, address, fields; in that order.

Whatever is wrong raises Refused with a reason for the log; nothing that was refused leaves a trace elsewhere.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache

from backend.errors import AppError
from backend.places.positions import to_wgs84
from backend.wechat import codec, subscribed
from backend.wechat.accounts import Account
from backend.wechat.codec import Box, Fields, Malformed
from backend.wechat.talk import Kind, Message

MAX_BODY = 64 * 1024  # real pushes are below 8 KiB
FRESH = 300  # seconds between WeChat's clock and ours; redeliveries keep their timestamp for some seconds
_TIMESTAMP, _NONCE = re.compile(r"\d{10}"), re.compile(r"\d{1,20}")
_SIGNATURE, _OPENID = re.compile(r"[0-9a-f]{40}"), re.compile(r"[\w-]{1,64}")


class Refused(AppError):
    """Not a delivery of WeChat's, or a broken one. `message` is for the log and for who set it up."""

    status, code = 400, "refused"


class NotSigned(Refused):
    status, code = 403, "not_signed"


@dataclass(frozen=True)
class Delivery:
    """One message that WeChat delivered, and what is needed to answer it."""

    openid: str
    original_id: str
    dedupe_key: str
    message: Message
    nonce: str
    sealed: bool


def box_of(account: Account) -> Box:
    """The account's key, ready for use; made once in a process."""
    return box(account.aes_key, account.app_id)


@cache
def box(aes_key: str, app_id: str) -> Box:
    """The key of an application, ready for use; made once in a process."""
    return Box(aes_key, app_id)


def verify(account: Account, query: Mapping[str, str], at: datetime) -> str:
    """Answer WeChat's check of the address: the echostr, if the signature is right."""
    timestamp, nonce = fresh(query, at)
    if not codec.is_signed(signature(query, "signature"), account.token, timestamp, nonce):
        raise NotSigned("签名不对：请核对微信后台填写的 Token")
    return query.get("echostr", "")


def open_delivery(account: Account, query: Mapping[str, str], body: bytes, at: datetime) -> Delivery:
    """Read one POST of WeChat's. Raises Refused or NotSigned."""
    if len(body) > MAX_BODY:
        raise Refused("消息超过 64 KiB")
    timestamp, nonce = fresh(query, at)
    try:
        sealed = codec.sealed_part(body) if account.mode != "plain" else None
        inner = _unseal(account, query, timestamp, nonce, sealed, body)
        fields = codec.read(inner)
        return _delivery(account, fields, nonce, sealed is not None)
    except Malformed as error:
        raise Refused(f"消息读不出来：{error}") from None


def fresh(query: Mapping[str, str], at: datetime) -> tuple[str, str]:
    """The timestamp and the nonce, if they are well-formed and of now. Raises Refused."""
    timestamp, nonce = query.get("timestamp", ""), query.get("nonce", "")
    # The digits are checked because the signature covers only their concatenation.
    if not _TIMESTAMP.fullmatch(timestamp) or not _NONCE.fullmatch(nonce):
        raise Refused("timestamp 或 nonce 的格式不对")
    if abs(int(timestamp) - at.timestamp()) > FRESH:
        raise Refused("timestamp 过期：请核对服务器的时间")
    return timestamp, nonce


def signature(query: Mapping[str, str], name: str) -> str:
    """The signature of this name, if it looks like one. Raises NotSigned."""
    found = query.get(name, "")
    if not _SIGNATURE.fullmatch(found):
        raise NotSigned(f"缺少 {name} 或格式不对")
    return found


def _unseal(
    account: Account, query: Mapping[str, str], timestamp: str, nonce: str, sealed: bytes | None, body: bytes
) -> bytes:
    """The inner message. Where an account has a key only the sealed part is believed: `signature` does not
    cover the body, `msg_signature` covers the ciphertext."""
    if account.mode == "plain":
        if not codec.is_signed(signature(query, "signature"), account.token, timestamp, nonce):
            raise NotSigned("签名不对")
        return body
    if sealed is None:
        raise Refused("这里只接受加密消息，而消息里没有 Encrypt")
    signed = signature(query, "msg_signature")
    if not codec.is_signed(signed, account.token, timestamp, nonce, sealed.decode()):
        raise NotSigned("msg_signature 不对：请核对 Token")
    return box_of(account).open(sealed)


def _delivery(account: Account, fields: Fields, nonce: str, sealed: bool) -> Delivery:
    openid, original_id = _text(fields, "FromUserName"), _text(fields, "ToUserName")
    if original_id != account.original_id:
        raise Refused("消息是发给别处的：请核对 original_id")
    if not _OPENID.fullmatch(openid):
        raise Refused("缺少发送人")
    created, kind = _text(fields, "CreateTime"), _text(fields, "MsgType").lower()
    if not created.isdigit() or not kind:
        raise Refused("缺少 CreateTime 或 MsgType")
    if kind == "event":
        event = _text(fields, "Event").lower()
        parts: tuple[str, ...] = (
            created,
            event,
            _text(fields, "EventKey"),
            _text(fields, "MsgID"),
            _text(fields, "TicketId"),
        )
        inner = subscribed.identity(fields)
        parts += (inner,) if inner else ()
        message = EVENTS.get(event, _silent)(fields)
    else:
        parts = (created, _text(fields, "MsgId"))
        message = MESSAGES.get(kind, _other)(fields)
    # MsgId alone has met itself between users, events have none: hence all of it together.
    dedupe_key = "|".join((account.app_id, openid, *parts))
    return Delivery(openid, original_id, dedupe_key, message, nonce, sealed)


def _text(fields: Fields, name: str) -> str:
    found = fields.get(name)
    return found if isinstance(found, str) else ""


def _float(fields: Fields, name: str, limit: float) -> float:
    try:
        number = float(_text(fields, name))
    except ValueError as error:
        raise Malformed(f"{name} is not a number") from error
    if not -limit <= number <= limit:  # also false for NaN
        raise Malformed(f"{name} is out of range")
    return number


# -- messages and events, by WeChat's own names ---------------------------------------------------------


def _words(fields: Fields) -> Message:
    return Message(Kind.TEXT, _text(fields, "Content"), tapped=_text(fields, "bizmsgmenuid"))


def _voice(fields: Fields) -> Message:
    return Message(Kind.VOICE, _text(fields, "Recognition"), media_id=_text(fields, "MediaId"))


def _image(fields: Fields) -> Message:
    return Message(Kind.PHOTO, media_id=_text(fields, "MediaId"))


def _video(fields: Fields) -> Message:
    return Message(Kind.VIDEO, media_id=_text(fields, "MediaId"))


def _location(fields: Fields) -> Message:
    # Location_X is the latitude; phones in the mainland send GCJ-02.
    latitude, longitude = to_wgs84(_float(fields, "Location_X", 90), _float(fields, "Location_Y", 180))
    return Message(Kind.LOCATION, latitude=latitude, longitude=longitude, label=_text(fields, "Label"))


def _link(fields: Fields) -> Message:
    return Message(Kind.LINK, _text(fields, "Title"), label=_text(fields, "Url"))


def _subscribe(fields: Fields) -> Message:
    key = _text(fields, "EventKey")
    return Message(Kind.FOLLOW, key.removeprefix("qrscene_") if key.startswith("qrscene_") else "")


def _scan(fields: Fields) -> Message:
    return Message(Kind.SCAN, _text(fields, "EventKey"))


def _click(fields: Fields) -> Message:
    return Message(Kind.CLICK, _text(fields, "EventKey"))


def _unsubscribe(fields: Fields) -> Message:
    return Message(Kind.UNFOLLOW)


def _receipt(fields: Fields) -> Message:
    return Message(Kind.RECEIPT, _text(fields, "Status"), tapped=_text(fields, "MsgID"))


def _silent(fields: Fields) -> Message:
    return Message(Kind.SILENT, _text(fields, "Event"))


def _other(fields: Fields) -> Message:
    return Message(Kind.OTHER, _text(fields, "MsgType"))


MESSAGES: dict[str, Callable[[Fields], Message]] = {
    "text": _words,
    "voice": _voice,
    "image": _image,
    "video": _video,
    "shortvideo": _video,
    "location": _location,
    "link": _link,
}

EVENTS: dict[str, Callable[[Fields], Message]] = {
    "subscribe": _subscribe,
    "scan": _scan,
    "click": _click,
    "unsubscribe": _unsubscribe,
    "templatesendjobfinish": _receipt,
    **subscribed.EVENTS,
}
