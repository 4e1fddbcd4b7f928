"""The simulated people: who they are in each app and whom they follow."""

from dataclasses import dataclass
from typing import Any

from wechat_sandbox import apps, ids
from wechat_sandbox.apps import App
from wechat_sandbox.errors import Refusal
from wechat_sandbox.platform import Platform


@dataclass(frozen=True)
class User:
    """One person with a phone."""

    user_id: int
    key: str
    name: str
    role: str


def create(platform: Platform, key: str, name: str, role: str) -> User:
    """The person with this key, made if new; name and role are brought up to date."""
    with platform.state.transaction():
        platform.state.write(
            "INSERT INTO users (key, name, role) VALUES (?, ?, ?)"
            " ON CONFLICT (key) DO UPDATE SET name = excluded.name, role = excluded.role",
            key, name, role,
        )  # fmt: skip
        user = _user(platform.state.row("SELECT * FROM users WHERE key = ?", key))
        for row in platform.state.rows("SELECT app_id FROM apps"):
            apps.give_openid(platform, row["app_id"], user.user_id, key)
    return user


def require(platform: Platform, user_id: int) -> User:
    """The person with this number, or a Refusal."""
    row = platform.state.row("SELECT * FROM users WHERE user_id = ?", user_id)
    if row is None:
        raise Refusal(f"没有 {user_id} 号用户", 404)
    return _user(row)


def by_openid(platform: Platform, app_id: str, openid: object) -> User | None:
    """Whom an app means by an openid; None for a wrong one or one of another app."""
    row = platform.state.row(
        "SELECT u.* FROM openids o JOIN users u USING (user_id) WHERE o.openid = ? AND o.app_id = ?",
        str(openid), app_id,
    )  # fmt: skip
    return _user(row) if row else None


def describe(platform: Platform, user: User) -> dict[str, Any]:
    """The person as the control API shows them, with openids and the accounts they follow."""
    return describe_some(platform, user.user_id, 1)[0]


def describe_some(platform: Platform, first: int, limit: int) -> list[dict[str, Any]]:
    """So many people from this number on, oldest first, in two queries however many they are."""
    users = platform.state.rows(
        "SELECT * FROM users WHERE user_id >= ? ORDER BY user_id LIMIT ?", first, limit
    )
    last = users[-1]["user_id"] if users else 0
    openids = platform.state.rows(
        "SELECT o.*, f.openid IS NOT NULL AS follows FROM openids o LEFT JOIN follows f USING (openid)"
        " WHERE o.user_id BETWEEN ? AND ?",
        first, last,
    )  # fmt: skip
    known = {row["user_id"]: dict(row) | {"openids": {}, "follows": []} for row in users}
    for row in openids:
        known[row["user_id"]]["openids"][row["app_id"]] = row["openid"]
        if row["follows"]:
            known[row["user_id"]]["follows"].append(row["app_id"])
    return list(known.values())


def openid(app: App, user: User) -> str:
    """The person's openid in an app."""
    return ids.openid(app.app_id, user.key)


def unionid(app: App, user: User) -> str | None:
    """The person's unionid, if the app belongs to an Open Platform account."""
    return ids.unionid(app.open_platform, user.key) if app.open_platform else None


def follows(platform: Platform, app: App, user: User) -> bool:
    """Whether the person follows the account now."""
    return platform.state.row("SELECT 1 FROM follows WHERE openid = ?", openid(app, user)) is not None


def _user(row: Any) -> User:
    return User(row["user_id"], row["key"], row["name"], row["role"])
