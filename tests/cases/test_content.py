import pytest
from PIL import Image

from backend.cases.content import LONG_SIDE, MEGABYTE, check
from backend.cases.models import AttachmentKind
from backend.errors import Invalid, TooLarge
from tests.cases import pictures
from tests.cases.pictures import GPS, drawing, jpeg, opened, written

PHOTO, VOICE, VIDEO = AttachmentKind


def colours(content):
    """What is in the middle of each half."""
    image = opened(content).convert("RGB")
    middle = image.height // 2
    return [image.getpixel((x, middle)) for x in (image.width // 4, 3 * image.width // 4)]


def is_near(pixel, wanted):
    return all(abs(have - want) < 60 for have, want in zip(pixel, wanted, strict=True))


BLUE, RED, WHITE = (0, 0, 255), (255, 0, 0), (255, 255, 255)


def test_a_photo_keeps_the_picture_and_loses_what_its_telephone_told():
    sent = pictures.jpeg_of_a_telephone()
    assert opened(sent).getexif().get_ifd(GPS)
    assert b"secret-garden-street" in sent
    assert b"secret-telephone-owner" in sent

    kept = check(sent)

    assert (kept.mime, kept.kind) == ("image/jpeg", PHOTO)
    assert not opened(kept.content).getexif()
    assert b"Exif" not in kept.content
    assert b"secret" not in kept.content
    left, right = colours(kept.content)
    assert is_near(left, BLUE)
    assert is_near(right, RED)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_photo_stands_upright_without_its_orientation_mark(orientation):
    turned = opened(check(pictures.jpeg_of_a_telephone(orientation)).content)
    assert turned.size == ((80, 60) if orientation < 5 else (60, 80))


def test_a_photo_taken_upside_down_is_turned():
    left, right = colours(check(pictures.jpeg_of_a_telephone(3)).content)
    assert is_near(left, RED)
    assert is_near(right, BLUE)


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(written(drawing(), "PNG"), id="png"),
        pytest.param(written(drawing(), "WEBP"), id="webp"),
        pytest.param(written(drawing(), "GIF"), id="gif"),
        pytest.param(
            written(drawing(), "GIF", save_all=True, append_images=[Image.new("RGB", (80, 60))]),
            id="moving gif",
        ),
        pytest.param(
            written(drawing(), "PNG", save_all=True, append_images=[Image.new("RGB", (80, 60))]),
            id="moving png",
        ),
        pytest.param(written(drawing(mode="CMYK")), id="cmyk jpeg"),
        pytest.param(written(drawing(mode="P"), "PNG"), id="palette png"),
        pytest.param(
            written(drawing(), "MPO", save_all=True, append_images=[Image.new("RGB", (40, 30))]),
            id="jpeg with a second picture in it",
        ),
        pytest.param(pictures.HEIC, id="heic"),
    ],
)
def test_every_kind_of_photo_becomes_a_plain_jpeg(content):
    kept = check(content)
    assert kept.mime == "image/jpeg"
    assert opened(kept.content).format == "JPEG"
    assert opened(kept.content).size == (80, 60)
    left, right = colours(kept.content)
    assert is_near(left, BLUE)
    assert is_near(right, RED)


def test_a_picture_with_one_transparent_colour_is_put_on_white():
    left, right = colours(check(written(drawing(), "PNG", transparency=(0, 0, 255))).content)
    assert is_near(left, WHITE)
    assert is_near(right, RED)


@pytest.mark.parametrize("mode", ["L", "1", "I;16", "LA"])
def test_a_grey_picture_is_taken_too(mode):
    assert opened(check(written(Image.new(mode, (30, 20)), "PNG")).content).size == (30, 20)


def test_what_is_transparent_becomes_white():
    clear = Image.new("RGBA", (40, 30), (0, 0, 0, 0))
    assert all(is_near(pixel, WHITE) for pixel in colours(check(written(clear, "PNG")).content))


@pytest.mark.filterwarnings("ignore:Corrupt EXIF data")
def test_a_broken_orientation_mark_does_not_cost_the_photo():
    assert opened(check(jpeg(exif=b"Exif\0\0MM\0*\0\0\0\x08\0\x05garbage")).content).size == (80, 60)


