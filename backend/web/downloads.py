"""A file that a browser saves, under a name in Chinese if need be."""

from io import BytesIO

from flask import Response, send_file


def download(content: bytes, mime: str, name: str) -> Response:
    """The answer that makes a browser save the content under this name."""
    return send_file(BytesIO(content), mimetype=mime, as_attachment=True, download_name=name)
