"""Makes pictures and sound by code: a drawn scene with GPS in its EXIF, a silent recording, QR codes."""

import io
import math
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import qrcode
from PIL import ExifTags, Image, ImageDraw, ImageFont

SHANGHAI = timezone(timedelta(hours=8))
FONTS = (
    "/usr/share/fonts/truetype/wqy/wqy-microhei.ttc",
    "/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc",
)
FRAMES_PER_SECOND = 50


def draw_scene(at: float, latitude: float = 22.6905, longitude: float = 114.3464) -> bytes:
    """A JPEG of a street with the time on it; its EXIF names a camera, the time and the place."""
    moment = datetime.fromtimestamp(at, UTC).astimezone(SHANGHAI)
    picture = Image.new("RGB", (960, 720), "#b9d7ea")
    pen = ImageDraw.Draw(picture)
    _draw_street(pen)
    pen.text((32, 24), moment.strftime("%Y-%m-%d %H:%M:%S"), fill="#1f2d3a", font=_font(44))
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=82, exif=_exif(moment, latitude, longitude))
    return file.getvalue()


def _draw_street(pen: ImageDraw.ImageDraw) -> None:
    for index, (left, top) in enumerate(((40, 210), (270, 130), (520, 240), (740, 170))):
        pen.rectangle((left, top, left + 180, 470), fill=("#8d99ae", "#a98467", "#7f9183", "#9a8c98")[index])
        for window in range(12):
            x, y = left + 20 + window % 3 * 52, top + 24 + window // 3 * 52
            pen.rectangle((x, y, x + 32, y + 32), fill="#f5efd5")
    pen.rectangle((0, 470, 960, 720), fill="#6c6f73")
    for left in range(20, 960, 160):
        pen.rectangle((left, 590, left + 90, 602), fill="#f2f2f2")
    pen.ellipse((390, 520, 620, 580), fill="#3d4043", outline="#2a2c2e", width=4)
    pen.polygon(((660, 570), (700, 470), (740, 570)), fill="#e76f51", outline="#ffffff")


def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    file = next((name for name in FONTS if Path(name).exists()), None)
    return ImageFont.truetype(file, size) if file else ImageFont.load_default(size)


def _exif(moment: datetime, latitude: float, longitude: float) -> Image.Exif:
    exif = Image.Exif()
    exif[ExifTags.Base.Make] = "Sandbox"
    exif[ExifTags.Base.Model] = "Simulated phone"
    exif[ExifTags.Base.DateTime] = moment.strftime("%Y:%m:%d %H:%M:%S")
    exif.get_ifd(ExifTags.IFD.GPSInfo).update(
        {
            ExifTags.GPS.GPSLatitudeRef: "N",
            ExifTags.GPS.GPSLatitude: _degrees(latitude),
            ExifTags.GPS.GPSLongitudeRef: "E",
            ExifTags.GPS.GPSLongitude: _degrees(longitude),
        }
    )
    return exif


def _degrees(value: float) -> tuple[float, float, float]:
    minutes, whole = math.modf(value)
    seconds, minutes = math.modf(minutes * 60)
    return (whole, minutes, round(seconds * 60, 2))


def silent_amr(seconds: float) -> bytes:
    """A valid AMR file (narrow band, 4.75 kbit/s) of silence."""
    frame = b"\x04" + bytes(12)
    return b"#!AMR\n" + frame * max(1, round(seconds * FRAMES_PER_SECOND))


def silent_wide_amr(seconds: float) -> bytes:
    """A valid AMR-WB file in which every frame says that there is no sound."""
    return b"#!AMR-WB\n" + b"\x7c" * max(1, round(seconds * FRAMES_PER_SECOND))


def draw_code(text: str, width: int = 430) -> Image.Image:
    """A QR code of the text that a scanner reads, about `width` pixels wide."""
    code = qrcode.QRCode(error_correction=qrcode.constants.ERROR_CORRECT_M, border=4, box_size=8)
    code.add_data(text)
    picture = code.make_image().get_image().convert("RGB")
    drawn: Image.Image = picture.resize((width, width), Image.Resampling.NEAREST)
    return drawn


def as_bytes(picture: Image.Image, kind: str) -> bytes:
    """The picture as a JPEG or PNG file."""
    file = io.BytesIO()
    picture.save(file, kind, quality=95)
    return file.getvalue()
