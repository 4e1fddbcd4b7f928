"""The part of the control API that acts as one simulated person."""

from typing import Any

from flask import Blueprint, request

from wechat_sandbox import (
    actions,
    apps,
    chats,
    menus,
    oauth,
    people,
    scanning,
    sending,
    subscriptions,
    vouchers,
)
from wechat_sandbox.apps import App
from wechat_sandbox.errors import Refusal
from wechat_sandbox.people import User
from wechat_sandbox.platform import Platform


def body() -> dict[str, Any]:
    """The JSON object of a control call; an empty body is an empty object."""
    document = request.get_json(force=True, silent=True) if request.get_data() else {}
    if not isinstance(document, dict):
        raise Refusal("the body must be a JSON object")
    return document


def add_routes(control: Blueprint, platform: Platform) -> None:
    """Add everything below /control/users."""
    _add_people_routes(control, platform)
    _add_follow_routes(control, platform)
    _add_touch_routes(control, platform)
    _add_web_routes(control, platform)


def _add_people_routes(control: Blueprint, platform: Platform) -> None:
    @control.post("/users")
    def create_user() -> dict[str, Any]:
        wanted = body()
        if not wanted.get("key"):
            raise Refusal("a user needs a key")
        name = str(wanted.get("name") or wanted["key"])
        user = people.create(platform, str(wanted["key"]), name, str(wanted.get("role") or ""))
        return people.describe(platform, user)

    @control.get("/users")
    def list_users() -> dict[str, Any]:
        limit = request.args.get("limit", -1, type=int)  # SQLite takes -1 for no limit.
        return {"users": people.describe_some(platform, 0, limit)}

    @control.get("/users/<int:user_id>")
    def show_user(user_id: int) -> dict[str, Any]:
        return people.describe(platform, people.require(platform, user_id))

    @control.get("/users/<int:user_id>/inbox")
    def inbox(user_id: int) -> dict[str, Any]:
        user = people.require(platform, user_id)
        after = request.args.get("after", 0, type=int)
        return {"messages": chats.inbox(platform, user, request.args.get("app_id", ""), after)}


def _add_follow_routes(control: Blueprint, platform: Platform) -> None:
    @control.post("/users/<int:user_id>/follow")
    def follow(user_id: int) -> dict[str, Any]:
        user, app, wanted = _who(platform, user_id)
        return actions.follow(platform, app, user, wait=wanted.get("wait", True)).document()

    @control.post("/users/<int:user_id>/unfollow")
    def unfollow(user_id: int) -> dict[str, Any]:
        user, app, wanted = _who(platform, user_id)
        return actions.unfollow(platform, app, user, wait=wanted.get("wait", True)).document()

    @control.post("/users/<int:user_id>/send")
    def send(user_id: int) -> dict[str, Any]:
        user, app, wanted = _who(platform, user_id)
        return sending.send(platform, app, user, wanted).document()

    @control.post("/users/<int:user_id>/subscribe_message")
    def subscribe_message(user_id: int) -> dict[str, Any]:
        user, app, wanted = _who(platform, user_id)
        template_ids = [str(one) for one in wanted.get("template_ids") or []]
        accept = bool(wanted.get("accept", True))
        return subscriptions.answer(platform, app, user, template_ids, accept=accept).document()

    @control.post("/users/<int:user_id>/cancel_subscription")
    def cancel_subscription(user_id: int) -> dict[str, Any]:
        user, app, wanted = _who(platform, user_id)
        template_ids = [str(one) for one in wanted.get("template_ids") or []]
        return subscriptions.cancel(platform, app, user, template_ids).document()


def _add_touch_routes(control: Blueprint, platform: Platform) -> None:
    @control.post("/users/<int:user_id>/scan")
    def scan(user_id: int) -> dict[str, Any]:
        user = people.require(platform, user_id)
        wanted = body()
        wait = wanted.get("wait", True)
        if wanted.get("ticket"):
            return scanning.scan_ticket(platform, user, str(wanted["ticket"]), wait=wait)
        return scanning.scan(platform, user, _read_code(wanted), wait=wait)

    @control.post("/users/<int:user_id>/menu")
    def tap_menu(user_id: int) -> dict[str, Any]:
        user, app, wanted = _who(platform, user_id)
        return actions.tap_menu(platform, app, user, wanted)

    @control.post("/users/<int:user_id>/tap")
    def tap(user_id: int) -> dict[str, Any]:
        return actions.tap(platform, people.require(platform, user_id), body())

    @control.get("/apps/<app_id>/menu")
    def show_menu(app_id: str) -> dict[str, Any]:
        return menus.current(platform, apps.require(platform, app_id)) or {"button": []}


def _add_web_routes(control: Blueprint, platform: Platform) -> None:
    @control.post("/users/<int:user_id>/authorize")
    def authorize(user_id: int) -> dict[str, Any]:
        user = people.require(platform, user_id)
        url = str(body().get("url") or "")
        if not url.endswith("#wechat_redirect"):
            raise Refusal("an authorize address must end in #wechat_redirect")
        try:
            return {"redirect": oauth.authorize(platform, user, url)}
        except oauth.AuthorizeRefused as error:
            raise Refusal(str(error)) from error

    @control.post("/users/<int:user_id>/js_code")
    def js_code(user_id: int) -> dict[str, Any]:
        user, app, _ = _who(platform, user_id)
        return {"code": vouchers.issue(platform, app, user, "login")}

    @control.post("/users/<int:user_id>/phone_code")
    def phone_code(user_id: int) -> dict[str, Any]:
        user, app, _ = _who(platform, user_id)
        return {"code": vouchers.issue(platform, app, user, "phone")}


def _who(platform: Platform, user_id: int) -> tuple[User, App, dict[str, Any]]:
    """The person of the path and the app of the body."""
    wanted = body()
    return people.require(platform, user_id), apps.require(platform, wanted.get("app_id")), wanted


def _read_code(wanted: dict[str, Any]) -> str:
    """The text of the code that a scan names: `url` is the text itself, `picture` a file in base64."""
    if wanted.get("picture"):
        return scanning.read_picture(sending.decode_file(wanted["picture"]))
    if not isinstance(wanted.get("url"), str) or not wanted["url"]:
        raise Refusal("扫一扫要有码里的文字，或者一张图片")
    return str(wanted["url"])
