"""Customer-service messages: /cgi-bin/message/custom/send, inside the windows that users open."""

from collections.abc import Callable, Mapping
from typing import Any

from wechat_sandbox import chats, media, templates, windows
from wechat_sandbox.api import Answer, Call, Endpoint
from wechat_sandbox.apps import App
from wechat_sandbox.errors import ApiError
from wechat_sandbox.platform import Platform

TEXT_BYTES = 2048


def send(platform: Platform, call: Call) -> Answer:
    """Show a message in an open window: 45015 when there is none, 45047 when it is used up."""
    body = call.body()
    user = templates.check_receiver(platform, call.app, body)
    kind = str(body.get("msgtype") or "")
    content = body.get(kind)
    if kind not in SHAPES[call.app.kind]:
        raise ApiError(40008)
    if not isinstance(content, Mapping):
        raise ApiError(47001)
    windows.check_open(platform, call.app, user)
    fields = SHAPES[call.app.kind][kind](platform, call.app, content)
    windows.spend(platform, call.app, user)
    chats.append(platform, call.app, user, "account", SHOWN_AS.get(kind, kind), **fields, **_footer(body))
    return {"errcode": 0, "errmsg": "ok"}


def typing(platform: Platform, call: Call) -> Answer:
    """POST /cgi-bin/message/custom/typing: allowed while a window is open, shows nothing here."""
    body = call.body()
    user = templates.check_receiver(platform, call.app, body)
    if body.get("command") not in ("Typing", "CancelTyping"):
        raise ApiError(40035)
    windows.check_open(platform, call.app, user)
    return {"errcode": 0, "errmsg": "ok"}


def _footer(body: Mapping[str, Any]) -> dict[str, str]:
    marked = (body.get("aimsgcontext") or {}).get("is_ai_msg")
    return {"footer": "内容由第三方AI生成"} if marked else {}


def _text(platform: Platform, app: App, content: Mapping[str, Any]) -> dict[str, Any]:
    text = content.get("content")
    if not isinstance(text, str) or not text:
        raise ApiError(44004)
    if len(text.encode()) > TEXT_BYTES:
        raise ApiError(45002)
    return {"content": text}


def _media_of(kind: str) -> Callable[[Platform, App, Mapping[str, Any]], dict[str, Any]]:
    def read(platform: Platform, app: App, content: Mapping[str, Any]) -> dict[str, Any]:
        stored = media.find(platform, app, content.get("media_id"))
        if stored is None or stored.kind != kind:
            raise ApiError(40007)
        return media.shown(platform, stored)

    return read


def _news(platform: Platform, app: App, content: Mapping[str, Any]) -> dict[str, Any]:
    articles = content.get("articles")
    if not isinstance(articles, list) or len(articles) != 1:
        raise ApiError(45008)
    article = articles[0]
    names = {"title": "title", "description": "description", "picture_url": "picurl", "url": "url"}
    return {"articles": [{name: article.get(sent) or "" for name, sent in names.items()}]}


def _menu(platform: Platform, app: App, content: Mapping[str, Any]) -> dict[str, Any]:
    lines = content.get("list")
    if not isinstance(lines, list) or not lines:
        raise ApiError(47001)
    if any(not line.get("id") or not line.get("content") for line in lines):
        raise ApiError(40035)
    items = [{"id": str(line["id"]), "content": str(line["content"])} for line in lines]
    head, tail = content.get("head_content") or "", content.get("tail_content") or ""
    if len((head + tail + "".join(item["content"] for item in items)).encode()) > TEXT_BYTES:
        raise ApiError(45002)
    return {"content": head, "items": items, "tail": tail}


def _music(platform: Platform, app: App, content: Mapping[str, Any]) -> dict[str, Any]:
    return {"content": content.get("title") or "", "url": content.get("musicurl") or ""}


def _link(platform: Platform, app: App, content: Mapping[str, Any]) -> dict[str, Any]:
    return {"content": content.get("title") or "", "url": content.get("url") or ""}


def _mini_program_page(platform: Platform, app: App, content: Mapping[str, Any]) -> dict[str, Any]:
    # A mini program's own session needs no appid; an account must name the mini program.
    app_id = content.get("appid") or (app.app_id if app.kind == "mini_program" else "")
    if not app_id or not content.get("pagepath"):
        raise ApiError(40013 if not app_id else 41030)
    return {
        "content": content.get("title") or "",
        "mini_program": {"app_id": app_id, "page": content["pagepath"]},
    }


Shape = Callable[[Platform, App, Mapping[str, Any]], dict[str, Any]]
ACCOUNT_SHAPES: dict[str, Shape] = {
    "text": _text,
    "image": _media_of("image"),
    "voice": _media_of("voice"),
    "video": _media_of("video"),
    "music": _music,
    "news": _news,
    "msgmenu": _menu,
    "miniprogrampage": _mini_program_page,
}
MINI_PROGRAM_SHAPES: dict[str, Shape] = {
    "text": _text,
    "image": _media_of("image"),
    "link": _link,
    "miniprogrampage": _mini_program_page,
}
SHAPES = {"service_account": ACCOUNT_SHAPES, "mini_program": MINI_PROGRAM_SHAPES}
SHOWN_AS = {"miniprogrampage": "mini_program"}

ENDPOINTS = {
    "/cgi-bin/message/custom/send": Endpoint(send, ("POST",)),
    "/cgi-bin/message/custom/typing": Endpoint(typing, ("POST",)),
}
