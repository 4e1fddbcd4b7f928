"""Ready-made deliveries of WeChat's, as bytes on the wire; each has a message id of its own."""

import time
from collections.abc import Iterator
from itertools import count

from backend.wechat import codec
from backend.wechat.accounts import Account
from backend.wechat.envelope import box_of

_ids = count(time.time_ns() // 1000)


def text(content: str) -> str:
    return f"<MsgType><![CDATA[text]]></MsgType>\n<Content><![CDATA[{content}]]></Content>\n"


def image(media_id: str) -> str:
    picture = "<PicUrl><![CDATA[http://mmbiz.qpic.cn/mmbiz_jpg/bench/0]]></PicUrl>\n"
    return f"<MsgType><![CDATA[image]]></MsgType>\n{picture}<MediaId><![CDATA[{media_id}]]></MediaId>\n"


def wire(account: Account, openid: str, content: str) -> bytes:
    """One POST to the account's callback, sealed and signed now."""
    at = str(int(time.time()))
    number = next(_ids)
    nonce = str(number % 10**10)
    inner = (
        f"<xml><ToUserName><![CDATA[{account.original_id}]]></ToUserName>\n"
        f"<FromUserName><![CDATA[{openid}]]></FromUserName>\n<CreateTime>{at}</CreateTime>\n"
        f"{content}<MsgId>{number}</MsgId>\n</xml>"
    )
    sealed = box_of(account).seal(inner)
    body = (
        f"<xml><ToUserName><![CDATA[{account.original_id}]]></ToUserName>\n"
        f"<Encrypt><![CDATA[{sealed}]]></Encrypt>\n</xml>"
    ).encode()
    query = (
        f"signature={codec.sign(account.token, at, nonce)}&timestamp={at}&nonce={nonce}&openid={openid}"
        f"&encrypt_type=aes&msg_signature={codec.sign(account.token, at, nonce, sealed)}"
    )
    head = (
        f"POST /wechat/{account.name}?{query} HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: Mozilla/4.0\r\n"
        f"Accept: */*\r\nContent-Type: text/xml\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def ready(account: Account, talks: Iterator[tuple[str, str]], number: int) -> list[bytes]:
    """The next `number` deliveries of (openid, content), made before the clock starts."""
    return [wire(account, *next(talks)) for _ in range(number)]
