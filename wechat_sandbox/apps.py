"""The registered apps: official accounts and mini programs, with their templates."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from wechat_sandbox import codec, ids
from wechat_sandbox.errors import Refusal
from wechat_sandbox.platform import Platform

KINDS = {"service_account", "mini_program", "work_app", "sms"}
MODES = {"secure", "compatible", "plain"}
DATA_FORMATS = {"mini_program": {"xml", "json"}}  # of all others XML alone


@dataclass(frozen=True)
class App:
    """One app; `callback_url` is empty for a mini program without push.

    `pages` and `web_domains`, when given, are the published pages of a mini program and the domains
    allowed for web authorisation; empty means that they are not checked. The owner of a mini program chooses
    the `data_format` of what is pushed: "xml" or "json". An application in WeCom is known
    by its corporation's id (`app_id`) and its own number in it (`agent_id`).
    """

    app_id: str
    app_secret: str
    kind: str
    name: str
    original_id: str
    token: str = ""
    aes_key: str = ""
    mode: str = "secure"
    callback_url: str = ""
    open_platform: str = ""
    templates: dict[str, dict[str, Any]] = field(default_factory=dict)
    pages: list[str] = field(default_factory=list)
    web_domains: list[str] = field(default_factory=list)
    agent_id: int = 0
    data_format: str = "xml"


def register(platform: Platform, document: Mapping[str, Any]) -> App:
    """Add or replace one app; every user gets an openid in it."""
    app = _read(document)
    with platform.state.transaction():
        platform.state.write(
            "INSERT OR REPLACE INTO apps VALUES (?, ?)",
            app.app_id,
            json.dumps(asdict(app), ensure_ascii=False),
        )
        for user in platform.state.rows("SELECT user_id, key FROM users"):
            give_openid(platform, app.app_id, user["user_id"], user["key"])
    return app


def give_openid(platform: Platform, app_id: str, user_id: int, key: str) -> None:
    """Note the openid of a user in an app."""
    platform.state.write(
        "INSERT OR IGNORE INTO openids VALUES (?, ?, ?)", ids.openid(app_id, key), app_id, user_id
    )


def find(platform: Platform, app_id: str) -> App | None:
    """The app with this id."""
    row = platform.state.row("SELECT document FROM apps WHERE app_id = ?", app_id)
    return App(**json.loads(row["document"])) if row else None


def every(platform: Platform) -> list[App]:
    """All apps in the order of their registration."""
    rows = platform.state.rows("SELECT document FROM apps ORDER BY rowid")
    return [App(**json.loads(row["document"])) for row in rows]


def require(platform: Platform, app_id: object) -> App:
    """The app with this id, or a Refusal."""
    app = find(platform, str(app_id or ""))
    if app is None:
        raise Refusal(f"没有登记这个公众号：{app_id}", 404)
    return app


def _read(document: Mapping[str, Any]) -> App:
    templates = {one["template_id"]: dict(one) for one in document.get("templates") or []}
    known = {name: value for name, value in document.items() if value is not None and name != "templates"}
    try:
        app = App(**known, templates=templates)
    except TypeError as error:
        raise Refusal(f"an app cannot be made of these fields: {error}") from error
    _check(app)
    return app


def _check(app: App) -> None:
    if app.kind not in KINDS or app.mode not in MODES:
        raise Refusal(f"kind must be one of {sorted(KINDS)} and mode one of {sorted(MODES)}")
    if not app.callback_url:
        return
    if app.data_format not in DATA_FORMATS.get(app.kind, {"xml"}):
        raise Refusal(f"data_format {app.data_format!r} cannot be chosen for this kind of app")
    if not 3 <= len(app.token) <= 32 or not app.token.isalnum():
        raise Refusal("token must have 3 to 32 letters and digits")
    try:
        codec.decode_key(app.aes_key)
    except codec.CodecError as error:
        raise Refusal(str(error)) from error
