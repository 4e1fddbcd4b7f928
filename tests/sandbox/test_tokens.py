"""Access tokens: two spaces, remaining time, overlap, limits and the texts of the errors."""

import re

import pytest
import requests

from tests.sandbox.conftest import APP_ID, SECRET, Api, stable_token
from tests.sandbox_client import Phone, Sandbox

pytestmark = pytest.mark.usefixtures("phone")
RID = r" rid: [0-9a-f]{8}-[0-9a-f]{8}-[0-9a-f]{8}"


def plain_token(sandbox: Sandbox, **changes: str) -> dict[str, object]:
    """The answer of /cgi-bin/token."""
    query = {"grant_type": "client_credential", "appid": APP_ID, "secret": SECRET} | changes
    return dict(requests.get(f"{sandbox.url}/cgi-bin/token", params=query, timeout=5).json())


def errcode(sandbox: Sandbox, token: object) -> int:
    """What a call with this token answers: 46003 (no menu) shows that the token is good."""
    url = f"{sandbox.url}/cgi-bin/menu/get"
    return int(requests.get(url, params={"access_token": str(token)}, timeout=5).json()["errcode"])


def test_the_stable_token_stays_the_same_and_counts_down(sandbox: Sandbox) -> None:
    first = stable_token(sandbox)
    sandbox.clock(1000)
    second = stable_token(sandbox)

    assert first["expires_in"] == 7200
    assert second["access_token"] == first["access_token"]
    assert 6190 <= second["expires_in"] <= 6200


def test_the_stable_token_is_renewed_five_minutes_before_its_end(sandbox: Sandbox) -> None:
    first = stable_token(sandbox)["access_token"]
    sandbox.clock(7200 - 299)
    second = stable_token(sandbox)["access_token"]

    assert second != first
    assert [errcode(sandbox, first), errcode(sandbox, second)] == [46003, 46003]
    sandbox.clock(7201)
    assert [errcode(sandbox, first), errcode(sandbox, second)] == [42001, 46003]


def test_a_forced_refresh_ends_the_old_token(sandbox: Sandbox) -> None:
    first = stable_token(sandbox)["access_token"]
    second = stable_token(sandbox, force_refresh=True)["access_token"]

    assert [errcode(sandbox, first), errcode(sandbox, second)] == [40001, 46003]


def test_forced_refreshes_are_thirty_seconds_apart_and_twenty_a_day(sandbox: Sandbox) -> None:
    answers = []
    for number in range(21):
        sandbox.clock(number * 31)
        answers.append(stable_token(sandbox, force_refresh=True))
    sandbox.clock(10)

    assert all("access_token" in answer for answer in answers[:20])
    assert answers[20]["errcode"] == 45009
    assert stable_token(sandbox, force_refresh=True)["errcode"] == 45011


def test_a_new_plain_token_ends_the_old_one_after_five_minutes(sandbox: Sandbox) -> None:
    first = plain_token(sandbox)["access_token"]
    second = plain_token(sandbox)["access_token"]

    assert first != second
    assert errcode(sandbox, first) == 46003
    sandbox.clock(301)
    assert [errcode(sandbox, first), errcode(sandbox, second)] == [40001, 46003]


def test_the_two_spaces_do_not_disturb_each_other(sandbox: Sandbox) -> None:
    stable = stable_token(sandbox)["access_token"]
    sandbox.settings(token_overlap_seconds=0)
    plain = plain_token(sandbox)["access_token"]
    stable_token(sandbox, force_refresh=True)

    assert stable != plain
    assert errcode(sandbox, plain) == 46003


@pytest.mark.parametrize(
    ("changes", "code", "text"),
    [
        ({"grant_type": "x"}, 40002, "invalid grant_type"),
        ({"appid": "wx0"}, 40013, "invalid appid"),
        ({"secret": "x"}, 40125, "invalid appsecret"),
        ({"appid": ""}, 41002, "appid missing"),
        ({"secret": ""}, 41004, "appsecret missing"),
    ],
)
def test_a_wrong_secret_is_named(sandbox: Sandbox, changes: dict[str, str], code: int, text: str) -> None:
    for answer in (plain_token(sandbox, **changes), _stable_with(sandbox, changes)):
        assert answer["errcode"] == code
        assert re.fullmatch(text + RID, str(answer["errmsg"]))


def _stable_with(sandbox: Sandbox, changes: dict[str, str]) -> dict[str, object]:
    body = {"grant_type": "client_credential", "appid": APP_ID, "secret": SECRET} | changes
    return dict(requests.post(f"{sandbox.url}/cgi-bin/stable_token", json=body, timeout=5).json())


def test_missing_malformed_and_unknown_tokens_have_their_own_texts(sandbox: Sandbox, api: Api) -> None:
    answers = {
        token: requests.get(f"{sandbox.url}/cgi-bin/menu/get?access_token={token}", timeout=5).json()
        for token in ("", "short", "x" * len(api.token))
    }

    assert [answer["errcode"] for answer in answers.values()] == [41001, 40014, 40001]
    assert re.fullmatch("access_token missing" + RID, answers[""]["errmsg"])
    assert answers["x" * len(api.token)]["errmsg"].startswith(
        "invalid credential, access_token is invalid or not latest, could get access_token by "
        "getStableAccessToken, more details at https://mmbizurl.cn/s/JtxxFh33r rid: "
    )


def test_an_expired_token_says_so(sandbox: Sandbox, api: Api) -> None:
    sandbox.clock(7201)

    answer = api.get("/cgi-bin/menu/get")

    assert answer["errcode"] == 42001
    assert re.fullmatch("access_token expired" + RID, answer["errmsg"])


def test_two_askers_at_once_get_the_same_stable_token(sandbox: Sandbox, phone: Phone) -> None:
    tokens = {stable_token(sandbox)["access_token"] for _ in range(5)}

    assert len(tokens) == 1
