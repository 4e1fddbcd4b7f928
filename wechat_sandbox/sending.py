"""The messages a user can send: text, picture, voice, place, link, video, file."""

import base64
import binascii
import hashlib
from collections.abc import Callable, Mapping
from typing import Any

from wechat_sandbox import chats, drawing, ids, media, outgoing, people, windows
from wechat_sandbox.apps import App
from wechat_sandbox.errors import Refusal
from wechat_sandbox.outgoing import Outcome, Trigger
from wechat_sandbox.people import User
from wechat_sandbox.platform import Platform

# What the message holds on the wire, and what the phone shows of it.
Made = tuple[dict[str, object], dict[str, Any]]


def send(platform: Platform, app: App, user: User, document: Mapping[str, Any]) -> Outcome:
    """Send one message as this user; `document` is the body of the control call."""
    kind = str(document.get("type"))
    if kind not in KINDS:
        raise Refusal(f"type must be one of {sorted(KINDS)}")
    if app.kind == "service_account" and not people.follows(platform, app, user):
        raise Refusal(f"{user.name}没有关注{app.name}，不能发消息")
    wire, shown = KINDS[kind](platform, app, document)
    msg_id = ids.message_numbers.next()
    message = chats.append(platform, app, user, "user", kind, msg_id=msg_id, **shown)
    # A tap on a line of an msgmenu counts as a menu click, not as a message.
    windows.open_window(platform, app, user, "menu" if document.get("bizmsgmenuid") else "message")
    trigger = Trigger({"MsgType": kind, **wire, "MsgId": msg_id}, message)
    return outgoing.go(platform, app, user, trigger, wait=document.get("wait", True))


def _text(platform: Platform, app: App, document: Mapping[str, Any]) -> Made:
    content = document.get("content")
    if not isinstance(content, str):
        raise Refusal("a text message needs content")
    wire: dict[str, object] = {"Content": content}
    if document.get("bizmsgmenuid"):
        wire["bizmsgmenuid"] = str(document["bizmsgmenuid"])
    return wire, {"content": content}


def _image(platform: Platform, app: App, document: Mapping[str, Any]) -> Made:
    content = decode_file(document.get("file")) or drawing.draw_scene(platform.now())
    stored = media.store(platform, app, "image", content)
    url = media.picture_url(platform, stored)
    return {"PicUrl": url, "MediaId": stored.media_id}, media.shown(platform, stored)


def _voice(platform: Platform, app: App, document: Mapping[str, Any]) -> Made:
    seconds = float(document.get("seconds") or 3)
    stored = media.store(platform, app, "voice", drawing.silent_amr(seconds))
    wide = media.store(platform, app, "voice", drawing.silent_wide_amr(seconds))
    wire: dict[str, object] = {
        "MediaId": stored.media_id, "Format": "amr", "MediaId16K": wide.media_id,
    }  # fmt: skip
    # Accounts without speech recognition get no element at all; with it, it may still be empty.
    recognition = document.get("recognition")
    if recognition is not None:
        wire["Recognition"] = str(recognition)
    shown = media.shown(platform, stored) | {"seconds": seconds, "recognition": recognition}
    return wire, shown


def _location(platform: Platform, app: App, document: Mapping[str, Any]) -> Made:
    try:
        latitude, longitude = float(document["latitude"]), float(document["longitude"])
    except (KeyError, TypeError, ValueError) as error:
        raise Refusal("位置要有纬度和经度，都是数字") from error
    label = str(document.get("label") or "")
    wire: dict[str, object] = {
        "Location_X": f"{latitude:.6f}", "Location_Y": f"{longitude:.6f}",
        "Scale": str(document.get("scale") or 15), "Label": label,
    }  # fmt: skip
    return wire, {"latitude": latitude, "longitude": longitude, "label": label, "content": label}


def _link(platform: Platform, app: App, document: Mapping[str, Any]) -> Made:
    title, text = str(document.get("title") or ""), str(document.get("description") or "")
    url = str(document.get("url") or "")
    wire: dict[str, object] = {"Title": title, "Description": text, "Url": url}
    return wire, {"content": title, "description": text, "url": url}


def _video(platform: Platform, app: App, document: Mapping[str, Any]) -> Made:
    content = decode_file(document.get("file")) or b"\x00\x00\x00\x18ftypmp42\x00\x00\x00\x00mp42isom"
    stored = media.store(platform, app, "video", content)
    thumb = media.store(platform, app, "thumb", drawing.draw_scene(platform.now()))
    wire: dict[str, object] = {"MediaId": stored.media_id, "ThumbMediaId": thumb.media_id}
    return wire, {
        "media_id": stored.media_id,
        "content": "视频",
        "picture_url": media.picture_url(platform, thumb),
    }


def _file(platform: Platform, app: App, document: Mapping[str, Any]) -> Made:
    """A file message has no MediaId: its content cannot be fetched through the API."""
    content = decode_file(document.get("file")) or b"file"
    title = str(document.get("title") or "文件.pdf")
    wire: dict[str, object] = {
        "Title": title, "Description": "", "FileKey": ids.random_text(32),
        "FileMd5": hashlib.md5(content, usedforsecurity=False).hexdigest(), "FileTotalLen": len(content),
    }  # fmt: skip
    return wire, {"content": title}


def decode_file(value: object) -> bytes:
    """The bytes of a base64 file, b"" when none was given."""
    if not value:
        return b""
    try:
        return base64.b64decode(str(value), validate=True)
    except binascii.Error as error:
        raise Refusal("file must be base64") from error


KINDS: dict[str, Callable[[Platform, App, Mapping[str, Any]], Made]] = {
    "text": _text,
    "image": _image,
    "voice": _voice,
    "location": _location,
    "link": _link,
    "video": _video,
    "shortvideo": _video,
    "file": _file,
}
