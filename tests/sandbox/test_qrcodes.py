"""QR codes with a scene: limits, pictures, and what a scan does."""

from typing import Any

import pytest

from tests.sandbox.codes import create, mini_code, picture
from tests.sandbox.conftest import APP_ID, MINI_ID, MINI_SECRET, Account, Api, stable_token
from tests.sandbox_client import Phone, Sandbox, SandboxError


def test_a_new_user_who_scans_follows_with_the_scene(
    sandbox: Sandbox, account: Account, phone: Phone, api: Api
) -> None:
    code = create(api, "QR_LIMIT_STR_SCENE", {"scene_str": "place-7"})
    phone.unfollow()
    account.answer = lambda message: "您在幸福花园"

    outcome = phone.scan(picture=picture(sandbox, code["ticket"]).content)

    event = account.received[-1]
    assert (event.event, event.scene_id, event.ticket) == ("subscribe_scan", "place-7", code["ticket"])
    assert outcome["reply"]["content"] == "您在幸福花园"
    assert sandbox.pushes()[-1]["fields"]["EventKey"] == "qrscene_place-7"


def test_a_follower_who_scans_sends_the_bare_scene(account: Account, phone: Phone, api: Api) -> None:
    code = create(api, "QR_SCENE", {"scene_id": 42}, expire_seconds=600)

    phone.scan(code["url"])

    assert (account.received[-1].event, account.received[-1].scene_id) == ("scan", "42")
    assert code["expire_seconds"] == 600


def test_the_picture_is_a_jpeg_and_a_bad_ticket_is_404(sandbox: Sandbox, api: Api) -> None:
    code = create(api, "QR_LIMIT_SCENE", {"scene_id": 1})

    shown = picture(sandbox, code["ticket"])

    assert shown.headers["Content-Type"] == "image/jpg"
    assert shown.content.startswith(b"\xff\xd8")
    assert "expire_seconds" not in code
    assert picture(sandbox, "nothing").status_code == 404


def test_a_temporary_code_expires(sandbox: Sandbox, account: Account, phone: Phone, api: Api) -> None:
    code = create(api, "QR_STR_SCENE", {"scene_str": "once"}, expire_seconds=60)
    sandbox.clock(61)

    with pytest.raises(SandboxError, match="二维码已过期"):
        phone.scan(ticket=code["ticket"])

    assert account.received == []
    assert phone.inbox()[-1]["content"] == "二维码已过期"
    assert picture(sandbox, code["ticket"]).status_code == 404


def test_without_expire_seconds_a_code_lives_thirty_seconds(api: Api) -> None:
    assert create(api, "QR_SCENE", {"scene_id": 1})["expire_seconds"] == 30


def test_the_permanent_code_of_a_scene_is_given_again(sandbox: Sandbox, api: Api) -> None:
    first = create(api, "QR_LIMIT_STR_SCENE", {"scene_str": "place-7"})
    second = create(api, "QR_LIMIT_STR_SCENE", {"scene_str": "place-7"})

    assert first == second
    assert [code["scene"] for code in sandbox.codes()] == ["place-7"]


def test_an_account_that_has_all_its_permanent_codes_gets_no_more(sandbox: Sandbox, api: Api) -> None:
    sandbox.settings(permanent_codes=2)
    first = create(api, "QR_LIMIT_STR_SCENE", {"scene_str": "door-1"})
    create(api, "QR_LIMIT_SCENE", {"scene_id": 2})

    refused = create(api, "QR_LIMIT_STR_SCENE", {"scene_str": "door-3"})

    assert refused["errcode"] == 45029
    assert refused["errmsg"].startswith("qrcode count out of limit rid: ")
    assert create(api, "QR_LIMIT_STR_SCENE", {"scene_str": "door-1"}) == first
    assert "ticket" in create(api, "QR_STR_SCENE", {"scene_str": "once"}, expire_seconds=60)


def test_a_hundred_thousand_permanent_codes_are_allowed(sandbox: Sandbox) -> None:
    assert sandbox.settings()["permanent_codes"] == 100_000


