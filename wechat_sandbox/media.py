"""Temporary media: uploaded by accounts or sent by users, alive for three days."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import filetype
from flask import Response

from wechat_sandbox import ids
from wechat_sandbox.api import Answer, Call, Endpoint
from wechat_sandbox.apps import App
from wechat_sandbox.errors import ApiError
from wechat_sandbox.platform import Platform

LIFE_SECONDS = 3 * 24 * 3600
MEGABYTE = 1024 * 1024


@dataclass(frozen=True)
class Kind:
    """What may be uploaded as one type, and how large."""

    content_types: tuple[str, ...]
    bytes: int


# The documents disagree on pictures (2 MB or 10 MB): what is sent to the platform meets the smaller.
KINDS = {
    "image": Kind(("image/jpeg", "image/png", "image/gif"), 2 * MEGABYTE),
    "voice": Kind(("audio/amr", "audio/mpeg"), 2 * MEGABYTE),
    "video": Kind(("video/mp4",), 10 * MEGABYTE),
    "thumb": Kind(("image/jpeg",), 64 * 1024),
}


@dataclass(frozen=True)
class Media:
    """One stored file."""

    media_id: str
    app_id: str
    kind: str
    content_type: str
    filename: str
    created_at: float
    path: Path


def store(platform: Platform, app: App, kind: str, content: bytes, content_type: str = "") -> Media:
    """Keep a file for three days (and its picture address for ever)."""
    media_id = ids.random_text(64)
    content_type = content_type or sniff(content) or "application/octet-stream"
    filename = f"{media_id[:16]}.{content_type.partition('/')[2].replace('mpeg', 'mp3')}"
    (platform.state.media / media_id).write_bytes(content)
    platform.state.write(
        "INSERT INTO media VALUES (?, ?, ?, ?, ?, ?)",
        media_id, app.app_id, kind, content_type, filename, platform.now(),
    )  # fmt: skip
    path = platform.state.media / media_id
    return Media(media_id, app.app_id, kind, content_type, filename, platform.now(), path)


def find(platform: Platform, app: App, media_id: object) -> Media | None:
    """A living file of this app; None when it is unknown, another's, or older than three days."""
    stored = find_any_age(platform, media_id)
    if stored is None or stored.app_id != app.app_id:
        return None
    return stored if platform.now() - stored.created_at < LIFE_SECONDS else None


def find_any_age(platform: Platform, media_id: object) -> Media | None:
    """A file of any app and age: picture addresses live longer than media ids."""
    row = platform.state.row("SELECT * FROM media WHERE media_id = ?", str(media_id))
    return Media(**dict(row), path=platform.state.media / row["media_id"]) if row else None


def sniff(content: bytes) -> str | None:
    """The content type that the first bytes tell."""
    if content.startswith(b"#!AMR"):
        return "audio/amr"
    guessed = filetype.guess(content)
    return str(guessed.mime) if guessed else None


def picture_url(platform: Platform, stored: Media) -> str:
    """The address under which a picture stays readable."""
    return f"{platform.base_url}/mmbiz_pic/{stored.media_id}/0"


def shown(platform: Platform, stored: Media) -> dict[str, Any]:
    """The fields of a chat message that shows this file."""
    fields: dict[str, Any] = {"media_id": stored.media_id}
    if stored.kind in ("image", "video"):
        fields["picture_url"] = picture_url(platform, stored)
    return fields


def upload(platform: Platform, call: Call) -> Answer:
    """POST /cgi-bin/media/upload?type=: multipart with the file in the field `media`."""
    limits = KINDS.get(call.query("type"))
    if limits is None:
        raise ApiError(40004)
    file = call.request.files.get("media")
    if file is None:
        raise ApiError(41005)
    content = file.read()
    _check(limits, content)
    stored = store(platform, call.app, call.query("type"), content)
    name = "thumb_media_id" if stored.kind == "thumb" else "media_id"
    return {"type": stored.kind, name: stored.media_id, "created_at": int(stored.created_at)}


def get(platform: Platform, call: Call) -> Answer:
    """GET /cgi-bin/media/get: the file itself; for a video the address of the file."""
    stored = find(platform, call.app, call.query("media_id"))
    if stored is None:
        raise ApiError(40007 if call.query("media_id") else 41006)
    if stored.kind == "video":
        return {"video_url": picture_url(platform, stored)}
    return as_file(stored)


def as_file(stored: Media) -> Response:
    """The file with the headers of the platform."""
    answer = Response(stored.path.read_bytes(), content_type=stored.content_type)
    answer.headers["Content-Disposition"] = f'attachment; filename="{stored.filename}"'
    return answer


def upload_picture(platform: Platform, call: Call) -> Answer:
    """POST /cgi-bin/media/uploadimg: a permanent address for a picture of at most 1 MB."""
    file = call.request.files.get("media")
    if file is None:
        raise ApiError(41005)
    content = file.read()
    _check(Kind(("image/jpeg", "image/png"), MEGABYTE), content)
    return {"url": picture_url(platform, store(platform, call.app, "image", content))}


def _check(limits: Kind, content: bytes) -> None:
    if not content:
        raise ApiError(41005)
    if sniff(content) not in limits.content_types:
        raise ApiError(40005)
    if len(content) > limits.bytes:
        raise ApiError(40006)


ENDPOINTS = {
    "/cgi-bin/media/upload": Endpoint(upload, ("POST",)),
    "/cgi-bin/media/uploadimg": Endpoint(upload_picture, ("POST",)),
    "/cgi-bin/media/get": Endpoint(get, ("GET",)),
}
