"""Ready-made deliveries of WeChat's, as bytes on the wire; each has a message id of its own."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from itertools import count
from urllib.parse import urlencode

from backend.replay import pushes
from backend.wechat.accounts import Account

_ids = count(int(datetime.now(UTC).timestamp() * 1000))
Content = Callable[[int], str]  # from the message's id


def text(content: str) -> Content:
    return lambda number: pushes.text(number, content)


def image(media_id: str) -> Content:
    return lambda number: pushes.image(number, media_id)


def receipt(provider_id: int) -> Content:
    """The event which says that a template message arrived."""
    said = "<MsgType>event</MsgType><Event>TEMPLATESENDJOBFINISH</Event><Status>success</Status>"
    return lambda _number: f"{said}<MsgID>{provider_id}</MsgID>"


def wire(account: Account, openid: str, content: Content) -> bytes:
    """One POST to the account's callback, sealed and signed now."""
    number = next(_ids)
    push = pushes.seal(account, openid, content(number), datetime.now(UTC), str(number % 10**10))
    head = (
        f"POST /wechat/{account.name}?{urlencode(push.query)} HTTP/1.1\r\nHost: 127.0.0.1\r\n"
        f"User-Agent: Mozilla/4.0\r\nAccept: */*\r\nContent-Type: text/xml\r\n"
        f"Content-Length: {len(push.body)}\r\n\r\n"
    )
    return head.encode() + push.body


def ready(account: Account, talks: Iterator[tuple[str, Content]], number: int) -> list[bytes]:
    """The next `number` deliveries of (openid, content), made before the clock starts."""
    return [wire(account, *next(talks)) for _ in range(number)]