@pytest.mark.parametrize(
    ("action", "scene", "more"),
    [
        ("QR_LIMIT_SCENE", {"scene_id": 100_001}, {}),
        ("QR_LIMIT_SCENE", {"scene_id": 0}, {}),
        ("QR_LIMIT_STR_SCENE", {"scene_str": "x" * 65}, {}),
        ("QR_LIMIT_STR_SCENE", {"scene_str": ""}, {}),
        ("QR_SCENE", {"scene_id": "1"}, {}),
        ("QR_SCENE", {"scene_id": 1}, {"expire_seconds": 2_592_001}),
        ("QR_OTHER", {"scene_id": 1}, {}),
        ("QR_SCENE", None, {}),
    ],
)
def test_an_action_that_makes_no_sense_is_40053(
    api: Api, action: str, scene: Any, more: dict[str, int]
) -> None:
    answer = create(api, action, scene, **more)

    assert answer["errcode"] == 40053
    assert answer["errmsg"].startswith("invalid action info, please check document rid: ")


def test_a_scene_id_too_large_for_32_bits_becomes_the_largest(sandbox: Sandbox, api: Api) -> None:
    create(api, "QR_SCENE", {"scene_id": 2**40}, expire_seconds=60)

    assert sandbox.codes()[-1]["scene"] == "4294967295"


def test_a_code_can_be_named_for_people(sandbox: Sandbox, api: Api) -> None:
    code = create(api, "QR_LIMIT_STR_SCENE", {"scene_str": "place-7"})

    sandbox.control("PUT", "/codes", {"ticket": code["ticket"], "label": "幸福花园 3 栋"})

    assert sandbox.codes()[-1]["label"] == "幸福花园 3 栋"
    assert create(api, "QR_LIMIT_STR_SCENE", {"scene_str": "place-7"}) == code


@pytest.mark.parametrize(
    ("body", "errcode"),
    [
        ({"scene": ""}, 40169),
        ({"scene": "x" * 33}, 40169),
        ({"scene": "a%20b"}, 40129),
        ({"scene": "地点"}, 40129),
        ({"scene": "scancode_time=1"}, 85096),
        ({"scene": "a", "page": "/pages/report"}, 41030),
        ({"scene": "a", "page": "pages/report?x=1"}, 41030),
        ({"scene": "a", "page": "pages/unpublished"}, 41030),
        ({"scene": "a", "width": 100}, 40097),
        ({"scene": "a", "env_version": "beta"}, 40097),
    ],
)
def test_a_wrong_mini_program_code_has_its_errcode(
    sandbox: Sandbox, body: dict[str, Any], errcode: int
) -> None:
    assert mini_code(sandbox, body).json()["errcode"] == errcode


def test_an_unpublished_page_passes_when_it_is_not_checked(sandbox: Sandbox) -> None:
    answer = mini_code(sandbox, {"scene": "a", "page": "pages/unpublished", "check_path": False})

    assert answer.content.startswith(b"\xff\xd8")


def test_so_many_mini_program_codes_are_made_in_a_minute(sandbox: Sandbox) -> None:
    sandbox.settings(mini_program_codes_per_minute=2)
    made = [mini_code(sandbox, {"scene": f"door-{number}"}) for number in range(3)]
    sandbox.clock(61)
    later = mini_code(sandbox, {"scene": "door-3"})

    assert [one.headers["Content-Type"] for one in (*made[:2], later)] == ["image/jpeg"] * 3
    assert made[2].json()["errcode"] == 45009


def test_an_official_account_makes_no_mini_program_codes(api: Api) -> None:
    assert api.post("/wxa/getwxacodeunlimit", {"scene": "a"})["errcode"] == 48001


def test_a_mini_program_has_no_codes_with_a_scene_and_cannot_be_followed(
    sandbox: Sandbox, phone: Phone
) -> None:
    mini_code(sandbox, {"scene": "a"})
    token = stable_token(sandbox, MINI_ID, MINI_SECRET)["access_token"]

    assert create(Api(sandbox, token), "QR_SCENE", {"scene_id": 1})["errcode"] == 48001
    with pytest.raises(SandboxError, match="不能关注"):
        phone.follow(MINI_ID)
    assert phone.app_id == APP_ID
