"""Template messages of service accounts: /cgi-bin/message/template/send."""

from collections.abc import Mapping
from typing import Any

from wechat_sandbox import chats, ids, keywords, people, receipts
from wechat_sandbox.api import Answer, Call, Endpoint
from wechat_sandbox.apps import App
from wechat_sandbox.errors import ApiError
from wechat_sandbox.people import User
from wechat_sandbox.platform import Platform

REPEAT_SECONDS = 10 * 60


def send(platform: Platform, call: Call) -> Answer:
    """Show a card to a follower; the same client_msg_id within 10 minutes answers the same msgid again."""
    body = call.body()
    user = check_receiver(platform, call.app, body)
    if "type" in call.app.templates.get(str(body.get("template_id")), {}):
        raise ApiError(40037)  # a subscription template is not known here
    card = read_card(call.app, body)
    if call.app.kind != "service_account":
        raise ApiError(48001)
    if not people.follows(platform, call.app, user):
        raise ApiError(43004)
    with platform.state.transaction():
        repeated = _already_sent(platform, body)
        if repeated is not None:
            return {"errcode": 0, "errmsg": "ok", "msgid": repeated}
        msgid = ids.template_numbers.next()
        show(platform, call.app, user, msgid, card)
        _remember(platform, body, msgid)
    receipts.template_finished(platform, call.app, str(body["touser"]), msgid)
    return {"errcode": 0, "errmsg": "ok", "msgid": msgid}


def check_receiver(platform: Platform, app: App, body: Mapping[str, Any]) -> User:
    """The user meant by `touser`, 40003 when it is nobody of this app."""
    user = people.by_openid(platform, app.app_id, body.get("touser"))
    if user is None:
        raise ApiError(40003)
    return user


def read_card(app: App, body: Mapping[str, Any]) -> dict[str, Any]:
    """Title, rows and where a tap leads; 40036, 40037 or 47003 when something is wrong."""
    template_id = str(body.get("template_id") or "")
    if not template_id:
        raise ApiError(40036)
    template = app.templates.get(template_id)
    if template is None:
        raise ApiError(40037)
    rows = keywords.check(template, body.get("data"))
    card = {"template_id": template_id, "title": template["title"], "rows": rows}
    mini_program = body.get("miniprogram")
    if mini_program:  # With both a page and a mini program, the mini program wins.
        return card | {"mini_program": _read_mini_program(mini_program)}
    return card | {"url": body.get("url") or ""}


def show(platform: Platform, app: App, user: User, msgid: int, card: Mapping[str, Any]) -> None:
    """Put the card into the chat."""
    chats.append(platform, app, user, "account", "template", msg_id=msgid, content=card["title"], card=card)


def _read_mini_program(value: object) -> dict[str, Any]:
    if not isinstance(value, Mapping) or not value.get("appid"):
        raise ApiError(40013)
    return {"app_id": value["appid"], "page": value.get("pagepath") or ""}


def _already_sent(platform: Platform, body: Mapping[str, Any]) -> int | None:
    row = platform.state.row(
        "SELECT msgid FROM sent WHERE openid = ? AND client_msg_id = ? AND at > ?",
        body["touser"], str(body.get("client_msg_id") or ""), platform.now() - REPEAT_SECONDS,
    )  # fmt: skip
    return int(row["msgid"]) if row else None


def _remember(platform: Platform, body: Mapping[str, Any], msgid: int) -> None:
    if body.get("client_msg_id"):
        platform.state.write(
            "INSERT OR REPLACE INTO sent VALUES (?, ?, ?, ?)",
            body["touser"], str(body["client_msg_id"]), msgid, platform.now(),
        )  # fmt: skip


ENDPOINTS = {"/cgi-bin/message/template/send": Endpoint(send, ("POST",))}
