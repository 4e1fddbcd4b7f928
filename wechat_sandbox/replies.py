"""Reads the passive reply of an account and says what the user sees of it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from xml.etree.ElementTree import Element

from wechat_sandbox import codec, media, xml
from wechat_sandbox.apps import App
from wechat_sandbox.platform import Platform

TEXT_BYTES = 2048  # Not documented for passive replies; measured by users, and the limit of custom/send.
NEWS_AFTER_MESSAGE, NEWS_AFTER_EVENT = 1, 8


class ReplyRefused(Exception):
    """WeChat would show the fault notice; the text is the reason."""


@dataclass
class Reply:
    """What a good reply shows: `kind` None for `success`, else the fields of a chat message."""

    kind: str | None = None
    fields: dict[str, Any] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)


def read(platform: Platform, app: App, openid: str, body: bytes, *, to_event: bool) -> Reply:
    """Check a reply as strictly as WeChat does; ReplyRefused names the first thing that is wrong."""
    if body.strip() in (b"", b"success"):
        return Reply()
    try:
        root = _open(app, body.decode())
    except UnicodeDecodeError as error:
        raise ReplyRefused("the reply is not UTF-8") from error
    except (xml.XmlError, codec.CodecError) as error:
        raise ReplyRefused(f"the reply cannot be read: {error}") from error
    _check_once_each(root)
    _check_addresses(app, openid, root)
    kind = _text(root, "MsgType")
    shape = SHAPES.get(kind)
    if shape is None:
        raise ReplyRefused(f"MsgType {kind!r} is not a reply type")
    limit = NEWS_AFTER_EVENT if to_event else NEWS_AFTER_MESSAGE
    return Reply(SHOWN_AS.get(kind, kind), shape(platform, app, root, limit), _warnings(root))


def _open(app: App, body: str) -> Element:
    """The `<xml>` of the reply, decrypted when it is encrypted and the mode asks for it."""
    root = xml.parse(body)
    encrypted = root.find("Encrypt")
    if app.mode == "plain" and encrypted is not None:
        raise ReplyRefused("an encrypted reply in plain mode")
    if encrypted is None:
        if app.mode == "secure":
            raise ReplyRefused("a plain reply in secure mode")
        return root
    _check_once_each(root)
    signed = [_text(root, name) for name in ("TimeStamp", "Nonce", "Encrypt")]
    if not signed[0].isdigit() or not codec.same(codec.sign(app.token, *signed), _text(root, "MsgSignature")):
        raise ReplyRefused("MsgSignature does not match")
    return xml.parse(codec.decrypt(app.aes_key, app.app_id, signed[2]))


def _check_once_each(root: Element) -> None:
    names = [child.tag for child in root]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ReplyRefused(f"elements given twice: {', '.join(twice)}")


def _check_addresses(app: App, openid: str, root: Element) -> None:
    if _text(root, "ToUserName") != openid:
        raise ReplyRefused("ToUserName is not the openid of the user")
    if _text(root, "FromUserName") != app.original_id:
        raise ReplyRefused("FromUserName is not the original id of the account")
    if not _text(root, "CreateTime").isdigit():
        raise ReplyRefused("CreateTime is not a whole number")


def _warnings(root: Element) -> list[str]:
    """What real WeChat has been seen to accept although it is wrong."""
    if len(_text(root, "CreateTime")) > 10:
        return ["CreateTime is not in seconds"]
    return []


def _text(root: Element, path: str) -> str:
    """The text of an element; a missing one or one with children refuses the reply."""
    found = root.find(path)
    if found is None:
        raise ReplyRefused(f"{path} is missing")
    if len(found):
        raise ReplyRefused(f"{path} holds elements instead of text")
    return found.text or ""


def _read_text(platform: Platform, app: App, root: Element, news_limit: int) -> dict[str, Any]:
    content = _text(root, "Content")
    if not content.strip():
        raise ReplyRefused("Content is empty")
    if len(content.encode()) > TEXT_BYTES:
        raise ReplyRefused(f"Content has {len(content.encode())} bytes, more than {TEXT_BYTES}")
    return {"content": content}


def _media_reader(parent: str, kind: str) -> Callable[[Platform, App, Element, int], dict[str, Any]]:
    def read_media(platform: Platform, app: App, root: Element, news_limit: int) -> dict[str, Any]:
        media_id = _text(root, f"{parent}/MediaId")
        stored = media.find(platform, app, media_id)
        if stored is None or stored.kind != kind:
            raise ReplyRefused(f"MediaId {media_id!r} is not a living {kind} of this account")
        if stored.content_type == "image/gif":
            raise ReplyRefused("a GIF cannot be a passive reply")
        return media.shown(platform, stored)

    return read_media


def _read_news(platform: Platform, app: App, root: Element, news_limit: int) -> dict[str, Any]:
    items = root.findall("Articles/item")
    if _text(root, "ArticleCount") != str(len(items)) or not items:
        raise ReplyRefused("ArticleCount is not the number of articles")
    if len(items) > news_limit:
        raise ReplyRefused(f"{len(items)} articles, more than {news_limit}")
    return {"articles": [_article(item) for item in items]}


def _article(item: Element) -> dict[str, str]:
    _check_once_each(item)
    names = {"title": "Title", "description": "Description", "picture_url": "PicUrl", "url": "Url"}
    return {name: item.findtext(tag) or "" for name, tag in names.items()}


def _read_music(platform: Platform, app: App, root: Element, news_limit: int) -> dict[str, Any]:
    url = _text(root, "Music/MusicUrl") if root.find("Music/MusicUrl") is not None else ""
    return {"content": root.findtext("Music/Title") or "", "url": url}


def _read_nothing(platform: Platform, app: App, root: Element, news_limit: int) -> dict[str, Any]:
    return {}


SHAPES: dict[str, Callable[[Platform, App, Element, int], dict[str, Any]]] = {
    "text": _read_text,
    "image": _media_reader("Image", "image"),
    "voice": _media_reader("Voice", "voice"),
    "video": _media_reader("Video", "video"),
    "music": _read_music,
    "news": _read_news,
    "transfer_customer_service": _read_nothing,
    "transfer_biz_ai_ivr": _read_nothing,
}
# A hand-over to a human or an AI desk is right but shows nothing in the chat.
SHOWN_AS: dict[str, str | None] = {"transfer_customer_service": None, "transfer_biz_ai_ivr": None}
