"""QR codes with a scene: /cgi-bin/qrcode/create, the picture behind its ticket, and what a scan finds."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flask import Request, Response

from wechat_sandbox import drawing, ids
from wechat_sandbox.api import Answer, Call, Endpoint
from wechat_sandbox.apps import App
from wechat_sandbox.errors import ApiError, Refusal
from wechat_sandbox.platform import Platform

ADDRESSES = {"account": "http://weixin.qq.com/q/02", "mini_program": "https://mp.weixin.qq.com/a/~"}
LONGEST_SECONDS = 2_592_000
DEFAULT_SECONDS = 30  # The older documents' value, the stricter one: always send expire_seconds.
HIGHEST_TEMPORARY = 2**32 - 1


@dataclass(frozen=True)
class Code:
    """One code; `details` holds scene, label and, for a mini program, its page."""

    ticket: str
    url: str
    app_id: str
    permanent: bool
    created_at: float
    expires_at: float | None
    details: dict[str, Any]

    def document(self) -> dict[str, Any]:
        """The code as the control API shows it."""
        return {
            "ticket": self.ticket, "url": self.url, "app_id": self.app_id, "permanent": self.permanent,
            "created_at": self.created_at, "expires_at": self.expires_at, **self.details,
        }  # fmt: skip


def create(platform: Platform, call: Call) -> Answer:
    """POST /cgi-bin/qrcode/create: {ticket, url, expire_seconds?}.

    40053 when the action makes no sense, 45029 when the account has all the permanent codes that it may have.
    """
    body = call.body()
    if call.app.kind != "service_account":
        raise ApiError(48001)
    action = str(body.get("action_name") or "")
    info = body.get("action_info")
    scene = info.get("scene") if isinstance(info, Mapping) else None
    if action not in SCENES or not isinstance(scene, Mapping):
        raise ApiError(40053)
    value = SCENES[action](scene)
    permanent = action.startswith("QR_LIMIT")
    seconds = None if permanent else _seconds(body.get("expire_seconds"))
    code = _store(platform, call.app, value, seconds)
    lasting = {} if seconds is None else {"expire_seconds": seconds}
    return {"ticket": code.ticket, **lasting, "url": code.url}


def keep(platform: Platform, app: App, seconds: int | None, details: Mapping[str, Any]) -> Code:
    """Store a code under a new ticket and address."""
    ticket = "gQ" + ids.random_text(90) + "=="
    url = ADDRESSES[details["kind"]] + ids.random_text(22)
    now = platform.now()
    expires_at = None if seconds is None else now + seconds
    code = Code(ticket, url, app.app_id, seconds is None, now, expires_at, dict(details))
    platform.state.write(
        "INSERT INTO codes VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        ticket, url, app.app_id, details["scene"], json.dumps(code.details, ensure_ascii=False),
        code.permanent, now, expires_at,
    )  # fmt: skip
    return code


def by_ticket(platform: Platform, ticket: str) -> Code | None:
    """The code with this ticket, expired or not."""
    row = platform.state.row("SELECT * FROM codes WHERE ticket = ?", ticket)
    return _code(row) if row else None


def by_url(platform: Platform, url: str) -> Code | None:
    """The code with this text in its picture, expired or not."""
    row = platform.state.row("SELECT * FROM codes WHERE url = ?", url)
    return _code(row) if row else None


def is_of_wechat(url: str) -> bool:
    """Whether only WeChat knows where this address leads, though no code has it."""
    return url.startswith(tuple(ADDRESSES.values()))


def every(platform: Platform) -> list[Code]:
    """All codes, oldest first."""
    return [_code(row) for row in platform.state.rows("SELECT * FROM codes ORDER BY rowid")]


def offered(platform: Platform, words: str) -> list[Code]:
    """The first 200 codes whose label or scene holds the words, as a phone offers them.

    Places come first: the temporary codes are personal ones, used once.
    """
    rows = platform.state.rows(
        "SELECT * FROM codes WHERE instr(json_extract(document, '$.label') || ' ' || scene, ?)"
        " ORDER BY permanent DESC, rowid LIMIT 200",
        words,
    )
    return [_code(row) for row in rows]


def count_permanent(platform: Platform, app: App, start: float = 0, end: float = math.inf) -> int:
    """How many permanent codes of the app were made between these two times."""
    row = platform.state.row(
        "SELECT count(*) AS count FROM codes"
        " WHERE app_id = ? AND permanent = 1 AND created_at BETWEEN ? AND ?",
        app.app_id, start, end,
    )  # fmt: skip
    return int(row["count"]) if row else 0


def label(platform: Platform, ticket: str, words: str) -> Code:
    """Give a code a name for people, shown in the list that a phone picks from."""
    code = by_ticket(platform, ticket)
    if code is None:
        raise Refusal("there is no code with this ticket", 404)
    code.details["label"] = words
    document = json.dumps(code.details, ensure_ascii=False)
    platform.state.write("UPDATE codes SET document = ? WHERE ticket = ?", document, code.ticket)
    return code


def show(platform: Platform, request: Request) -> Response:
    """GET /cgi-bin/showqrcode?ticket=: the picture, 404 for a ticket that never was or is over."""
    code = by_ticket(platform, request.args.get("ticket", ""))
    if code is None or is_over(platform, code):
        return Response("", status=404)
    return Response(drawing.as_bytes(drawing.draw_code(code.url), "JPEG"), content_type="image/jpg")


def is_over(platform: Platform, code: Code) -> bool:
    """Whether a temporary code has expired."""
    return code.expires_at is not None and platform.now() >= code.expires_at


def _store(platform: Platform, app: App, scene: str, seconds: int | None) -> Code:
    """A new code; the permanent code of a scene is made once and given again."""
    details = {"scene": scene, "kind": "account", "label": f"{app.name} {scene}"}
    with platform.state.transaction():
        if seconds is None:
            known = _permanent(platform, app, scene)
            if known is not None:
                return known
            if _has_all(platform, app):
                raise ApiError(45029)
        return keep(platform, app, seconds, details)


def _has_all(platform: Platform, app: App) -> bool:
    """Whether the account may have no more; its codes are counted only when there are that many in all."""
    limit = platform.option("permanent_codes")
    row = platform.state.row("SELECT max(rowid) AS last FROM codes")
    return row is not None and (row["last"] or 0) >= limit and count_permanent(platform, app) >= limit


def _permanent(platform: Platform, app: App, scene: str) -> Code | None:
    row = platform.state.row(
        # Not "permanent = 1": SQLite would then go through the account's codes by age, all of them.
        "SELECT * FROM codes WHERE app_id = ? AND permanent AND scene = ?",
        app.app_id,
        scene,
    )
    return _code(row) if row else None


def _code(row: Any) -> Code:
    return Code(
        row["ticket"], row["url"], row["app_id"], bool(row["permanent"]), row["created_at"],
        row["expires_at"], json.loads(row["document"]),
    )  # fmt: skip


def _seconds(value: object) -> int:
    if value is None:
        return DEFAULT_SECONDS
    if not isinstance(value, int) or not 1 <= value <= LONGEST_SECONDS:
        raise ApiError(40053)
    return value


def _temporary_number(scene: Mapping[str, Any]) -> str:
    value = scene.get("scene_id")
    if not isinstance(value, int) or value < 1:
        raise ApiError(40053)
    return str(min(value, HIGHEST_TEMPORARY))  # Seen on the platform: a larger one came back as this.


def _permanent_number(scene: Mapping[str, Any]) -> str:
    value = scene.get("scene_id")
    if not isinstance(value, int) or not 1 <= value <= 100_000:
        raise ApiError(40053)
    return str(value)


def _text(scene: Mapping[str, Any]) -> str:
    # Users report that an over-long temporary scene_str passes; the documented limit is held for both.
    value = scene.get("scene_str")
    if not isinstance(value, str) or not 1 <= len(value) <= 64:
        raise ApiError(40053)
    return value


SCENES = {
    "QR_SCENE": _temporary_number,
    "QR_STR_SCENE": _text,
    "QR_LIMIT_SCENE": _permanent_number,
    "QR_LIMIT_STR_SCENE": _text,
}

ENDPOINTS = {"/cgi-bin/qrcode/create": Endpoint(create, ("POST",))}
