"""What an answer says in any way: headers, body, the files in it, and what is said on the next page."""

import html
import io
import json
import re
import zipfile
from urllib.parse import unquote

import pypdfium2
from flask import Flask
from werkzeug.test import TestResponse

ESCAPED = re.compile(r"\\u([0-9a-fA-F]{4})")
MESSAGES = "form"  # the cookie that carries what is to be said on the next page


def text_of(app: Flask, response: TestResponse) -> str:
    """Everything that can be read in this answer."""
    headers = "\n".join(f"{name}: {value}" for name, value in response.headers)
    said = _readable(headers) + "\n" + _readable(_words(response.get_data()))
    return said + "\n" + _messages(app, response)


def _readable(text: str) -> str:
    """The text with what HTML, addresses and JSON write otherwise."""
    plain = ESCAPED.sub(lambda found: chr(int(found.group(1), 16)), text)
    return "\n".join((plain, html.unescape(plain), unquote(plain)))


def _words(content: bytes) -> str:
    if content.startswith(b"PK\x03\x04"):
        with zipfile.ZipFile(io.BytesIO(content)) as packed:
            return "\n".join(f"{name}\n{_words(packed.read(name))}" for name in packed.namelist())
    if content.startswith(b"%PDF"):
        return "\n".join(page.get_textpage().get_text_range() for page in pypdfium2.PdfDocument(content))
    return content.decode("utf-8", errors="replace")


def _messages(app: Flask, response: TestResponse) -> str:
    """The flashed messages, which lie packed in a cookie."""
    signing = app.session_interface.get_signing_serializer(app)
    cookies = [value for name, value in response.headers if name == "Set-Cookie"]
    own = [value.partition("=")[2].partition(";")[0] for value in cookies if value.startswith(f"{MESSAGES}=")]
    return json.dumps([signing.loads(value) for value in own if value], ensure_ascii=False, default=str)
