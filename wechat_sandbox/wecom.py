"""WeCom's side: tokens of a corporation's application, messages to members, the update of a card."""

import json
from collections.abc import Callable, Mapping
from typing import Any

from wechat_sandbox import apps, chats, ids, people, tokens, vouchers
from wechat_sandbox.api import Answer, Call, Endpoint
from wechat_sandbox.apps import App
from wechat_sandbox.errors import ApiError
from wechat_sandbox.people import User
from wechat_sandbox.platform import Platform

MOST_RECEIVERS = 1000
CODE_SECONDS = 72 * 3600
TEXT_BYTES, TITLE_BYTES, WORDS_BYTES, URL_BYTES = 2048, 128, 512, 2048
BUTTON, KEY_BYTES, TASK_BYTES, BUTTONS, LINES = 10, 1024, 128, 6, 6
REPEAT_SECONDS, LONGEST_REPEAT = 1800, 4 * 3600
TASK = set(ids.LETTERS + "_-@")
SPACE = "work"  # of tokens


def gettoken(platform: Platform, call: Call) -> Answer:
    """GET /cgi-bin/gettoken: the same token until it ends; 40013 and 40001 for a wrong id or secret."""
    app = apps.find(platform, call.query("corpid"))
    if app is None or app.kind != "work_app":
        raise ApiError(40013)
    if app.app_secret != call.query("corpsecret"):
        raise ApiError(40001, "invalid credential")
    with platform.state.transaction():
        known = tokens.current(platform, app, SPACE) or tokens.issue(platform, app, SPACE, forced=False)
    return {"errcode": 0, "errmsg": "ok", **known}


def send(platform: Platform, call: Call) -> Answer:
    """POST /cgi-bin/message/send. Names that are nobody's come back; 81013 when no other is left."""
    body, app = call.body(), _work_app(call)
    _check_agent(app, body)
    asked = [name for name in str(body.get("touser") or "").split("|") if name]
    if not asked or len(asked) > MOST_RECEIVERS:
        raise ApiError(82001 if not asked else 40058)
    shown = _read(body)
    members = {name: _member(platform, app, name) for name in asked}
    bad = "|".join(name.lower() for name, user in members.items() if user is None)
    found = [user for user in members.values() if user is not None]
    if not found:
        raise ApiError(81013)
    codes = [_show(platform, app, user, body, shown) for user in found]
    answer = {"errcode": 0, "errmsg": "ok", "msgid": ids.random_text(40)}
    if bad:
        answer["invaliduser"] = bad
    return answer | ({"response_code": codes[0]} if codes[0] else {})


def update_card(platform: Platform, call: Call) -> Answer:
    """POST /cgi-bin/message/update_template_card: new words in the place of the button, once for a code."""
    body, app = call.body(), _work_app(call)
    _check_agent(app, body)
    words = (body.get("button") or {}).get("replace_name")
    if not isinstance(words, str) or not words:
        raise ApiError(40058)
    with platform.state.transaction():
        row = platform.state.row(
            "SELECT * FROM cards WHERE response_code = ? AND app_id = ?",
            str(body.get("response_code")), app.app_id,
        )  # fmt: skip
        if row is None or row["used"] or platform.now() - row["created_at"] > CODE_SECONDS:
            raise ApiError(42045)
        platform.state.write("UPDATE cards SET used = 1 WHERE response_code = ?", row["response_code"])
        chats.change(platform, row["message_id"], replaced=words)
    return {"errcode": 0, "errmsg": "ok", "invaliduser": []}


def userinfo(platform: Platform, call: Call) -> Answer:
    """GET /cgi-bin/auth/getuserinfo: the member behind a login code, once."""
    app = _work_app(call)
    user, _ = vouchers.redeem(platform, app, call.query("code"), "oauth")
    name = "userid" if people.follows(platform, app, user) else "openid"
    return {"errcode": 0, "errmsg": "ok", name: people.openid(app, user)}


def new_code(platform: Platform, app: App, message_id: int) -> str:
    """A response code for one update of this card."""
    code = ids.random_text(43)
    platform.state.write(
        "INSERT INTO cards (response_code, app_id, message_id, created_at) VALUES (?, ?, ?, ?)",
        code, app.app_id, message_id, platform.now(),
    )  # fmt: skip
    return code


def _work_app(call: Call) -> App:
    if call.app.kind != "work_app":
        raise ApiError(48002, "api forbidden")
    return call.app


def _check_agent(app: App, body: Mapping[str, Any]) -> None:
    if not body.get("agentid"):
        raise ApiError(41011)
    if body["agentid"] != app.agent_id:
        raise ApiError(40056)


def _member(platform: Platform, app: App, name: str) -> User | None:
    """The member of this name, if they may see the application; case does not count."""
    user = people.by_openid(platform, app.app_id, name.lower())
    return user if user is not None and people.follows(platform, app, user) else None


