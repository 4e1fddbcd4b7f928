"""What the pages' forms bring: photos, and what is said about those that were not taken."""

from collections.abc import Sequence

from flask import flash, request


def photos_in_form() -> list[bytes]:
    """The files of the field `photos`; browsers send an empty one where nothing was chosen."""
    return [content for file in request.files.getlist("photos") if (content := file.read())]


def say_refused(reasons: Sequence[str]) -> None:
    """Say on the next page why photos were not taken."""
    for reason in reasons:
        flash(f"有照片没有收下：{reason}", "warn")
