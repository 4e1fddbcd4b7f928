"""A delivery as WeChat makes it: the message sealed, signed and addressed to one of our accounts."""

import time
from dataclasses import dataclass
from datetime import datetime

from backend.wechat import codec
from backend.wechat.accounts import Account
from backend.wechat.codec import cdata
from backend.wechat.envelope import box_of


@dataclass(frozen=True)
class Push:
    """What goes over HTTP to /wechat/<account>."""

    query: dict[str, str]
    body: bytes


def text(message_id: int, content: str) -> str:
    """The part of a text message that is its own."""
    return f"<MsgType>{cdata('text')}</MsgType><Content>{cdata(content)}</Content><MsgId>{message_id}</MsgId>"


def image(message_id: int, media_id: str) -> str:
    picture = f"<PicUrl>{cdata('http://mmbiz.qpic.cn/x')}</PicUrl><MediaId>{cdata(media_id)}</MediaId>"
    return f"<MsgType>{cdata('image')}</MsgType>{picture}<MsgId>{message_id}</MsgId>"


def follow(scene: str | None) -> str:
    """Someone follows the account; with a scene, by scanning its code."""
    key = f"qrscene_{scene}" if scene else ""
    event = f"<MsgType>{cdata('event')}</MsgType><Event>{cdata('subscribe')}</Event>"
    return f"{event}<EventKey>{cdata(key)}</EventKey>"


def seal(account: Account, openid: str, content: str, written_at: datetime, nonce: str) -> Push:
    """The delivery, signed now. In plain mode it is signed and not sealed, as WeChat does it."""
    at = str(int(time.time()))
    inner = (
        f"<xml><ToUserName>{cdata(account.original_id)}</ToUserName><FromUserName>{cdata(openid)}</FromUserName>"
        f"<CreateTime>{int(written_at.timestamp())}</CreateTime>{content}</xml>"
    )
    query = {"timestamp": at, "nonce": nonce, "openid": openid}
    query["signature"] = codec.sign(account.token, at, nonce)
    if account.mode == "plain":
        return Push(query, inner.encode())
    sealed = box_of(account).seal(inner)
    query |= {"encrypt_type": "aes", "msg_signature": codec.sign(account.token, at, nonce, sealed)}
    to = f"<ToUserName>{cdata(account.original_id)}</ToUserName>"
    return Push(query, f"<xml>{to}<Encrypt>{cdata(sealed)}</Encrypt></xml>".encode())
