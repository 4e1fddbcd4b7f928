"""Calls a day: counted for each account and end point, told on request, refused beyond the limit."""

from tests.sandbox.conftest import APP_ID, Api, stable_token
from tests.sandbox_client import Phone, Sandbox

SEND, CHAT = "/cgi-bin/message/template/send", "/cgi-bin/message/custom/send"
QUOTA = "/cgi-bin/openapi/quota/get"


def send(api: Api, phone: Phone) -> int:
    """Send a card; the errcode."""
    data = {"character_string1": {"value": "A1"}, "thing2": {"value": "地点"}}
    return int(api.post(SEND, {"touser": phone.openid(), "template_id": "T1", "data": data})["errcode"])


def test_calls_beyond_the_days_limit_are_refused_until_the_next_day_in_china(
    sandbox: Sandbox, phone: Phone, api: Api
) -> None:
    sandbox.settings(daily_limits={SEND: 2})
    assert [send(api, phone) for _ in range(3)] == [0, 0, 45009]
    assert api.send_text(phone.openid(), "别的接口不受影响")["errcode"] != 45009
    sandbox.clock(24 * 3600)
    tomorrow = Api(sandbox, stable_token(sandbox)["access_token"])
    assert send(tomorrow, phone) == 0


def test_the_platform_tells_what_was_used_and_what_is_left(sandbox: Sandbox, phone: Phone, api: Api) -> None:
    sandbox.settings(daily_limits={SEND: 10})
    send(api, phone)
    quota = api.post(QUOTA, {"cgi_path": SEND})["quota"]
    assert quota == {"daily_limit": 10, "used": 1, "remain": 9}
    assert api.post(QUOTA, {"cgi_path": CHAT})["quota"]["daily_limit"] == 500_000
    assert api.post(QUOTA, {"cgi_path": "/cgi-bin/nothing"})["errcode"] == 76021


def test_a_quota_can_be_cleared_ten_times_a_month(sandbox: Sandbox, phone: Phone, api: Api) -> None:
    sandbox.settings(daily_limits={SEND: 1})
    for _ in range(10):
        assert [send(api, phone), send(api, phone)] == [0, 45009]
        assert api.post("/cgi-bin/clear_quota", {"appid": APP_ID})["errcode"] == 0
    assert api.post("/cgi-bin/clear_quota", {"appid": APP_ID})["errcode"] == 48006