def test_a_large_photo_is_made_smaller_and_a_small_one_is_not_blown_up():
    assert opened(check(jpeg(4_000, 3_000)).content).size == (LONG_SIDE, 1_500)
    assert opened(check(written(drawing(1_500, 6_000), "PNG")).content).size == (500, LONG_SIDE)
    assert opened(check(jpeg(20, 10)).content).size == (20, 10)


def test_a_large_transparent_picture_keeps_its_colours_when_it_is_made_smaller():
    image = drawing(3_000, 2_400, "RGBA")
    image.paste((0, 0, 0, 0), (0, 0, 1_500, 2_400))
    left, right = colours(check(written(image, "PNG")).content)
    assert is_near(left, WHITE)
    assert is_near(right, RED)


def test_checking_what_was_checked_still_gives_a_photo():
    assert check(check(jpeg()).content).mime == "image/jpeg"


@pytest.mark.parametrize(
    ("content", "mime", "kind"),
    [
        (pictures.AMR, "audio/amr", VOICE),
        (pictures.AMR_WB, "audio/amr-wb", VOICE),
        (pictures.SILK, "audio/silk", VOICE),
        (pictures.SILK[1:], "audio/silk", VOICE),
        (b"ID3\x04" + bytes(100), "audio/mpeg", VOICE),
        (b"RIFF\x24\0\0\0WAVEfmt " + bytes(28), "audio/x-wav", VOICE),
        (pictures.MP4, "video/mp4", VIDEO),
    ],
)
def test_recordings_and_films_are_kept_as_they_came(content, mime, kind):
    kept = check(content)
    assert (kept.content, kept.mime, kept.kind) == (content, mime, kind)


@pytest.mark.parametrize(
    "content",
    [pictures.HTML, pictures.SVG, pictures.PDF, b"MZ" + bytes(200), b"PK\3\4" + bytes(200), b"hello"],
    ids=["html", "svg", "pdf", "exe", "zip", "text"],
)
def test_what_is_no_photo_recording_or_film_is_refused_whatever_it_is_called(content):
    with pytest.raises(Invalid, match="这种文件收不了"):
        check(content)


def test_an_empty_file_is_refused_as_empty():
    with pytest.raises(Invalid, match="空的"):
        check(b"")


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(jpeg(800, 600)[:3_000], id="truncated jpeg"),
        pytest.param(b"\xff\xd8\xff\xe0" + b"not a picture" * 20, id="jpeg in its first bytes only"),
        pytest.param(b"GIF89a<?php echo 1; ?>" + bytes(40), id="gif in its first bytes only"),
        pytest.param(b"\x89PNG\r\n\x1a\n" + pictures.HTML, id="html behind a png's mark"),
        pytest.param(written(drawing(300, 200), "WEBP")[:100], id="truncated webp"),
        pytest.param(pictures.HEIC[:300], id="truncated heic"),
    ],
)
def test_a_photo_that_cannot_be_decoded_whole_is_refused(content):
    with pytest.raises(Invalid, match="打不开"):
        check(content)


def test_what_is_appended_to_a_photo_is_not_kept():
    assert b"script" not in check(jpeg() + pictures.HTML).content


@pytest.mark.parametrize("side", [7_300, 60_000])
def test_a_small_file_that_would_fill_the_memory_is_refused(side):
    with pytest.raises(TooLarge, match="尺寸太大"):
        check(pictures.bomb(side, side))


@pytest.mark.parametrize(
    ("content", "largest", "name"),
    [(jpeg(), 10, "照片"), (pictures.AMR, 2, "语音"), (pictures.MP4, 20, "视频")],
)
def test_each_kind_has_its_largest_size(content, largest, name):
    room = largest * MEGABYTE - len(content)
    assert check(content + bytes(room))
    with pytest.raises(TooLarge, match=f"{name}太大了，请发 {largest} MB 以内的{name}"):
        check(content + bytes(room + 1))
