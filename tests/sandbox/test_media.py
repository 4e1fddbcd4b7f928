"""Pictures and recordings: what users send, what accounts upload, and their three days."""

import io
from typing import Any

import pytest
import requests
from PIL import ExifTags, Image

from tests.sandbox.conftest import Api, stable_token
from tests.sandbox_client import Phone, Sandbox
from wechat_sandbox import drawing

THREE_DAYS = 3 * 24 * 3600


def upload(api: Api, content: bytes, kind: str = "image", field: str = "media") -> dict[str, Any]:
    """The answer of /cgi-bin/media/upload."""
    return dict(
        requests.post(
            f"{api.sandbox.url}/cgi-bin/media/upload", params={"access_token": api.token, "type": kind},
            files={field: ("file", content)}, timeout=10,
        ).json()
    )  # fmt: skip


def fetch(api: Api, media_id: str) -> requests.Response:
    """The answer of /cgi-bin/media/get."""
    query = {"access_token": api.token, "media_id": media_id}
    return requests.get(f"{api.sandbox.url}/cgi-bin/media/get", params=query, timeout=10)


def png(size: int = 40) -> bytes:
    """A small picture."""
    file = io.BytesIO()
    Image.new("RGB", (size, size), "green").save(file, "PNG")
    return file.getvalue()


def test_a_sent_picture_can_be_fetched_and_knows_where_it_was_taken(phone: Phone, api: Api) -> None:
    message = phone.send_image()["message"]

    answer = fetch(api, message["media_id"])

    exif = Image.open(io.BytesIO(answer.content)).getexif()
    gps = exif.get_ifd(ExifTags.IFD.GPSInfo)
    assert answer.headers["Content-Type"] == "image/jpeg"
    assert "attachment" in answer.headers["Content-Disposition"]
    assert exif[ExifTags.Base.Model] == "Simulated phone"
    assert [float(value) for value in gps[ExifTags.GPS.GPSLatitude]][:2] == [22.0, 41.0]


def test_a_chosen_picture_arrives_as_it_is(phone: Phone, api: Api) -> None:
    message = phone.send_image(png())["message"]

    assert fetch(api, message["media_id"]).content == png()
    assert requests.get(message["picture_url"], timeout=5).content == png()


def test_a_recording_is_a_valid_silent_amr_file(phone: Phone, api: Api) -> None:
    message = phone.send_voice(seconds=2)["message"]

    answer = fetch(api, message["media_id"])

    assert answer.headers["Content-Type"] == "audio/amr"
    assert answer.content.startswith(b"#!AMR\n")
    assert len(answer.content) == 6 + 100 * 13  # 50 frames a second of one head and twelve bytes.


def test_the_wide_recording_can_be_fetched_too(sandbox: Sandbox, phone: Phone, api: Api) -> None:
    phone.send_voice()

    wide = sandbox.pushes()[-1]["fields"]["MediaId16K"]

    assert fetch(api, wide).content.startswith(b"#!AMR-WB\n")


def test_media_lives_three_days_and_its_picture_address_longer(
    sandbox: Sandbox, phone: Phone, api: Api
) -> None:
    message = phone.send_image()["message"]
    sandbox.clock(THREE_DAYS + 1)
    later = Api(sandbox, stable_token(sandbox)["access_token"])

    answer = fetch(later, message["media_id"]).json()

    assert answer["errcode"] == 40007
    assert answer["errmsg"].startswith("invalid media_id rid: ")
    assert requests.get(message["picture_url"], timeout=5).status_code == 200


def test_an_upload_is_named_and_comes_back(api: Api) -> None:
    answer = upload(api, png())

    assert answer["type"] == "image"
    assert fetch(api, answer["media_id"]).content == png()


def test_a_thumb_has_a_name_of_its_own(api: Api) -> None:
    file = io.BytesIO()
    Image.new("RGB", (40, 40)).save(file, "JPEG")

    assert "thumb_media_id" in upload(api, file.getvalue(), "thumb")


def test_a_video_answers_its_address(phone: Phone, api: Api) -> None:
    media_id = phone.send("video")["message"]["media_id"]

    assert fetch(api, media_id).json()["video_url"].startswith("http://")


@pytest.mark.parametrize(
    ("content", "kind", "field", "errcode"),
    [
        (b"no picture", "image", "media", 40005),
        (b"", "image", "media", 41005),
        (b"x", "image", "file", 41005),
        (b"x", "sound", "media", 40004),
        (drawing.silent_amr(1), "image", "media", 40005),
        (b"\x89PNG\r\n\x1a\n" + bytes(2 * 1024 * 1024), "image", "media", 40006),
    ],
)
def test_a_wrong_upload_has_its_errcode(
    api: Api, content: bytes, kind: str, field: str, errcode: int
) -> None:
    assert upload(api, content, kind, field)["errcode"] == errcode


def test_another_apps_media_is_invalid(sandbox: Sandbox, phone: Phone, api: Api) -> None:
    media_id = phone.send_image()["message"]["media_id"]
    sandbox.app(
        app_id="wxother", app_secret="s", kind="service_account", name="别的号", original_id="gh_other"
    )
    other = Api(sandbox, stable_token(sandbox, "wxother", "s")["access_token"])

    assert fetch(other, media_id).json()["errcode"] == 40007
