"""What a file really is, and what is kept of it: a photo without its metadata, a recording as it came."""

import io
import threading
import warnings
from dataclasses import dataclass

import filetype
from pi_heif import register_heif_opener
from PIL import Image, ImageOps

from backend.cases.models import AttachmentKind
from backend.errors import Invalid, TooLarge

register_heif_opener()

MEGABYTE = 1024 * 1024
LONG_SIDE = 2_000  # pixels: a house number across the street can still be read
PIXELS = 52_000_000  # a 50-megapixel telephone, and no more: beyond it a small file fills the memory

Image.MAX_IMAGE_PIXELS = PIXELS
warnings.simplefilter("error", Image.DecompressionBombWarning)  # otherwise it refuses only twice that


@dataclass(frozen=True)
class Sort:
    """What one kind of attachment is called, and how large it may be (megabytes)."""

    name: str
    largest: int


@dataclass(frozen=True)
class Checked:
    """Content that may be kept: a photo as an upright JPEG that says nothing but the picture."""

    content: bytes
    mime: str
    kind: AttachmentKind


SORTS = {
    AttachmentKind.PHOTO: Sort("照片", 10),
    AttachmentKind.VOICE: Sort("语音", 2),
    AttachmentKind.VIDEO: Sort("视频", 20),
}

# What is taken, by the type that the content has, whatever its name says.
TAKEN = {
    "image/jpeg": AttachmentKind.PHOTO,
    "image/png": AttachmentKind.PHOTO,
    "image/apng": AttachmentKind.PHOTO,
    "image/webp": AttachmentKind.PHOTO,
    "image/heic": AttachmentKind.PHOTO,
    "image/gif": AttachmentKind.PHOTO,  # its first picture
    "audio/amr": AttachmentKind.VOICE,
    "audio/amr-wb": AttachmentKind.VOICE,
    "audio/silk": AttachmentKind.VOICE,
    "audio/mpeg": AttachmentKind.VOICE,
    "audio/x-wav": AttachmentKind.VOICE,
    "video/mp4": AttachmentKind.VIDEO,
}
DECODERS = ("JPEG", "PNG", "WEBP", "GIF", "HEIF")

# Recordings that the library does not know: wide-band AMR, and WeChat's own SILK with and without its mark.
VOICES = {b"#!AMR-WB\n": "audio/amr-wb", b"\x02#!SILK_V3": "audio/silk", b"#!SILK_V3": "audio/silk"}

_decoding = threading.Lock()  # the largest picture takes up to 800 MB for a moment: never two at once


def check(content: bytes) -> Checked:
    """Look at what the content really is, and make a photo fit to keep.

    Raises Invalid or TooLarge with a Chinese sentence for whoever sent it.
    """
    mime = _type_of(content)
    kind = TAKEN.get(mime)
    if kind is None:
        raise Invalid("这种文件收不了，请发照片、语音或视频" if content else "文件是空的，请重新选择")
    sort = SORTS[kind]
    if len(content) > sort.largest * MEGABYTE:
        raise TooLarge(f"{sort.name}太大了，请发 {sort.largest} MB 以内的{sort.name}")
    if kind is not AttachmentKind.PHOTO:
        return Checked(content, mime, kind)
    with _decoding:
        return Checked(_redraw(content), "image/jpeg", kind)


def _type_of(content: bytes) -> str:
    for start, mime in VOICES.items():
        if content.startswith(start):
            return mime
    return filetype.guess_mime(content) or ""


def _redraw(content: bytes) -> bytes:
    """The picture alone, upright, at most LONG_SIDE long, as a JPEG: no EXIF, no comment."""
    try:
        with Image.open(io.BytesIO(content), formats=DECODERS) as image:
            image.draft("RGB", (LONG_SIDE, LONG_SIDE))  # a large JPEG is then decoded at a fraction
            return _as_jpeg(ImageOps.exif_transpose(_on_white(_shrink(image))))
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise TooLarge("照片的尺寸太大了，请缩小以后再发") from None
    except Exception:  # the decoders raise whatever a broken file leads them to
        raise Invalid("照片打不开，可能没有传完整，请重新发一次") from None


def _shrink(image: Image.Image) -> Image.Image:
    """Decoded whole and made small at once, in plain colours: each further copy of a large one is dear."""
    image.load()
    mode = "RGBA" if image.has_transparency_data else "RGB"
    plain = image if image.mode == mode else image.convert(mode)
    plain.thumbnail((LONG_SIDE, LONG_SIDE))
    return plain


def _on_white(image: Image.Image) -> Image.Image:
    """What is transparent becomes white, not black."""
    if image.mode == "RGB":
        return image
    drawn = Image.new("RGB", image.size, "white")
    drawn.paste(image, mask=image.getchannel("A"))
    drawn.info = dict(image.info)  # which way is up
    return drawn


def _as_jpeg(image: Image.Image) -> bytes:
    image.info.clear()  # a comment would be carried over
    written = io.BytesIO()
    image.save(written, "JPEG", quality=85)
    return written.getvalue()