def _show(platform: Platform, app: App, user: User, body: Mapping[str, Any], shown: dict[str, Any]) -> str:
    """Put the message into the member's chat, unless it is a repetition or one too many. Returns the code."""
    with platform.state.transaction():
        if _is_repeated(platform, app, user, body) or _is_too_many(platform, app, user):
            return ""
        rest = {name: value for name, value in shown.items() if name != "type"}
        stored = chats.append(platform, app, user, "account", shown["type"], **rest)
        return new_code(platform, app, stored["id"]) if shown["shape"] == "button_interaction" else ""


def _is_repeated(platform: Platform, app: App, user: User, body: Mapping[str, Any]) -> bool:
    """A card's task_id counts for ever, the whole content for as long as the caller asked; noted for both."""
    seconds = min(float(body.get("duplicate_check_interval") or REPEAT_SECONDS), LONGEST_REPEAT)
    now, checked = platform.now(), bool(body.get("enable_duplicate_check"))
    task = (body.get("template_card") or {}).get("task_id")
    content = {name: value for name, value in body.items() if name != "touser"}
    keys = [f"task:{task}"] if task else []
    keys += [json.dumps(content, sort_keys=True)] if checked else []
    known = [
        key
        for key in keys
        if platform.state.row(
            "SELECT 1 FROM work_sent WHERE app_id = ? AND user_id = ? AND task = ? AND until > ?",
            app.app_id, user.user_id, key, now,
        )
    ]  # fmt: skip
    if known:
        return True
    for key in keys or [""]:
        until = 1e12 if key.startswith("task:") else now + seconds
        platform.state.write(
            "INSERT INTO work_sent VALUES (?, ?, ?, ?, ?)", app.app_id, user.user_id, key, now, until
        )
    return False


def _is_too_many(platform: Platform, app: App, user: User) -> bool:
    row = platform.state.row(
        "SELECT count(DISTINCT at) AS sent FROM work_sent WHERE app_id = ? AND user_id = ? AND at > ?",
        app.app_id, user.user_id, platform.now() - 60,
    )  # fmt: skip
    return row is not None and row["sent"] > platform.option("members_per_minute")


def _read(body: Mapping[str, Any]) -> dict[str, Any]:
    kind = str(body.get("msgtype"))
    content = body.get(kind)
    if kind not in KINDS or not isinstance(content, Mapping):
        raise ApiError(40008)
    return KINDS[kind](content)


def _text(content: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": "text", "shape": "text", "content": _within(content.get("content"), TEXT_BYTES)}


def _text_card(content: Mapping[str, Any]) -> dict[str, Any]:
    """Longer texts are cut without a word, as WeCom does."""
    title, words = (
        _within(content.get("title"), TITLE_BYTES),
        _within(content.get("description"), WORDS_BYTES),
    )
    url = str(content.get("url") or "")
    if not url or len(url.encode()) > URL_BYTES:
        raise ApiError(40058)
    card = {"title": title, "words": words, "url": url, "more": str(content.get("btntxt") or "详情")}
    return {"type": "work_card", "shape": "textcard", "content": title, "card": card}


def _within(value: object, most: int) -> str:
    if not isinstance(value, str) or not value:
        raise ApiError(44004, "empty content")
    return value.encode()[:most].decode(errors="ignore")


def _template_card(content: Mapping[str, Any]) -> dict[str, Any]:
    """The one sort of card that is simulated has buttons; what a real one refuses is refused."""
    if content.get("card_type") != "button_interaction":
        raise ApiError(40058)
    title = (content.get("main_title") or {}).get("title")
    buttons, lines = content.get("button_list") or [], content.get("horizontal_content_list") or []
    task = str(content.get("task_id") or "")
    if not title or not task or len(task) > TASK_BYTES or set(task) - TASK:
        raise ApiError(40058)
    if not 1 <= len(buttons) <= BUTTONS or len(lines) > LINES or not all(map(_is_button, buttons)):
        raise ApiError(40058)
    card = {
        "title": title, "words": str(content.get("sub_title_text") or ""), "task_id": task,
        "rows": [{"label": str(one["keyname"]), "value": str(one.get("value") or "")} for one in lines],
        "buttons": [{"text": one["text"], "key": one["key"]} for one in buttons],
        "url": str((content.get("card_action") or {}).get("url") or ""),
    }  # fmt: skip
    return {"type": "work_card", "shape": "button_interaction", "content": title, "card": card}


def _is_button(button: object) -> bool:
    if not isinstance(button, Mapping):
        return False
    words, key = str(button.get("text") or ""), str(button.get("key") or "")
    return 0 < len(words) <= BUTTON and 0 < len(key.encode()) <= KEY_BYTES


KINDS: dict[str, Callable[[Mapping[str, Any]], dict[str, Any]]] = {
    "text": _text,
    "textcard": _text_card,
    "template_card": _template_card,
}

ENDPOINTS = {
    "/cgi-bin/gettoken": Endpoint(gettoken, ("GET",), token=False),
    "/cgi-bin/message/send": Endpoint(send, ("POST",)),
    "/cgi-bin/message/update_template_card": Endpoint(update_card, ("POST",)),
    "/cgi-bin/auth/getuserinfo": Endpoint(userinfo, ("GET",)),
}
