"""Text messages: the application behind a port, the sandbox's Tencent Cloud, and a phone with a number.

Import the fixtures into a conftest to use them.
"""

import threading

import pytest
from werkzeug.serving import make_server

from backend.app import create_app
from backend.notify import sms_settings
from tests.accounts import SMS_NUMBER

PHONE = "13912345678"
TEXT = "您反映的事情（编号{1}）有结果了：{2}。请到微信里查看。拒收请回复R"


@pytest.fixture(scope="module")
def address(servers, database_url, engine):
    """Where Tencent Cloud finds our addresses: the application behind a port."""
    server = make_server("127.0.0.1", 0, create_app(), threaded=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join(5)


@pytest.fixture
def sms(weixin, address):
    """The sandbox with our application for text messages, and a phone with the number PHONE."""
    sms_settings.settings.cache_clear()
    known = sms_settings.settings()
    there = f"{address}/sms/{known.callback_token}"
    weixin.control(
        "PUT", "/sms",
        {
            "sdk_app_id": known.sdk_app_id, "sign": known.sign, "secret_id": known.secret_id,
            "secret_key": known.secret_key, "templates": {str(one): TEXT for one in SMS_NUMBER.values()},
            "report_url": f"{there}/report", "reply_url": f"{there}/reply",
        },
    )  # fmt: skip
    weixin.settings(sms_per_30_seconds=100, sms_per_hour=100, sms_per_day=100)
    phone = weixin.user("li", app_id="sms")
    weixin.control("PUT", f"/users/{phone.user_id}/number", {"phone": PHONE})
    return phone
