"""What people allow and take back: the subscription events of an account or a mini program, into messages.

Source: the platform's documents on subscription notices (订阅通知 · 事件推送) and on subscription messages of
mini programs (小程序订阅消息 · 事件推送). Each event holds one List for each template, in JSON at its top;
several of them may come within one second, so that only the ids inside tell them apart.
"""

from collections.abc import Callable
from xml.etree.ElementTree import Element

from backend.wechat.codec import Fields
from backend.wechat.talk import Kind, Message

ALLOWED, TAKEN_BACK = "allowed", "taken_back"


def _popup(fields: Fields) -> Message:
    """Who refuses in the window that asks takes nothing back: what was allowed before stays."""
    return _consent(fields, "SubscribeMsgPopupEvent", "accept", ALLOWED)


def _change(fields: Fields) -> Message:
    """Only cancellations are pushed."""
    return _consent(fields, "SubscribeMsgChangeEvent", "reject", TAKEN_BACK)


def _consent(fields: Fields, name: str, word: str, meaning: str) -> Message:
    """A line for each template: `allowed <template id>`."""
    said = [_text(item, "TemplateId") for item in _items(fields, name) if _text(item, STATUS) == word]
    return Message(Kind.CONSENT, "\n".join(f"{meaning} {template_id}" for template_id in said if template_id))


def _sent(fields: Fields) -> Message:
    """The receipt of a notice; one event tells of one message."""
    items = _items(fields, "SubscribeMsgSentEvent")
    if not items:
        return Message(Kind.SILENT, "subscribe_msg_sent_event")
    return Message(Kind.RECEIPT, _text(items[0], "ErrorStatus"), tapped=_text(items[0], "MsgID"))


STATUS = "SubscribeStatusString"
EVENTS: dict[str, Callable[[Fields], Message]] = {
    "subscribe_msg_popup_event": _popup,
    "subscribe_msg_change_event": _change,
    "subscribe_msg_sent_event": _sent,
}


def identity(fields: Fields) -> str:
    """What tells two of these events of one second apart; nothing for all others."""
    parts = [element for element in fields.values() if isinstance(element, Element)]
    inner = [item for part in parts for item in part.iter("List")]
    return ",".join(_text(item, "TemplateId") + _text(item, "MsgID") for item in inner)


def _items(fields: Fields, name: str) -> list[Element]:
    element = fields.get(name, fields.get("List"))
    return element.findall("List") if isinstance(element, Element) else []


def _text(item: Element, name: str) -> str:
    return (item.findtext(name) or "").strip()
