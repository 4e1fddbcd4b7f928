"""Access tokens: /cgi-bin/token and /cgi-bin/stable_token, two spaces that know nothing of each other."""

from typing import Any

from wechat_sandbox import apps, ids
from wechat_sandbox.api import Answer, Call, Endpoint
from wechat_sandbox.apps import App
from wechat_sandbox.errors import ApiError
from wechat_sandbox.platform import Platform

LIFE_SECONDS = 7200
RENEW_SECONDS = 300
FORCED_PER_DAY, FORCED_PAUSE_SECONDS = 20, 30
TOKEN_LENGTH = 136
FOREVER = 1e12


def owner(platform: Platform, token: str) -> App:
    """The app of a valid token; 41001 missing, 40014 malformed, 42001 expired, 40001 replaced or unknown."""
    if not token:
        raise ApiError(41001)
    if len(token) != TOKEN_LENGTH:
        raise ApiError(40014)
    row = platform.state.row("SELECT * FROM tokens WHERE token = ?", token)
    app = apps.find(platform, row["app_id"]) if row else None
    if row is None or app is None or platform.now() >= row["invalid_at"]:
        raise ApiError(40001)
    if platform.now() >= row["expires_at"]:
        raise ApiError(42001)
    return app


def owner_or_none(platform: Platform, token: str) -> App | None:
    """The app of a valid token, or None."""
    try:
        return owner(platform, token)
    except ApiError:
        return None


def check_secret(platform: Platform, app_id: object, secret: object) -> App:
    """The app with this id and secret; 41002, 41004, 40013, 40125 otherwise."""
    if not app_id or not secret:
        raise ApiError(41002 if not app_id else 41004)
    app = apps.find(platform, str(app_id))
    if app is None:
        raise ApiError(40013)
    if app.app_secret != secret:
        raise ApiError(40125)
    return app


def token(platform: Platform, call: Call) -> Answer:
    """GET /cgi-bin/token: always a new token; the one before stays valid for a short while."""
    if call.query("grant_type") != "client_credential":
        raise ApiError(40002)
    app = check_secret(platform, call.query("appid"), call.query("secret"))
    with platform.state.transaction():
        _replace(platform, app, "token", platform.option("token_overlap_seconds"))
        return issue(platform, app, "token", forced=False)


def stable_token(platform: Platform, call: Call) -> Answer:
    """POST /cgi-bin/stable_token: the same token until 5 minutes before its end, or a forced new one."""
    body = call.body()
    if body.get("grant_type") != "client_credential":
        raise ApiError(40002)
    app = check_secret(platform, body.get("appid"), body.get("secret"))
    with platform.state.transaction():
        if body.get("force_refresh"):
            _check_force(platform, app)
            _replace(platform, app, "stable", 0)
            return issue(platform, app, "stable", forced=True)
        return current(platform, app, "stable") or issue(platform, app, "stable", forced=False)


def current(platform: Platform, app: App, space: str) -> dict[str, Any] | None:
    """The token of this space that is good for some minutes yet, with the seconds that it has left."""
    row = platform.state.row(
        "SELECT * FROM tokens WHERE app_id = ? AND space = ? AND invalid_at >= ? AND expires_at > ?"
        " ORDER BY issued_at DESC",
        app.app_id, space, FOREVER, platform.now() + RENEW_SECONDS,
    )  # fmt: skip
    if row is None:
        return None
    return {"access_token": row["token"], "expires_in": int(row["expires_at"] - platform.now())}


def issue(platform: Platform, app: App, space: str, *, forced: bool) -> dict[str, Any]:
    """A new token of this space."""
    value, now = ids.random_text(TOKEN_LENGTH), platform.now()
    platform.state.write(
        "INSERT INTO tokens VALUES (?, ?, ?, ?, ?, ?, ?)",
        value, app.app_id, space, now, now + LIFE_SECONDS, FOREVER, forced,
    )  # fmt: skip
    return {"access_token": value, "expires_in": LIFE_SECONDS}


def _replace(platform: Platform, app: App, space: str, overlap: float) -> None:
    """End the life of the tokens of one space, after the overlap."""
    platform.state.write(
        "UPDATE tokens SET invalid_at = ? WHERE app_id = ? AND space = ? AND invalid_at >= ?",
        platform.now() + overlap, app.app_id, space, FOREVER,
    )  # fmt: skip


def _check_force(platform: Platform, app: App) -> None:
    """At most 20 forced refreshes a day (45009), at least 30 s apart (45011)."""
    row = platform.state.row(
        "SELECT count(*) AS count, max(issued_at) AS last FROM tokens"
        " WHERE app_id = ? AND space = 'stable' AND forced AND issued_at > ?",
        app.app_id, platform.now() - 24 * 3600,
    )  # fmt: skip
    if row is None or not row["count"]:
        return
    if platform.now() - row["last"] < FORCED_PAUSE_SECONDS:
        raise ApiError(45011)
    if row["count"] >= FORCED_PER_DAY:
        raise ApiError(45009)


ENDPOINTS = {
    "/cgi-bin/token": Endpoint(token, token=False),
    "/cgi-bin/stable_token": Endpoint(stable_token, ("POST",), token=False),
}
