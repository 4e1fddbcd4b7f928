"""The menu at the bottom of an official account: /cgi-bin/menu/create, get, delete."""

import json
from collections.abc import Mapping
from typing import Any

from wechat_sandbox.api import Answer, Call, Endpoint
from wechat_sandbox.apps import App
from wechat_sandbox.errors import ApiError, Refusal
from wechat_sandbox.platform import Platform

TOP, SUB = 3, 5
NAME_BYTES = {"top": 16, "sub": 60}
KEY_BYTES, URL_BYTES = 128, 1024
WITH_KEY = {
    "click", "scancode_push", "scancode_waitmsg", "pic_sysphoto", "pic_photo_or_album", "pic_weixin",
    "location_select",
}  # fmt: skip
# The same mistake has one number on the top level and another below it.
ERRORS = {
    "top": {"count": 40016, "type": 40017, "name": 40018, "key": 40019, "url": 40020, "domain": 40054},
    "sub": {"count": 40023, "type": 40024, "name": 40025, "key": 40026, "url": 40027, "domain": 40055},
}


def create(platform: Platform, call: Call) -> Answer:
    """POST /cgi-bin/menu/create: at most 3 entries, each a button or a list of at most 5."""
    buttons = call.body().get("button")
    if not isinstance(buttons, list) or not 1 <= len(buttons) <= TOP:
        raise ApiError(40016)
    for button in buttons:
        _check_top(button)
    platform.state.write(
        "INSERT OR REPLACE INTO menus VALUES (?, ?)",
        call.app.app_id, json.dumps({"button": buttons}, ensure_ascii=False),
    )  # fmt: skip
    return {"errcode": 0, "errmsg": "ok"}


def get(platform: Platform, call: Call) -> Answer:
    """GET /cgi-bin/menu/get: the menu with an empty sub_button list at every leaf; 46003 without one."""
    menu = current(platform, call.app)
    if menu is None:
        raise ApiError(46003)
    return {"menu": {"button": [_with_sub_button(button) for button in menu["button"]]}}


def delete(platform: Platform, call: Call) -> Answer:
    """GET /cgi-bin/menu/delete."""
    platform.state.write("DELETE FROM menus WHERE app_id = ?", call.app.app_id)
    return {"errcode": 0, "errmsg": "ok"}


def current(platform: Platform, app: App) -> dict[str, Any] | None:
    """The menu that users see. (A real phone may show the old one for five minutes.)"""
    row = platform.state.row("SELECT document FROM menus WHERE app_id = ?", app.app_id)
    menu: dict[str, Any] | None = json.loads(row["document"]) if row else None
    return menu


def find_button(platform: Platform, app: App, named: Mapping[str, Any]) -> dict[str, Any]:
    """The button with this key, url or path ([top, sub] from 0), or a Refusal."""
    menu = current(platform, app) or {"button": []}
    leaves = {
        (i, j): leaf
        for i, button in enumerate(menu["button"])
        for j, leaf in enumerate(button.get("sub_button") or [button])
    }
    path = tuple(named.get("path") or ())
    for place, leaf in leaves.items():
        if place == (*path, 0)[:2] if path else _is_named(leaf, named):
            return dict(leaf)
    raise Refusal(f"{app.name}没有这个菜单项，菜单可能刚换过")


def _is_named(leaf: Mapping[str, Any], named: Mapping[str, Any]) -> bool:
    return any(named.get(name) and leaf.get(name) == named[name] for name in ("key", "url"))


def _with_sub_button(button: Mapping[str, Any]) -> dict[str, Any]:
    below = [dict(leaf) | {"sub_button": []} for leaf in button.get("sub_button") or []]
    return {**button, "sub_button": below}


def _check_top(button: Mapping[str, Any]) -> None:
    below = button.get("sub_button")
    if not below:
        _check_button(button, "top")
        return
    _check_name(button, "top")
    if len(below) > SUB:
        raise ApiError(ERRORS["sub"]["count"])
    for leaf in below:
        _check_button(leaf, "sub")


def _check_button(button: Mapping[str, Any], level: str) -> None:
    _check_name(button, level)
    kind = button.get("type")
    if kind in WITH_KEY:
        _check_size(button.get("key"), KEY_BYTES, ERRORS[level]["key"])
    elif kind in ("view", "miniprogram"):
        _check_size(button.get("url"), URL_BYTES, ERRORS[level]["url"])
        if not str(button["url"]).startswith(("http://", "https://")):
            raise ApiError(ERRORS[level]["domain"])
    else:
        raise ApiError(ERRORS[level]["type"])
    if kind == "miniprogram" and not (button.get("appid") and button.get("pagepath")):
        raise ApiError(40013)


def _check_name(button: Mapping[str, Any], level: str) -> None:
    _check_size(button.get("name"), NAME_BYTES[level], ERRORS[level]["name"])


def _check_size(value: object, most: int, errcode: int) -> None:
    if not isinstance(value, str) or not 1 <= len(value.encode()) <= most:
        raise ApiError(errcode)


ENDPOINTS = {
    "/cgi-bin/menu/create": Endpoint(create, ("POST",)),
    "/cgi-bin/menu/get": Endpoint(get, ("GET",)),
    "/cgi-bin/menu/delete": Endpoint(delete, ("GET",)),
}
