"""What holds for every end point: the form of errors, faults on order, the journal, quiet logs."""

import re
import time
from pathlib import Path

import pytest
import requests

from tests.sandbox.conftest import APP_ID, SECRET, Account, Api, register, stable_token
from tests.sandbox_client import Phone, Sandbox, SandboxError
from wechat_sandbox.app import ENDPOINTS

TOKEN_FREE = {path for path, endpoint in ENDPOINTS.items() if not endpoint.token}
POST_ONLY = [path for path, endpoint in ENDPOINTS.items() if endpoint.methods == ("POST",)]


@pytest.mark.parametrize("path", sorted(set(ENDPOINTS) - TOKEN_FREE))
def test_every_other_end_point_wants_a_token(sandbox: Sandbox, path: str) -> None:
    method = ENDPOINTS[path].methods[0]

    answer = requests.request(method, sandbox.url + path, timeout=5)

    assert answer.status_code == 200
    assert answer.json()["errcode"] == 41001


def test_only_getting_a_token_and_signing_in_need_none() -> None:
    tokens = ("/cgi-bin/token", "/cgi-bin/stable_token", "/cgi-bin/gettoken")
    assert all(path.startswith(("/sns/", *tokens)) for path in TOKEN_FREE)


@pytest.mark.parametrize("path", POST_ONLY)
def test_get_on_a_post_end_point_is_43002(sandbox: Sandbox, path: str) -> None:
    answer = requests.get(sandbox.url + path, timeout=5).json()

    assert answer["errcode"] == 43002
    assert answer["errmsg"].startswith("require POST method rid: ")


def test_an_unknown_path_has_an_errcode(sandbox: Sandbox) -> None:
    answer = requests.get(f"{sandbox.url}/cgi-bin/nothing", timeout=5)

    assert (answer.status_code, answer.json()["errcode"]) == (200, 40066)


def test_the_rid_begins_with_the_time_in_hex(sandbox: Sandbox) -> None:
    message = requests.get(f"{sandbox.url}/cgi-bin/nothing", timeout=5).json()["errmsg"]

    found = re.search(r"rid: ([0-9a-f]{8})-[0-9a-f]{8}-[0-9a-f]{8}$", message)
    assert found
    assert abs(int(found[1], 16) - time.time()) < 5


def test_answers_are_json_with_real_characters(sandbox: Sandbox, api: Api) -> None:
    api.post("/cgi-bin/menu/create", {"button": [{"type": "click", "name": "人工", "key": "k"}]})
    url = f"{sandbox.url}/cgi-bin/menu/get?access_token={api.token}"

    answer = requests.get(url, timeout=5)

    assert answer.headers["Content-Type"] == "application/json; encoding=utf-8"
    assert "人工".encode() in answer.content


@pytest.mark.parametrize(("body", "errcode"), [(b"", 44002), (b"{", 47001), (b"[]", 47001), (b"\xff", 47001)])
def test_a_body_that_is_no_json_object_has_its_errcode(api: Api, body: bytes, errcode: int) -> None:
    url = f"{api.sandbox.url}/cgi-bin/menu/create?access_token={api.token}"

    assert requests.post(url, data=body, timeout=5).json()["errcode"] == errcode


def test_a_missing_content_type_and_escapes_are_accepted_unless_refused(
    sandbox: Sandbox, phone: Phone, api: Api
) -> None:
    assert api.send_text(phone.openid(), "您好")["errcode"] == 0  # requests escapes to \uXXXX.

    sandbox.settings(refuse_escaped_json=True)

    assert api.send_text(phone.openid(), "您好")["errcode"] == 40033


def test_a_scripted_error_replaces_the_answer_so_many_times(sandbox: Sandbox, phone: Phone, api: Api) -> None:
    path = "/cgi-bin/message/custom/send"
    sandbox.faults(api=[{"path": path, "times": 2, "errcode": -1, "errmsg": "system error"}])

    answers = [api.send_text(phone.openid(), "您好")["errcode"] for _ in range(3)]

    assert answers == [-1, -1, 0]
    assert [call["errcode"] for call in sandbox.calls(path)] == [-1, -1, 0]
    assert len([one for one in phone.inbox() if one["from"] == "account"]) == 1


def test_a_fault_after_the_work_loses_only_the_answer(sandbox: Sandbox, phone: Phone, api: Api) -> None:
    path = "/cgi-bin/message/custom/send"
    sandbox.faults(api=[{"path": path, "times": 1, "close": True, "after": True}])

    with pytest.raises(requests.ConnectionError):
        api.send_text(phone.openid(), "您好")

    assert phone.inbox()[-1]["content"] == "您好"


def test_a_closed_connection_does_no_work(sandbox: Sandbox, phone: Phone, api: Api) -> None:
    sandbox.faults(api=[{"path": "/cgi-bin/message/custom/send", "close": True}])

    with pytest.raises(requests.ConnectionError):
        api.send_text(phone.openid(), "您好")

    assert [one for one in phone.inbox() if one["from"] == "account"] == []


