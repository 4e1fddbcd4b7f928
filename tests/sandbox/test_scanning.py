"""What a phone does with the text of a code: an account's, a mini program's, a web address, anything else."""

import io
from typing import Any

import pytest
from PIL import Image

from tests.sandbox.codes import create, mini_code, picture
from tests.sandbox.conftest import MINI_ID, Account, Api
from tests.sandbox_client import Phone, Sandbox, SandboxError
from wechat_sandbox import drawing

REPORT = "pages/report/report"


def test_scanning_a_web_address_opens_it(phone: Phone) -> None:
    assert phone.scan("https://example.test/r/1") == {"open": "https://example.test/r/1"}
    assert phone.scan("HTTPS://EXAMPLE.TEST/R/1") == {"open": "HTTPS://EXAMPLE.TEST/R/1"}


def test_a_printed_web_address_is_read_and_opened(phone: Phone) -> None:
    printed = drawing.as_bytes(drawing.draw_code("https://example.test/q/AB12CD"), "PNG")

    assert phone.scan(picture=printed) == {"open": "https://example.test/q/AB12CD"}


@pytest.mark.parametrize(
    "text",
    [
        "WIFI:S:guest;;",
        "javascript:alert(1)",
        "ftp://x.test/",
        "www.x.test",
        "看 http://x.test/",
        "http://",
        "7",
    ],
)
def test_what_is_no_web_address_is_only_shown(phone: Phone, text: str) -> None:
    assert phone.scan(text) == {"text": text}


def test_a_ticket_is_no_text_that_a_code_could_hold(phone: Phone, api: Api) -> None:
    ticket = create(api, "QR_LIMIT_STR_SCENE", {"scene_str": "place-7"})["ticket"]

    assert phone.scan(ticket) == {"text": ticket}
    assert phone.scan(ticket=ticket)["message"]["event"] == "SCAN"


@pytest.mark.parametrize("url", ["http://weixin.qq.com/q/02gone", "https://mp.weixin.qq.com/a/~gone"])
def test_a_code_of_wechat_that_nobody_made_is_not_a_web_page(phone: Phone, url: str) -> None:
    with pytest.raises(SandboxError, match="失效"):
        phone.scan(url)


def test_a_ticket_of_nothing_and_an_empty_scan_are_refused(phone: Phone) -> None:
    with pytest.raises(SandboxError, match="没有这个二维码"):
        phone.scan(ticket="nothing")
    with pytest.raises(SandboxError, match="扫一扫要有"):
        phone.scan()


def test_a_picture_without_a_code_is_refused(phone: Phone) -> None:
    with pytest.raises(SandboxError, match="没有二维码"):
        phone.scan(picture=drawing.draw_scene(0))
    with pytest.raises(SandboxError, match="不是一张图片"):
        phone.scan(picture=b"no picture")


def test_a_code_on_nothing_is_read_as_on_white_paper(phone: Phone) -> None:
    black = drawing.draw_code("https://example.test/").convert("L").point(lambda shade: 255 - shade)
    clear = Image.merge("LA", (Image.new("L", black.size), black))
    file = io.BytesIO()
    clear.save(file, "PNG")

    assert phone.scan(picture=file.getvalue()) == {"open": "https://example.test/"}


def test_a_page_that_was_scanned_is_opened_signed_in(phone: Phone, site: str) -> None:
    opened = phone.scan(picture=drawing.as_bytes(drawing.draw_code(f"{site}/mine"), "PNG"))["open"]

    assert phone.open(opened).text == f"我是 {phone.openid()}"


def test_a_mini_program_code_opens_its_page_with_the_scene(sandbox: Sandbox, phone: Phone) -> None:
    answer = mini_code(sandbox, {"scene": "p=7&u=(8)", "page": REPORT})

    opened = phone.scan(picture=answer.content)["mini_program"]

    assert answer.headers["Content-Type"] == "image/jpeg"
    assert (opened["app_id"], opened["page"], opened["scene"]) == (MINI_ID, REPORT, "p=7&u=(8)")
    assert opened["query"] == {"scene": "p%3D7%26u%3D(8)"}
    assert sandbox.codes()[-1]["permanent"] is True


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ({"env_version": "trial"}, "没有权限"),
        ({"env_version": "develop"}, "没有权限"),
        ({"page": "pages/unpublished", "check_path": False}, "没有这个页面"),
    ],
)
def test_a_mini_program_code_that_residents_cannot_open_is_said(
    sandbox: Sandbox, phone: Phone, body: dict[str, Any], sentence: str
) -> None:
    answer = mini_code(sandbox, {"scene": "a", **body})

    with pytest.raises(SandboxError, match=sentence):
        phone.scan(picture=answer.content)


def test_codes_are_offered_by_label_and_scene_with_places_first(
    sandbox: Sandbox, account: Account, phone: Phone, api: Api
) -> None:
    create(api, "QR_STR_SCENE", {"scene_str": "yulan-officer"}, expire_seconds=60)
    for scene in ("yulan-1", "haitang-1"):
        create(api, "QR_LIMIT_STR_SCENE", {"scene_str": scene})
    sandbox.control("PUT", "/codes", {"ticket": sandbox.codes()[-1]["ticket"], "label": "海棠医院"})

    def found(words: str) -> list[str]:
        return [code["scene"] for code in sandbox.control("GET", "/codes", None, words=words)["codes"]]

    assert found("yulan") == ["yulan-1", "yulan-officer"]
    assert found("海棠") == found("haitang") == ["haitang-1"]
    assert found("") == ["yulan-1", "haitang-1", "yulan-officer"]
    assert found("%") == []


def test_a_picture_of_an_accounts_code_follows_it(sandbox: Sandbox, phone: Phone, api: Api) -> None:
    ticket = create(api, "QR_LIMIT_STR_SCENE", {"scene_str": "place-7"})["ticket"]

    assert phone.scan(picture=picture(sandbox, ticket).content)["message"]["event"] == "SCAN"
