"""Files for the tests, each made by code: real pictures, and things that only pretend to be one."""

import base64
import io
import struct
import zlib

from PIL import Image

from backend.config import config

GPS, ORIENTATION, DESCRIPTION = 0x8825, 0x0112, 0x010E

# The drawing below as a telephone with high-efficiency photos keeps it; nothing we run can write the format.
HEIC = base64.b64decode(
    "AAAAHGZ0eXBoZWljAAAAAG1pZjFoZWljbWlhZgAAAX1tZXRhAAAAAAAAACFoZGxyAAAAAAAAAABwaWN0AAAAAAAAAAAAAAAAAAAA"
    "ACJpbG9jAAAAAERAAAEAAQAAAAABoQABAAAAAAAAADQAAAAjaWluZgAAAAAAAQAAABVpbmZlAgAAAAABAABodmMxAAAAAA5waXRt"
    "AAAAAAABAAAA/WlwcnAAAADdaXBjbwAAAHZodmNDAQNwAAAAkAAAAAAAHvAA/P34+AAADwNgAAEAGEABDAH//wNwAAADAJAAAAMA"
    "AAMAHroCQGEAAQAqQgEBA3AAAAMAkAAAAwAAAwAeoCiBBZbq5Ka5uAhoMCAAAAMDIAAAAwAhYgABAAZEAcFzwYkAAAATY29scm5j"
    "bHgAAQANAAaAAAAAFGlzcGUAAAAAAAAAUAAAAEAAAAAoY2xhcAAAAFAAAAABAAAAPAAAAAEAAAAAAAAAAv////wAAAACAAAAEHBp"
    "eGkAAAAAAwgICAAAABhpcG1hAAAAAAAAAAEAAQWBAgMFhAAAADxtZGF0AAAAMCgBrwQUaKD4ynHX//oSs/s1k90lm98VZbxZYQUb"
    "e6gSw3Lw3+sGEsxFULgmlfhMgA=="
)
AMR = b"#!AMR\n" + bytes([0x3C, *range(31)]) * 50  # a second of frames at 12.2 kbit/s
AMR_WB = b"#!AMR-WB\n" + bytes(320)
SILK = b"\x02#!SILK_V3" + bytes(320)
MP4 = (
    struct.pack(">I", 24) + b"ftypmp42" + bytes(4) + b"mp42isom" + struct.pack(">I", 72) + b"mdat" + bytes(64)
)
HTML = b"<!DOCTYPE html><html><script>alert(1)</script></html>"
SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
PDF = b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\n"


def drawing(width=80, height=60, mode="RGB"):
    """Blue on the left, red on the right."""
    image = Image.new("RGB", (width, height), "red")
    image.paste("blue", (0, 0, width // 2, height))
    return image.convert(mode)


def written(image, kind="JPEG", **options):
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def jpeg(width=80, height=60, **options):
    return written(drawing(width, height), **options)


def jpeg_of_a_telephone(orientation=1):
    """With everything that a telephone tells about the person who holds it."""
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    exif[DESCRIPTION] = "secret-garden-street"
    exif.get_ifd(GPS).update({1: "N", 2: (22.0, 41.0, 27.5), 3: "E", 4: (114.0, 20.0, 48.9)})
    return jpeg(exif=exif, comment=b"secret-telephone-owner")


def bomb(width=60_000, height=60_000):
    """A PNG of a few bytes whose header promises billions of pixels."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(b"\0\0\0\0")), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
        for name, body in chunks
    )


def opened(content):
    return Image.open(io.BytesIO(content))


def files():
    """What lies in the store."""
    return {path for path in config.stores_in.rglob("*") if path.is_file()}
