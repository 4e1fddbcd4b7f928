"""What a phone does with a code: reads the picture, and does with its text what WeChat would."""

import io
import re
from typing import Any
from urllib.parse import quote

import zxingcpp
from PIL import Image, UnidentifiedImageError

from wechat_sandbox import actions, apps, qrcodes
from wechat_sandbox.errors import Refusal
from wechat_sandbox.people import User
from wechat_sandbox.platform import Platform
from wechat_sandbox.qrcodes import Code

WEB_ADDRESS = re.compile(r"https?://[^\s/?#]\S*", re.IGNORECASE)
FORMATS = zxingcpp.BarcodeFormats(zxingcpp.BarcodeFormat.QRCode)
UNESCAPED = "-_.!~*'()"  # What encodeURIComponent leaves as it is, besides letters and digits.


def scan(platform: Platform, user: User, text: str, *, wait: bool = True) -> dict[str, Any]:
    """What happens when a user's phone reads this text in a code.

    An account's code: what its event brought about. Else {mini_program}, {open} for a web address, or {text}
    for anything else, which WeChat only shows.
    """
    code = qrcodes.by_url(platform, text)
    if code is not None:
        return _use(platform, user, code, wait=wait)
    if qrcodes.is_of_wechat(text):
        raise Refusal("这个二维码已经失效")
    return {"open": text} if WEB_ADDRESS.fullmatch(text) else {"text": text}


def scan_ticket(platform: Platform, user: User, ticket: str, *, wait: bool = True) -> dict[str, Any]:
    """What happens when a user's phone reads the picture of this ticket."""
    code = qrcodes.by_ticket(platform, ticket)
    if code is None:
        raise Refusal("没有这个二维码", 404)
    return _use(platform, user, code, wait=wait)


def read_picture(content: bytes) -> str:
    """The text of the QR code in a picture file, or a Refusal."""
    try:
        picture = Image.open(io.BytesIO(content)).convert("RGBA")
    except (UnidentifiedImageError, OSError, SyntaxError, Image.DecompressionBombError) as error:
        raise Refusal("这不是一张图片，或者图片已损坏") from error
    # A code drawn on nothing is seen on the white of the page.
    on_white = Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture).convert("L")
    found = zxingcpp.read_barcodes(on_white, formats=FORMATS)
    if not found:
        raise Refusal("图片里没有二维码")
    return str(found[0].text)


def _use(platform: Platform, user: User, code: Code, *, wait: bool) -> dict[str, Any]:
    if code.details["kind"] == "mini_program":
        return {"mini_program": _open_page(platform, code)}
    return actions.enter(platform, user, code, wait=wait)


def _open_page(platform: Platform, code: Code) -> dict[str, Any]:
    """The page and what its onLoad gets: the scene arrives as encodeURIComponent would write it."""
    page, scene = code.details["page"], str(code.details["scene"])
    if code.details.get("env_version", "release") != "release":
        raise Refusal("这是体验版或开发版小程序的码，没有权限的人打不开")
    pages = apps.require(platform, code.app_id).pages
    if pages and page not in pages:
        raise Refusal("小程序里没有这个页面")
    query = {"scene": quote(scene, safe=UNESCAPED)}
    return {"app_id": code.app_id, "page": page, "scene": scene, "query": query}
