"""A photo in a request of the API, and what a page says about photos that were not taken."""

from collections.abc import Sequence

from flask import flash, request

from backend.errors import Invalid, Unsupported


def photo_in_form() -> bytes:
    """The one photo of a multipart request. Raises Unsupported or Invalid."""
    if request.mimetype != "multipart/form-data":
        raise Unsupported("请用表单（multipart/form-data）上传照片")
    photo = request.files.get("photo")
    if photo is None:
        raise Invalid("请选择一张照片")
    return bytes(photo.read())


def say_refused(reasons: Sequence[str]) -> None:
    """Say on the next page why photos were not taken, each reason once."""
    for reason in dict.fromkeys(reasons):
        flash(f"有照片没有收下：{reason}", "warn")
