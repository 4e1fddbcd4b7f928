"""Subscription messages of mini programs and notices of service accounts: who allowed what, and sending it.

A template with a `type` is one of these: 2 is allowed for one message at a time (一次性), 3 for all (长期).
A mini program has no others; of a service account those without a type are for template messages.
"""

from typing import Any

from wechat_sandbox import ids, outgoing, receipts, templates
from wechat_sandbox.api import Answer, Call, Endpoint
from wechat_sandbox.apps import App
from wechat_sandbox.errors import ApiError, Refusal
from wechat_sandbox.outgoing import Outcome, Trigger
from wechat_sandbox.people import User
from wechat_sandbox.platform import Platform

ONCE, FOR_GOOD = 2, 3
MOST = 5  # templates in one question; an older guide says 3


def send_subscribed(platform: Platform, call: Call) -> Answer:
    """POST /cgi-bin/message/subscribe/send: uses up one acceptance of the user; 43101 without one."""
    body = call.body()
    if call.app.kind != "mini_program":
        raise ApiError(48001)
    if body.get("miniprogram_state", "formal") not in ("developer", "trial", "formal"):
        raise ApiError(40097)
    return _send(platform, call.app, body, {"app_id": call.app.app_id, "page": body.get("page") or ""})


def send_from_account(platform: Platform, call: Call) -> Answer:
    """POST /cgi-bin/message/subscribe/bizsend: the same for service accounts, also to non-followers."""
    body = call.body()
    if call.app.kind != "service_account":
        raise ApiError(48001)
    return _send(platform, call.app, body, None)


def _send(platform: Platform, app: App, body: dict[str, Any], opens: dict[str, Any] | None) -> dict[str, Any]:
    user = templates.check_receiver(platform, app, body)
    kind = type_of(app, str(body.get("template_id")))
    if kind is None and body.get("template_id"):  # a template of template messages is not known here
        raise ApiError(40037)
    card = templates.read_card(app, body | {"url": body.get("page")} if opens is None else body)
    if opens is not None and opens["page"]:
        card |= {"mini_program": opens}
    with platform.state.transaction():
        _use_grant(platform, app, user, card["template_id"], kind)
        msgid = ids.template_numbers.next()
        templates.show(platform, app, user, msgid, card)
    receipts.subscription_sent(platform, app, str(body["touser"]), msgid, card["template_id"])
    return {"errcode": 0, "errmsg": "ok", "msgid": msgid}


def type_of(app: App, template_id: str) -> int | None:
    """2 or 3 for a subscription template, None for one of template messages."""
    usual = ONCE if app.kind == "mini_program" else None
    return app.templates.get(template_id, {}).get("type", usual)


def _use_grant(platform: Platform, app: App, user: User, template_id: str, kind: int | None) -> None:
    used = platform.state.write(
        "UPDATE grants SET left = left - ?"
        " WHERE app_id = ? AND user_id = ? AND template_id = ? AND left > 0",
        int(kind == ONCE), app.app_id, user.user_id, template_id,
    )  # fmt: skip
    if not used:
        raise ApiError(43101)


def answer(platform: Platform, app: App, user: User, template_ids: list[str], *, accept: bool) -> Outcome:
    """Answer a request for subscriptions: an acceptance is good for one message of each template, or for
    all. A refusal takes nothing back."""
    _check_question(app, template_ids)
    for template_id in template_ids if accept else ():
        platform.state.write(
            "INSERT INTO grants VALUES (?, ?, ?, 1)"
            " ON CONFLICT (app_id, user_id, template_id) DO UPDATE SET left = left + 1",
            app.app_id, user.user_id, template_id,
        )  # fmt: skip
    word = "accept" if accept else "reject"
    # 0 is the scene of a mini program, 1 that of a web page of a service account.
    scene = {"PopupScene": "0" if app.kind == "mini_program" else "1"}
    items = [_item(one, word) | scene for one in template_ids]
    return _push(platform, app, user, "popup", items)


def cancel(platform: Platform, app: App, user: User, template_ids: list[str]) -> Outcome:
    """Take back in the settings what was allowed: nothing of it is left, and the account is told."""
    for template_id in template_ids:
        platform.state.write(
            "DELETE FROM grants WHERE app_id = ? AND user_id = ? AND template_id = ?",
            app.app_id, user.user_id, template_id,
        )  # fmt: skip
    return _push(platform, app, user, "change", [_item(one, "reject") for one in template_ids])


def _check_question(app: App, template_ids: list[str]) -> None:
    """What wx.requestSubscribeMessage refuses before it asks anybody."""
    if not 1 <= len(template_ids) <= MOST:
        raise Refusal(f"20003: ask for 1 to {MOST} templates")
    kinds = {type_of(app, one) for one in template_ids}
    if None in kinds:
        raise Refusal("20001: not a subscription template of this app")
    if len(kinds) > 1:
        raise Refusal("20002: one-time and long-term templates cannot be asked for together")


def _item(template_id: str, word: str) -> dict[str, object]:
    return {"TemplateId": template_id, "SubscribeStatusString": word}


def _push(platform: Platform, app: App, user: User, word: str, items: list[dict[str, object]]) -> Outcome:
    name = f"subscribe_msg_{word}_event"
    fields: dict[str, object] = {f"SubscribeMsg{word.capitalize()}Event": {"List": items}}
    nowhere = {"id": None, "msg_id": None, "at": int(platform.now()), "type": "event", "event": name}
    trigger = Trigger({"MsgType": "event", "Event": name, **fields}, nowhere, silent=True)
    return outgoing.go(platform, app, user, trigger, wait=True)


ENDPOINTS = {
    "/cgi-bin/message/subscribe/send": Endpoint(send_subscribed, ("POST",)),
    "/cgi-bin/message/subscribe/bizsend": Endpoint(send_from_account, ("POST",)),
}
