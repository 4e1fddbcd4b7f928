"""Pushes as WeChat makes them, sealed by wechatpy: an implementation that is not ours."""

import hashlib
import json
import time
from dataclasses import dataclass
from itertools import count

from wechatpy.crypto import WeChatCrypto

from backend.wechat import accounts

_ids = count(int(time.time() * 1000) * 100)


def text(content, **fields):
    return _message("text", Content=content, **fields)


def image(media_id="media-1", **fields):
    return _message("image", PicUrl="http://mmbiz.qpic.cn/x", MediaId=media_id, **fields)


def voice(media_id="voice-1", recognition="", **fields):
    return _message("voice", MediaId=media_id, Format="amr", Recognition=recognition, **fields)


def location(latitude, longitude, label="", **fields):
    return _message("location", Location_X=latitude, Location_Y=longitude, Scale=16, Label=label, **fields)


def event(name, key="", **fields):
    return {"CreateTime": int(time.time()), "MsgType": "event", "Event": name, "EventKey": key} | fields


def _message(kind, **fields):
    return {"CreateTime": int(time.time()), "MsgType": kind, "MsgId": next(_ids)} | fields


class Nested(str):
    """Elements inside a field."""


def xml(fields):
    """Text in CDATA; what is XML itself (`Nested`) stands as it is."""
    lines = [
        f"<{name}>{value}</{name}>" if isinstance(value, Nested) else f"<{name}><![CDATA[{value}]]></{name}>"
        for name, value in fields.items()
    ]
    return "<xml>" + "\n".join(lines) + "</xml>"


FORMS = {"xml": xml, "json": json.dumps}


@dataclass(frozen=True)
class Push:
    """One HTTP delivery, ready to be sent as often as one likes."""

    path: str
    query: dict[str, str]
    body: bytes


def push(fields, openid="o" + "1" * 27, account="demo", *, at=None, nonce="123456", form="xml"):
    """A delivery of this message to the account's callback, in the account's own mode.

    `X:mini` is the mini program of X, which may have chosen the data format (`form`) JSON.
    """
    target = accounts.receiver(account)
    path = f"/mini/{account.removesuffix(':mini')}" if account.endswith(":mini") else f"/wechat/{account}"
    timestamp = str(int(at if at is not None else time.time()))
    inner = FORMS[form]({"ToUserName": target.original_id, "FromUserName": openid} | fields)
    query = {"timestamp": timestamp, "nonce": nonce, "openid": openid}
    query["signature"] = signature(target.token, timestamp, nonce)
    if target.mode == "plain":
        return Push(path, query, inner.encode())
    encrypt = sealed(target, inner, nonce, timestamp)
    query |= {"encrypt_type": "aes", "msg_signature": signature(target.token, timestamp, nonce, encrypt)}
    if form == "json":
        return Push(path, query, json.dumps({"ToUserName": target.original_id, "Encrypt": encrypt}).encode())
    plain = inner.removesuffix("</xml>").removeprefix("<xml>") if target.mode == "compatible" else ""
    to = f"<ToUserName><![CDATA[{target.original_id}]]></ToUserName>" if not plain else ""
    body = f"<xml>{to}{plain}<Encrypt><![CDATA[{encrypt}]]></Encrypt></xml>"
    return Push(path, query, body.encode())


def sealed(target, inner, nonce, timestamp):
    """The ciphertext of a message for this account."""
    return (
        crypto(target).encrypt_message(inner, nonce, timestamp).split("<Encrypt><![CDATA[")[1].split("]]>")[0]
    )


def signature(*parts):
    return hashlib.sha1("".join(sorted(parts)).encode()).hexdigest()


def crypto(account):
    return WeChatCrypto(account.token, account.aes_key, account.app_id)


def send(client, delivery):
    return client.post(
        delivery.path, query_string=delivery.query, data=delivery.body, content_type="text/xml"
    )


def read(response, account="demo"):
    """The reply's text as the resident sees it; None for silence. wechatpy checks signature and address."""
    body = response.get_data(as_text=True)
    assert response.status_code == 200, body
    if body in ("", "success"):
        return None
    target = accounts.get(account)
    if target.mode != "plain":
        shown = {name: _between(body, name) for name in ("MsgSignature", "TimeStamp", "Nonce")}
        body = crypto(target).decrypt_message(body, shown["MsgSignature"], shown["TimeStamp"], shown["Nonce"])
    return body.split("<Content><![CDATA[")[1].split("]]></Content>")[0]


def _between(body, name):
    inner = body.split(f"<{name}>")[1].split(f"</{name}>")[0]
    return inner.removeprefix("<![CDATA[").removesuffix("]]>")