def test_a_fault_can_delay_and_change_the_status(sandbox: Sandbox, api: Api) -> None:
    sandbox.faults(api=[{"path": "/cgi-bin/menu/get", "delay_ms": 200, "http_status": 502}])
    url = f"{sandbox.url}/cgi-bin/menu/get?access_token={api.token}"

    start = time.monotonic()
    answer = requests.get(url, timeout=5)

    assert answer.status_code == 502
    assert time.monotonic() - start > 0.2


def test_a_platform_that_stands_still_answers_nothing_until_it_goes_on(
    sandbox: Sandbox, phone: Phone, api: Api
) -> None:
    sandbox.faults(api=[{"path": "/cgi-bin/menu/*", "errcode": 46003}])
    assert sandbox.control("PUT", "/outage", {"is_on": True}) == {"is_on": True}

    paths = ("cgi-bin/message/custom/send", "cgi-bin/stable_token", "cgi-bin/gettoken", "wxa/getwxacode", "")
    for path in paths:
        assert requests.post(f"{sandbox.url}/{path}", json={}, timeout=5).status_code == 503
    assert [one for one in phone.inbox() if one["from"] == "account"] == []
    assert sandbox.control("PUT", "/outage", {"is_on": False}) == {"is_on": False}
    assert api.send_text(phone.openid(), "您好")["errcode"] == 0
    assert api.post("/cgi-bin/menu/create", {})["errcode"] == 46003  # the other fault stays


def test_a_fault_that_only_delays_does_the_work(sandbox: Sandbox, phone: Phone, api: Api) -> None:
    sandbox.faults(api=[{"path": "/cgi-bin/message/custom/send", "delay_ms": 100}])

    assert api.send_text(phone.openid(), "您好")["errcode"] == 0


def test_unknown_faults_and_settings_are_refused(sandbox: Sandbox) -> None:
    with pytest.raises(SandboxError, match="unknown fault"):
        sandbox.faults(push={"explode": 1})
    with pytest.raises(SandboxError, match="unknown settings"):
        sandbox.settings(colour="red")


def test_the_journal_shows_calls_after_a_number(sandbox: Sandbox, api: Api) -> None:
    api.post("/cgi-bin/menu/create", {"button": [{"type": "click", "name": "人工", "key": "k"}]})
    first = sandbox.calls()[-1]
    api.get("/cgi-bin/menu/get")

    later = sandbox.calls(after=first["id"])

    assert (first["path"], first["app_id"], first["errcode"]) == ("/cgi-bin/menu/create", APP_ID, 0)
    assert first["body"]["button"][0]["name"] == "人工"
    assert [call["path"] for call in later] == ["/cgi-bin/menu/get"]


def test_the_printed_log_holds_no_calls_unless_asked(
    sandbox: Sandbox, api: Api, tmp_path_factory: pytest.TempPathFactory
) -> None:
    api.get("/cgi-bin/menu/get")

    log = next(tmp_path_factory.getbasetemp().glob("sandbox*/log")).read_text()

    assert "phones at" in log
    assert "/cgi-bin/" not in log


def test_the_printed_calls_hold_no_secret(
    account: Account, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SANDBOX_LOG_LEVEL", "DEBUG")
    own = Sandbox.start(tmp_path, log=tmp_path / "log")
    register(own, account)
    query = {"grant_type": "client_credential", "appid": APP_ID, "secret": SECRET}
    token = requests.get(f"{own.url}/cgi-bin/token", params=query, timeout=5).json()["access_token"]
    Api(own, token).get("/cgi-bin/menu/get")
    own.stop()

    log = (tmp_path / "log").read_text()

    assert "secret=***" in log
    assert "access_token=***" in log
    assert SECRET not in log
    assert token not in log


def test_an_app_with_a_weak_key_is_refused(sandbox: Sandbox) -> None:
    fields = {
        "app_id": "wx1", "app_secret": "s", "kind": "service_account", "name": "号",
        "original_id": "gh_1", "token": "abcdef", "callback_url": "http://127.0.0.1:1/",
    }  # fmt: skip

    with pytest.raises(SandboxError, match="43 characters"):
        sandbox.app(**fields, aes_key="short")
    with pytest.raises(SandboxError, match="token"):
        sandbox.app(**(fields | {"token": "a"}), aes_key="A" * 43)


def test_nobody_and_nothing_are_404(sandbox: Sandbox, phone: Phone) -> None:
    for method, path in (("GET", "/users/999999"), ("POST", f"/users/{phone.user_id}/follow")):
        answer = requests.request(method, f"{sandbox.url}/control{path}", json={"app_id": "wx0"}, timeout=5)
        assert answer.status_code == 404
        assert answer.json()["error"]


def test_the_stable_token_is_written_to_the_journal_like_any_call(sandbox: Sandbox, phone: Phone) -> None:
    stable_token(sandbox)

    assert sandbox.calls("/cgi-bin/stable_token")[-1]["errcode"] == 0
