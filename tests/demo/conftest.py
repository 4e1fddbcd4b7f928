"""The demonstration as `make run` has it: its accounts, its district, a web server, and the sandbox."""

import threading

import pytest
from werkzeug.serving import make_server

from backend.app import create_app
from backend.config import config
from backend.demo import accounts as demo_accounts
from backend.demo import district
from backend.notify import sms_settings
from backend.wechat import accounts, homes
from tests.weixin import platform, weixin

__all__ = ["platform", "weixin"]


@pytest.fixture
def demonstration(committed, weixin, tmp_path):
    """Everything that `phones.complete` needs to be running; gives the sandbox."""
    real = config.wechat_accounts, config.public_url
    demo_accounts.write(tmp_path / "accounts.toml")
    weixin.reset()  # the accounts of the other tests are unknown here
    district.load(committed)
    committed.commit()
    server = make_server("127.0.0.1", 0, create_app(), threaded=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    _settle(tmp_path / "accounts.toml", f"http://127.0.0.1:{server.server_port}")
    yield weixin
    _settle(*real)
    server.shutdown()
    server.server_close()


def _settle(file, url):
    object.__setattr__(config, "wechat_accounts", file)
    object.__setattr__(config, "public_url", url)
    accounts.reset()
    sms_settings.settings.cache_clear()
    homes.forget()
