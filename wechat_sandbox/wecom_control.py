"""The part of the control API about WeCom: who may see an application, and taps on the buttons of cards."""

from typing import Any

from flask import Blueprint

from wechat_sandbox import apps, chats, control_users, outgoing, people, wecom
from wechat_sandbox.apps import App
from wechat_sandbox.errors import Refusal
from wechat_sandbox.outgoing import Trigger
from wechat_sandbox.people import User
from wechat_sandbox.platform import Platform


def add_routes(control: Blueprint, platform: Platform) -> None:
    """Add what a member of a corporation does."""

    @control.post("/users/<int:user_id>/join")
    def join(user_id: int) -> dict[str, Any]:
        user, app = _member(platform, user_id)
        platform.state.write(
            "INSERT OR REPLACE INTO follows VALUES (?, ?, ?, ?, ?)",
            people.openid(app, user), app.app_id, platform.now(), "ADD_SCENE_OTHERS", "",
        )  # fmt: skip
        return people.describe(platform, user)

    @control.post("/users/<int:user_id>/quit")
    def quit_work(user_id: int) -> dict[str, Any]:
        user, app = _member(platform, user_id)
        platform.state.write("DELETE FROM follows WHERE openid = ?", people.openid(app, user))
        return people.describe(platform, user)

    @control.post("/users/<int:user_id>/button")
    def tap_button(user_id: int) -> dict[str, Any]:
        wanted = control_users.body()
        user = people.require(platform, user_id)
        return _tap(platform, user, wanted)


def _member(platform: Platform, user_id: int) -> tuple[User, App]:
    app = apps.require(platform, control_users.body().get("app_id"))
    if app.kind != "work_app":
        raise Refusal(f"{app.name}不是企业微信的应用")
    return people.require(platform, user_id), app


def _tap(platform: Platform, user: User, wanted: dict[str, Any]) -> dict[str, Any]:
    """Tap the button with this key, or the first one, on a card that still has its buttons.

    With `response_code` the same tap is delivered once more, as WeCom does when no answer came.
    """
    message = chats.require(platform, user, wanted.get("message_id"))
    buttons = message.get("card", {}).get("buttons") or []
    button = next((one for one in buttons if wanted.get("key") in (None, one["key"])), None)
    if button is None or (message.get("replaced") and not wanted.get("response_code")):
        raise Refusal("这张卡片上没有可以点的按钮")
    app = apps.require(platform, message["app_id"])
    code = str(wanted.get("response_code") or "") or wecom.new_code(platform, app, message["id"])
    fields = {
        "MsgType": "event", "Event": "template_card_event", "EventKey": button["key"],
        "TaskId": message["card"]["task_id"], "CardType": message["shape"], "ResponseCode": code,
        "AgentID": str(app.agent_id),
    }  # fmt: skip
    shown = {"id": None, "msg_id": None, "at": int(platform.now()), "type": "event"}
    trigger = Trigger(fields, shown, silent=True)
    outcome = outgoing.go(platform, app, user, trigger, wait=wanted.get("wait", True))
    return outcome.document() | {"response_code": code}
