"""Photos and recordings behind signed addresses."""

from datetime import timedelta

from flask import Response, request
from flask.typing import ResponseReturnValue

from backend import auth, db, storage
from backend.auth import public
from backend.cases.models import Attachment, Stored
from backend.errors import NotFound

LIFE = timedelta(days=1)
MISSING = "这个文件找不到了"
ENDINGS = {"image/jpeg": "jpg", "audio/mpeg": "mp3", "audio/amr": "amr", "video/mp4": "mp4"}


@public
def serve(token: str) -> ResponseReturnValue:
    """The file that the address was signed for: the signature is the right to see it, for a day."""
    attachment_id = auth.unsign("file", token, LIFE)
    with db.transaction() as session:
        attachment = session.get(Attachment, attachment_id)
        if attachment is None or attachment.state is not Stored.STORED or attachment.sha256 is None:
            raise NotFound(MISSING)
        sha256, mime = attachment.sha256, attachment.mime or "application/octet-stream"
    try:
        content = storage.read(sha256)
    except FileNotFoundError:
        raise NotFound(MISSING) from None
    response = Response(content, headers=_headers(mime, f"{attachment_id}.{ENDINGS.get(mime, 'bin')}"))
    # Telephones ask for a film piece by piece, and do not play one that comes only as a whole.
    return response.make_conditional(request, accept_ranges=True, complete_length=len(content))


def _headers(mime: str, name: str) -> dict[str, str]:
    """Pictures, sound and films are shown; anything else is only saved. Nobody but the browser keeps it."""
    how = "inline" if mime.split("/")[0] in {"image", "audio", "video"} else "attachment"
    return {
        "Content-Type": mime,
        "Content-Disposition": f'{how}; filename="{name}"',
        "X-Content-Type-Options": "nosniff",
        "Cache-Control": f"private, max-age={int(LIFE.total_seconds())}, immutable",
    }
