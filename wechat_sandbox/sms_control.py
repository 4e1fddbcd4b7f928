"""The part of the control API about text messages: the application, people's numbers, their answers."""

from typing import Any

from flask import Blueprint

from wechat_sandbox import control_users, people, sms
from wechat_sandbox.platform import Platform


def add_routes(control: Blueprint, platform: Platform) -> None:
    """Add what is about text messages."""

    @control.put("/sms")
    def open_app() -> dict[str, Any]:
        sms.register(platform, control_users.body())
        return {}

    @control.put("/users/<int:user_id>/number")
    def give_number(user_id: int) -> dict[str, Any]:
        user = people.require(platform, user_id)
        sms.give_number(platform, user, str(control_users.body().get("phone") or ""))
        return people.describe(platform, user)

    @control.delete("/users/<int:user_id>/sms_list")
    def take_off_list(user_id: int) -> dict[str, Any]:
        sms.take_off_list(platform, people.require(platform, user_id))
        return {}

    @control.post("/users/<int:user_id>/text_back")
    def text_back(user_id: int) -> dict[str, Any]:
        user = people.require(platform, user_id)
        return sms.reply(platform, user, str(control_users.body().get("content") or ""))
