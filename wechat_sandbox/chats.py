"""What stands in each chat on each phone."""

import json
from typing import Any

from wechat_sandbox.apps import App
from wechat_sandbox.errors import Refusal
from wechat_sandbox.people import User
from wechat_sandbox.platform import Platform

FAULT_NOTICE = "该公众号提供的服务出现故障，请稍后再试"


def append(platform: Platform, app: App, user: User, sender: str, kind: str, **fields: Any) -> dict[str, Any]:
    """Add a message to the chat of a user with an app; sender is account, user or system."""
    document = {"at": int(platform.now()), "from": sender, "type": kind, **fields}
    number = platform.state.insert(
        "INSERT INTO messages (app_id, user_id, document) VALUES (?, ?, ?)",
        app.app_id, user.user_id, json.dumps(document, ensure_ascii=False),
    )  # fmt: skip
    return {"id": number, "app_id": app.app_id, **document}


def change(platform: Platform, number: int, **fields: Any) -> None:
    """Change what stands in a chat already, like a card whose sender says more of it."""
    row = platform.state.row("SELECT document FROM messages WHERE id = ?", number)
    document = json.loads(row["document"]) | fields if row else fields
    platform.state.write(
        "UPDATE messages SET document = ? WHERE id = ?", json.dumps(document, ensure_ascii=False), number
    )


def inbox(platform: Platform, user: User, app_id: str = "", after: int = 0) -> list[dict[str, Any]]:
    """The messages of a user, oldest first; of one app when its id is given."""
    rows = platform.state.rows(
        "SELECT * FROM messages WHERE user_id = ? AND id > ? AND (? = '' OR app_id = ?) ORDER BY id",
        user.user_id, after, app_id, app_id,
    )  # fmt: skip
    return [_message(row) for row in rows]


def require(platform: Platform, user: User, number: object) -> dict[str, Any]:
    """One message on this user's phone, or a Refusal."""
    row = platform.state.row("SELECT * FROM messages WHERE id = ? AND user_id = ?", number, user.user_id)
    if row is None:
        raise Refusal(f"{user.name}的手机上没有这条消息", 404)
    return _message(row)


def _message(row: Any) -> dict[str, Any]:
    return {"id": row["id"], "app_id": row["app_id"], **json.loads(row["document"])}
