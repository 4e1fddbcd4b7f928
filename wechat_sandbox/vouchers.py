"""Codes that are good once and for five minutes: web authorisation, mini-program log-in, phone number."""

from wechat_sandbox import ids, people
from wechat_sandbox.apps import App
from wechat_sandbox.errors import ApiError
from wechat_sandbox.people import User
from wechat_sandbox.platform import Platform

LIFE_SECONDS = 300


def issue(platform: Platform, app: App, user: User, kind: str, scope: str = "") -> str:
    """A new code of this kind: oauth, login or phone."""
    code = "0" + ids.random_text(31)
    platform.state.write(
        "INSERT INTO vouchers (code, kind, app_id, user_id, scope, created_at) VALUES (?, ?, ?, ?, ?, ?)",
        code, kind, app.app_id, user.user_id, scope, platform.now(),
    )  # fmt: skip
    return code


def redeem(platform: Platform, app: App, code: str, kind: str) -> tuple[User, str]:
    """The user and scope of a code; 41008 missing, 40029 unknown, late or another's, 40163 used before."""
    if not code:
        raise ApiError(41008)
    with platform.state.transaction():
        row = platform.state.row("SELECT * FROM vouchers WHERE code = ? AND kind = ?", code, kind)
        if row is None or row["app_id"] != app.app_id:
            raise ApiError(40029)
        if row["used"]:
            raise ApiError(40163)
        if platform.now() - row["created_at"] >= LIFE_SECONDS:
            raise ApiError(40029)
        platform.state.write("UPDATE vouchers SET used = 1 WHERE code = ?", code)
    return people.require(platform, row["user_id"]), row["scope"]
