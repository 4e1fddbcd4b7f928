"""What a user does besides writing: follow, leave, scan, tap the menu or something received."""

from collections.abc import Mapping
from typing import Any

from wechat_sandbox import apps, chats, menus, outgoing, people, qrcodes, sending, windows
from wechat_sandbox.apps import App
from wechat_sandbox.errors import Refusal
from wechat_sandbox.outgoing import Outcome, Trigger
from wechat_sandbox.people import User
from wechat_sandbox.platform import Platform
from wechat_sandbox.qrcodes import Code


def follow(
    platform: Platform, app: App, user: User, code: Code | None = None, *, wait: bool = True
) -> Outcome:
    """Follow an account, by a code with a scene or from its card; following twice changes nothing."""
    if app.kind != "service_account":
        raise Refusal(f"{app.name}不是公众号，不能关注")
    if people.follows(platform, app, user):
        return Outcome(_not_in_chat(platform), warnings=["already follows"])
    scene = str(code.details["scene"]) if code else ""
    via = "ADD_SCENE_QR_CODE" if code else "ADD_SCENE_PROFILE_CARD"
    platform.state.write(
        "INSERT OR REPLACE INTO follows VALUES (?, ?, ?, ?, ?)",
        people.openid(app, user), app.app_id, platform.now(), via, scene,
    )  # fmt: skip
    windows.open_window(platform, app, user, "follow")
    fields: dict[str, object] = {"EventKey": f"qrscene_{scene}" if code else ""}
    if code:
        fields["Ticket"] = code.ticket
    return _event(platform, app, user, "subscribe", fields, wait=wait)


def unfollow(platform: Platform, app: App, user: User, *, wait: bool = True) -> Outcome:
    """Leave an account: its windows close, and its answer goes nowhere."""
    gone = platform.state.write("DELETE FROM follows WHERE openid = ?", people.openid(app, user))
    if not gone:
        return Outcome(_not_in_chat(platform), warnings=["does not follow"])
    windows.close_all(platform, app, user)
    return _event(platform, app, user, "unsubscribe", {"EventKey": ""}, wait=wait, silent=True)


def enter(platform: Platform, user: User, code: Code, *, wait: bool = True) -> dict[str, Any]:
    """Scan a code of an account: who does not follow yet follows by it."""
    app = apps.require(platform, code.app_id)
    if qrcodes.is_over(platform, code):
        chats.append(platform, app, user, "system", "notice", content="二维码已过期")
        raise Refusal("二维码已过期")
    if not people.follows(platform, app, user):
        return follow(platform, app, user, code, wait=wait).document()
    windows.open_window(platform, app, user, "scan")
    fields = {"EventKey": str(code.details["scene"]), "Ticket": code.ticket}
    return _event(platform, app, user, "SCAN", fields, wait=wait).document()


def tap_menu(platform: Platform, app: App, user: User, document: Mapping[str, Any]) -> dict[str, Any]:
    """Tap an entry of the account's menu, named by its key, its url or its place in the menu."""
    if not people.follows(platform, app, user):
        raise Refusal(f"{user.name}没有关注{app.name}，点不了菜单")
    button = menus.find_button(platform, app, document)
    wait = document.get("wait", True)
    kind = button["type"]
    if kind == "view":
        outcome = _event(platform, app, user, "VIEW", {"EventKey": button["url"]}, wait=wait, silent=True)
        return outcome.document() | {"open": button["url"]}
    if kind == "miniprogram":
        fields = {"EventKey": button["pagepath"]}
        outcome = _event(platform, app, user, "view_miniprogram", fields, wait=wait, silent=True)
        program = {"app_id": button["appid"], "page": button["pagepath"], "scene": ""}
        return outcome.document() | {"mini_program": program}
    windows.open_window(platform, app, user, "menu")
    return _event(platform, app, user, "CLICK", {"EventKey": button["key"]}, wait=wait).document()


def tap(platform: Platform, user: User, document: Mapping[str, Any]) -> dict[str, Any]:
    """Tap something received: a card, an article, a line of a menu message, or a link in a text.

    `item` is the id of the line, the number of the article, or the address of the link.
    """
    message = chats.require(platform, user, document.get("message_id"))
    if message["type"] == "msgmenu":
        return _tap_line(platform, user, message, document)
    target = message.get("card") or message
    if target.get("mini_program"):
        return {"mini_program": {"scene": "", **target["mini_program"]}}
    item = document.get("item")
    if message["type"] == "news":
        target = dict(enumerate(message["articles"])).get(item or 0, {})
    url = item if isinstance(item, str) and item.startswith("http") else target.get("url")
    if not url:
        raise Refusal("这条消息点不开")
    return {"open": url}


def _tap_line(
    platform: Platform, user: User, message: Mapping[str, Any], document: Mapping[str, Any]
) -> dict[str, Any]:
    line = next((one for one in message["items"] if one["id"] == str(document.get("item"))), None)
    if line is None:
        raise Refusal("这条消息里没有这一项")
    words = {"type": "text", "content": line["content"], "bizmsgmenuid": line["id"]}
    app = apps.require(platform, message["app_id"])
    return sending.send(platform, app, user, {**words, "wait": document.get("wait", True)}).document()


def _event(
    platform: Platform,
    app: App,
    user: User,
    event: str,
    fields: Mapping[str, object],
    *,
    wait: bool,
    silent: bool = False,
) -> Outcome:
    trigger = Trigger({"MsgType": "event", "Event": event, **fields}, _not_in_chat(platform, event), silent)
    return outgoing.go(platform, app, user, trigger, wait=wait)


def _not_in_chat(platform: Platform, event: str = "") -> dict[str, Any]:
    """An event stands in no chat, so it has neither an id nor a msg_id."""
    return {"id": None, "msg_id": None, "at": int(platform.now()), "type": "event", "event": event}
